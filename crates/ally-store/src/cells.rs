//! Reads values of Ally out of columns. An error names the column, never what stood in it.

use ally_types::{Confidentiality, Integrity, Label, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use std::str::FromStr;

/// An id, or anything else that is kept as text and parsed.
pub fn id<T: FromStr>(row: &Row<'_>, column: &str) -> Result<T> {
    parse(row, column, row.get_ref(column)?.as_str()?)
}

/// An id that may be NULL.
pub fn maybe_id<T: FromStr>(row: &Row<'_>, column: &str) -> Result<Option<T>> {
    row.get_ref(column)?.as_str_or_null()?.map(|text| parse(row, column, text)).transpose()
}

/// A moment, kept as milliseconds since 1970.
pub fn time(row: &Row<'_>, column: &str) -> Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

/// A moment that may be NULL.
pub fn maybe_time(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column).map(|millis| millis.map(Timestamp::from_millis))
}

/// The columns `integrity` and `confidentiality`; an unknown word is read as the worst.
pub fn label(row: &Row<'_>) -> Result<Label> {
    Ok(Label {
        integrity: Integrity::from_stored(row.get_ref("integrity")?.as_str()?),
        confidentiality: Confidentiality::from_stored(row.get_ref("confidentiality")?.as_str()?),
    })
}

fn parse<T: FromStr>(row: &Row<'_>, column: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| {
        let index = row.as_ref().column_index(column).unwrap_or(0);
        Error::InvalidColumnType(index, column.to_owned(), Type::Text)
    })
}

//! The SQL of counters.

use super::marks::Before;
use super::{Counted, Hold};
use crate::models::plans::{Grant, Span};
use ally_store::{OptionalExtension as _, StoreError, Tx, params, rusqlite};

/// The limit that does not reach for so many tokens more, if there is one.
pub(super) fn refuser(tx: &Tx, server: &str, hold: Hold, tokens: i64) -> Result<Option<Span>, StoreError> {
    let Grant { day, month, everybody } = hold.grant;
    for (span, granted) in [(Span::Day, day), (Span::Month, month), (Span::Everybody, everybody)] {
        let Some(granted) = granted else { continue };
        let (settled, reserved) = so_far(tx, server, span, hold.period)?;
        if settled.saturating_add(reserved).saturating_add(tokens) > granted {
            return Ok(Some(span));
        }
    }
    Ok(None)
}

/// What is settled and what is held of a limit.
fn so_far(tx: &Tx, server: &str, span: Span, period: i64) -> Result<(i64, i64), StoreError> {
    let (first, next) = span.days(period);
    let pair = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    Ok(match span {
        Span::Everybody => tx
            .prepare_cached("SELECT settled, reserved FROM totals WHERE period = ?1")?
            .query_row([period], pair)
            .optional()?
            .unwrap_or_default(),
        Span::Day | Span::Month => tx
            .prepare_cached(
                "SELECT COALESCE(SUM(settled), 0), COALESCE(SUM(reserved), 0) FROM counters
                 WHERE server = ?1 AND period >= ?2 AND period < ?3",
            )?
            .query_row(params![server, first, next], pair)?,
    })
}

pub(super) fn counted(tx: &Tx, server: &str, span: Span, period: i64, granted: i64) -> Result<Counted, StoreError> {
    let (used, _) = so_far(tx, server, span, period)?;
    let (is_refused, dismissed) = tx
        .prepare_cached("SELECT refused, dismissed FROM notices WHERE server = ?1 AND span = ?2 AND began = ?3")?
        .query_row(params![server, span.name(), span.days(period).0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or_default();
    Ok(Counted { span, granted, used, is_refused, dismissed })
}

/// Changes what is noted of a server's day or month; what was noted of an earlier one is gone.
pub(super) fn notice(
    tx: &Tx,
    server: &str,
    span: Span,
    period: i64,
    change: &str,
    value: i64,
) -> Result<(), StoreError> {
    let began = span.days(period).0;
    tx.prepare_cached(
        "INSERT INTO notices (server, span, began) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET began = ?3, refused = 0, dismissed = 0 WHERE began <> ?3",
    )?
    .execute(params![server, span.name(), began])?;
    // `?4` is always named, so that both changes take the same values.
    tx.prepare_cached(&format!(
        "UPDATE notices SET {change} WHERE server = ?1 AND span = ?2 AND began = ?3 AND ?4 >= 0"
    ))?
    .execute(params![server, span.name(), began, value])?;
    Ok(())
}

/// Holds tokens.
pub(super) fn take(tx: &Tx, server: &str, hold: Hold) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE counters SET reserved = reserved + ?3 WHERE server = ?1 AND period = ?2")?
        .execute(params![server, hold.period, hold.tokens])?;
    tx.prepare_cached("UPDATE totals SET reserved = reserved + ?2 WHERE period = ?1")?
        .execute(params![hold.period, hold.tokens])?;
    if let Some(place) = hold.place {
        tx.prepare_cached("UPDATE counters SET kept = ?3, place = ?4 WHERE server = ?1 AND period = ?2")?
            .execute(params![server, hold.period, hold.tokens, place])?;
    }
    Ok(())
}

/// Holds them no longer.
pub(super) fn let_go(tx: &Tx, server: &str, hold: Hold) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE counters SET reserved = max(0, reserved - ?3) WHERE server = ?1 AND period = ?2")?
        .execute(params![server, hold.period, hold.tokens])?;
    tx.prepare_cached("UPDATE totals SET reserved = max(0, reserved - ?2) WHERE period = ?1")?
        .execute(params![hold.period, hold.tokens])?;
    if hold.place.is_some() {
        tx.prepare_cached("UPDATE counters SET kept = 0, place = NULL WHERE server = ?1 AND period = ?2")?
            .execute(params![server, hold.period])?;
    }
    Ok(())
}

/// Whether something is kept for a server's next question on a day, or was and is used by a call.
pub(super) fn is_kept(tx: &Tx, server: &str, period: i64) -> Result<bool, StoreError> {
    let mut find = tx.prepare_cached("SELECT kept > 0 FROM counters WHERE server = ?1 AND period = ?2")?;
    Ok(find.query_row(params![server, period], |row| row.get(0)).optional()?.unwrap_or_default())
}

/// What a process left behind that did not end in order. What it held for calls counts as used: they had left. What it
/// kept for questions that never came is given back.
pub(super) fn settle_left_over(tx: &Tx, before: &Before) -> Result<(), StoreError> {
    let mut rows = tx.prepare("SELECT server, period, kept, place FROM counters WHERE kept > 0")?;
    let kept = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    for (server, period, tokens, place) in kept.collect::<Result<Vec<(String, i64, i64, Option<u32>)>, _>>()? {
        if place.is_some_and(|place| !before.was_taken(place)) {
            tx.execute(
                "UPDATE counters SET reserved = max(0, reserved - ?3) WHERE server = ?1 AND period = ?2",
                params![server, period, tokens],
            )?;
            tx.execute(
                "UPDATE totals SET reserved = max(0, reserved - ?2) WHERE period = ?1",
                params![period, tokens],
            )?;
        }
    }
    tx.execute("UPDATE counters SET kept = 0, place = NULL WHERE kept > 0", [])?;
    tx.execute("UPDATE counters SET settled = settled + reserved, reserved = 0 WHERE reserved > 0", [])?;
    tx.execute("UPDATE totals SET settled = settled + reserved, reserved = 0 WHERE reserved > 0", [])?;
    Ok(())
}

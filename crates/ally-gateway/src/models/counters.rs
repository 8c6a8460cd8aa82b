//! The counters file: how many tokens each server reserved and used on each day.

use ally_store::{Migration, OptionalExtension as _, Store, StoreError, Tx, cells, params};
use ally_types::{ServerId, Timestamp};
use std::path::Path;

const MIGRATIONS: &[Migration] = &[FIRST, EGRESS];

const FIRST: Migration = Migration {
    number: 1,
    name: "counters",
    sql: "CREATE TABLE counters (
        server TEXT NOT NULL,
        period INTEGER NOT NULL,
        granted INTEGER,
        reserved INTEGER NOT NULL DEFAULT 0,
        settled INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (server, period)
    ) STRICT, WITHOUT ROWID",
};

/// Counts of calls to the outside, and the lists of what may be called; see `egress.rs`.
const EGRESS: Migration =
    Migration { number: 2, name: "egress", sql: include_str!("../../migrations/0002_egress.sql") };

/// Counts are dropped after a year.
const KEPT_DAYS: i64 = 365;

const DAY: i64 = 86_400_000;

/// One server's counts of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Whose.
    pub server: ServerId,
    /// Days since 1970-01-01, UTC.
    pub period: i64,
    /// Tokens that may be used; `None` is without end.
    pub granted: Option<i64>,
    /// Tokens held for calls that are not settled yet.
    pub reserved: i64,
    /// Tokens that were used.
    pub settled: i64,
}

/// The file.
#[derive(Clone)]
pub struct Counters(Store);

impl Counters {
    /// Opens `counters.db`. What was reserved when the process last ended is counted as used: those calls had left.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(directory: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let store = Store::open(&directory.join("counters.db"), MIGRATIONS)?;
        store.write_now(move |tx| -> Result<(), StoreError> {
            tx.execute("UPDATE counters SET settled = settled + reserved, reserved = 0 WHERE reserved > 0", [])?;
            forget(tx, period(now))
        })?;
        Ok(Self(store))
    }

    /// The database, for what else is counted.
    pub(crate) fn store(&self) -> Store {
        self.0.clone()
    }

    /// Holds `tokens` before a call leaves. `None` when the grant does not reach; else the period to settle.
    pub(crate) async fn reserve(
        &self,
        server: ServerId,
        now: Timestamp,
        tokens: i64,
        granted: Option<i64>,
    ) -> Result<Option<i64>, StoreError> {
        let period = period(now);
        let server = server.to_string();
        self.0
            .write(move |tx| {
                let mut grant = tx.prepare_cached(
                    "INSERT INTO counters (server, period, granted) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET granted = excluded.granted",
                )?;
                grant.execute(params![server, period, granted])?;
                let mut hold = tx.prepare_cached(
                    "UPDATE counters SET reserved = reserved + ?3
                     WHERE server = ?1 AND period = ?2 AND (granted IS NULL OR settled + reserved + ?3 <= granted)",
                )?;
                Ok((hold.execute(params![server, period, tokens])? == 1).then_some(period))
            })
            .await
    }

    /// Turns what was held into what was used.
    pub(crate) async fn settle(&self, server: ServerId, period: i64, held: i64, used: i64) -> Result<(), StoreError> {
        let server = server.to_string();
        self.0
            .write(move |tx| {
                let mut settle = tx.prepare_cached(
                    "UPDATE counters SET reserved = max(0, reserved - ?3), settled = settled + ?4
                     WHERE server = ?1 AND period = ?2",
                )?;
                settle.execute(params![server, period, held, used])?;
                Ok(())
            })
            .await
    }

    /// One server's counts of one day.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn of(&self, server: ServerId, day: Timestamp) -> Result<Option<Row>, StoreError> {
        self.0
            .read(move |tx| {
                let mut find = tx.prepare_cached("SELECT * FROM counters WHERE server = ?1 AND period = ?2")?;
                let row = find.query_row(params![server.to_string(), period(day)], |row| {
                    Ok(Row {
                        server: cells::id(row, "server")?,
                        period: row.get("period")?,
                        granted: row.get("granted")?,
                        reserved: row.get("reserved")?,
                        settled: row.get("settled")?,
                    })
                });
                Ok(row.optional()?)
            })
            .await
    }

    /// The tables with their columns, for the privacy register.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn columns(&self) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        self.0.columns().await
    }
}

/// Drops what is older than it may be.
pub(crate) fn forget(tx: &Tx, today: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM counters WHERE period < ?1", params![today - KEPT_DAYS])?;
    Ok(())
}

const fn period(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY)
}

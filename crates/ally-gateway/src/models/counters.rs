//! The counters file: how many tokens each server reserved and used on each day.

use ally_store::{Migration, OptionalExtension as _, Store, StoreError, Tx, cells, params};
use ally_types::{ServerId, Timestamp};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// Tokens that are held for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hold {
    period: i64,
    tokens: i64,
    /// What the call itself needs.
    needed: i64,
    granted: Option<i64>,
}

/// A conversation grows from one question to the next; by more than this, and the next one has to hold anew.
const GROWS_BY: i64 = 2048;

/// The file, and what is kept for each server's next call.
#[derive(Clone)]
pub struct Counters(Store, Arc<Mutex<HashMap<ServerId, Hold>>>);

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
        Ok(Self(store, Arc::default()))
    }

    /// The database, for what else is counted.
    pub(crate) fn store(&self) -> Store {
        self.0.clone()
    }

    /// Holds `tokens` before a call leaves. `None` when the grant does not reach.
    ///
    /// Behind each answer something is kept for the person's next question, so the row of most calls is on the disk
    /// already when they come, and nobody waits for a sync.
    pub(crate) async fn reserve(
        &self,
        server: ServerId,
        now: Timestamp,
        tokens: i64,
        granted: Option<i64>,
    ) -> Result<Option<Hold>, StoreError> {
        let period = period(now);
        let kept = self.kept().remove(&server);
        match kept {
            Some(kept) if (kept.period, kept.granted) == (period, granted) && kept.tokens >= tokens => {
                return Ok(Some(Hold { needed: tokens, ..kept }));
            }
            _ => {}
        }
        let id = server.to_string();
        self.write(move |tx| {
            if let Some(kept) = kept {
                let_go(tx, &id, kept)?;
            }
            let mut grant = tx.prepare_cached(
                "INSERT INTO counters (server, period, granted) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET granted = excluded.granted",
            )?;
            grant.execute(params![id, period, granted])?;
            let hold = Hold { period, tokens, needed: tokens, granted };
            Ok(take(tx, &id, hold)?.then_some(hold))
        })
        .await
    }

    /// Turns what was held into what was used, and keeps as much for the next question, if the grant reaches and nothing
    /// is kept already. What is kept when the process dies counts as used, like every hold.
    pub(crate) async fn settle(&self, server: ServerId, hold: Hold, used: i64) -> Result<(), StoreError> {
        let tokens = hold.needed.saturating_add(GROWS_BY);
        let next = Hold { tokens, needed: tokens, ..hold };
        let may_keep = !self.kept().contains_key(&server);
        let id = server.to_string();
        let is_kept = self
            .write(move |tx| {
                let_go(tx, &id, hold)?;
                tx.prepare_cached("UPDATE counters SET settled = settled + ?3 WHERE server = ?1 AND period = ?2")?
                    .execute(params![id, hold.period, used])?;
                Ok(may_keep && take(tx, &id, next)?)
            })
            .await?;
        let other = if is_kept { self.kept().insert(server, next) } else { None };
        if let Some(other) = other {
            // Two calls of one person ended at once; one of the two is enough.
            let id = server.to_string();
            self.write(move |tx| let_go(tx, &id, other)).await?;
        }
        Ok(())
    }

    /// Gives back what is kept for questions that will not come, before the process ends.
    pub(crate) async fn let_all_go(&self) -> Result<(), StoreError> {
        let kept = std::mem::take(&mut *self.kept());
        if kept.is_empty() {
            return Ok(());
        }
        self.write(move |tx| kept.into_iter().try_for_each(|(server, hold)| let_go(tx, &server.to_string(), hold)))
            .await
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<ServerId, Hold>> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// On a thread of its own: the gateway has one thread for everybody, which must not wait for a disk. Changes that
    /// come meanwhile share the next sync.
    async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Tx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.0.clone();
        let written = tokio::task::spawn_blocking(move || store.write_now(change)).await;
        written.unwrap_or(Err(StoreError::Other { code: 0 }))
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

/// Holds tokens, if the grant reaches.
fn take(tx: &Tx, server: &str, hold: Hold) -> Result<bool, StoreError> {
    let mut take = tx.prepare_cached(
        "UPDATE counters SET reserved = reserved + ?3
         WHERE server = ?1 AND period = ?2 AND (granted IS NULL OR settled + reserved + ?3 <= granted)",
    )?;
    Ok(take.execute(params![server, hold.period, hold.tokens])? == 1)
}

/// Holds them no longer.
fn let_go(tx: &Tx, server: &str, hold: Hold) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE counters SET reserved = max(0, reserved - ?3) WHERE server = ?1 AND period = ?2")?
        .execute(params![server, hold.period, hold.tokens])?;
    Ok(())
}

/// Drops what is older than it may be.
pub(crate) fn forget(tx: &Tx, today: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM counters WHERE period < ?1", params![today - KEPT_DAYS])?;
    Ok(())
}

const fn period(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY)
}

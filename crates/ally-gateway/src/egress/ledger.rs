//! How much went where: per person, host and day, the calls, the refused ones and the bytes of both directions.
//!
//! A call is counted in memory when it has ended, and what has gathered is written once a second in one transaction.
//! A crash therefore loses the counts of at most the last second, and of calls that were still open. Nothing but names
//! of hosts and integers is ever written here.

use crate::models::counters;
use ally_store::{Store, StoreError, params};
use ally_types::{Clock, ServerId, Timestamp, log};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Stands for hosts that cannot be read, and for those beyond [`MOST_HOSTS`].
pub const OTHERS: &str = "*";

/// Different hosts of one person in a day that get a row of their own.
const MOST_HOSTS: i64 = 500;

/// Different refused hosts of one person that may wait to be written.
const MOST_REFUSED: u32 = 50;

/// Counts are kept for twelve months.
const KEPT_DAYS: i64 = 365;

const DAY: i64 = 86_400_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Calls that went out, or tried to.
    pub calls: u64,
    /// Calls that were refused before anything left.
    pub refused: u64,
    /// Bytes that left.
    pub sent: u64,
    /// Bytes that came back.
    pub received: u64,
}

/// One row, as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// The host; with its port where that is none of the web's.
    pub host: String,
    /// What was counted.
    pub count: Count,
}

type Key = (ServerId, i64, String);

/// The counts. Cloning gives another handle.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    every: Duration,
    waiting: Mutex<Waiting>,
}

struct Waiting {
    counts: HashMap<Key, Count>,
    /// How many of them stand there only because they were refused. Nobody but the refused chose these names.
    refused: HashMap<ServerId, u32>,
    /// Somebody will write them.
    is_promised: bool,
    /// The day on which old rows were last dropped.
    pruned: i64,
}

impl Ledger {
    /// Keeps the counts in `store`, written after `every` at the latest.
    pub fn new(store: Store, clock: Arc<dyn Clock>, every: Duration) -> Self {
        let waiting = Waiting { counts: HashMap::new(), refused: HashMap::new(), is_promised: false, pruned: i64::MIN };
        Self(Arc::new(Inner { store, clock, every, waiting: Mutex::new(waiting) }))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts something. It is written soon.
    pub fn note(&self, server: ServerId, host: String, count: Count) {
        let today = day(self.0.clock.now());
        let mut waiting = self.lock();
        waiting.add((server, today, host), count);
        if waiting.is_promised {
            return;
        }
        // A process that is ending writes what is left by itself.
        if let Ok(reactor) = tokio::runtime::Handle::try_current() {
            waiting.is_promised = true;
            let ledger = self.clone();
            reactor.spawn(async move {
                tokio::time::sleep(ledger.0.every).await;
                ledger.lock().is_promised = false;
                ledger.write().await;
            });
        }
    }

    /// Writes what has gathered. What cannot be written now is tried again with the next count.
    pub async fn write(&self) {
        let today = day(self.0.clock.now());
        let (counts, is_new_day) = {
            let mut waiting = self.lock();
            let is_new_day = std::mem::replace(&mut waiting.pruned, today) != today;
            waiting.refused.clear();
            (std::mem::take(&mut waiting.counts), is_new_day)
        };
        if counts.is_empty() && !is_new_day {
            return;
        }
        let rows = counts.clone();
        let written = self.0.store.write_apart(move |tx| -> Result<(), StoreError> {
            if is_new_day {
                prune(tx, today)?;
            }
            rows.into_iter().try_for_each(|(key, count)| write_one(tx, key, count))
        });
        if written.await.is_err() {
            log::error("the counts of calls to the outside cannot be written yet", &[("rows", &counts.len())]);
            let mut waiting = self.lock();
            waiting.pruned = i64::MIN;
            for (key, count) in counts {
                waiting.add(key, count);
            }
        }
    }

    /// One person's rows of these days, the newest day first, from behind `after` on, at most `most`.
    pub async fn list(
        &self,
        server: ServerId,
        days: (i64, i64),
        after: Option<(i64, String)>,
        most: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        self.write().await;
        let (after_day, after_host) = after.unwrap_or((i64::MAX, String::new()));
        self.0
            .store
            .read(move |tx| {
                let mut rows = tx.prepare_cached(
                    "SELECT day, host, calls, refused, sent, received FROM egress
                     WHERE server = ?1 AND day BETWEEN ?2 AND ?3 AND (day < ?4 OR (day = ?4 AND host > ?5))
                     ORDER BY day DESC, host LIMIT ?6",
                )?;
                let rows =
                    rows.query_map(params![server.to_string(), days.0, days.1, after_day, after_host, most], |row| {
                        let count =
                            |name| row.get::<_, i64>(name).map(|count| u64::try_from(count).unwrap_or_default());
                        Ok(Entry {
                            day: row.get("day")?,
                            host: row.get("host")?,
                            count: Count {
                                calls: count("calls")?,
                                refused: count("refused")?,
                                sent: count("sent")?,
                                received: count("received")?,
                            },
                        })
                    })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

impl Waiting {
    fn add(&mut self, (server, day, host): Key, more: Count) {
        let mut key = (server, day, host);
        if more.calls == 0 && key.2 != OTHERS && !self.counts.contains_key(&key) {
            let names = self.refused.entry(server).or_default();
            if *names < MOST_REFUSED {
                *names += 1;
            } else {
                OTHERS.clone_into(&mut key.2);
            }
        }
        let count = self.counts.entry(key).or_default();
        count.calls += more.calls;
        count.refused += more.refused;
        count.sent = count.sent.saturating_add(more.sent);
        count.received = count.received.saturating_add(more.received);
    }
}

fn write_one(tx: &ally_store::Tx, (server, day, host): Key, count: Count) -> Result<(), StoreError> {
    let server = server.to_string();
    let cell = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let is_known = tx
        .prepare_cached("SELECT 1 FROM egress WHERE server = ?1 AND day = ?2 AND host = ?3")?
        .exists(params![server, day, host])?;
    let others = || -> Result<i64, StoreError> {
        let mut count = tx.prepare_cached("SELECT count(*) FROM egress WHERE server = ?1 AND day = ?2")?;
        Ok(count.query_row(params![server, day], |row| row.get(0))?)
    };
    // Names can be invented without end; rows cannot.
    let host = if is_known || others()? < MOST_HOSTS { host.as_str() } else { OTHERS };
    let mut write = tx.prepare_cached(
        "INSERT INTO egress (server, day, host, calls, refused, sent, received) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, refused = refused + excluded.refused,
             sent = sent + excluded.sent, received = received + excluded.received",
    )?;
    let cells = (cell(count.calls), cell(count.refused), cell(count.sent), cell(count.received));
    write.execute(params![server, day, host, cells.0, cells.1, cells.2, cells.3])?;
    Ok(())
}

fn prune(tx: &ally_store::Tx, today: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM egress WHERE day < ?1", params![today - KEPT_DAYS])?;
    // The counts of tokens are kept as long, in the same file, and nobody else comes by every day.
    counters::forget(tx, today)
}

/// Days since 1970-01-01, UTC.
pub const fn day(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY)
}

//! The counters file: how many tokens each server reserved and used on each day, and all of them together.

mod marks;
mod store;
#[cfg(test)]
mod tests;

use super::plans::{Grant, Span};
use super::size::NEAR;
use ally_store::{Migration, OptionalExtension as _, Store, StoreError, Tx, cells, params};
use ally_types::{ServerId, Timestamp};
use marks::{Before, Marks};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{counted, is_kept, let_go, notice, refuser, settle_left_over, take};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

const MIGRATIONS: &[Migration] = &[FIRST, EGRESS, OWN_KEYS, PLANS, KEPT];

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

/// Which keys people connected; see `own_keys.rs`.
const OWN_KEYS: Migration =
    Migration { number: 3, name: "own_keys", sql: include_str!("../../migrations/0003_own_keys.sql") };

/// Limits: see `plans.rs`, `limits.rs` and `totals.rs`.
const PLANS: Migration = Migration { number: 4, name: "plans", sql: include_str!("../../migrations/0004_plans.sql") };

/// What is kept for next questions: see `counters/marks.rs`.
const KEPT: Migration = Migration { number: 5, name: "kept", sql: include_str!("../../migrations/0005_kept.sql") };

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
    grant: Grant,
    /// Where the mark of it is, if it was kept before its call came.
    place: Option<u32>,
}

impl Hold {
    /// Tokens that the call itself needs at most.
    pub(crate) const fn needed(&self) -> i64 {
        self.needed
    }
}

/// How far a limit is used, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub span: Span,
    pub granted: i64,
    /// Without what is held.
    pub used: i64,
    /// Whether a call was refused for it in this day or month.
    pub is_refused: bool,
    /// Up to which share the person has put the notice away.
    pub dismissed: i64,
}

/// What a server used on a day, and the platform does not know yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untold {
    pub server: ServerId,
    pub period: i64,
    pub settled: i64,
}

/// A conversation grows from one question to the next; by more than this, and the next one has to hold anew.
const GROWS_BY: i64 = 2048;

/// The file, and what is kept for each server's next call.
#[derive(Clone)]
pub struct Counters {
    store: Store,
    kept: Arc<Mutex<HashMap<ServerId, Hold>>>,
    marks: Marks,
    /// How many changes are on their way.
    busy: Arc<watch::Sender<usize>>,
    /// Rings when something was settled.
    pub(crate) bell: Arc<Notify>,
}

/// A change that goes on when nobody waits for it any more.
struct Busy(Arc<watch::Sender<usize>>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// A hold on its way to whoever asked for it. Nobody there any more: it is given back.
struct Given {
    counters: Counters,
    server: ServerId,
    hold: Option<Hold>,
}

impl Drop for Given {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            let (counters, id) = (self.counters.clone(), self.server.to_string());
            // What cannot be given back counts as used, like every hold of a process that died.
            drop(
                self.counters
                    .detached(async move { counters.store.write_apart(move |tx| let_go(tx, &id, hold)).await }),
            );
        }
    }
}

impl Counters {
    /// Opens `counters.db`. What was held for calls when the process last ended counts as used: those calls had left.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(directory: &Path, now: Timestamp) -> Result<Self, StoreError> {
        Self::open_after(directory, now, marks::start_of_machine().as_deref())
    }

    /// The same on a machine whose present start has this id.
    fn open_after(directory: &Path, now: Timestamp, start: Option<&str>) -> Result<Self, StoreError> {
        let store = Store::open(&directory.join("counters.db"), MIGRATIONS)?;
        let before = Before::read(directory, start);
        store.write_now(move |tx| -> Result<(), StoreError> {
            settle_left_over(tx, &before)?;
            forget(tx, period(now))
        })?;
        let busy = Arc::new(watch::Sender::new(0));
        // Only now: until then the marks of before are needed.
        let marks = Marks::begin(directory, start);
        Ok(Self { store, kept: Arc::default(), marks, busy, bell: Arc::default() })
    }

    /// The database, for what else is counted.
    pub(crate) fn store(&self) -> Store {
        self.store.clone()
    }

    /// Holds `tokens` before a call leaves, or says which limit does not reach.
    ///
    /// Behind each answer something is kept for the person's next question, so the row of most calls is on the disk
    /// already when they come, and nobody waits for a sync. Whoever stops waiting here holds nothing.
    pub(crate) async fn reserve(
        &self,
        server: ServerId,
        now: Timestamp,
        tokens: i64,
        grant: Grant,
    ) -> Result<Result<Hold, Span>, StoreError> {
        let period = period(now);
        let kept = self.kept().remove(&server);
        match kept {
            Some(kept)
                if (kept.period, kept.grant) == (period, grant)
                    && kept.tokens >= tokens
                    && kept.place.is_some_and(|place| self.marks.take(place)) =>
            {
                return Ok(Ok(Hold { needed: tokens, ..kept }));
            }
            _ => {}
        }
        let counters = self.clone();
        let given = self.detached(async move {
            let hold = Hold { period, tokens, needed: tokens, grant, place: None };
            let held = counters.exchange(server, kept, hold).await?;
            Ok(held.map(|hold| Given { counters, server, hold: Some(hold) }))
        });
        let given = given.await.unwrap_or(Err(StoreError::Other { code: 0 }))?;
        Ok(given.and_then(|mut given| given.hold.take().ok_or(Span::Day)))
    }

    /// Whether so many tokens are much of what is left of a limit. Where enough is kept, every limit is far.
    pub(crate) async fn is_near(
        &self,
        server: ServerId,
        now: Timestamp,
        tokens: i64,
        grant: Grant,
    ) -> Result<bool, StoreError> {
        let period = period(now);
        let kept = self.kept().get(&server).copied();
        let of_today = kept.filter(|kept| (kept.period, kept.grant) == (period, grant));
        if grant == Grant::default() || of_today.is_some_and(|kept| kept.tokens >= tokens) {
            return Ok(false);
        }
        // What is kept for her would be let go of.
        let more = tokens.saturating_mul(100) / NEAR - of_today.map_or(0, |kept| kept.tokens);
        let (id, hold) = (server.to_string(), Hold { period, tokens, needed: tokens, grant, place: None });
        self.store.read(move |tx| Ok(refuser(tx, &id, hold, more)?.is_some())).await
    }

    /// Lets go of what is kept and holds something else, in one change.
    async fn exchange(
        &self,
        server: ServerId,
        kept: Option<Hold>,
        hold: Hold,
    ) -> Result<Result<Hold, Span>, StoreError> {
        // What has to be put back if the change does not reach the disk: it is still held.
        let gone = Arc::new(Mutex::new(kept.map(|kept| (server, kept)).into_iter().collect::<Vec<_>>()));
        let (id, counters, going) = (server.to_string(), self.clone(), Arc::clone(&gone));
        let exchanged = self.store.write_apart(move |tx| {
            let mut going = going.lock().unwrap_or_else(PoisonError::into_inner);
            going.iter().try_for_each(|(server, kept)| let_go(tx, &server.to_string(), *kept))?;
            let mut grant = tx.prepare_cached(
                "INSERT INTO counters (server, period, granted) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET granted = excluded.granted",
            )?;
            grant.execute(params![id, hold.period, hold.grant.day])?;
            tx.prepare_cached("INSERT INTO totals (period) VALUES (?1) ON CONFLICT DO NOTHING")?
                .execute([hold.period])?;
            let mut refused = refuser(tx, &id, hold, hold.tokens)?;
            if let Some(span) = refused {
                // What is kept for questions that may never be asked does not stand in the way of one that is.
                let in_the_way = counters.take_kept(server, span);
                in_the_way.iter().try_for_each(|(server, kept)| let_go(tx, &server.to_string(), *kept))?;
                going.extend(in_the_way);
                refused = refuser(tx, &id, hold, hold.tokens)?;
            }
            match refused {
                Some(span) => {
                    notice(tx, &id, span, hold.period, "refused = 1", 0)?;
                    Ok(Err(span))
                }
                None => {
                    take(tx, &id, hold)?;
                    Ok(Ok(hold))
                }
            }
        });
        let exchanged = exchanged.await;
        let is_there_still = exchanged.is_err();
        for (server, kept) in gone.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if is_there_still {
                self.kept().entry(server).or_insert(kept);
            } else {
                self.forget_mark(kept);
            }
        }
        exchanged
    }

    /// Takes out what is kept and counts against this limit.
    fn take_kept(&self, server: ServerId, span: Span) -> Vec<(ServerId, Hold)> {
        match span {
            Span::Everybody => self.kept().drain().collect(),
            Span::Day | Span::Month => self.kept().remove(&server).map(|kept| (server, kept)).into_iter().collect(),
        }
    }

    /// Turns what was held into what was used, and keeps as much for the next question, if every limit is still far and
    /// nothing is kept already. It comes to its end also when nobody waits for it.
    pub(crate) async fn settle(&self, server: ServerId, hold: Hold, used: i64) -> Result<(), StoreError> {
        let counters = self.clone();
        let settled = self.detached(async move { counters.settle_whole(server, hold, used).await });
        settled.await.unwrap_or(Err(StoreError::Other { code: 0 }))
    }

    async fn settle_whole(&self, server: ServerId, hold: Hold, used: i64) -> Result<(), StoreError> {
        let tokens = hold.needed.saturating_add(GROWS_BY);
        let place = if self.kept().contains_key(&server) { None } else { self.marks.place() };
        let next = place.map(|place| Hold { tokens, needed: tokens, place: Some(place), ..hold });
        let id = server.to_string();
        let settled = self.store.write_apart(move |tx| {
            let_go(tx, &id, hold)?;
            tx.prepare_cached("UPDATE counters SET settled = settled + ?3 WHERE server = ?1 AND period = ?2")?
                .execute(params![id, hold.period, used])?;
            tx.prepare_cached("UPDATE totals SET settled = settled + ?2 WHERE period = ?1")?
                .execute(params![hold.period, used])?;
            let Some(next) = next else { return Ok(false) };
            // Near a limit nothing is kept: it could be what another call needs in this very moment. And of two calls
            // of one person that end at once, one keeps enough for both.
            let keeps =
                !is_kept(tx, &id, next.period)? && refuser(tx, &id, next, next.tokens.saturating_mul(2))?.is_none();
            if keeps {
                take(tx, &id, next)?;
            }
            Ok::<_, StoreError>(keeps)
        });
        let is_kept = settled.await?;
        self.forget_mark(hold);
        self.bell.notify_one();
        match next {
            Some(next) if is_kept => {
                let other = self.kept().insert(server, next);
                if let Some(other) = other {
                    // What was kept on another day.
                    let id = server.to_string();
                    self.store.write_apart(move |tx| let_go(tx, &id, other)).await?;
                    self.forget_mark(other);
                }
            }
            Some(next) => self.forget_mark(next),
            None => {}
        }
        Ok(())
    }

    /// Nothing on the disk names the mark of this hold any more.
    fn forget_mark(&self, hold: Hold) {
        if let Some(place) = hold.place {
            self.marks.free(place);
        }
    }

    /// A task of its own, which nobody can stop by no longer waiting for it.
    fn detached<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.busy.send_modify(|count| *count += 1);
        let busy = Busy(Arc::clone(&self.busy));
        tokio::spawn(async move {
            let done = work.await;
            drop(busy);
            done
        })
    }

    /// Gives back what is kept for questions that will not come, before the process ends, once every change is done.
    pub(crate) async fn let_all_go(&self) -> Result<(), StoreError> {
        let _ = self.busy.subscribe().wait_for(|count| *count == 0).await;
        let kept = std::mem::take(&mut *self.kept());
        if kept.is_empty() {
            return Ok(());
        }
        self.store
            .write_apart(move |tx| {
                kept.into_iter().try_for_each(|(server, hold)| let_go(tx, &server.to_string(), hold))
            })
            .await
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<ServerId, Hold>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One server's counts of one day.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn of(&self, server: ServerId, day: Timestamp) -> Result<Option<Row>, StoreError> {
        self.store
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

    /// How far each limit of a server is used.
    pub(crate) async fn standing(
        &self,
        server: ServerId,
        now: Timestamp,
        grant: Grant,
    ) -> Result<Vec<Counted>, StoreError> {
        let period = period(now);
        let id = server.to_string();
        let limits = [(Span::Day, grant.day), (Span::Month, grant.month), (Span::Everybody, grant.everybody)];
        self.store
            .read(move |tx| {
                let limits = limits.into_iter().filter_map(|(span, granted)| Some((span, granted?)));
                limits.map(|(span, granted)| counted(tx, &id, span, period, granted)).collect()
            })
            .await
    }

    /// The person has put the notice of this share of a limit away.
    pub(crate) async fn dismiss(
        &self,
        server: ServerId,
        now: Timestamp,
        span: Span,
        percent: i64,
    ) -> Result<(), StoreError> {
        let (id, period) = (server.to_string(), period(now));
        self.store.write_apart(move |tx| notice(tx, &id, span, period, "dismissed = max(dismissed, ?4)", percent)).await
    }

    /// Some of what the platform does not know yet.
    pub(crate) async fn untold(&self, most: usize) -> Result<Vec<Untold>, StoreError> {
        self.store
            .read(move |tx| {
                let mut rows = tx.prepare_cached(
                    "SELECT server, period, settled FROM counters WHERE settled <> told ORDER BY server, period LIMIT ?1",
                )?;
                let rows = rows.query_map([i64::try_from(most).unwrap_or(i64::MAX)], |row| {
                    let server = cells::id(row, "server")?;
                    Ok(Untold { server, period: row.get("period")?, settled: row.get("settled")? })
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The platform knows these now.
    pub(crate) async fn told(&self, known: Vec<Untold>) -> Result<(), StoreError> {
        self.store
            .write_apart(move |tx| {
                let mut note = tx.prepare_cached("UPDATE counters SET told = ?3 WHERE server = ?1 AND period = ?2")?;
                for row in known {
                    note.execute(params![row.server.to_string(), row.period, row.settled])?;
                }
                Ok(())
            })
            .await
    }

    /// The tables with their columns, for the privacy register.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn columns(&self) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        self.store.columns().await
    }
}

/// Drops what is older than it may be.
pub(crate) fn forget(tx: &Tx, today: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM counters WHERE period < ?1", params![today - KEPT_DAYS])?;
    tx.execute("DELETE FROM totals WHERE period < ?1", params![today - KEPT_DAYS])?;
    tx.execute("DELETE FROM notices WHERE began < ?1", params![today - KEPT_DAYS])?;
    Ok(())
}

const fn period(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY)
}

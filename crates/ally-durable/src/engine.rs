//! The engine: takes up runs, hands them to their executors, keeps the time.

use crate::book::{Book, Line, Sink};
use crate::drive::Start;
use crate::error::Error;
use crate::journal::Kind;
use crate::run::{Finished, Prepared, Run};
use crate::runs::{self, NewRun, Row};
use crate::state::{Ending, State};
use crate::step::Step;
use crate::waits;
use ally_store::{Store, StoreError, Tx};
use ally_types::{Chance, Clock, RunId, Timestamp, log};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// What an executor does with a run.
pub type Work = Pin<Box<dyn Future<Output = Result<Finished, Error>> + Send>>;

/// Does one kind of run.
pub trait Executor: Send + Sync {
    /// Does the run. It is entered again from the top after an interruption or a wait; its steps remember.
    fn run(&self, run: Run) -> Work;

    /// The engine ended the run: it was stopped before it began or while it waited, was interrupted too often, or cannot
    /// be done. Settles what belongs to it, in the same transaction. Not called when the executor finished it itself.
    fn ended(&self, tx: &Tx, run: &Row, ending: Ending) -> Result<(), StoreError> {
        let _ = (tx, run, ending);
        Ok(())
    }
}

/// A function is an executor that has nothing to settle.
impl<F, W> Executor for F
where
    F: Fn(Run) -> W + Send + Sync,
    W: Future<Output = Result<Finished, Error>> + Send + 'static,
{
    fn run(&self, run: Run) -> Work {
        Box::pin(self(run))
    }
}

/// What became of the wish to stop a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancel {
    /// It is at work, and stops before its next effect.
    Signalled,
    /// It was not at work, and has ended now.
    Ended,
    /// It had ended before.
    AlreadyEnded(State),
    /// There is no such run.
    NotFound,
}

/// The engine. A cheap clone.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) book: Arc<Book>,
    executors: RwLock<HashMap<&'static str, Arc<dyn Executor>>>,
    active: Mutex<HashMap<RunId, Active>>,
    running: watch::Sender<usize>,
    handle: OnceLock<Handle>,
}

/// A run that has a task.
pub(crate) struct Active {
    pub(crate) cancel: watch::Sender<bool>,
    /// Something it may have waited for has come meanwhile.
    pub(crate) again: bool,
}

/// However far a deadline is, the clock is looked at again after this time, in case somebody set it.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);
/// At most so many waits are expired in one transaction.
const EXPIRED_AT_ONCE: u32 = 256;

impl Engine {
    /// An engine for the runs of this store. It does nothing before [`Engine::start`].
    pub fn new(store: Store, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        Self(Arc::new(Inner {
            book: Arc::new(Book::new(store, clock, chance)),
            executors: RwLock::default(),
            active: Mutex::default(),
            running: watch::Sender::new(0),
            handle: OnceLock::new(),
        }))
    }

    /// Every row of every journal is told to `sink` after its commit, in order. It must be quick and may not use the
    /// store. Only the first sink counts.
    #[must_use]
    pub fn with_sink(self, sink: Sink) -> Self {
        let _ = self.0.book.sink.set(sink);
        self
    }

    /// Who does the runs of this kind.
    #[must_use]
    pub fn with_executor(self, kind: &'static str, executor: Arc<dyn Executor>) -> Self {
        self.0.executors.write().unwrap_or_else(PoisonError::into_inner).insert(kind, executor);
        self
    }

    /// Takes up what an earlier process left, and begins to keep the time. Must be called inside a tokio runtime.
    pub async fn start(&self) -> Result<(), StoreError> {
        let left = self.0.book.store.read(runs::recoverable).await?;
        let newest = left.iter().map(|row| row.epoch + 1).max().unwrap_or(0);
        self.0.book.epoch_at_least(newest);
        let _ = self.0.handle.set(Handle::current());
        for row in left {
            self.launch(Start::Recover(row.id));
        }
        tokio::spawn(self.clone().keep_time());
        Ok(())
    }

    /// How many runs have a task at this moment.
    pub fn running(&self) -> watch::Receiver<usize> {
        self.0.running.subscribe()
    }

    /// The number of this process, for the ids of events. Grows with every start.
    pub fn epoch(&self) -> u64 {
        self.0.book.epoch()
    }

    /// Takes up nothing more, and comes back when the last task has ended.
    pub async fn drain(&self) {
        self.0.book.draining.send_replace(true);
        let _ = self.running().wait_for(|running| *running == 0).await;
    }

    /// Makes a run in the caller's transaction. It starts by itself after the commit.
    pub fn create(&self, tx: &Tx, run: NewRun) -> Result<Row, StoreError> {
        let book = &self.0.book;
        let row = runs::insert(tx, &run, book.epoch(), book.now())?;
        book.append(tx, row.id, Line::of_run(Kind::Created, 0))?;
        let (engine, started) = (self.clone(), row.clone());
        tx.after_commit(move || engine.launch(Start::Fresh(Box::new(started))));
        Ok(row)
    }

    /// Like [`Engine::create`], with the run taken up and its first step begun in the same transaction: one sync where
    /// two would be needed, for whoever has a person waiting. The executor gets the ticket when it asks for this very
    /// step first; the intent is then committed already. After a crash it is an intent without an outcome, like any
    /// other. `prepared` is what the caller has found out anyway; see [`Run::take_prepared`].
    pub fn create_begun(&self, tx: &Tx, run: NewRun, first: Step, prepared: Prepared) -> Result<Row, StoreError> {
        let (book, attempt) = (&self.0.book, 1);
        let mut row = runs::insert(tx, &run, book.epoch(), book.now())?;
        book.append(tx, row.id, Line::of_run(Kind::Created, 0))?;
        let now = book.now();
        runs::set_claimed(tx, row.id, book.epoch(), attempt, now)?;
        row = Row { state: State::Running { epoch: book.epoch() }, attempts: attempt, started: Some(now), ..row };
        book.append(tx, row.id, Line::of_run(Kind::Started, attempt))?;
        let line = Line::of_step(Kind::Intent, &first.path, Some(first.effect), attempt);
        book.append(tx, row.id, line.with(first.request, first.label))?;
        let (engine, started) = (self.clone(), row.clone());
        tx.after_commit(move || engine.launch(Start::Begun(Box::new(started), first.path, prepared)));
        Ok(row)
    }

    /// Asks a run to stop: first the row, then the signal. One that is not at work ends at once.
    pub fn cancel(&self, tx: &Tx, id: RunId) -> Result<Cancel, Error> {
        let Some(row) = runs::find(tx, id)? else { return Ok(Cancel::NotFound) };
        if row.state.is_ended() {
            return Ok(Cancel::AlreadyEnded(row.state));
        }
        let book = &self.0.book;
        if row.cancel_requested.is_none() {
            runs::set_cancel_requested(tx, id, book.now())?;
            book.append(tx, id, Line::of_run(Kind::CancelRequested, row.attempts))?;
        }
        if self.active().contains_key(&id) {
            let engine = self.clone();
            tx.after_commit(move || engine.signal(id));
            return Ok(Cancel::Signalled);
        }
        self.end(tx, &row, Ending::Cancelled)?;
        Ok(Cancel::Ended)
    }

    /// Resolves the waits whose time is over with their defaults. The engine does it by itself when the time comes.
    pub async fn expire_due(&self) -> Result<usize, Error> {
        let now = self.0.book.now();
        let alarm = self.0.book.store.read(waits::next_alarm).await?;
        if alarm.is_none_or(|alarm| alarm > now) {
            return Ok(0);
        }
        let engine = self.clone();
        self.0
            .book
            .store
            .write(move |tx| {
                let due = waits::due_before(tx, now, EXPIRED_AT_ONCE)?;
                for wait in &due {
                    engine.expire(tx, wait)?;
                }
                Ok(due.len())
            })
            .await
    }

    /// Ends a run and lets its executor settle what belongs to it.
    pub(crate) fn end(&self, tx: &Tx, row: &Row, ending: Ending) -> Result<(), Error> {
        let state = self.0.book.end(tx, row.id, &row.state, row.attempts, ending)?;
        if let Some(executor) = self.executor(&row.kind) {
            executor.ended(tx, &Row { state, ..row.clone() }, ending)?;
        }
        Ok(())
    }

    pub(crate) fn executor(&self, kind: &str) -> Option<Arc<dyn Executor>> {
        self.0.executors.read().unwrap_or_else(PoisonError::into_inner).get(kind).cloned()
    }

    pub(crate) fn active(&self) -> MutexGuard<'_, HashMap<RunId, Active>> {
        self.0.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a run a task, or tells the one it has to look again.
    pub(crate) fn launch(&self, start: Start) {
        let Some(handle) = self.0.handle.get() else { return };
        if *self.0.book.draining.borrow() {
            return;
        }
        let id = start.id();
        let mut active = self.active();
        if let Some(task) = active.get_mut(&id) {
            task.again = true;
            return;
        }
        let cancel = watch::Sender::new(false);
        let cancelled = cancel.subscribe();
        active.insert(id, Active { cancel, again: false });
        self.0.running.send_modify(|running| *running += 1);
        handle.spawn(self.clone().drive(start, cancelled));
    }

    /// Tells the task of a run to stop. If it ended meanwhile, a new one finds the wish in the row.
    fn signal(&self, id: RunId) {
        let signalled = self.active().get(&id).map(|task| task.cancel.send_replace(true)).is_some();
        if !signalled {
            self.launch(Start::Resume(id));
        }
    }

    /// The task of a run has ended.
    pub(crate) fn forget(&self, active: &mut HashMap<RunId, Active>, id: RunId) {
        active.remove(&id);
        self.0.running.send_modify(|running| *running -= 1);
    }

    /// One sleeping timer on the earliest deadline, and none when there is no deadline.
    async fn keep_time(self) {
        let mut draining = self.0.book.draining.subscribe();
        loop {
            let sleep = match self.0.book.store.read(waits::next_alarm).await {
                Ok(alarm) => alarm.map(|alarm| until(alarm, self.0.book.now())),
                Err(_) => Some(Duration::from_secs(60)),
            };
            let slept = async {
                match sleep {
                    Some(time) => tokio::time::sleep(time).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = slept => {}
                () = self.0.book.timer.notified() => continue,
                _ = draining.wait_for(|is_draining| *is_draining) => return,
            }
            if self.expire_due().await.is_err() {
                log::warn("waits could not be expired, trying again", &[]);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn until(alarm: Timestamp, now: Timestamp) -> Duration {
    let millis = u64::try_from(alarm.millis_since(now)).unwrap_or(0).max(1);
    Duration::from_millis(millis).min(LONGEST_SLEEP)
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

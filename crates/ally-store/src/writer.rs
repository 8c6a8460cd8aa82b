//! The writer: a lock with a queue, and group commit by whoever holds the lock.
//!
//! A dedicated writer thread was tried first by others and measured in our reference: handing over costs more than the
//! commit when only one person writes. So the first comer commits on its own thread. Only if others keep queueing up
//! behind it does a thread take over, until the queue is empty, so that nobody works for the others without end.

use crate::StoreError;
use crate::lease::Lease;
use rusqlite::Connection;
use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// At most so many changes share one commit.
const GROUP: usize = 256;
/// So many groups of others a caller commits after its own change before a thread takes over.
const COURTESY: usize = 2;

type Hook = Box<dyn FnOnce() + Send>;
type Panic = Box<dyn Any + Send>;

/// An open transaction; it can be used like a [`Connection`]. Store functions take it as their first argument.
pub struct Tx {
    connection: Connection,
    hooks: RefCell<Vec<Hook>>,
}

impl Tx {
    /// Runs `hook` after the commit, in the order of commits, before the caller is answered. If the change is rolled
    /// back, it is dropped. It must be quick and must not use the store.
    pub fn after_commit(&self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.borrow_mut().push(Box::new(hook));
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// A full disk or a read error can make SQLite roll the whole transaction back by itself.
    fn is_open(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn close_after_failure(&self) {
        if self.is_open() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn run_hooks(&self) {
        for hook in self.hooks.take() {
            // A panic is shown by the panic hook; the change is committed, and the others must hear of theirs.
            let _ = catch_unwind(AssertUnwindSafe(hook));
        }
    }
}

impl std::ops::Deref for Tx {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.connection
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In a transaction.
    Change,
    /// Outside of any transaction, and before the changes that wait beside it.
    Question,
}

pub(crate) struct Writer {
    gate: Mutex<Gate>,
    /// Locked only by whoever set `Gate::taken`.
    tx: Mutex<Tx>,
    /// After the connection, so that it is given back when the file is closed.
    lease: Lease,
}

struct Gate {
    taken: bool,
    queue: VecDeque<Box<dyn Job>>,
}

/// A change in the queue: first `run`, then `answer`.
trait Job: Send {
    fn mode(&self) -> Mode;
    /// Runs the closure and keeps its result. False if what it did must be rolled back.
    fn run(&mut self, tx: &Tx) -> bool;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A closure, and later its result.
struct Work<F, T, E> {
    mode: Mode,
    closure: Option<F>,
    result: Option<Result<Result<T, E>, Panic>>,
}

impl<F, T, E> Work<F, T, E>
where
    F: FnOnce(&Tx) -> Result<T, E>,
    E: From<StoreError>,
{
    fn new(mode: Mode, closure: F) -> Self {
        Self { mode, closure: Some(closure), result: None }
    }

    fn run(&mut self, tx: &Tx) -> bool {
        let Some(closure) = self.closure.take() else { return false };
        let result = catch_unwind(AssertUnwindSafe(|| closure(tx)));
        let is_good = matches!(result, Ok(Ok(_)));
        self.result = Some(result);
        is_good
    }

    fn settle(self, committed: Result<(), StoreError>) -> Result<Result<T, E>, Panic> {
        match (self.result, committed) {
            (Some(Ok(Ok(_))) | None, Err(error)) => Ok(Err(error.into())),
            (Some(result), _) => result,
            (None, Ok(())) => Ok(Err(StoreError::Other { code: 0 }.into())),
        }
    }
}

/// Work whose caller waits elsewhere.
struct Queued<F, T, E, A> {
    work: Work<F, T, E>,
    tell: A,
}

impl<F, T, E, A> Job for Queued<F, T, E, A>
where
    F: FnOnce(&Tx) -> Result<T, E> + Send,
    E: From<StoreError> + Send,
    T: Send,
    A: FnOnce(Result<Result<T, E>, Panic>) + Send,
{
    fn mode(&self) -> Mode {
        self.work.mode
    }

    fn run(&mut self, tx: &Tx) -> bool {
        self.work.run(tx)
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let this = *self;
        (this.tell)(this.work.settle(committed));
    }
}

impl Writer {
    pub(crate) fn new(connection: Connection, lease: Lease) -> Arc<Self> {
        let tx = Tx { connection, hooks: RefCell::default() };
        Arc::new(Self { gate: Mutex::new(Gate { taken: false, queue: VecDeque::new() }), tx: Mutex::new(tx), lease })
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.lease.epoch()
    }

    pub(crate) async fn submit<T, E, F>(self: &Arc<Self>, mode: Mode, closure: F) -> Result<T, E>
    where
        F: FnOnce(&Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let queued = self.enter(mode, closure, move |result| {
            let _ = tell.send(result);
        });
        match queued {
            Entered::First(closure) => self.lead(mode, closure),
            Entered::Queued => match told.await {
                Ok(result) => result.unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => Err(StoreError::Other { code: 0 }.into()),
            },
        }
    }

    pub(crate) fn submit_now<T, E, F>(self: &Arc<Self>, mode: Mode, closure: F) -> Result<T, E>
    where
        F: FnOnce(&Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let queued = self.enter(mode, closure, move |result| {
            let _ = tell.send(result);
        });
        match queued {
            Entered::First(closure) => self.lead(mode, closure),
            Entered::Queued => match told.recv() {
                Ok(result) => result.unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => Err(StoreError::Other { code: 0 }.into()),
            },
        }
    }

    /// Takes the lock, or leaves the closure in the queue. One critical section, so that nobody is left behind.
    fn enter<T, E, F, A>(&self, mode: Mode, closure: F, tell: A) -> Entered<F>
    where
        F: FnOnce(&Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        A: FnOnce(Result<Result<T, E>, Panic>) + Send + 'static,
    {
        let mut gate = lock(&self.gate);
        if gate.taken {
            gate.queue.push_back(Box::new(Queued { work: Work::new(mode, closure), tell }));
            Entered::Queued
        } else {
            gate.taken = true;
            Entered::First(closure)
        }
    }

    /// Commits the caller's own change, then what has queued up meanwhile.
    fn lead<T, E, F>(self: &Arc<Self>, mode: Mode, closure: F) -> Result<T, E>
    where
        F: FnOnce(&Tx) -> Result<T, E>,
        E: From<StoreError>,
    {
        let mut work = Work::new(mode, closure);
        let tx = lock(&self.tx);
        let committed = commit(&tx, &mut [&mut |tx| work.run(tx)], mode).pop().unwrap_or(Ok(()));
        tx.run_hooks();
        drop(tx);
        self.serve(Some(COURTESY));
        work.settle(committed).unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Commits the queue, group by group, until it is empty. After `limit` groups a thread goes on instead.
    fn serve(self: &Arc<Self>, limit: Option<usize>) {
        let mut groups = 0;
        while let Some(group) = self.next_group() {
            self.commit_group(group);
            groups += 1;
            if limit == Some(groups) {
                let writer = Arc::clone(self);
                let started = std::thread::Builder::new().name("store".to_owned()).spawn(move || writer.serve(None));
                if started.is_ok() {
                    return;
                }
            }
        }
    }

    /// The next group, or `None` after the lock was given back.
    fn next_group(&self) -> Option<Vec<Box<dyn Job>>> {
        let mut gate = lock(&self.gate);
        let size = gate.queue.len().min(GROUP);
        if size == 0 {
            gate.taken = false;
            return None;
        }
        Some(gate.queue.drain(..size).collect())
    }

    fn commit_group(&self, group: Vec<Box<dyn Job>>) {
        let tx = lock(&self.tx);
        let (changes, questions): (Vec<_>, Vec<_>) = group.into_iter().partition(|job| job.mode() == Mode::Change);
        for mut question in questions {
            question.run(&tx);
            tx.run_hooks();
            question.answer(Ok(()));
        }
        let mut changes = changes;
        let mut runs: Vec<_> = changes.iter_mut().map(|job| |tx: &Tx| job.run(tx)).collect();
        let mut runs: Vec<&mut dyn FnMut(&Tx) -> bool> =
            runs.iter_mut().map(|run| run as &mut dyn FnMut(&Tx) -> bool).collect();
        let committed = commit(&tx, &mut runs, Mode::Change);
        tx.run_hooks();
        for (job, committed) in changes.into_iter().zip(committed) {
            job.answer(committed);
        }
    }
}

enum Entered<F> {
    First(F),
    Queued,
}

/// Runs all changes in one transaction, each behind a savepoint of its own, and says for each whether it is durable.
fn commit(tx: &Tx, changes: &mut [&mut dyn FnMut(&Tx) -> bool], mode: Mode) -> Vec<Result<(), StoreError>> {
    if mode == Mode::Question {
        return changes
            .iter_mut()
            .map(|question| {
                question(tx);
                Ok(())
            })
            .collect();
    }
    let mut answers = Vec::with_capacity(changes.len());
    let mut rest = changes;
    // One round unless SQLite itself gives up a transaction in the middle; then the changes behind it get another.
    while !rest.is_empty() {
        let (done, committed) = match rest {
            [alone] => (1, commit_alone(tx, alone)),
            ref mut several => commit_several(tx, several),
        };
        if committed.is_err() {
            tx.hooks.borrow_mut().clear();
            tx.close_after_failure();
        } else {
            tx.run_hooks();
        }
        answers.extend(std::iter::repeat_n(committed, done));
        rest = &mut rest[done..];
    }
    answers
}

fn commit_alone(tx: &Tx, change: &mut dyn FnMut(&Tx) -> bool) -> Result<(), StoreError> {
    tx.run("BEGIN IMMEDIATE")?;
    if change(tx) {
        return tx.run("COMMIT");
    }
    tx.hooks.borrow_mut().clear();
    if tx.is_open() { tx.run("ROLLBACK") } else { Ok(()) }
}

/// How many changes were dealt with, and whether those that wanted it are committed.
fn commit_several(tx: &Tx, changes: &mut [&mut dyn FnMut(&Tx) -> bool]) -> (usize, Result<(), StoreError>) {
    let all = changes.len();
    if let Err(error) = tx.run("BEGIN IMMEDIATE") {
        return (all, Err(error));
    }
    for (index, change) in changes.iter_mut().enumerate() {
        let hooks = tx.hooks.borrow().len();
        if let Err(error) = tx.run("SAVEPOINT change") {
            return (all, Err(error));
        }
        let is_good = change(tx);
        if !tx.is_open() {
            // Those before this one are gone with it; the error of this one is its own and names the cause.
            return (index + 1, Err(StoreError::Other { code: 0 }));
        }
        let ended = if is_good {
            tx.run("RELEASE change")
        } else {
            tx.hooks.borrow_mut().truncate(hooks);
            tx.run("ROLLBACK TO change").and_then(|()| tx.run("RELEASE change"))
        };
        if let Err(error) = ended {
            return (all, Err(error));
        }
    }
    (all, tx.run("COMMIT"))
}

/// No closure of a caller can unwind while the lock is held, so poison would be our own mistake and hides nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

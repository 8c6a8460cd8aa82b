//! The task of one run: takes it up, lets the executor work, and decides what follows.

use crate::RECOVERIES;
use crate::book::Line;
use crate::engine::{Engine, Work};
use crate::error::Error;
use crate::history::History;
use crate::journal::Kind;
use crate::run::{Finished, Prepared, Run};
use crate::runs::{self, Row};
use crate::state::{Ending, State};
use ally_store::{StoreError, Tx};
use ally_types::{RunId, log};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;

/// Why a run gets a task.
pub(crate) enum Start {
    /// This process made it a moment ago; nothing has to be read, and being taken up is written with its first step.
    Fresh(Box<Row>),
    /// The same, taken up already, with the intent of the step of this name.
    Begun(Box<Row>, String, Prepared),
    /// What it waited for has come.
    Resume(RunId),
    /// It was interrupted: one of its attempts is used up, before anything is done.
    Recover(RunId),
}

impl Start {
    pub(crate) fn id(&self) -> RunId {
        match self {
            Self::Fresh(row) | Self::Begun(row, ..) => row.id,
            Self::Resume(id) | Self::Recover(id) => *id,
        }
    }
}

/// How one pass came out.
enum Pass {
    /// The run has ended, or is not ours.
    Ended,
    /// It waits.
    Parked,
    /// Again at once; the attempt counts.
    Interrupted,
    /// Again after a pause; the attempt does not count.
    Pause,
}

enum Taken {
    Up(Run),
    Parked,
    Gone,
}

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Engine {
    pub(crate) async fn drive(self, mut start: Start, cancel: watch::Receiver<bool>) {
        let id = start.id();
        let mut pause = Duration::from_secs(1);
        loop {
            let pass = self.pass(start, cancel.clone()).await;
            start = match pass {
                Pass::Ended => return self.forget(&mut self.active(), id),
                Pass::Parked => {
                    let mut active = self.active();
                    let looks_again = active
                        .get_mut(&id)
                        .is_some_and(|task| std::mem::take(&mut task.again) || *task.cancel.borrow());
                    if !looks_again {
                        return self.forget(&mut active, id);
                    }
                    Start::Resume(id)
                }
                Pass::Interrupted => Start::Recover(id),
                Pass::Pause => {
                    log::warn("a run pauses because the database failed", &[("run", &id)]);
                    let mut draining = self.0.book.draining.subscribe();
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        _ = draining.wait_for(|is_draining| *is_draining) => return self.forget(&mut self.active(), id),
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    Start::Resume(id)
                }
            };
        }
    }

    async fn pass(&self, start: Start, cancel: watch::Receiver<bool>) -> Pass {
        let run = match start {
            Start::Fresh(row) => Run::fresh(Arc::clone(&self.0.book), *row, cancel),
            Start::Begun(row, path, prepared) => {
                Run::begun_with(Arc::clone(&self.0.book), *row, path, prepared, cancel)
            }
            Start::Resume(id) | Start::Recover(id) => {
                let is_charged = matches!(start, Start::Recover(_));
                match self.take_up(id, is_charged, cancel).await {
                    Ok(Taken::Up(run)) => run,
                    Ok(Taken::Parked) => return Pass::Parked,
                    Ok(Taken::Gone) => return Pass::Ended,
                    // The attempt could not even be written, so it was none.
                    Err(_) => return Pass::Pause,
                }
            }
        };
        let Some(executor) = self.executor(&run.row().kind) else {
            return self.end_by_itself(run, Ending::Failed { reason: "unknown_kind" }).await;
        };
        let Some(result) = unharmed(async { executor.run(run.clone()).await }).await else {
            log::error("a run panicked", &[("run", &run.id()), ("attempt", &run.attempt())]);
            return Pass::Interrupted;
        };
        match result {
            Ok(Finished { .. }) | Err(Error::NotYours) => Pass::Ended,
            Err(Error::Suspended | Error::Attention) => Pass::Parked,
            Err(Error::Cancelled) => self.end_by_itself(run, Ending::Cancelled).await,
            Err(Error::Refused(_)) => self.end_by_itself(run, Ending::Failed { reason: "refused" }).await,
            Err(Error::Problem(problem)) => {
                let reason = match problem.kind {
                    Cow::Borrowed(kind) => kind,
                    Cow::Owned(_) => "failed",
                };
                self.end_by_itself(run, Ending::Failed { reason }).await
            }
            Err(Error::Store(StoreError::DiskFull | StoreError::InUse)) => Pass::Pause,
            Err(Error::Store(_)) => Pass::Interrupted,
        }
    }

    /// Takes up a run that is not fresh: what is left of its attempts and wishes is decided in one transaction.
    async fn take_up(&self, id: RunId, is_charged: bool, cancel: watch::Receiver<bool>) -> Result<Taken, Error> {
        let engine = self.clone();
        let write = self.0.book.store.write(move |tx| {
            let Some(mut row) = runs::find(tx, id)? else { return Ok(None) };
            if row.state.is_ended() {
                return Ok(None);
            }
            if row.cancel_requested.is_some() {
                engine.end(tx, &row, Ending::Cancelled)?;
                return Ok(None);
            }
            if !matches!(row.state, State::Queued | State::Running { .. }) {
                return Ok(Some((row, None)));
            }
            let attempts = row.attempts + u32::from(is_charged || row.attempts == 0);
            if attempts > RECOVERIES + 1 {
                engine.end(tx, &row, Ending::Failed { reason: "too_many_attempts" })?;
                return Ok(None);
            }
            let book = &engine.0.book;
            row.state = row.state.claim(book.epoch())?;
            (row.epoch, row.attempts) = (book.epoch(), attempts);
            runs::set_claimed(tx, id, row.epoch, attempts, book.now())?;
            book.append(tx, id, Line::of_run(Kind::Started, attempts))?;
            let history = History::load(tx, id)?;
            Ok::<_, Error>(Some((row, Some(history))))
        });
        Ok(match write.await? {
            None => Taken::Gone,
            Some((_, None)) => Taken::Parked,
            Some((row, Some(history))) => Taken::Up(Run::claimed(Arc::clone(&self.0.book), row, history, cancel)),
        })
    }

    /// Ends a run for which the executor gave up.
    async fn end_by_itself(&self, run: Run, ending: Ending) -> Pass {
        let (engine, id) = (self.clone(), run.id());
        let end = move |tx: &Tx| match runs::find(tx, id)? {
            Some(row) if !row.state.is_ended() => engine.end(tx, &row, ending),
            _ => Ok(()),
        };
        match run.write(end).await {
            Ok(()) | Err(Error::NotYours) => Pass::Ended,
            Err(Error::Store(StoreError::DiskFull | StoreError::InUse)) => Pass::Pause,
            Err(_) => Pass::Interrupted,
        }
    }
}

/// Runs a future; `None` if it panicked. What it held may be half done, which is why the run is taken up from its rows.
async fn unharmed(work: impl Future<Output = <Work as Future>::Output>) -> Option<<Work as Future>::Output> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

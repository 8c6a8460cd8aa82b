//! What every change of a run needs: the store, the clock, the listener, and the few moves that are made in many places.

use crate::error::Error;
use crate::journal::{self, Entry, Kind};
use crate::runs;
use crate::state::{Ending, State};
use crate::step::{Effect, Outcome, Status, Ticket};
use crate::waits::{self, Resolution};
use ally_store::{Store, StoreError, Tx};
use ally_types::{Chance, Clock, Content, Label, RunId, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Notify, watch};

pub(crate) type Sink = Arc<dyn Fn(&Entry) + Send + Sync>;

pub(crate) struct Book {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn Chance>,
    pub(crate) sink: OnceLock<Sink>,
    /// Rung when the earliest deadline may have changed.
    pub(crate) timer: Notify,
    pub(crate) draining: watch::Sender<bool>,
    epoch: AtomicU64,
}

/// A row of the journal without what the book fills in.
pub(crate) struct Line {
    kind: Kind,
    step: Option<(String, Option<Effect>)>,
    attempt: u32,
    body: Option<(Content, Label)>,
}

impl Line {
    pub(crate) fn of_run(kind: Kind, attempt: u32) -> Self {
        Self { kind, step: None, attempt, body: None }
    }

    pub(crate) fn of_step(kind: Kind, path: &str, effect: Option<Effect>, attempt: u32) -> Self {
        Self { kind, step: Some((path.to_owned(), effect)), attempt, body: None }
    }

    pub(crate) fn with(mut self, body: Content, label: Label) -> Self {
        self.body = Some((body, label));
        self
    }
}

impl Book {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        let epoch = AtomicU64::new(store.epoch());
        let (sink, timer, draining) = (OnceLock::new(), Notify::new(), watch::Sender::new(false));
        Self { store, clock, chance, sink, timer, draining, epoch }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// The store's count may repeat after power loss; what the rows say may not.
    pub(crate) fn epoch_at_least(&self, epoch: u64) {
        self.epoch.fetch_max(epoch, Ordering::Relaxed);
    }

    /// Adds a row to the journal, and tells the listener after the commit.
    pub(crate) fn append(&self, tx: &Tx, run: RunId, line: Line) -> Result<(), StoreError> {
        let (step, effect) = line.step.map_or((None, None), |(path, effect)| (Some(path), effect));
        let (body, label) = line.body.map_or((None, Label::TRUSTED), |(body, label)| (Some(body), label));
        let (at, kind, attempt) = (self.now(), line.kind, line.attempt);
        let mut entry = Entry { run, seq: 0, at, kind, step, effect, attempt, body, label };
        journal::append(tx, &mut entry)?;
        if let Some(sink) = self.sink.get() {
            let sink = Arc::clone(sink);
            tx.after_commit(move || sink(&entry));
        }
        Ok(())
    }

    /// Writes how a step came out.
    pub(crate) fn append_outcome(&self, tx: &Tx, ticket: &Ticket, outcome: &Outcome) -> Result<(), StoreError> {
        let kind = match outcome.status {
            Status::Done => Kind::Outcome,
            Status::Failed => Kind::Error,
            Status::Skipped => Kind::Skipped,
        };
        let line = Line::of_step(kind, &ticket.path, Some(ticket.effect), ticket.attempt);
        self.append(tx, ticket.run, line.with(outcome.body.clone(), outcome.label))
    }

    /// Ends a run from the state it is in: the state, its row in the journal, and nothing waits for it any longer.
    pub(crate) fn end(&self, tx: &Tx, run: RunId, from: &State, attempt: u32, ending: Ending) -> Result<State, Error> {
        let now = self.now();
        let ended = from.end(now, ending)?;
        runs::set_state(tx, run, &ended, now)?;
        for wait in waits::open_of(tx, run)? {
            let resolution = Resolution { by: waits::BY_END.to_owned(), at: now, body: Content::from("null") };
            waits::close(tx, wait.id, &resolution)?;
            self.append(tx, run, Line::of_step(Kind::WaitClosed, &wait.step, None, attempt))?;
        }
        let line = match ending {
            Ending::Succeeded => Line::of_run(Kind::Succeeded, attempt),
            Ending::Cancelled => Line::of_run(Kind::Cancelled, attempt),
            Ending::Failed { reason } => {
                let body = Content::new(format!("{{\"reason\":\"{reason}\"}}"));
                Line::of_run(Kind::Failed, attempt).with(body, Label::TRUSTED)
            }
        };
        self.append(tx, run, line)?;
        Ok(ended)
    }
}

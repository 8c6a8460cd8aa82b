//! A run in the hands of its executor: steps, waits, and the end.

use crate::book::{Book, Line};
use crate::error::Error;
use crate::history::{History, Plan};
use crate::journal::Kind;
use crate::runs::{self, Row};
use crate::state::{Ending, State};
use crate::step::{Begun, Effect, Outcome, Step, Ticket};
use crate::waits::{self, NewWait, Resolution, Wait, WaitKind};
use ally_store::{Store, Tx, params};
use ally_types::{Content, Label, RunId, WaitId};
use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A run in the hands of its executor. A cheap clone.
#[derive(Clone)]
pub struct Run(Arc<Inner>);

struct Inner {
    book: Arc<Book>,
    row: Row,
    attempt: u32,
    history: Mutex<History>,
    pending: tokio::sync::Mutex<Pending>,
    /// The step whose intent was committed with the run itself and whose ticket nobody has taken yet.
    granted: Mutex<Option<String>>,
    prepared: Mutex<Prepared>,
    cancel: watch::Receiver<bool>,
}

/// What whoever made a run has prepared for its executor, in memory only.
pub type Prepared = Option<Box<dyn Any + Send>>;

/// The proof that a run has ended; only [`Run::finish`] makes it.
#[derive(Debug)]
pub struct Finished(());

/// What is written together with the next thing the run writes, because nobody can see the difference before.
#[derive(Default)]
struct Pending {
    rows: Rows,
    /// A future was dropped while it wrote `rows`: they may be there already.
    is_in_doubt: bool,
}

#[derive(Default, Clone)]
struct Rows {
    /// The run was taken up for the first time.
    claim: bool,
    outcomes: Vec<(Ticket, Outcome)>,
}

/// In which state a run must be for a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Running, for whatever starts something.
    Running,
    /// Not ended, for whatever records what has already happened.
    Open,
}

impl Run {
    /// A run that was made by this process a moment ago. That it was taken up is written with its first step.
    pub(crate) fn fresh(book: Arc<Book>, row: Row, cancel: watch::Receiver<bool>) -> Self {
        let pending = Pending { rows: Rows { claim: true, outcomes: Vec::new() }, is_in_doubt: false };
        Self::with(book, row, 1, History::default(), pending, cancel)
    }

    /// A run that was taken up again, which is already written.
    pub(crate) fn claimed(book: Arc<Book>, row: Row, history: History, cancel: watch::Receiver<bool>) -> Self {
        let attempt = row.attempts;
        Self::with(book, row, attempt, history, Pending::default(), cancel)
    }

    /// A run that was made and taken up a moment ago, with the intent of its first step.
    pub(crate) fn begun_with(
        book: Arc<Book>,
        row: Row,
        path: String,
        prepared: Prepared,
        cancel: watch::Receiver<bool>,
    ) -> Self {
        let mut history = History::default();
        history.begun(&path, 1);
        let run = Self::with(book, row, 1, history, Pending::default(), cancel);
        *run.granted() = Some(path);
        *run.0.prepared.lock().unwrap_or_else(PoisonError::into_inner) = prepared;
        run
    }

    fn with(
        book: Arc<Book>,
        row: Row,
        attempt: u32,
        history: History,
        pending: Pending,
        cancel: watch::Receiver<bool>,
    ) -> Self {
        let (history, pending) = (Mutex::new(history), tokio::sync::Mutex::new(pending));
        let (granted, prepared) = (Mutex::new(None), Mutex::new(None));
        Self(Arc::new(Inner { book, row, attempt, history, pending, granted, prepared, cancel }))
    }

    /// The run as it was when it was taken up.
    pub fn row(&self) -> &Row {
        &self.0.row
    }

    /// Its id.
    pub fn id(&self) -> RunId {
        self.0.row.id
    }

    /// How often it was taken up from the top, this time included.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// What was handed to [`Engine::create_begun`](crate::Engine::create_begun) in this process; once. A run that was
    /// taken up again has nothing, so an executor must be able to find it out by itself.
    pub fn take_prepared<T: 'static>(&self) -> Option<T> {
        let prepared = self.0.prepared.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        prepared.downcast().ok().map(|prepared| *prepared)
    }

    /// The process it runs in, for the ids of events.
    pub fn epoch(&self) -> u64 {
        self.0.book.epoch()
    }

    /// The store it lives in.
    pub fn store(&self) -> &Store {
        &self.0.book.store
    }

    /// Whether somebody asked to stop. The next step will refuse; long work should look.
    pub fn is_cancelled(&self) -> bool {
        *self.0.cancel.borrow()
    }

    /// Comes back when somebody asks to stop.
    pub async fn cancelled(&self) {
        let mut cancel = self.0.cancel.clone();
        if cancel.wait_for(|is_cancelled| *is_cancelled).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the process wants to end; a run need not care, it is taken up again.
    pub fn is_draining(&self) -> bool {
        *self.0.book.draining.borrow()
    }

    /// Does one step. The intent is committed before `work` begins; the outcome together with what `derive` writes.
    /// A step that has an outcome returns it, and neither `work` nor `derive` is called.
    ///
    /// Stopping the run aborts the work of `Read` and `Model` steps; everything else is waited for, because it may have
    /// happened. A `Verifiable` step whose ticket [is in doubt](Ticket::is_in_doubt) must look before it does anything.
    pub async fn step<W, F, D>(&self, step: Step, work: W, derive: D) -> Result<Outcome, Error>
    where
        W: FnOnce(Ticket) -> F,
        F: Future<Output = Outcome>,
        D: FnOnce(&Tx, &Outcome) -> Result<(), Error> + Send + 'static,
    {
        match self.work(step, work).await? {
            Worked::Before(outcome) => Ok(outcome),
            Worked::Now(ticket, outcome) => {
                let derived = outcome.clone();
                self.settle(ticket, outcome.clone(), move |tx| derive(tx, &derived)).await?;
                Ok(outcome)
            }
        }
    }

    /// Like [`Run::step`], but the outcome is committed together with whatever the run writes next. It saves a sync for
    /// steps from which nothing is derived; do not tell anybody of the outcome before the run has written again.
    pub async fn step_lazily<W, F>(&self, step: Step, work: W) -> Result<Outcome, Error>
    where
        W: FnOnce(Ticket) -> F,
        F: Future<Output = Outcome>,
    {
        match self.work(step, work).await? {
            Worked::Before(outcome) => Ok(outcome),
            Worked::Now(ticket, outcome) => {
                self.history().check_unsettled(&ticket.path)?;
                self.history().settled(&ticket.path, outcome.clone());
                self.0.pending.lock().await.rows.outcomes.push((ticket, outcome.clone()));
                Ok(outcome)
            }
        }
    }

    async fn work<W, F>(&self, step: Step, work: W) -> Result<Worked, Error>
    where
        W: FnOnce(Ticket) -> F,
        F: Future<Output = Outcome>,
    {
        let ticket = match self.begin(vec![step]).await?.pop() {
            Some(Begun::Done(outcome)) => return Ok(Worked::Before(outcome)),
            Some(Begun::Go(ticket) | Begun::LookUp(ticket)) => ticket,
            None => return Err(Error::NotYours),
        };
        let work = work(ticket.clone());
        let outcome = match ticket.effect {
            Effect::Read | Effect::Model => tokio::select! {
                biased;
                outcome = work => outcome,
                () = self.cancelled() => return Err(Error::Cancelled),
            },
            Effect::Idempotent | Effect::Verifiable | Effect::Once => work.await,
        };
        Ok(Worked::Now(ticket, outcome))
    }

    /// Begins several steps with one commit, in the order given. Each [`Begun::Go`] must be settled.
    pub async fn begin(&self, steps: Vec<Step>) -> Result<Vec<Begun>, Error> {
        // What was granted counts only for whoever asks for it before anything else.
        let granted = self.granted().take();
        if let ([step], Some(path)) = (steps.as_slice(), granted)
            && step.path == path
        {
            if self.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let ticket = Ticket { run: self.id(), path, effect: step.effect, attempt: 1, is_in_doubt: false };
            return Ok(vec![Begun::Go(ticket)]);
        }
        if steps.iter().any(|step| self.history().is_open(&step.path)) {
            self.read_history_again().await?;
        }
        let plans: Vec<_> = steps.iter().map(|step| self.history().plan(step)).collect();
        if plans.iter().all(|plan| matches!(plan, Plan::Done(_))) {
            return Ok(std::iter::zip(steps, plans).map(|(step, plan)| self.begun(step, plan)).collect());
        }
        if self.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if plans.iter().any(|plan| matches!(plan, Plan::Ask { .. } | Plan::Asked)) {
            return Err(self.ask(steps, plans).await?);
        }
        let (rows, id) = (std::iter::zip(steps.clone(), plans.clone()).collect::<Vec<_>>(), self.id());
        self.commit(Need::Running, move |tx, book, _| {
            for (step, plan) in rows {
                if let Plan::Intend { attempt } = plan {
                    let line = Line::of_step(Kind::Intent, &step.path, Some(step.effect), attempt);
                    book.append(tx, id, line.with(step.request, step.label))?;
                }
            }
            Ok(())
        })
        .await?;
        Ok(std::iter::zip(steps, plans).map(|(step, plan)| self.begun(step, plan)).collect())
    }

    /// Rare: a step was interrupted. A future that was dropped may have written more than is remembered here, and what
    /// is pending is not written yet.
    async fn read_history_again(&self) -> Result<(), Error> {
        let pending = self.0.pending.lock().await;
        let id = self.id();
        let mut history = self.store().read(move |tx| Ok::<_, Error>(History::load(tx, id)?)).await?;
        for (ticket, outcome) in &pending.rows.outcomes {
            history.settled(&ticket.path, outcome.clone());
        }
        *self.history() = history;
        Ok(())
    }

    fn begun(&self, step: Step, plan: Plan) -> Begun {
        let (attempt, is_in_doubt) = match plan {
            Plan::Done(outcome) => return Begun::Done(outcome),
            Plan::Intend { attempt } => (attempt, false),
            Plan::LookUp { attempt } | Plan::Ask { attempt } => (attempt, true),
            Plan::Asked => (0, true),
        };
        self.history().begun(&step.path, attempt);
        let ticket = Ticket { run: self.id(), path: step.path, effect: step.effect, attempt, is_in_doubt };
        if is_in_doubt { Begun::LookUp(ticket) } else { Begun::Go(ticket) }
    }

    /// Nobody can know whether these steps happened: writes so, opens a question for each, and stops the run.
    async fn ask(&self, steps: Vec<Step>, plans: Vec<Plan>) -> Result<Error, Error> {
        let id = self.id();
        let doubtful: Vec<_> = std::iter::zip(steps, plans)
            .filter_map(|(step, plan)| match plan {
                Plan::Ask { attempt } => Some((step, attempt)),
                _ => None,
            })
            .collect();
        self.commit(Need::Running, move |tx, book, state| {
            for (step, attempt) in doubtful {
                let line = Line::of_step(Kind::Unknown, &step.path, Some(step.effect), attempt);
                book.append(tx, id, line)?;
                let question = NewWait {
                    step: step.path,
                    kind: WaitKind::Unknown,
                    due: None,
                    on_expiry: None,
                    body: step.request,
                    label: step.label,
                };
                open_wait(tx, book, id, attempt, &question)?;
            }
            let now = book.now();
            runs::set_state(tx, id, &state.ask(now, "unknown_outcome")?, now)?;
            Ok(())
        })
        .await?;
        Ok(Error::Attention)
    }

    /// Records how a step came out, together with what `derive` writes. Also allowed after the run was asked to stop:
    /// what happened, happened.
    pub async fn settle<T, D>(&self, ticket: Ticket, outcome: Outcome, derive: D) -> Result<T, Error>
    where
        D: FnOnce(&Tx) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        self.history().check_unsettled(&ticket.path)?;
        let (path, kept) = (ticket.path.clone(), outcome.clone());
        let derived = self
            .commit(Need::Open, move |tx, book, _| {
                book.append_outcome(tx, &ticket, &outcome)?;
                derive(tx)
            })
            .await?;
        self.history().settled(&path, kept);
        Ok(derived)
    }

    /// Waits for something durable. If it has come, answers how; otherwise the run is parked and the executor returns
    /// [`Error::Suspended`] as it is. It is entered again from the top when the wait is resolved.
    pub async fn wait(&self, wait: NewWait) -> Result<Resolution, Error> {
        self.wait_and(wait, |_, _| Ok(())).await
    }

    /// Like [`Run::wait`], with what `derive` writes in the transaction that opens the wait. It is called only then.
    pub async fn wait_and<D>(&self, wait: NewWait, derive: D) -> Result<Resolution, Error>
    where
        D: FnOnce(&Tx, &Wait) -> Result<(), Error> + Send + 'static,
    {
        if self.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let (id, attempt) = (self.id(), self.attempt());
        let found = self
            .commit(Need::Open, move |tx, book, state| {
                let known = waits::named(tx, id, &wait.step)?;
                if let Some(resolution) = known.as_ref().and_then(|known| known.resolution.clone()) {
                    return Ok(Some(resolution));
                }
                if known.is_none() {
                    derive(tx, &open_wait(tx, book, id, attempt, &wait)?)?;
                }
                if matches!(state, State::Running { .. }) {
                    let now = book.now();
                    runs::set_state(tx, id, &state.wait(now)?, now)?;
                }
                Ok(None)
            })
            .await?;
        self.0.book.timer.notify_one();
        found.ok_or(Error::Suspended)
    }

    /// A transaction of the executor's own that is refused once the run has ended or was taken over.
    pub async fn write<T, F>(&self, change: F) -> Result<T, Error>
    where
        F: FnOnce(&Tx) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        self.commit(Need::Open, move |tx, _, _| change(tx)).await
    }

    /// Puts a line for the person into the journal.
    pub async fn note(&self, body: Content, label: Label) -> Result<(), Error> {
        let (id, attempt) = (self.id(), self.attempt());
        self.commit(Need::Open, move |tx, book, _| {
            Ok(book.append(tx, id, Line::of_run(Kind::Note, attempt).with(body, label))?)
        })
        .await
    }

    /// Ends the run, together with what `derive` writes.
    pub async fn finish<D>(&self, ending: Ending, derive: D) -> Result<Finished, Error>
    where
        D: FnOnce(&Tx) -> Result<(), Error> + Send + 'static,
    {
        let (id, attempt) = (self.id(), self.attempt());
        self.commit(Need::Open, move |tx, book, state| {
            book.end(tx, id, &state, attempt, ending)?;
            derive(tx)
        })
        .await?;
        Ok(Finished(()))
    }

    /// Records how the last step came out and ends the run, in one transaction with what `derive` writes.
    pub async fn settle_and_finish<D>(
        &self,
        ticket: Ticket,
        outcome: Outcome,
        ending: Ending,
        derive: D,
    ) -> Result<Finished, Error>
    where
        D: FnOnce(&Tx) -> Result<(), Error> + Send + 'static,
    {
        self.history().check_unsettled(&ticket.path)?;
        let (id, attempt) = (self.id(), self.attempt());
        self.commit(Need::Open, move |tx, book, state| {
            book.append_outcome(tx, &ticket, &outcome)?;
            book.end(tx, id, &state, attempt, ending)?;
            derive(tx)
        })
        .await?;
        Ok(Finished(()))
    }

    /// One transaction: first what is pending, then `change`, if the run is still this process's and not ended.
    async fn commit<T, F>(&self, need: Need, change: F) -> Result<T, Error>
    where
        F: FnOnce(&Tx, &Book, State) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let mut pending = self.0.pending.lock().await;
        let (rows, is_in_doubt) = (pending.rows.clone(), pending.is_in_doubt);
        let is_empty = !rows.claim && rows.outcomes.is_empty();
        let inner = Arc::clone(&self.0);
        let write = self.store().write(move |tx| {
            let state = inner.enter(tx, need, &rows, is_in_doubt)?;
            change(tx, &inner.book, state)
        });
        if is_empty {
            drop(pending);
            return write.await;
        }
        pending.is_in_doubt = true;
        let result = write.await;
        pending.is_in_doubt = false;
        if result.is_ok() {
            pending.rows = Rows::default();
        }
        result
    }

    fn granted(&self) -> MutexGuard<'_, Option<String>> {
        self.0.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.0.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Checks that the run may still be acted for, writes what is pending, and answers the state it is in now.
    fn enter(&self, tx: &Tx, need: Need, rows: &Rows, is_in_doubt: bool) -> Result<State, Error> {
        let id = self.row.id;
        let standing = runs::standing(tx, &id.to_string())?.ok_or(Error::NotYours)?;
        if standing.state.is_ended() || standing.epoch != self.row.epoch {
            return Err(Error::NotYours);
        }
        let mut state = standing.state;
        if rows.claim && standing.attempts == 0 {
            state = state.claim(self.row.epoch)?;
            runs::set_claimed(tx, id, self.row.epoch, self.attempt, self.book.now())?;
            self.book.append(tx, id, Line::of_run(Kind::Started, self.attempt))?;
        }
        for (ticket, outcome) in &rows.outcomes {
            if !is_in_doubt || !has_outcome(tx, ticket)? {
                self.book.append_outcome(tx, ticket, outcome)?;
            }
        }
        match (&state, need) {
            (State::Running { .. }, _) | (_, Need::Open) => Ok(state),
            (State::NeedsAttention { .. }, Need::Running) => Err(Error::Attention),
            // Another part of the run has parked it.
            (_, Need::Running) => Err(Error::Suspended),
        }
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run({})", self.id())
    }
}

enum Worked {
    /// It was done before.
    Before(Outcome),
    /// It was done now and is not recorded yet.
    Now(Ticket, Outcome),
}

fn open_wait(tx: &Tx, book: &Book, run: RunId, attempt: u32, wait: &NewWait) -> Result<Wait, Error> {
    let (id, opened) = (WaitId::new(book.clock.as_ref(), book.chance.as_ref()), book.now());
    waits::insert(tx, id, run, wait, opened)?;
    let line = Line::of_step(Kind::WaitOpened, &wait.step, None, attempt);
    book.append(tx, run, line.with(wait.body.clone(), wait.label))?;
    let NewWait { step, kind, due, on_expiry, body, label } = wait.clone();
    Ok(Wait { id, run, step, kind, opened, due, on_expiry, body, label, resolution: None })
}

fn has_outcome(tx: &Tx, ticket: &Ticket) -> Result<bool, Error> {
    let mut statement = tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM journal WHERE run = ?1 AND step = ?2 AND kind IN ('outcome', 'error', 'skipped'))",
    )?;
    Ok(statement.query_row(params![ticket.run.to_string(), ticket.path], |row| row.get(0))?)
}

//! Runs: what was done, and how to stop it.

pub mod http;

use crate::app::App;
use crate::fault::Done;
use crate::turns;
use ally_durable::{Cancel, NewRun, Prepared, State, Step};
use ally_store::Tx;
use ally_types::{AccountId, ChatId, Content, Label, MessageId, Problem, RunId};
use serde::{Deserialize, Serialize};

/// A chat turn to run.
pub struct NewTurn {
    /// Its id.
    pub run: RunId,
    /// In which chat.
    pub chat: ChatId,
    /// The answer that it writes.
    pub answer: MessageId,
    /// Who asked.
    pub account: AccountId,
    /// How many whole steps the answer has already.
    pub done: u32,
}

/// What a turn is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TurnInput {
    /// The answer that it writes.
    pub answer: MessageId,
    /// In which chat.
    pub chat: ChatId,
    /// Who asked.
    pub account: AccountId,
    /// How many whole steps the answer had when the turn began.
    #[serde(default)]
    pub done: u32,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Will be taken up.
    Queued,
    /// At work.
    Running,
    /// Waits for something.
    Waiting,
    /// Done.
    Succeeded,
    /// Not done.
    Failed,
    /// Stopped.
    Cancelled,
    /// A person must look.
    NeedsAttention,
}

impl From<&State> for RunStatus {
    fn from(state: &State) -> Self {
        match state {
            State::Queued => Self::Queued,
            State::Running { .. } => Self::Running,
            State::Waiting { .. } => Self::Waiting,
            State::Succeeded { .. } => Self::Succeeded,
            State::Failed { .. } => Self::Failed,
            State::Cancelled { .. } => Self::Cancelled,
            State::NeedsAttention { .. } => Self::NeedsAttention,
        }
    }
}

/// Makes the run of a turn; it begins by itself after the commit, and again after a crash.
pub fn start(tx: &Tx, app: &App, turn: &NewTurn) -> Done<()> {
    app.engine().create(tx, new_run(turn)?)?;
    Ok(())
}

/// The same with the intent of its first step, which is on the disk when the question is.
pub fn start_with(tx: &Tx, app: &App, turn: &NewTurn, first: Step, prepared: Prepared) -> Done<()> {
    app.engine().create_begun(tx, new_run(turn)?, first, prepared)?;
    Ok(())
}

fn new_run(turn: &NewTurn) -> Done<NewRun> {
    let input = TurnInput { answer: turn.answer, chat: turn.chat, account: turn.account, done: turn.done };
    let input = serde_json::to_string(&input).map_err(|_| Problem::internal())?;
    Ok(NewRun {
        id: turn.run,
        kind: turns::KIND,
        subject: turn.chat.to_string(),
        parent: None,
        key: None,
        input: Content::new(input),
        label: Label::USER,
    })
}

/// Stops a run, wherever it is. Stopping one that has ended changes nothing.
pub fn cancel(tx: &Tx, app: &App, run: RunId) -> Done<()> {
    match app.engine().cancel(tx, run)? {
        Cancel::NotFound => Err(not_found().into()),
        Cancel::Signalled | Cancel::Ended | Cancel::AlreadyEnded(_) => Ok(()),
    }
}

/// Removes the history of a chat's runs.
pub fn forget_chat(tx: &Tx, chat: ChatId) -> Done<()> {
    ally_durable::runs::delete_ended_of_subject(tx, &chat.to_string())?;
    Ok(())
}

/// There is no such run.
pub fn not_found() -> Problem {
    Problem::not_found("run_not_found", "There is no such run.")
}

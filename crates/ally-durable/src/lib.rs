//! Runs that survive a restart: journal, intents, waits and recovery.
//!
//! A run is anything that acts over time: a chat turn, a workflow run, a scheduled task. What it does is written by an
//! [`Executor`], which is entered from the top after every interruption and asks for its steps by name. A step that has
//! an outcome is never done again; what happens to one that was begun and has none depends on its [`Effect`].
//!
//! The promise: control flow exactly once, effects at most once unless they are declared repeatable. When nobody can
//! know whether a `once` effect happened, the run stops and a person is asked.

mod book;
mod drive;
mod engine;
mod error;
mod history;
pub mod journal;
mod register;
mod resolve;
mod run;
pub mod runs;
mod state;
mod step;
pub mod waits;
mod words;

pub use engine::{Cancel, Engine, Executor, Work};
pub use error::Error;
pub use register::REGISTER;
pub use run::{Finished, Prepared, Run};
pub use runs::NewRun;
pub use state::{Ending, Refused, State};
pub use step::{Begun, Effect, Outcome, Status, Step, Ticket};
pub use waits::{NewWait, Resolution, Resolved, UnknownAnswer, Wait, WaitKind};

/// The tables, to be listed by the owner of the database as one of its migrations. It is never edited after a release;
/// a change becomes `SCHEMA_2`.
pub const SCHEMA_1: &str = include_str!("../sql/0001_runs.sql");

/// A run that was interrupted is taken up by itself so many times; then it has failed.
pub const RECOVERIES: u32 = 3;

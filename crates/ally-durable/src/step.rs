//! Steps: what a run asks for by name, what kind of effect it has, and how it came out.

use crate::error::Error;
use crate::words::words;
use ally_types::{Content, Label, Problem, RunId};
use serde::{Serialize, de::DeserializeOwned};

words! {
    /// What kind of effect a step has on the world, and so what may be done when nobody knows whether it happened.
    Effect {
        /// It changes nothing outside. It runs again.
        Read = "read",
        /// The other side knows our key and does it once. It is repeated with the same key.
        Idempotent = "idempotent",
        /// We can look up whether it happened. It is looked up before anything else.
        Verifiable = "verifiable",
        /// Nobody can know. It is never repeated unless a person says so.
        Once = "once",
        /// A call of a model: it is repeated, and both calls count.
        Model = "model",
    }
}

words! {
    /// How a step came out.
    Status {
        /// As wanted.
        Done = "done",
        /// Not as wanted, and we know so.
        Failed = "failed",
        /// A person said to go on without it.
        Skipped = "skipped",
    }
}

/// A step that shall be done. Its path names it within the run, and stays the same when the run is entered again:
/// `fetch/3/send`. Two steps of a run never share a path.
#[derive(Debug, Clone)]
pub struct Step {
    pub(crate) path: String,
    pub(crate) effect: Effect,
    pub(crate) label: Label,
    pub(crate) request: Content,
}

impl Step {
    /// A step with the request that will be made, which goes into the journal word for word. It must hold no secret.
    pub fn new(path: impl Into<String>, effect: Effect, label: Label, request: &impl Serialize) -> Result<Self, Error> {
        Ok(Self { path: path.into(), effect, label, request: to_content(request)? })
    }
}

/// The right to do one step now. It stands for an intent row that is committed.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub(crate) run: RunId,
    pub(crate) path: String,
    pub(crate) effect: Effect,
    pub(crate) attempt: u32,
    pub(crate) is_in_doubt: bool,
}

impl Ticket {
    /// The name of the step.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What kind of effect it has.
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// 1 for the first time, more if it was interrupted before.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The same for every attempt of this step, and for no other step.
    pub fn key(&self) -> String {
        format!("{}:{}", self.run, self.path)
    }

    /// Whether it may have happened already: a verifiable step must be looked up first.
    pub const fn is_in_doubt(&self) -> bool {
        self.is_in_doubt
    }
}

/// What to do about a step.
#[derive(Debug, Clone)]
pub enum Begun {
    /// Do it now.
    Go(Ticket),
    /// It was done before; this is what came out.
    Done(Outcome),
    /// It may have happened: look it up. Settle it with what was found, or do it if it surely has not happened.
    LookUp(Ticket),
}

/// How a step came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// As wanted or not.
    pub status: Status,
    /// JSON.
    pub body: Content,
    /// Where the body comes from and how private it is.
    pub label: Label,
}

impl Outcome {
    /// It was done, and this came out.
    pub fn done(label: Label, body: &impl Serialize) -> Self {
        Self { status: Status::Done, body: to_content(body).unwrap_or_default(), label }
    }

    /// It was not done, and we know so: the other side refused, or was never reached.
    pub fn failed(label: Label, body: &impl Serialize) -> Self {
        Self { status: Status::Failed, body: to_content(body).unwrap_or_default(), label }
    }

    /// The body, read. `None` if it has another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.body.expose()).ok()
    }
}

/// Maps with keys that are no text are the only values that do not become JSON.
fn to_content(value: &impl Serialize) -> Result<Content, Error> {
    serde_json::to_string(value).map(Content::new).map_err(|_| Problem::internal().into())
}

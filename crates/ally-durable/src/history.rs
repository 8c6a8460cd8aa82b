//! What is known about the steps of one run, read once when it is taken up, so that no step needs a query of its own.

use crate::error::Error;
use crate::journal::{self, Kind};
use crate::step::{Effect, Outcome, Status, Step};
use ally_store::{StoreError, Tx};
use ally_types::{Content, RunId};
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(crate) struct History(HashMap<String, Past>);

/// What happened to one step so far.
#[derive(Debug, Default)]
struct Past {
    attempts: u32,
    outcome: Option<Outcome>,
    stage: Stage,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It may be done.
    #[default]
    Clear,
    /// There is an intent without an outcome.
    Begun,
    /// A person was asked and has not answered.
    Asked,
}

/// What is to be done about a step.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    /// It has an outcome.
    Done(Outcome),
    /// Write an intent, then do it.
    Intend { attempt: u32 },
    /// It may have happened; the intent of then still stands.
    LookUp { attempt: u32 },
    /// Nobody can know: ask.
    Ask { attempt: u32 },
    /// A person was asked.
    Asked,
}

impl History {
    /// Reads the journal of a run.
    pub(crate) fn load(tx: &Tx, run: RunId) -> Result<Self, StoreError> {
        let mut history = Self::default();
        for entry in journal::of(tx, run, 0)? {
            let Some(step) = entry.step else { continue };
            let past = history.0.entry(step).or_default();
            let status = match entry.kind {
                Kind::Intent => {
                    (past.attempts, past.stage) = (entry.attempt, Stage::Begun);
                    continue;
                }
                Kind::Unknown => {
                    past.stage = Stage::Asked;
                    continue;
                }
                Kind::Repeat => {
                    past.stage = Stage::Clear;
                    continue;
                }
                Kind::Outcome => Status::Done,
                Kind::Error => Status::Failed,
                Kind::Skipped => Status::Skipped,
                _ => continue,
            };
            let body = entry.body.unwrap_or_else(|| Content::from("null"));
            past.outcome = Some(Outcome { status, body, label: entry.label });
        }
        Ok(history)
    }

    /// Whether a step was begun and nothing is known about how it came out.
    pub(crate) fn is_open(&self, path: &str) -> bool {
        self.0.get(path).is_some_and(|past| past.outcome.is_none() && past.stage == Stage::Begun)
    }

    /// The table of effect classes: what to do when a run asks for a step.
    pub(crate) fn plan(&self, step: &Step) -> Plan {
        let Some(past) = self.0.get(&step.path) else { return Plan::Intend { attempt: 1 } };
        if let Some(outcome) = &past.outcome {
            return Plan::Done(outcome.clone());
        }
        match (past.stage, step.effect) {
            (Stage::Clear, _) | (Stage::Begun, Effect::Read | Effect::Idempotent | Effect::Model) => {
                Plan::Intend { attempt: past.attempts + 1 }
            }
            (Stage::Begun, Effect::Verifiable) => Plan::LookUp { attempt: past.attempts },
            (Stage::Begun, Effect::Once) => Plan::Ask { attempt: past.attempts },
            (Stage::Asked, _) => Plan::Asked,
        }
    }

    pub(crate) fn begun(&mut self, path: &str, attempt: u32) {
        let past = self.0.entry(path.to_owned()).or_default();
        (past.attempts, past.stage) = (attempt, Stage::Begun);
    }

    /// Notes an outcome; refuses a second one, which could only be a mistake of the executor.
    pub(crate) fn check_unsettled(&self, path: &str) -> Result<(), Error> {
        match self.0.get(path) {
            Some(Past { outcome: Some(_), .. }) => Err(crate::state::Refused { from: "settled", to: "settled" }.into()),
            _ => Ok(()),
        }
    }

    pub(crate) fn settled(&mut self, path: &str, outcome: Outcome) {
        self.0.entry(path.to_owned()).or_default().outcome = Some(outcome);
    }
}

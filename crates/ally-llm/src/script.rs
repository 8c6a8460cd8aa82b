//! What a scripted model says: shared by the scripted provider and the stand-in server.

use crate::{Failure, Stop, Usage};
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// One answer.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Turn {
    /// What it consists of, in order.
    pub steps: Vec<Step>,
    /// Tokens that are stated; counted from the words when not given.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// Why it ends; by itself [`Stop::ToolUse`] if there is a tool call, else [`Stop::EndTurn`].
    #[serde(default)]
    pub stop: Option<Stop>,
}

/// A part of an answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A text, sent word by word.
    Text(String),
    /// Thinking, with a signature that has to come back unchanged.
    Thinking(String),
    /// A call of a tool.
    ToolCall {
        /// Which.
        tool: String,
        /// Its arguments.
        input: Value,
    },
    /// The answer breaks off with this failure.
    Fail(Failure),
    /// The answer ends in the middle, without a word.
    Cut,
    /// Nothing more comes until the gate is opened.
    #[serde(skip)]
    Hold(Gate),
}

/// Holds an answer until a test opens it.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// Lets everybody through, now and later.
    pub fn open(&self) {
        self.0.close();
    }

    /// Waits until the gate is open.
    pub async fn passed(&self) {
        // No permit is ever given; closing the semaphore is what wakes everybody.
        let _ = self.0.acquire().await;
    }
}

impl Turn {
    /// An answer of one text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::of([Step::Text(text.into())])
    }

    /// An answer that calls one tool.
    pub fn call(tool: impl Into<String>, input: Value) -> Self {
        Self::of([Step::ToolCall { tool: tool.into(), input }])
    }

    /// An answer of several parts.
    pub fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), ..Self::default() }
    }

    /// Why it ends.
    pub fn stop(&self) -> Stop {
        let calls = self.steps.iter().any(|step| matches!(step, Step::ToolCall { .. }));
        self.stop.unwrap_or(if calls { Stop::ToolUse } else { Stop::EndTurn })
    }

    /// Tokens of the answer: as given, or one for each word and twenty for each call.
    pub(crate) fn usage(&self, input: u64) -> Usage {
        let output = self.steps.iter().map(|step| match step {
            Step::Text(text) | Step::Thinking(text) => words(text).count() as u64,
            Step::ToolCall { .. } => 20,
            _ => 0,
        });
        self.usage.unwrap_or_else(|| Usage { input, output: output.sum(), ..Usage::default() })
    }
}

/// The pieces in which a text is sent.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// An answer for every time a question is asked, however often: a repeated request gets the same answer again.
#[derive(Debug, Clone, Deserialize)]
pub struct Rule {
    /// The last text of the person contains this.
    pub when: String,
    /// The first answer, the one after its tool results, and so on; the last one is kept.
    pub turns: Vec<Turn>,
}

/// What a request asks, as far as a script cares.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question {
    /// The last text of the person.
    pub(crate) text: String,
    /// How often the model has spoken since.
    pub(crate) answered: usize,
}

/// Turns that are said once, in order, and rules for everything else.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) turns: VecDeque<Turn>,
    pub(crate) rules: Vec<Rule>,
}

impl Script {
    pub(crate) fn next(&mut self, question: &Question) -> Option<Turn> {
        if let Some(turn) = self.turns.pop_front() {
            return Some(turn);
        }
        // The rule that was added last wins, so that a test can change its mind.
        let rule = self.rules.iter().rev().find(|rule| question.text.contains(&rule.when))?;
        rule.turns.get(question.answered).or(rule.turns.last()).cloned()
    }
}

//! A provider that says what it was told to say, for tests and `make dev`.

use crate::provider::Events;
use crate::script::{Gate, Question, Rule, Script, Step, Turn, words};
use crate::{Block, Event, Request, Role, Usage};
use futures_util::StreamExt as _;
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The name of this provider in events.
pub const NAME: &str = "scripted";

/// A handle: clones share the script and the requests seen. When the script has nothing to say, the answer repeats
/// the question and says that it comes from a script.
#[derive(Debug, Clone, Default)]
pub struct Scripted {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    script: Script,
    seen: Vec<Request>,
}

impl Scripted {
    /// Says these turns, one for each request.
    pub fn saying(turns: impl IntoIterator<Item = Turn>) -> Self {
        let scripted = Self::default();
        scripted.lock().script.turns.extend(turns);
        scripted
    }

    /// Adds a turn at the end.
    pub fn push(&self, turn: Turn) {
        self.lock().script.turns.push_back(turn);
    }

    /// Adds an answer for every question of a kind.
    pub fn always(&self, rule: Rule) {
        self.lock().script.rules.push(rule);
    }

    /// The requests that came, oldest first.
    pub fn seen(&self) -> Vec<Request> {
        self.lock().seen.clone()
    }

    pub(crate) fn stream(&self, request: &Request) -> Events {
        let turn = {
            let mut shared = self.lock();
            shared.seen.push(request.clone());
            let question = question(request);
            shared.script.next(&question).unwrap_or_else(|| echo(&question))
        };
        let pieces = pieces(&turn, request);
        Box::pin(futures_util::stream::iter(pieces).filter_map(|piece| async move {
            match piece {
                Piece::Event(event) => Some(*event),
                Piece::Hold(gate) => {
                    gate.passed().await;
                    None
                }
            }
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Piece {
    Event(Box<Event>),
    Hold(Gate),
}

fn pieces(turn: &Turn, request: &Request) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut push = |event| pieces.push(Piece::Event(Box::new(event)));
    let usage = turn.usage(request.messages.len() as u64 * 10);
    push(Event::Started { provider: NAME.to_owned(), model: NAME.to_owned(), window: None });
    push(Event::Usage { usage: Usage { output: 0, ..usage } });
    for (at, step) in turn.steps.iter().enumerate() {
        let mut push = |event| pieces.push(Piece::Event(Box::new(event)));
        match step {
            Step::Text(text) => {
                words(text).for_each(|word| push(Event::TextDelta { text: word.into() }));
                push(Event::Block { block: Block::Text { text: text.as_str().into() } });
            }
            Step::Thinking(text) => {
                words(text).for_each(|word| push(Event::ThinkingDelta { text: word.into() }));
                let raw = json!({ "type": "thinking", "thinking": text }).to_string();
                push(Event::Block { block: Block::Opaque { provider: NAME.to_owned(), raw: raw.into() } });
            }
            Step::ToolCall { tool, input } => {
                let call = format!("{NAME}_{}_{}_{at}", request.asked_at.as_millis(), request.messages.len());
                push(Event::Block { block: Block::ToolCall { call, tool: tool.clone(), input: input.clone() } });
            }
            Step::Fail(failure) => {
                push(Event::Failed { failure: *failure });
                return pieces;
            }
            Step::Cut => return pieces,
            Step::Hold(gate) => pieces.push(Piece::Hold(gate.clone())),
        }
    }
    let mut push = |event| pieces.push(Piece::Event(Box::new(event)));
    push(Event::Usage { usage });
    push(Event::Finished { stop: turn.stop() });
    pieces
}

fn question(request: &Request) -> Question {
    let mut question = Question::default();
    for message in &request.messages {
        let text = message.blocks.iter().rev().find_map(|block| match block {
            Block::Text { text } => Some(text.expose()),
            _ => None,
        });
        match (message.role, text) {
            (Role::User, Some(text)) => question = Question { text: text.to_owned(), answered: 0 },
            (Role::User, None) => {}
            (Role::Assistant, _) => question.answered += 1,
        }
    }
    question
}

fn echo(question: &Question) -> Turn {
    Turn::text(format!("I am a scripted stand-in, not an AI model. You wrote: {}", question.text))
}

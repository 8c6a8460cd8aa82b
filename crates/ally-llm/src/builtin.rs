//! Built-in commands: a handful of plain requests that are answered without a model.
//!
//! | She writes | What happens |
//! |---|---|
//! | remember that I take my tea without sugar | a bullet at the end of `/memories/notes.md`, once |
//! | what do you know about tea · what do you remember about tea | `memory_search`, then what was found |
//! | what do you know · what do you remember about me | the bullets of `/memories/notes.md` |
//! | forget my tea | `memory_search`, then the one matching bullet is deleted; several are listed instead |
//! | what time is it · what time is it in Tokyo · what day is it | `time_now` |
//! | help | [`HELP`] |
//!
//! Case, punctuation and politeness ("please", "Ally, …", "can you …") do not matter. Anything else, a mixed request
//! and a request that was begun by a model end with [`Stop::NeedsModel`] and no text.
//!
//! This is a pure function. It calls the same tools as a model would, one at a time, and reads what they answered
//! from the conversation, so a restart in the middle goes on where it was. What it reads from the tools:
//! - `memory` `view` of a file: lines `{number}<TAB>{text}` after a first line; any other command: whether it worked;
//! - `memory_search`: one hit per line, `path:line<TAB>snippet`; nothing when there is no hit;
//! - `time_now`: a line that begins with a time as in RFC 9557, `2026-11-21T09:30:00+01:00[Europe/Berlin]`.

mod clock;
mod notes;
mod understand;

use crate::{Block, Event, Request, Role, Stop};
use serde_json::{Value, json};
use understand::Command;

/// The name of this provider in events.
pub const NAME: &str = "builtin";

/// What `help` answers.
pub const HELP: &str = "\
These work without an AI model:

- **Remember that** I take my tea without sugar.
- **What do you know about** tea?
- **What do you remember** about me?
- **Forget** my tea.
- **What time is it** in Tokyo?
- **Help**

For anything else I need an AI model. You can connect one in Settings.";

/// What to do next.
#[derive(Debug, PartialEq)]
enum Move {
    /// Run a tool.
    Call { tool: &'static str, input: Value },
    /// Say this, and be done.
    Say(String),
    /// It is none of the built-in commands.
    NeedModel,
}

/// A call of this turn that was answered.
#[derive(Debug)]
struct Done {
    ok: bool,
    text: String,
}

/// Answers a request: one step of a command.
pub fn answer(request: &Request) -> Vec<Event> {
    let mut events = vec![Event::Started { provider: NAME.to_owned(), model: String::new(), window: None }];
    match next_move(request) {
        Move::Call { tool, input } => {
            // Unique in the conversation, because it grows with every call, and the same if this step is repeated.
            let call = format!("{NAME}_{}_{}", request.asked_at.as_millis(), request.messages.len());
            events.push(Event::Block { block: Block::ToolCall { call, tool: tool.to_owned(), input } });
            events.push(Event::Finished { stop: Stop::ToolUse });
        }
        Move::Say(text) => {
            events.push(Event::TextDelta { text: text.as_str().into() });
            events.push(Event::Block { block: Block::Text { text: text.into() } });
            events.push(Event::Finished { stop: Stop::EndTurn });
        }
        Move::NeedModel => events.push(Event::Finished { stop: Stop::NeedsModel }),
    }
    events
}

fn next_move(request: &Request) -> Move {
    let Some((said, done)) = turn(request) else {
        return Move::NeedModel;
    };
    match understand::command(&said) {
        Some(Command::Help) => Move::Say(HELP.to_owned()),
        Some(Command::Remember(fact)) => notes::remember(&fact, &done),
        Some(Command::Recall(about)) => notes::recall(&about, &said, &done),
        Some(Command::RecallAll) => notes::recall_all(&done),
        Some(Command::Forget(what)) => notes::forget(&what, &done),
        Some(Command::ForgetAll) => Move::Say(
            "I forget one note at a time. Write “forget” and then the note in its own words. \
             You can see all notes under Memory."
                .to_owned(),
        ),
        Some(Command::Time(place)) => clock::time(place.as_deref(), &request.timezone, &done),
        None => Move::NeedModel,
    }
}

/// What the person said last, and the calls that were answered since. `None` if a model has taken part in the turn:
/// its work is not ours to finish.
fn turn(request: &Request) -> Option<(String, Vec<Done>)> {
    let is_said = |message: &crate::Message| {
        let says = |block: &Block| matches!(block, Block::Text { .. } | Block::File { .. });
        message.role == Role::User && message.blocks.iter().any(says)
    };
    let at = request.messages.iter().rposition(is_said)?;
    // Questions that nobody answered stand before this one in the same message; only the last one is asked now. What came
    // with files needs somebody who reads them.
    let said = match request.messages[at].blocks.as_slice() {
        [.., Block::File { .. }] => return None,
        [.., Block::File { file }, Block::Text { .. }] if file.has_words => return None,
        [.., Block::Text { text }] => text.expose().to_owned(),
        _ => return None,
    };
    let mut calls: Vec<&str> = Vec::new();
    let mut done = Vec::new();
    for block in request.messages[at + 1..].iter().flat_map(|message| &message.blocks) {
        match block {
            Block::ToolCall { call, .. } if call.starts_with(NAME) => calls.push(call),
            Block::ToolResult { call, ok, text } if calls.contains(&call.as_str()) => {
                done.push(Done { ok: *ok, text: text.expose().to_owned() });
            }
            _ => return None,
        }
    }
    (done.len() == calls.len()).then_some((said, done))
}

/// A call of the memory tool.
fn memory(command: &str, mut input: Value) -> Move {
    input["command"] = json!(command);
    Move::Call { tool: "memory", input }
}

/// The first line of what a tool said, for an honest sentence about what did not work.
fn reason(done: &Done) -> &str {
    done.text.lines().next().unwrap_or_default().trim()
}

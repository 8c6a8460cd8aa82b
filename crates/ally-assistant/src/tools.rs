//! The tools that a model may call. Each says what it does, what it takes, what kind of effect each of its actions has
//! and where that ends up; a tool that leaves one of these out does not compile.

pub mod arguments;
pub mod memory;
pub mod memory_search;
pub mod time_now;

use crate::app::App;
use crate::fault::Done;
use crate::memory::{AtDesk, Change};
use ally_durable::Effect;
use ally_llm::ToolSpec;
use ally_monitor::{Sink, Touches};
use ally_types::{ChatId, Content, Label, RunId};
use serde_json::Value;
use std::pin::Pin;

/// A tool.
pub trait Tool: Send + Sync {
    /// Its name on the wire, `^[a-z][a-z0-9_]{0,63}$`.
    fn name(&self) -> &'static str;

    /// What it does and when to use it, for the model.
    fn description(&self) -> &'static str;

    /// JSON Schema of its arguments.
    fn schema(&self) -> Value;

    /// What kind of action these arguments ask for.
    fn action(&self, input: &Value) -> Action;

    /// What exactly these arguments would do, in words for the person.
    fn shown(&self, input: &Value) -> Shown;

    /// Finds out what shall be done and what to answer. Nothing is changed here: the change that is planned is
    /// committed together with the result.
    fn plan<'a>(&'a self, asking: &'a Asking, input: &'a Value) -> Planning<'a>;
}

/// What a tool is busy with.
pub type Planning<'a> = Pin<Box<dyn Future<Output = Done<Planned>> + Send + 'a>>;

/// What kind of action a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// What may be done about it when nobody knows whether it happened.
    pub effect: Effect,
    /// Where it ends up.
    pub sink: Sink,
    /// What it changes.
    pub touches: Touches,
}

/// What a call would do, in words for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What is done.
    pub title: &'static str,
    /// To what: the name of a piece, its exact text, and the argument that holds it where it is plain text.
    pub details: Vec<(&'static str, String, Option<&'static str>)>,
}

/// What a call of any tool would do. A tool that is not there does nothing.
pub fn shown(tool: &str, input: &Value) -> Shown {
    named(tool).map_or_else(
        || Shown { title: "Use a tool that does not exist", details: vec![("Name", tool.to_owned(), None)] },
        |tool| tool.shown(input),
    )
}

impl Shown {
    /// Only what is done.
    pub const fn new(title: &'static str) -> Self {
        Self { title, details: Vec::new() }
    }

    /// With a text argument, if it is there.
    #[must_use]
    pub fn with(mut self, name: &'static str, input: &Value, field: &'static str) -> Self {
        if let Some(text) = text(input, field) {
            self.details.push((name, text.to_owned(), Some(field)));
        }
        self
    }

    /// With an argument that is no plain text, if it is there.
    #[must_use]
    pub fn with_value(mut self, name: &'static str, value: Option<&Value>) -> Self {
        if let Some(value) = value {
            self.details.push((name, value.to_string(), None));
        }
        self
    }
}

/// Who calls a tool.
#[derive(Clone)]
pub struct Asking {
    /// The server.
    pub app: App,
    /// The run.
    pub run: RunId,
    /// The chat.
    pub chat: ChatId,
    /// Where the person is.
    pub timezone: String,
    /// The join of what the run has read.
    pub label: Label,
    /// Whose hand changes memory in this turn.
    pub by: crate::memory::Author,
}

/// What shall be done, and what to answer.
pub struct Planned {
    /// Whether the tool does what was asked.
    pub ok: bool,
    /// What the model is told; never empty.
    pub text: Content,
    /// What the person is told.
    pub summary: Content,
    /// Where the answer comes from.
    pub label: Label,
    /// What is to be changed, by whoever holds the desk.
    pub changes: Option<(AtDesk, Vec<Change>)>,
}

/// All tools, in the order in which models see them.
pub const TOOLS: &[&dyn Tool] = &[&memory::Memory, &memory_search::MemorySearch, &time_now::TimeNow];

/// The tool with this name.
pub fn named(name: &str) -> Option<&'static dyn Tool> {
    TOOLS.iter().copied().find(|tool| tool.name() == name)
}

/// What models are told about the tools.
pub fn specs() -> Vec<ToolSpec> {
    TOOLS
        .iter()
        .map(|tool| ToolSpec {
            name: tool.name().to_owned(),
            description: tool.description().to_owned(),
            input: tool.schema(),
        })
        .collect()
}

/// The same for a chat in which nothing is remembered.
pub fn specs_without_memory() -> Vec<ToolSpec> {
    specs().into_iter().filter(|spec| !OF_MEMORY.contains(&spec.name.as_str())).collect()
}

/// These read or change what is remembered.
const OF_MEMORY: [&str; 2] = ["memory", "memory_search"];

/// What a tool of the memory answers in a temporary chat, whoever asks.
async fn refused_if_temporary(asking: &Asking) -> Done<Option<Planned>> {
    let chat = asking.chat;
    let found = asking.app.store().read(move |tx| crate::chats::store::get(tx, chat)).await?;
    let is_temporary = found.is_none_or(|chat| chat.temporary);
    Ok(is_temporary.then(|| Planned::refused("Not done: in a temporary chat nothing is remembered or recalled.")))
}

impl Planned {
    /// It does what was asked.
    pub fn done(text: impl Into<String>, summary: impl Into<String>, label: Label) -> Self {
        Self { ok: true, text: Content::new(text), summary: Content::new(summary), label, changes: None }
    }

    /// It does not, and this is why.
    pub fn refused(text: impl Into<String>) -> Self {
        let text = Content::new(text);
        Self { ok: false, summary: text.clone(), text, label: Label::TRUSTED, changes: None }
    }

    /// Its answer says something about data with this label.
    #[must_use]
    pub fn labelled(mut self, label: Label) -> Self {
        self.label = self.label.join(label);
        self
    }
}

/// A text argument.
fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_name_that_providers_accept_and_a_schema_of_an_object() {
        for tool in TOOLS {
            let name = tool.name();
            let is_letter = |byte: u8| byte.is_ascii_lowercase();
            assert!(name.len() <= 64 && name.bytes().next().is_some_and(is_letter), "{name}");
            assert!(name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit() || byte == b'_'), "{name}");
            assert_eq!(tool.schema()["type"], "object", "{name}");
            assert!(!tool.description().is_empty(), "{name}");
        }
        let mut names: Vec<_> = TOOLS.iter().map(|tool| tool.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TOOLS.len(), "two tools share a name");
    }
}

//! What stands in the wait of a request, and in its answer.

use super::{ApprovalDetail, ApprovalLine, ApprovalSource, ApprovalStatus};
use crate::tools::{self, Shown};
use ally_durable::Wait;
use ally_monitor::{Decision, Exactly, Rule};
use ally_types::{ChatId, Content, MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The request: everything that a step of a turn wants and may not do by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// In which chat.
    pub chat: ChatId,
    /// The answer that is being written.
    pub message: MessageId,
    /// Where the person was, for moments in sentences.
    pub timezone: String,
    /// What is wanted, in the order in which it would be done.
    pub lines: Vec<CardLine>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CardLine {
    /// The call.
    pub call: String,
    /// The tool.
    pub tool: String,
    /// The arguments. If the person agrees, it is these that are carried out.
    pub input: Value,
    /// The digest of what the tool took when it was asked for.
    pub schema: String,
    /// What exactly is agreed to.
    pub fingerprint: String,
    /// The rule that asks.
    pub rule: String,
    /// The condition that was not met.
    pub why: String,
    /// What the run has read that came from outside.
    pub sources: Vec<Source>,
}

/// Something from outside that the run has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The tool that brought it, if one did.
    pub tool: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Whether it is a file that the person attached.
    #[serde(default)]
    pub is_file: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Answer {
    /// These lines may be done.
    Approve {
        /// Which.
        lines: Vec<String>,
        /// What the person changed.
        edited: Option<Edited>,
        /// What the model shall know.
        reason: Option<Content>,
    },
    /// Nothing of it may be done.
    Reject {
        /// What the model shall know.
        #[serde(default)]
        reason: Option<Content>,
    },
    /// What it asked for has changed.
    Void,
}

/// Other arguments that the person put in the place of those of a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    /// Which line.
    pub line: String,
    /// The arguments.
    pub input: Value,
    /// What exactly is agreed to.
    pub fingerprint: String,
}

impl Card {
    /// Reads the body of a wait.
    pub fn of(wait: &Wait) -> Option<Self> {
        serde_json::from_str(wait.body.expose()).ok()
    }
}

impl Answer {
    /// The answer to a wait, if it has one.
    pub fn to(wait: &Wait) -> Option<Self> {
        serde_json::from_str(wait.resolution.as_ref()?.body.expose()).ok()
    }

    /// As it is kept.
    pub fn written(&self) -> Content {
        Content::new(json!(self).to_string())
    }

    /// What the model shall know.
    pub fn reason(&self) -> Option<&Content> {
        match self {
            Self::Approve { reason, .. } | Self::Reject { reason } => reason.as_ref(),
            Self::Void => None,
        }
    }

    /// Whether a line may be done.
    pub fn allows(&self, line: &str) -> bool {
        matches!(self, Self::Approve { lines, .. } if lines.iter().any(|allowed| allowed == line))
    }

    /// What the person put in the place of a line's arguments.
    pub fn edited(&self, line: &str) -> Option<&Edited> {
        match self {
            Self::Approve { edited, .. } => edited.as_ref().filter(|edited| edited.line == line),
            Self::Reject { .. } | Self::Void => None,
        }
    }
}

impl CardLine {
    /// A line for a call that a decision asks about.
    pub fn new(call: &str, tool: &str, input: &Value, decision: Decision) -> Self {
        let schema = schema_of(tool);
        let why = match decision {
            Decision::Ask { why, .. } | Decision::Refuse { why, .. } => why,
            Decision::Allow { .. } => "",
        };
        Self {
            fingerprint: Exactly { tool, schema: &schema, connection: "", input }.fingerprint(),
            call: call.to_owned(),
            tool: tool.to_owned(),
            input: input.clone(),
            schema,
            rule: decision.rule().as_str().to_owned(),
            why: why.to_owned(),
            sources: Vec::new(),
        }
    }

    /// Says what the run has read from outside, where that is why it asks.
    pub fn came_from(&mut self, sources: &[Source]) {
        if self.rule != Rule::SameCallAgain.as_str() {
            self.sources = sources.to_vec();
        }
    }

    /// Whether the tool still takes what it took, and the arguments are those that were put before the person.
    pub fn is_as_asked(&self) -> bool {
        let schema = schema_of(&self.tool);
        let exactly = Exactly { tool: &self.tool, schema: &schema, connection: "", input: &self.input };
        schema == self.schema && exactly.fingerprint() == self.fingerprint
    }

    /// What everybody sees of it.
    pub fn view(&self, status: ApprovalStatus, answer: Option<&Answer>) -> ApprovalLine {
        let edited = answer.and_then(|answer| answer.edited(&self.call));
        let input = edited.map_or(&self.input, |edited| &edited.input);
        let Shown { title, details } = tools::shown(&self.tool, input);
        let detail = |(name, text, field): (&str, String, Option<&str>)| ApprovalDetail {
            name: name.to_owned(),
            text: text.into(),
            field: field.map(str::to_owned),
        };
        let source = |source: &Source| {
            let what = match &source.tool {
                Some(tool) => tools::shown(tool, &Value::Null).title,
                None if source.is_file => "A file in this chat",
                None => "A message in this chat",
            };
            ApprovalSource { what: what.to_owned(), at: source.at }
        };
        ApprovalLine {
            line: self.call.clone(),
            tool: self.tool.clone(),
            title: title.to_owned(),
            details: details.into_iter().map(detail).collect(),
            input: input.clone(),
            why: self.why.clone(),
            rule: self.rule.clone(),
            sources: self.sources.iter().map(source).collect(),
            allowed: (status != ApprovalStatus::Waiting)
                .then(|| answer.is_some_and(|answer| answer.allows(&self.call))),
            edited: edited.is_some(),
        }
    }
}

/// The digest of what a tool takes, as models are told it. A tool that is not there takes nothing.
pub fn schema_of(tool: &str) -> String {
    let schema = tools::named(tool).map_or(
        Value::Null,
        |tool| json!({ "name": tool.name(), "description": tool.description(), "input": tool.schema() }),
    );
    ally_monitor::digest(&schema)
}

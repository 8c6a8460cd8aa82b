//! What a message is: its parts, its author, how far it has come.

pub mod again;
pub mod claims;
pub mod http;
pub mod path;
pub mod store;
pub mod view;

use crate::approvals::Approval;
use crate::attachments::Attachment;
use crate::feedback::Feedback;
use crate::imports::Service;
use crate::usage::http::is_none;
use ally_llm::Usage;
use ally_types::{ChatId, Content, MessageId, Problem, RunId, Timestamp, VersionId};
use serde::{Deserialize, Serialize};

/// One message of a chat, as everybody sees it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Message {
    /// Its id; ids sort by time.
    pub id: MessageId,
    /// The chat it stands in.
    pub chat: ChatId,
    /// The run that it started (a question) or that writes it (an answer).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The message before it; the first message of a chat has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<MessageId>,
    /// Which version of those that stand in its place, from 1.
    pub version: usize,
    /// How many versions there are.
    pub versions: usize,
    /// All versions, itself among them, the oldest first; absent when it is the only one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub siblings: Vec<MessageId>,
    /// Who speaks.
    pub role: Role,
    /// How far it has come.
    pub status: Status,
    /// All its text parts, joined.
    pub text: Content,
    /// What it is made of, in order.
    pub parts: Vec<Part>,
    /// The files that the person attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Who wrote it.
    pub author: Author,
    /// When it was made.
    pub created: Timestamp,
    /// What the person was asked to agree to for it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// Tokens of all model calls of this answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What was done for it, from the rows of what was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// The first sentence that says that something was done, when nothing was that could have done it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_verified: Option<Content>,
    /// What the person thinks of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// Why it is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Whether a model is needed to answer and none was connected.
    pub needs_model: bool,
}

/// What was done for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Receipt {
    /// How often a model was called.
    pub calls: u32,
    /// How many tools did what was asked.
    pub tools: usize,
    /// How many did not, or nobody can tell.
    pub failed: usize,
    /// How many of those that did it changed something.
    pub changes: usize,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub millis: Option<i64>,
    /// How many of the calls the person's own key paid.
    #[serde(skip_serializing_if = "is_none")]
    pub own_calls: u64,
    /// What that cost, in millionths of a US dollar; absent where nothing was paid by it, or the price is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person.
    User,
    /// Ally.
    Assistant,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for the turn before it.
    Queued,
    /// Is being written.
    Streaming,
    /// Whole.
    Complete,
    /// The person stopped it; what was written is kept.
    Stopped,
    /// It broke off; what was written is kept.
    Interrupted,
    /// Nothing could be written.
    Failed,
}

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Author {
    /// The person.
    Person,
    /// A language model.
    Model {
        /// Whose.
        provider: String,
        /// Which.
        model: String,
    },
    /// Another assistant, elsewhere: the message was imported.
    Imported {
        /// Which one.
        service: Service,
        /// Its model, if the export says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
    },
    /// A built-in command: no model was called.
    Builtin,
    /// A fixed sentence of Ally.
    Ally,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: Content,
    },
    /// The model's visible thinking.
    Thinking {
        /// The text.
        text: Content,
    },
    /// A tool that was called.
    Tool {
        /// The call.
        call: String,
        /// The tool's name.
        tool: String,
        /// Its arguments.
        input: serde_json::Value,
        /// How far it has come.
        status: CallStatus,
        /// What came of it, in a few words.
        #[serde(skip_serializing_if = "Option::is_none")]
        summary: Option<Content>,
        /// The memory file that it changed.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<FileRef>,
    },
}

/// How far a tool call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// It has begun.
    Running,
    /// It waits until the person agrees.
    Waiting,
    /// It did what was asked.
    Ok,
    /// It did not.
    Failed,
    /// Nobody can tell whether it did.
    Unknown,
}

/// One version of a memory file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FileRef {
    /// The path, relative to `/memories`.
    pub path: Content,
    /// The version that was made.
    pub version: VersionId,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Streaming, Self::Complete, Self::Stopped, Self::Interrupted, Self::Failed];

    /// The word kept in a column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Streaming => "streaming",
            Self::Complete => "complete",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }

    /// Reads the word back.
    pub fn from_stored(word: &str) -> Self {
        Self::ALL.into_iter().find(|status| status.as_str() == word).unwrap_or(Self::Failed)
    }

    /// Whether nothing more will come by itself.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Streaming)
    }
}

impl Role {
    /// The word kept in a column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl Message {
    /// Adds text at the end, to the last part if that is text.
    pub fn push_text(&mut self, more: &str) {
        self.text.push_str(more);
        match self.parts.last_mut() {
            Some(Part::Text { text }) => text.push_str(more),
            _ => self.parts.push(Part::Text { text: more.into() }),
        }
    }

    /// Adds thinking at the end, to the last part if that is thinking.
    pub fn push_thinking(&mut self, more: &str) {
        match self.parts.last_mut() {
            Some(Part::Thinking { text }) => text.push_str(more),
            _ => self.parts.push(Part::Thinking { text: more.into() }),
        }
    }
}

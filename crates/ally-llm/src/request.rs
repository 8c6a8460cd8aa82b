//! What is asked of a model.

use crate::File;
use ally_types::Content;
use serde::{Deserialize, Serialize};

/// One call of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Instructions that stand before the conversation.
    pub system: Content,
    /// The conversation; starts with the user, ends with the user or with tool results.
    pub messages: Vec<Message>,
    /// What the model may call.
    #[serde(default)]
    pub tools: Vec<ToolSpec>,
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// How much the model may think.
    #[serde(default)]
    pub effort: Effort,
    /// A pseudonym that says nothing about the person, for the provider's own abuse limits.
    pub pseudonym: String,
    /// The moment of the question and the person's time zone (IANA), for built-in commands and scripted providers.
    pub asked_at: ally_types::Timestamp,
    /// The person's time zone, `Europe/Berlin`; `UTC` when not set.
    pub timezone: String,
}

/// How much a model may think before it answers; the person sees it as "Thinking time".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Answers at once where that is good enough.
    Quick,
    /// As much as the question seems to need.
    #[default]
    Normal,
    /// Takes its time.
    Thorough,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person, or the results of tools.
    User,
    /// The model.
    Assistant,
}

/// One message: blocks in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub blocks: Vec<Block>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Block {
    /// Plain text; never empty.
    Text {
        /// The text.
        text: Content,
    },
    /// A file that the person attached; it stands before the words that came with it.
    File {
        /// The file.
        file: File,
    },
    /// The model wants a tool to run.
    ToolCall {
        /// The provider's id of the call; unique in the conversation.
        call: String,
        /// The tool's name, `^[a-z][a-z0-9_]{0,63}$`.
        tool: String,
        /// Arguments, a JSON object.
        input: serde_json::Value,
    },
    /// What a tool answered. Every [`Block::ToolCall`] has exactly one, in the next user message.
    ToolResult {
        /// The id of the call that is answered.
        call: String,
        /// Whether the tool did what was asked.
        ok: bool,
        /// What it said; never empty.
        text: Content,
    },
    /// A block that only its provider understands (thinking with a signature, for example). It is replayed to the
    /// same provider at the same place and left out for any other.
    Opaque {
        /// Which adapter made it, `anthropic`.
        provider: String,
        /// The block's JSON as it came, as text so that nothing is reordered.
        raw: Content,
    },
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// `^[a-z][a-z0-9_]{0,63}$`.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON Schema of the arguments.
    pub input: serde_json::Value,
}

//! What a chat tells everybody who watches it, as it happens.

pub mod http;
pub mod hub;

use crate::approvals::Approval;
use crate::chats::Chat;
use crate::messages::{FileRef, Message};
use crate::turns::context::Gauge;
use ally_llm::Usage;
use ally_types::{Content, MessageId, Problem, RunId, SummaryId, VersionId};
use serde::Serialize;

pub use hub::Hub;

/// One event on a chat's stream.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(tag = "type")]
#[expect(clippy::large_enum_variant, reason = "an event is written at once and never kept")]
pub enum Event {
    /// A turn has begun.
    #[serde(rename = "run.started")]
    RunStarted {
        /// The turn.
        run: RunId,
        /// What is answered.
        question: Message,
        /// The place of the answer.
        answer: Message,
    },
    /// The whole message as it is now; it replaces what the reader had.
    #[serde(rename = "message.snapshot")]
    MessageSnapshot {
        /// The message.
        message: Message,
        /// Which try of the present model call this is.
        attempt: u32,
    },
    /// More text of an answer.
    #[serde(rename = "text.delta")]
    TextDelta {
        /// The answer.
        message: MessageId,
        /// The text to add.
        text: Content,
    },
    /// More visible thinking.
    #[serde(rename = "thinking.delta")]
    ThinkingDelta {
        /// The answer.
        message: MessageId,
        /// The text to add.
        text: Content,
    },
    /// A tool was called.
    #[serde(rename = "tool.called")]
    ToolCalled {
        /// The answer.
        message: MessageId,
        /// The call.
        call: String,
        /// The tool's name.
        tool: String,
        /// Its arguments.
        input: serde_json::Value,
    },
    /// A tool has answered.
    #[serde(rename = "tool.finished")]
    ToolFinished {
        /// The answer.
        message: MessageId,
        /// The call.
        call: String,
        /// Whether it did what was asked.
        ok: bool,
        /// What came of it.
        summary: Content,
        /// The memory file that it changed.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<FileRef>,
    },
    /// Something may be done only if the person agrees; the run waits for it.
    #[serde(rename = "approval.requested")]
    ApprovalRequested {
        /// The answer.
        message: MessageId,
        /// What is asked for.
        approval: Approval,
    },
    /// An approval request no longer waits.
    #[serde(rename = "approval.decided")]
    ApprovalDecided {
        /// The answer.
        message: MessageId,
        /// How it was answered.
        approval: Approval,
    },
    /// A memory file was changed.
    #[serde(rename = "memory.changed")]
    MemoryChanged {
        /// Which, relative to `/memories`.
        path: Content,
        /// The version that was made.
        version: VersionId,
        /// How.
        change: FileChange,
    },
    /// The provider could not begin; it is asked again after a pause.
    #[serde(rename = "message.waiting")]
    MessageWaiting {
        /// The answer.
        message: MessageId,
        /// Why, as a sentence.
        reason: String,
        /// How long the pause is, in seconds.
        seconds: u32,
    },
    /// Tokens of the answer so far.
    #[serde(rename = "usage")]
    Usage {
        /// The answer.
        message: MessageId,
        /// The counts.
        usage: Usage,
    },
    /// The answer is over.
    #[serde(rename = "message.completed")]
    MessageCompleted {
        /// The message.
        message: Message,
    },
    /// The turn is over.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// The turn.
        run: RunId,
        /// How it ended.
        status: crate::runs::RunStatus,
    },
    /// The chat has another title, or was deleted or restored.
    #[serde(rename = "chat.changed")]
    ChatChanged {
        /// The chat.
        chat: Chat,
    },
    /// Another version of a message is shown: what stood behind this place is to be read again.
    #[serde(rename = "path.changed")]
    PathChanged {
        /// The last message that stays; absent when the first message has another version.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<MessageId>,
    },
    /// The model's window is as full as this after a turn; a summary may have been made.
    #[serde(rename = "context")]
    Context {
        /// How full.
        gauge: Gauge,
        /// What was summarised just now.
        #[serde(skip_serializing_if = "Option::is_none")]
        summary: Option<SummaryId>,
    },
    /// Something did not work.
    #[serde(rename = "error")]
    Error {
        /// What, and what to do.
        problem: Problem,
    },
}

/// How a file was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileChange {
    /// It is new.
    Created,
    /// It has another text.
    Changed,
    /// It is gone.
    Deleted,
}

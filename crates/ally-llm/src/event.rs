//! What a model answers, as it arrives.

use crate::Block;
use ally_types::Content;
use serde::{Deserialize, Serialize};

/// One piece of an answer. A stream ends with exactly one [`Event::Finished`] or [`Event::Failed`]; a stream that
/// ends with neither was cut off, and whoever reads it must treat it as [`FailureKind::Truncated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Event {
    /// The provider has begun to answer.
    Started {
        /// Which adapter answers: `anthropic`, `openai_compatible`, `scripted` or `builtin`.
        provider: String,
        /// The model's name as the provider states it; empty for built-in commands.
        model: String,
        /// Tokens that it reads at most, where the provider's own list says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<u64>,
    },
    /// More text of the answer.
    TextDelta {
        /// The text to add.
        text: Content,
    },
    /// More of the model's visible thinking.
    ThinkingDelta {
        /// The text to add.
        text: Content,
    },
    /// A block is complete, in order. Text blocks hold the whole text that the deltas before it made up.
    Block {
        /// The block.
        block: Block,
    },
    /// Tokens so far; each one replaces the one before. Sent as soon as the provider states it, so that an aborted
    /// answer is counted too.
    Usage {
        /// The counts.
        usage: Usage,
    },
    /// The answer is whole.
    Finished {
        /// Why it ended.
        stop: Stop,
    },
    /// The answer broke off, or never began.
    Failed {
        /// What happened.
        failure: Failure,
    },
}

/// Tokens of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Usage {
    /// Read by the model, without what came from its cache.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
    /// Read from the provider's cache.
    pub cache_read: u64,
    /// Written to the provider's cache.
    pub cache_write: u64,
}

impl std::ops::Add for Usage {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            input: self.input + more.input,
            output: self.output + more.output,
            cache_read: self.cache_read + more.cache_read,
            cache_write: self.cache_write + more.cache_write,
        }
    }
}

/// Why a whole answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The model had said what it wanted to.
    EndTurn,
    /// The model waits for tool results.
    ToolUse,
    /// The limit of tokens was reached; the text may end in the middle.
    MaxTokens,
    /// The model or its provider declined.
    Refused,
    /// The provider paused a long turn; send the conversation again to go on.
    Paused,
    /// Only built-in commands: none of them fits, a model is needed. No text was sent.
    NeedsModel,
}

/// What went wrong, as far as somebody can do something about it. Never holds the provider's own text,
/// which may repeat the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which kind.
    pub kind: FailureKind,
    /// Seconds after which the provider says that trying again makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// The provider's HTTP status, if it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// The kinds of failure. Each has its sentence for the person in `ally-assistant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No provider is connected.
    NoProvider,
    /// Too many requests (429).
    RateLimited,
    /// The provider has no capacity (529, 503).
    Overloaded,
    /// The key is wrong or was withdrawn (401, 403).
    Auth,
    /// The key has no money left.
    Quota,
    /// The conversation is too long for the model.
    ContextTooLong,
    /// The provider says the request is wrong (400): our fault.
    BadRequest,
    /// The provider's own fault (500, 502, 504).
    Provider,
    /// The provider could not be reached.
    Network,
    /// Nothing came for too long.
    Stalled,
    /// The stream ended in the middle.
    Truncated,
    /// What came was not what the protocol says.
    Garbage,
    /// A usage limit of this installation was reached.
    Limit,
    /// The person stopped it.
    Cancelled,
}

impl Failure {
    /// A failure of which only the kind is known.
    pub const fn of(kind: FailureKind) -> Self {
        Self { kind, retry_after: None, status: None }
    }

    /// Whether asking again, a little later, may help.
    pub const fn may_pass(self) -> bool {
        matches!(
            self.kind,
            FailureKind::RateLimited
                | FailureKind::Overloaded
                | FailureKind::Provider
                | FailureKind::Network
                | FailureKind::Stalled
                | FailureKind::Truncated
        )
    }
}

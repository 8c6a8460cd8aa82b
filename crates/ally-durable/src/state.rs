//! The states of a run and the moves between them. A move is a function and may refuse.

use ally_types::Timestamp;
use serde::Serialize;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Will be taken up as soon as possible.
    Queued,
    /// Was taken up by the process with this epoch.
    Running {
        /// Which process.
        epoch: u64,
    },
    /// Waits for a person, a moment, an event or another run.
    Waiting {
        /// Since when.
        since: Timestamp,
    },
    /// Done.
    Succeeded {
        /// When.
        at: Timestamp,
    },
    /// Not done, and will not be.
    Failed {
        /// When.
        at: Timestamp,
        /// A stable name, `provider_down`.
        reason: String,
    },
    /// Stopped by a person.
    Cancelled {
        /// When.
        at: Timestamp,
    },
    /// A person must look, because nobody can know whether something happened.
    NeedsAttention {
        /// Since when.
        since: Timestamp,
        /// A stable name, `unknown_outcome`.
        reason: String,
    },
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Done.
    Succeeded,
    /// Not done; the reason is a stable name that says nothing of anybody's words.
    Failed {
        /// A stable name, `provider_down`.
        reason: &'static str,
    },
    /// Stopped.
    Cancelled,
}

/// The move is not possible from this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {from} cannot become {to}")]
pub struct Refused {
    /// The state it is in.
    pub from: &'static str,
    /// The state it should have got.
    pub to: &'static str,
}

impl State {
    /// The word kept in the database and sent in JSON.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running { .. } => "running",
            Self::Waiting { .. } => "waiting",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::NeedsAttention { .. } => "needs_attention",
        }
    }

    /// Whether nothing more will happen.
    pub const fn is_ended(&self) -> bool {
        matches!(self, Self::Succeeded { .. } | Self::Failed { .. } | Self::Cancelled { .. })
    }

    /// A process takes the run up, for the first time or after an interruption.
    pub fn claim(&self, epoch: u64) -> Result<Self, Refused> {
        match self {
            Self::Queued | Self::Running { .. } => Ok(Self::Running { epoch }),
            _ => Err(self.refuse("running")),
        }
    }

    /// The run waits for something.
    pub fn wait(&self, since: Timestamp) -> Result<Self, Refused> {
        match self {
            Self::Running { .. } => Ok(Self::Waiting { since }),
            _ => Err(self.refuse("waiting")),
        }
    }

    /// The run cannot go on without a person who looks.
    pub fn ask(&self, since: Timestamp, reason: &str) -> Result<Self, Refused> {
        match self {
            Self::Running { .. } => Ok(Self::NeedsAttention { since, reason: reason.to_owned() }),
            _ => Err(self.refuse("needs_attention")),
        }
    }

    /// What it waited for has come.
    pub fn wake(&self) -> Result<Self, Refused> {
        match self {
            Self::Waiting { .. } | Self::NeedsAttention { .. } => Ok(Self::Queued),
            _ => Err(self.refuse("queued")),
        }
    }

    /// The run ends. Only a running one can succeed; every open one can fail or be cancelled.
    pub fn end(&self, at: Timestamp, ending: Ending) -> Result<Self, Refused> {
        let (ended, is_allowed) = match ending {
            Ending::Succeeded => (Self::Succeeded { at }, matches!(self, Self::Running { .. })),
            Ending::Failed { reason } => (Self::Failed { at, reason: reason.to_owned() }, !self.is_ended()),
            Ending::Cancelled => (Self::Cancelled { at }, !self.is_ended()),
        };
        if is_allowed { Ok(ended) } else { Err(self.refuse(ended.as_str())) }
    }

    /// The name of the reason, where there is one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed { reason, .. } | Self::NeedsAttention { reason, .. } => Some(reason),
            _ => None,
        }
    }

    fn refuse(&self, to: &'static str) -> Refused {
        Refused { from: self.as_str(), to }
    }

    /// Reads the columns back; `None` for a word this version does not know.
    pub(crate) fn from_columns(word: &str, reason: Option<String>, at: Timestamp, epoch: u64) -> Option<Self> {
        let reason = reason.unwrap_or_default();
        Some(match word {
            "queued" => Self::Queued,
            "running" => Self::Running { epoch },
            "waiting" => Self::Waiting { since: at },
            "succeeded" => Self::Succeeded { at },
            "failed" => Self::Failed { at, reason },
            "cancelled" => Self::Cancelled { at },
            "needs_attention" => Self::NeedsAttention { since: at, reason },
            _ => return None,
        })
    }
}

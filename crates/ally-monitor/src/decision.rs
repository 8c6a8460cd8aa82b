//! What the monitor answers, and which rule decided.

use serde::{Deserialize, Serialize};

/// The answer to one call. Kept with the call, so that a person can read why something was done or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// It may be done now.
    Allow {
        /// The rule that decided.
        rule: Rule,
    },
    /// It may be done once the person has agreed to exactly this.
    Ask {
        /// The rule that decided.
        rule: Rule,
        /// The condition that was not met, in words for the person.
        why: &'static str,
    },
    /// It is not done, and nobody is asked.
    Refuse {
        /// The rule that decided.
        rule: Rule,
        /// The condition that was not met, in words for the person.
        why: &'static str,
    },
}

impl Decision {
    /// The rule that decided.
    pub const fn rule(self) -> Rule {
        match self {
            Self::Allow { rule } | Self::Ask { rule, .. } | Self::Refuse { rule, .. } => rule,
        }
    }

    /// Whether it may be done now.
    pub const fn is_free(self) -> bool {
        matches!(self, Self::Allow { .. })
    }
}

impl std::str::FromStr for Rule {
    type Err = ();

    /// Reads the word of a journal row back.
    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == word).ok_or(())
    }
}

/// The rules that exist. A number is the one in the security page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// R1: reading is free; what was read marks the run.
    ReadIsFree,
    /// R7: a change in the person's own space is free, since it is journaled and can be undone.
    LocalCanBeUndone,
    /// R7: after reading outside content, a change of memory is a proposal.
    MemoryAfterOutside,
    /// No rule says otherwise, and it leaves the person's space or cannot be undone.
    LeavesOrDestroys,
    /// Nothing else is against it, but exactly this was called twice already.
    SameCallAgain,
    /// A call whose tool has no proper name cannot be shown to anyone.
    UnreadableTool,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ReadIsFree,
        Self::LocalCanBeUndone,
        Self::MemoryAfterOutside,
        Self::LeavesOrDestroys,
        Self::SameCallAgain,
        Self::UnreadableTool,
    ];

    /// The word kept in a journal row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadIsFree => "read_is_free",
            Self::LocalCanBeUndone => "local_can_be_undone",
            Self::MemoryAfterOutside => "memory_after_outside",
            Self::LeavesOrDestroys => "leaves_or_destroys",
            Self::SameCallAgain => "same_call_again",
            Self::UnreadableTool => "unreadable_tool",
        }
    }
}

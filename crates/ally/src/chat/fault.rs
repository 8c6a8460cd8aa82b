//! Why the command cannot go on.

use ally_types::Problem;

/// What went wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// The person leaves, or whoever read the answer is gone.
    Left,
    /// The server does not know the session, or not any more.
    SignedOut,
    /// The server cannot be reached, or the connection broke.
    Broken,
    /// The server has said what does not work.
    Problem(Problem),
    /// Something else, with what to do.
    Said {
        /// What happened.
        what: String,
        /// What to do next.
        next_step: String,
    },
}

impl Fault {
    /// A sentence, and what to do next.
    pub(super) fn said(what: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::Said { what: what.into(), next_step: next_step.into() }
    }

    /// Whether it may pass by itself.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Broken => true,
            Self::Problem(problem) => problem.status >= 500,
            _ => false,
        }
    }
}

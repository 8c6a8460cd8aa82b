//! Why a run cannot go on, told apart by what happens next.

use crate::state::Refused;
use ally_store::{StoreError, rusqlite};
use ally_types::Problem;

/// An executor returns these as they are; the engine knows what each means.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The database failed. The engine enters the run again later.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody asked to stop. The engine ends the run as cancelled unless the executor has done so.
    #[error("the run was cancelled")]
    Cancelled,
    /// The run waits for something. It is entered again when that has come.
    #[error("the run waits")]
    Suspended,
    /// A person must say whether something happened. The run is entered again after that.
    #[error("the run needs a person")]
    Attention,
    /// The run has ended or was taken over. Nothing more may be done for it.
    #[error("the run is no longer ours")]
    NotYours,
    /// The state of the run does not allow it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It cannot be done. The engine ends the run as failed, with the problem's stable name as the reason.
    #[error("{0}")]
    Problem(Problem),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => error.into(),
            Error::Problem(problem) => problem,
            Error::Cancelled => {
                Self::new(409, "run_cancelled", "This was stopped.").next("Start it again if you want it.")
            }
            Error::Suspended | Error::Attention => {
                Self::new(409, "run_waits", "This waits for an answer.").next("Answer the open question first.")
            }
            Error::NotYours | Error::Refused(_) => {
                Self::new(409, "run_ended", "This has already ended.").next("Look at its history, or start it again.")
            }
        }
    }
}

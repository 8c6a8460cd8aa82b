//! Why something was not done, small enough to travel through every function.

use ally_store::StoreError;
use ally_types::Problem;

/// What a function that may not succeed answers.
pub type Done<T> = Result<T, Fault>;

/// Either the database failed, or there is something to tell the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The database failed.
    Store(StoreError),
    /// What the person is told.
    Problem(Box<Problem>),
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Problem(problem) => *problem,
            Fault::Store(error) => {
                if let StoreError::Other { code } = error {
                    ally_types::log::error("the database failed", &[("code", &code)]);
                }
                error.into()
            }
        }
    }
}

impl From<Fault> for ally_durable::Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Problem(problem) => Self::Problem(*problem),
            Fault::Store(error) => Self::Store(error),
        }
    }
}

impl From<ally_durable::Error> for Fault {
    fn from(error: ally_durable::Error) -> Self {
        match error {
            ally_durable::Error::Store(error) => Self::Store(error),
            other => Problem::from(other).into(),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Problem(problem) => problem.fmt(f),
        }
    }
}

impl std::error::Error for Fault {}

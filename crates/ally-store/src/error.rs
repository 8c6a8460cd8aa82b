//! What can go wrong with a database, told apart by what a caller can do about it.

use crate::migrate::Fault;
use ally_types::Problem;
use rusqlite::ErrorCode;

/// Why something was not read or written. Never holds SQL, values or paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no room left on the disk. Nothing of the transaction was kept.
    #[error("the disk is full")]
    DiskFull,
    /// Another process holds the data: the lock file or the database itself.
    #[error("the data is in use by another process")]
    InUse,
    /// The file is not a database, or a damaged one.
    #[error("the database is damaged")]
    Corrupt,
    /// The schema and this version of Ally do not fit together.
    #[error("migration {number}: {fault}")]
    Migration {
        /// The first migration that does not fit.
        number: u32,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A row with the same key exists already.
    #[error("a row with the same key exists already")]
    Unique,
    /// Another rule of the schema was broken: a missing parent, a NULL, a CHECK.
    #[error("a rule of the schema was broken")]
    Constraint,
    /// Anything else; the number is SQLite's extended result code, or the system's error number.
    #[error("the database failed with code {code}")]
    Other {
        /// SQLite's extended result code, the system's error number, or 0.
        code: i32,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error() else {
            return Self::Other { code: 0 };
        };
        match code.code {
            ErrorCode::DiskFull => Self::DiskFull,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::InUse,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt,
            ErrorCode::ConstraintViolation => match code.extended_code {
                rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
                | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                | rusqlite::ffi::SQLITE_CONSTRAINT_ROWID => Self::Unique,
                _ => Self::Constraint,
            },
            _ => Self::Other { code: code.extended_code },
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Other { code: error.raw_os_error().unwrap_or(0) },
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DiskFull => Self::disk_full(),
            StoreError::InUse => Self::new(503, "data_in_use", "Another process is using this data.")
                .next("Stop the other process, then try again.")
                .retry_after(1),
            StoreError::Corrupt => Self::new(500, "data_damaged", "The database on this machine is damaged.")
                .next("Run `ally doctor`, and restore the last backup."),
            StoreError::Migration { fault: Fault::Newer, .. } => {
                Self::new(500, "data_newer", "This data was written by a newer version of Ally.")
                    .next("Start the newer version again, or restore the backup made before the upgrade.")
            }
            StoreError::Migration { .. } => Self::new(500, "data_migration", "The data could not be upgraded.")
                .next("Start the version that was used before, and report this."),
            StoreError::Unique => {
                Self::new(409, "already_exists", "This exists already.").next("Load the list again to see it.")
            }
            StoreError::Constraint | StoreError::Other { .. } => Self::internal(),
        }
    }
}

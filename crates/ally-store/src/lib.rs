//! SQLite for one process: open, migrate, write with group commit, replace files safely.
//!
//! A [`Store`] is one connection behind a lock with a queue. Whoever finds the lock free commits on the calling
//! thread; whoever finds it taken leaves a closure in the queue and is committed together with the others by the
//! holder. Nothing is answered before `COMMIT` has returned, and the database runs with WAL and `synchronous=FULL`:
//! what was answered survives power loss.

pub mod cells;
mod error;
pub mod files;
mod lease;
mod migrate;
mod schema;
mod store;
mod writer;

pub use error::StoreError;
pub use migrate::{Fault, Migration, migrations_entry};
pub use rusqlite::{self, OptionalExtension, named_params, params};
pub use store::Store;
pub use writer::Tx;

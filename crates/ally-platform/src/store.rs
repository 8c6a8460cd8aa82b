//! The platform's database: SQLite by default, PostgreSQL at scale, from the same statements and migrations.

mod migrate;
mod visit;

pub use migrate::Column;
pub use visit::{Visit, visit};

use ally_types::log::{self, Loggable};
use ally_types::{Clock, Problem};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyPool, Transaction};
use std::ops::{Deref, DerefMut};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// What a store function works on: an open transaction.
pub type Tx = sqlx::AnyConnection;

/// Which database stands behind the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// The open database.
pub(crate) struct Store {
    pool: AnyPool,
    engine: Engine,
    /// SQLite has one writer. Waiting here, in order, is fairer than its busy handler, which polls.
    writing: Mutex<()>,
}

/// A write transaction. Dropped without [`Writing::commit`] it changes nothing.
pub(crate) struct Writing<'a> {
    tx: Transaction<'static, sqlx::Any>,
    _turn: Option<MutexGuard<'a, ()>>,
}

/// Why the database did not do what it was asked. A caller can only tell a full disk from the rest.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No space is left.
    #[error("the disk is full")]
    Full,
    /// All connections are busy.
    #[error("the database is busy")]
    Busy,
    /// The database refused or was not reachable. The text may hold a value, so it is not printed.
    #[error("the database failed")]
    Failed(#[source] sqlx::Error),
    /// A row holds what this version cannot read.
    #[error("a row could not be read")]
    Unreadable,
    /// The migrations of the file and of this program differ.
    #[error("the database was made by another version: {0}")]
    Version(&'static str),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            // 13 is SQLITE_FULL, 53100 is PostgreSQL's disk_full.
            sqlx::Error::Database(inner) => match inner.code().as_deref() {
                Some("13" | "53100") => Self::Full,
                Some("5" | "6") => Self::Busy,
                _ => Self::Failed(error),
            },
            _ => Self::Failed(error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Full => Self::disk_full(),
            StoreError::Busy => Self::new(503, "busy", "Too much is going on right now.")
                .next("Wait a few seconds, then try again.")
                .retry_after(3),
            StoreError::Failed(cause) => {
                log::error("database failed", &[("code", &Code::of(cause))]);
                Self::internal()
            }
            StoreError::Unreadable | StoreError::Version(_) => {
                log::error("a row of the database could not be read", &[]);
                Self::internal()
            }
        }
    }
}

/// The code of a database error: letters, digits and underscores, never its text.
struct Code(String);

impl Code {
    fn of(error: &sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
        Self(code.chars().filter(char::is_ascii_alphanumeric).take(8).collect())
    }
}

impl Loggable for Code {
    fn write(&self, line: &mut String) {
        line.push_str(if self.0.is_empty() { "-" } else { &self.0 });
    }
}

/// Whether a write was refused because the value is already there.
pub(crate) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

impl Store {
    /// Opens the database, makes the file if it is missing, and brings it to this version.
    pub(crate) async fn open(url: &str, clock: &dyn Clock) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let engine = if url.starts_with("postgres") { Engine::Postgres } else { Engine::Sqlite };
        let options = AnyPoolOptions::new().max_connections(8).acquire_timeout(Duration::from_secs(10));
        let pool = match engine {
            Engine::Postgres => options.connect(url).await?,
            Engine::Sqlite => {
                let url = if url.contains('?') || url.contains(":memory:") {
                    url.to_owned()
                } else {
                    format!("{url}?mode=rwc")
                };
                options
                    .after_connect(|connection, _| {
                        Box::pin(async move { sqlx::raw_sql(SQLITE).execute(connection).await.map(drop) })
                    })
                    .connect(&url)
                    .await?
            }
        };
        let store = Self { pool, engine, writing: Mutex::new(()) };
        let mut tx = store.write().await?;
        migrate::up(&mut tx, engine, clock).await?;
        tx.commit().await?;
        Ok(store)
    }

    /// Begins a read. It sees one state of the database until it is dropped.
    pub(crate) async fn read(&self) -> Result<Transaction<'static, sqlx::Any>, StoreError> {
        Ok(self.pool.begin().await?)
    }

    /// Begins a write. On SQLite writers take turns, and the write lock is taken at once, so that nothing that was
    /// read in the transaction can have changed before it commits.
    pub(crate) async fn write(&self) -> Result<Writing<'_>, StoreError> {
        match self.engine {
            Engine::Postgres => Ok(Writing { tx: self.pool.begin().await?, _turn: None }),
            Engine::Sqlite => {
                let turn = self.writing.lock().await;
                Ok(Writing { tx: self.pool.begin_with("BEGIN IMMEDIATE").await?, _turn: Some(turn) })
            }
        }
    }

    /// Every column of every table, for the gate of the privacy register.
    pub(crate) async fn columns(&self) -> Result<Vec<Column>, StoreError> {
        let mut tx = self.read().await?;
        migrate::columns(&mut tx, self.engine).await
    }

    /// Closes all connections; SQLite folds its write-ahead log into the file.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

const SQLITE: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                      PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;";

impl Writing<'_> {
    /// Makes the change durable.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }
}

impl Deref for Writing<'_> {
    type Target = Tx;
    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for Writing<'_> {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

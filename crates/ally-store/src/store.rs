//! The store: opens a database and hands out transactions.

use crate::lease::Lease;
use crate::migrate::{self, Migration};
use crate::writer::{Mode, Tx, Writer};
use crate::{StoreError, schema};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::Arc;

/// One batch at every opening. `cache_size` is in KiB when negative. `fullfsync` and the like stay at their defaults.
/// `auto_vacuum` says something only to a database that is new: it stands before the first page is written.
const PRAGMAS: &str =
    "PRAGMA busy_timeout=2000; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
    PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON; PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY;";

/// What `PRAGMA auto_vacuum` answers where free pages can be given back.
const INCREMENTAL: i64 = 2;

/// A mebibyte of pages: nobody waits long for that, and the log stays small.
const PAGES_AT_ONCE: u32 = 256;

/// Prepared statements that are kept; one costs about a kilobyte.
const STATEMENTS: usize = 64;

/// A database of one process. Cheap to clone; the last clone closes the file and gives the lease back.
#[derive(Clone)]
pub struct Store(Arc<Writer>);

impl Store {
    /// Opens or creates the database at `path`, in a directory that exists, and applies the migrations that are due.
    pub fn open(path: &Path, migrations: &[Migration]) -> Result<Self, StoreError> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let lease = Lease::take(directory)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.execute_batch(PRAGMAS)?;
        migrate::run(&connection, migrations)?;
        Ok(Self(Writer::new(connection, lease)))
    }

    /// Runs `change` in a transaction and answers after `COMMIT` has returned. An error rolls everything back.
    ///
    /// Dropping the future does not take a queued change back: once it was polled, it will be done.
    /// `change` must not use the store itself, and must not wait for anything.
    pub async fn write<T, E, F>(&self, change: F) -> Result<T, E>
    where
        F: FnOnce(&Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.0.submit(Mode::Change, change).await
    }

    /// Runs `question` outside of any transaction, and sees nothing that is not committed. It must not change anything.
    pub async fn read<T, E, F>(&self, question: F) -> Result<T, E>
    where
        F: FnOnce(&Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.0.submit(Mode::Question, question).await
    }

    /// Like [`Store::write`], for code that is not async: blocks until it is committed.
    pub fn write_now<T, E, F>(&self, change: F) -> Result<T, E>
    where
        F: FnOnce(&Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.0.submit_now(Mode::Change, change)
    }

    /// Like [`Store::write`], on a thread of its own, for a process whose one thread serves everybody and must not wait for
    /// a disk. Changes that come meanwhile share the next sync.
    pub async fn write_apart<T, E, F>(&self, change: F) -> Result<T, E>
    where
        F: FnOnce(&Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let store = self.clone();
        let written = tokio::task::spawn_blocking(move || store.write_now(change)).await;
        written.unwrap_or_else(|_| Err(E::from(StoreError::Other { code: 0 })))
    }

    /// Like [`Store::read`], for code that is not async.
    pub fn read_now<T, E, F>(&self, question: F) -> Result<T, E>
    where
        F: FnOnce(&Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.0.submit_now(Mode::Question, question)
    }

    /// After a purge: moves everything from the log into the database and cuts the log to nothing, so that no byte of
    /// what was deleted is left in it. `secure_delete` has already written zeros over it in the database itself. What
    /// has become free is then given back to the disk.
    pub async fn purge_checkpoint(&self) -> Result<(), StoreError> {
        self.checkpoint().await?;
        // Only now: pages that were cut off before their zeros were written would keep what they held.
        let mut has_shrunk = false;
        while self.give_back().await? {
            has_shrunk = true;
        }
        if has_shrunk { self.checkpoint().await } else { Ok(()) }
    }

    /// Gives a few free pages back; says whether there are more. Others have their turn in between. In a database from
    /// before this was possible, free pages stay and are used again.
    async fn give_back(&self) -> Result<bool, StoreError> {
        self.write(|tx| {
            let is_possible = tx.query_row("PRAGMA auto_vacuum", [], |row| row.get::<_, i64>(0))? == INCREMENTAL;
            let free = |tx: &Tx| tx.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0));
            if !is_possible || free(tx)? == 0 {
                return Ok(false);
            }
            let mut step = tx.prepare(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))?;
            let mut rows = step.query([])?;
            while rows.next()?.is_some() {}
            Ok(true)
        })
        .await
    }

    async fn checkpoint(&self) -> Result<(), StoreError> {
        self.read(|tx| {
            let (busy, left): (i64, i64) =
                tx.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            // Anybody who reads the file from outside can hold it up; then nothing was cut and the caller must know.
            if busy == 0 && left == 0 { Ok(()) } else { Err(StoreError::InUse) }
        })
        .await
    }

    /// Every table and its columns, for the privacy register. Full-text indexes are listed, their inner tables are not.
    pub async fn columns(&self) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        self.read(|tx| schema::columns(tx)).await
    }

    /// How many times this database was opened, this time included. Not synced: it may repeat after power loss.
    pub fn epoch(&self) -> u64 {
        self.0.epoch()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

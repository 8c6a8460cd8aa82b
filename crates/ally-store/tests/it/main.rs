//! The tests of the store, through its public functions.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

mod files;
mod opening;
mod writing;

use ally_store::{Migration, Store, StoreError};

/// A table with a unique number and a text, and a full-text index.
const NOTES: &[Migration] = &[
    Migration {
        number: 1,
        name: "notes",
        sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;",
    },
    Migration { number: 2, name: "search", sql: "CREATE VIRTUAL TABLE words USING fts5(text);" },
];

fn open(directory: &tempfile::TempDir) -> Store {
    Store::open(&directory.path().join("ally.db"), NOTES).unwrap()
}

fn insert(tx: &ally_store::Tx, id: i64, text: &str) -> Result<(), StoreError> {
    tx.execute("INSERT INTO notes (id, text) VALUES (?1, ?2)", ally_store::params![id, text])?;
    Ok(())
}

fn count(store: &Store) -> i64 {
    store.read_now(|tx| Ok::<_, StoreError>(tx.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))?)).unwrap()
}

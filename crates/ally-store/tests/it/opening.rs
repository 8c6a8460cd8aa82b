//! Opening a database: migrations, the lease, settings, the list of columns.

use crate::{NOTES, count, insert, open};
use ally_store::{Fault, Migration, Store, StoreError};
use ally_types::Problem;

#[test]
fn what_was_written_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let first = store.epoch();
    store.write_now(|tx| insert(tx, 1, "kept")).unwrap();
    drop(store);
    let store = open(&directory);
    assert_eq!((count(&store), store.epoch()), (1, first + 1));
}

#[test]
fn a_second_process_is_refused_and_the_lease_is_free_after_closing() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let second = Store::open(&directory.path().join("ally.db"), NOTES);
    assert_eq!(second.err(), Some(StoreError::InUse));
    drop(store);
    open(&directory);
}

#[test]
fn an_edited_migration_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(&directory));
    let edited = [Migration { sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT;", ..NOTES[0] }, NOTES[1]];
    let refused = Store::open(&directory.path().join("ally.db"), &edited).err();
    assert_eq!(refused, Some(StoreError::Migration { number: 1, fault: Fault::Edited }));
}

#[test]
fn a_database_of_a_newer_version_is_refused_with_a_next_step() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(&directory));
    let refused = Store::open(&directory.path().join("ally.db"), &NOTES[..1]).err().unwrap();
    assert_eq!(refused, StoreError::Migration { number: 2, fault: Fault::Newer });
    let problem = Problem::from(refused);
    assert_eq!((problem.kind.as_ref(), problem.next_step.is_some()), ("data_newer", true));
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ally.db");
    drop(Store::open(&path, &NOTES[..1]).unwrap());
    let broken = [NOTES[0], NOTES[1], Migration { number: 3, name: "broken", sql: "CREATE TABLE a (b); SELEKT 1;" }];
    let refused = Store::open(&path, &broken).err();
    assert_eq!(refused, Some(StoreError::Migration { number: 3, fault: Fault::Failed }));
    let store = Store::open(&path, &NOTES[..1]).unwrap();
    let tables: Vec<_> = store.read_now(list).unwrap();
    assert_eq!(tables, ["migrations", "notes"]);
}

fn list(tx: &ally_store::Tx) -> Result<Vec<String>, StoreError> {
    let mut statement = tx.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

#[test]
fn a_gap_in_the_numbers_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let refused = Store::open(&directory.path().join("ally.db"), &NOTES[1..]).err();
    assert_eq!(refused, Some(StoreError::Migration { number: 1, fault: Fault::Gap }));
}

#[test]
fn a_file_that_is_no_database_is_called_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ally.db");
    std::fs::write(&path, "this is a letter, not a database, and it is longer than a hundred bytes. ".repeat(20))
        .unwrap();
    assert_eq!(Store::open(&path, NOTES).err(), Some(StoreError::Corrupt));
}

#[test]
fn the_settings_that_promises_rest_on_are_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let settings = store
        .read_now(|tx| {
            let one = |name: &str| tx.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
            Ok::<_, StoreError>([one("synchronous")?, one("secure_delete")?, one("foreign_keys")?, one("cache_size")?])
        })
        .unwrap();
    assert_eq!(settings, [2, 1, 1, -1024]);
    let mode: String =
        store.read_now(|tx| Ok::<_, StoreError>(tx.query_row("PRAGMA journal_mode", [], |row| row.get(0))?)).unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn columns_lists_virtual_tables_but_not_their_inner_ones() {
    let directory = tempfile::tempdir().unwrap();
    let columns = open(&directory).columns().await.unwrap();
    let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let expected = vec![
        ("migrations".to_owned(), text(&["number", "name", "checksum"])),
        ("notes".to_owned(), text(&["id", "text"])),
        ("words".to_owned(), text(&["text"])),
    ];
    assert_eq!(columns, expected);
}

#[tokio::test]
async fn after_a_purge_no_byte_of_it_is_left_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let canary = "canary-7f3a-".repeat(500);
    let text = canary.clone();
    store.write(move |tx| insert(tx, 1, &text)).await.unwrap();
    store.write(|tx| Ok::<_, StoreError>(tx.execute("DELETE FROM notes", [])?)).await.unwrap();
    store.purge_checkpoint().await.unwrap();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(12).any(|window| window == b"canary-7f3a-"));
    }
}

#[tokio::test]
async fn after_a_purge_the_disk_has_the_room_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.db");
    let store = Store::open(&path, NOTES).unwrap();
    let size = || std::fs::metadata(&path).unwrap().len();
    let text = "x".repeat(10_000);
    for number in 0..1000 {
        let text = text.clone();
        store.write(move |tx| insert(tx, number, &text)).await.unwrap();
    }
    store.purge_checkpoint().await.unwrap();
    let full = size();
    assert!(full > 10_000_000, "{full}");
    // Every second one first: what stays is moved together.
    store.write(|tx| Ok::<_, StoreError>(tx.execute("DELETE FROM notes WHERE id % 2 = 0", [])?)).await.unwrap();
    store.purge_checkpoint().await.unwrap();
    assert!(size() < full * 7 / 10, "{} of {full}", size());
    let count: i64 = store
        .read(|tx| {
            Ok::<_, StoreError>(
                tx.query_row("SELECT count(*) FROM notes WHERE length(text) = 10000", [], |row| row.get(0))?,
            )
        })
        .await
        .unwrap();
    assert_eq!(count, 500);
    store.write(|tx| Ok::<_, StoreError>(tx.execute("DELETE FROM notes", [])?)).await.unwrap();
    store.purge_checkpoint().await.unwrap();
    assert!(size() < 100_000, "{}", size());
}

//! Files that are replaced whole.

use ally_store::{StoreError, files};

#[test]
fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("note.md");
    files::replace(&path, b"one").unwrap();
    files::replace(&path, b"two").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    files::remove(&path).unwrap();
    files::remove(&path).unwrap();
    assert!(!path.exists());
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let answer = files::replace(&directory.path().join("none").join("note.md"), b"one");
    assert!(matches!(answer, Err(StoreError::Other { .. })));
}

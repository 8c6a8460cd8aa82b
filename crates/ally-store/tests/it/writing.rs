//! Writing: groups, errors, panics, hooks, a full disk.

use crate::{count, insert, open};
use ally_store::{Store, StoreError};
use std::sync::{Arc, Barrier, Mutex};

type Change = Box<dyn FnOnce(&ally_store::Tx) -> Result<(), StoreError> + Send>;

/// Holds the lock until so many changes wait behind it, then lets them go as one group.
fn in_one_group(store: &Store, changes: Vec<Change>) -> Vec<std::thread::Result<Result<(), StoreError>>> {
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let holder = {
        let (store, entered, leave) = (store.clone(), entered.clone(), leave.clone());
        std::thread::spawn(move || {
            store.write_now(move |_| {
                entered.wait();
                leave.wait();
                Ok::<_, StoreError>(())
            })
        })
    };
    entered.wait();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answers = runtime.block_on(async {
        let waiting: Vec<_> = changes
            .into_iter()
            .map(|change| {
                let store = store.clone();
                tokio::spawn(async move { store.write(change).await })
            })
            .collect();
        // Each task is polled once, and has left its change in the queue.
        tokio::task::yield_now().await;
        leave.wait();
        let mut answers = Vec::new();
        for task in waiting {
            answers.push(task.await.map_err(tokio::task::JoinError::into_panic));
        }
        answers
    });
    holder.join().unwrap().unwrap();
    answers
}

#[test]
fn many_threads_write_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = store.clone();
            scope.spawn(move || {
                for number in 0..50 {
                    store.write_now(move |tx| insert(tx, thread * 1000 + number, "note")).unwrap();
                }
            });
        }
    });
    assert_eq!(count(&store), 400);
    drop(store);
    assert_eq!(count(&open_when_free(&directory)), 400);
}

/// The thread that served the queue may still be putting its things away.
fn open_when_free(directory: &tempfile::TempDir) -> Store {
    loop {
        match Store::open(&directory.path().join("ally.db"), crate::NOTES) {
            Err(StoreError::InUse) => std::thread::yield_now(),
            other => return other.unwrap(),
        }
    }
}

#[test]
fn an_error_in_a_group_rolls_back_only_itself() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let answers = in_one_group(
        &store,
        vec![
            Box::new(|tx| insert(tx, 1, "first")),
            Box::new(|tx| {
                insert(tx, 2, "rolled back")?;
                insert(tx, 1, "the same key")
            }),
            Box::new(|tx| insert(tx, 3, "third")),
        ],
    );
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [Ok(()), Err(StoreError::Unique), Ok(())]);
    assert_eq!(count(&store), 2);
}

#[test]
fn a_panic_in_a_group_reaches_its_own_caller_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let answers = in_one_group(
        &store,
        vec![
            Box::new(|tx| insert(tx, 1, "first")),
            Box::new(|tx| {
                insert(tx, 2, "rolled back")?;
                panic!("in the closure")
            }),
            Box::new(|tx| insert(tx, 3, "third")),
        ],
    );
    assert!(matches!(answers[0], Ok(Ok(()))) && answers[1].is_err() && matches!(answers[2], Ok(Ok(()))));
    assert_eq!(count(&store), 2);
}

#[test]
fn a_panic_alone_leaves_the_store_usable() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let other = store.clone();
    let panicked = std::thread::spawn(move || {
        other.write_now(|tx| {
            insert(tx, 1, "rolled back")?;
            panic!("in the closure");
            #[expect(unreachable_code, reason = "gives the closure its type")]
            Ok::<(), StoreError>(())
        })
    });
    assert!(panicked.join().is_err());
    store.write_now(|tx| insert(tx, 2, "after")).unwrap();
    assert_eq!(count(&store), 1);
}

#[test]
fn hooks_run_after_the_commit_in_order_and_not_after_a_rollback() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tell = |id: i64| {
        let seen = Arc::clone(&seen);
        move || seen.lock().unwrap().push(id)
    };
    let (first, second, third) = (tell(1), tell(2), tell(3));
    let answers = in_one_group(
        &store,
        vec![
            Box::new(|tx| {
                tx.after_commit(first);
                insert(tx, 1, "first")
            }),
            Box::new(|tx| {
                tx.after_commit(second);
                insert(tx, 1, "the same key")
            }),
            Box::new(|tx| {
                tx.after_commit(|| panic!("a hook that is broken"));
                tx.after_commit(third);
                insert(tx, 3, "third")
            }),
        ],
    );
    assert_eq!(answers.len(), 3);
    assert_eq!(*seen.lock().unwrap(), [1, 3]);
}

#[tokio::test]
async fn a_question_does_not_see_a_change_that_is_not_committed() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let holder = {
        let (store, entered, leave) = (store.clone(), entered.clone(), leave.clone());
        std::thread::spawn(move || {
            store.write_now(move |_| {
                entered.wait();
                leave.wait();
                Ok::<_, StoreError>(())
            })
        })
    };
    entered.wait();
    let change = tokio::spawn({
        let store = store.clone();
        async move { store.write(|tx| insert(tx, 1, "beside")).await }
    });
    let question = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .read(|tx| Ok::<i64, StoreError>(tx.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))?))
                .await
        }
    });
    tokio::task::yield_now().await;
    leave.wait();
    assert_eq!((question.await.unwrap(), change.await.unwrap()), (Ok(0), Ok(())));
    holder.join().unwrap().unwrap();
}

#[test]
fn a_full_disk_is_told_as_such_and_the_store_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    store.write_now(|tx| insert(tx, 1, "kept")).unwrap();
    limit(&store, "PRAGMA max_page_count=1");
    let big = "x".repeat(200_000);
    assert_eq!(store.write_now(move |tx| insert(tx, 2, &big)), Err(StoreError::DiskFull));
    limit(&store, "PRAGMA max_page_count=1000000");
    store.write_now(|tx| insert(tx, 3, "after")).unwrap();
    assert_eq!(count(&store), 2);
}

#[test]
fn a_full_disk_in_a_group_acknowledges_nothing_that_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    store.write_now(|tx| insert(tx, 1, "kept")).unwrap();
    limit(&store, "PRAGMA max_page_count=1");
    let big = "x".repeat(200_000);
    let answers = in_one_group(
        &store,
        vec![
            Box::new(|tx| insert(tx, 2, "small")),
            Box::new(move |tx| insert(tx, 3, &big)),
            Box::new(|tx| insert(tx, 4, "small")),
        ],
    );
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers[1], Err(StoreError::DiskFull));
    let acknowledged = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(count(&store), 1 + i64::try_from(acknowledged).unwrap());
    assert_eq!(answers[2], Ok(()));
}

fn limit(store: &Store, pragma: &'static str) {
    store.read_now(move |tx| Ok::<_, StoreError>(tx.query_row(pragma, [], |_| Ok(()))?)).unwrap();
}

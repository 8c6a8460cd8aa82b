//! What is held, kept and settled, when somebody stops waiting and when the process dies.

use super::*;
use ally_types::SystemChance;
use ally_types::time::StandingClock;
use futures_util::FutureExt as _;
use std::sync::mpsc;

const NOW: Timestamp = Timestamp::from_millis(1_763_700_000_000);

fn open() -> (tempfile::TempDir, Counters, ServerId) {
    let directory = tempfile::tempdir().expect("a directory");
    let counters = Counters::open(directory.path(), NOW).expect("counters");
    (directory, counters, ServerId::new(&StandingClock::at(NOW), &SystemChance))
}

/// Whatever is written waits until the returned sender is dropped.
fn held_up(counters: &Counters) -> mpsc::Sender<()> {
    let (goes_on, waits) = mpsc::channel();
    let (is_in, inside) = mpsc::channel();
    let store = counters.store();
    std::thread::spawn(move || {
        store.write_now(move |_| -> Result<(), StoreError> {
            is_in.send(()).expect("somebody waits");
            let _ = waits.recv();
            Ok(())
        })
    });
    inside.recv().expect("it is inside");
    goes_on
}

async fn idle(counters: &Counters) {
    counters.busy.subscribe().wait_for(|count| *count == 0).await.expect("it is there");
}

const SMALL: Grant = Grant { day: Some(300), month: None, everybody: None };

async fn reserved(counters: &Counters, server: ServerId) -> i64 {
    counters.of(server, NOW).await.expect("readable").expect("a row").reserved
}

#[tokio::test]
async fn whoever_stops_while_tokens_are_being_held_holds_none_and_is_not_locked_out() {
    let (_directory, counters, server) = open();
    for _ in 0..5 {
        let goes_on = held_up(&counters);
        let asked = counters.reserve(server, NOW, 200, SMALL);
        assert!(Box::pin(asked).as_mut().now_or_never().is_none(), "it waits for the disk, and is dropped");
        drop(goes_on);
        idle(&counters).await;
        assert_eq!(reserved(&counters, server).await, 0);
    }
    // On the disk already, and not yet taken by whoever asked.
    let mut asked = Box::pin(counters.reserve(server, NOW, 200, SMALL));
    assert!(asked.as_mut().now_or_never().is_none());
    idle(&counters).await;
    assert_eq!(reserved(&counters, server).await, 200);
    drop(asked);
    idle(&counters).await;
    assert_eq!(reserved(&counters, server).await, 0);
    assert!(counters.reserve(server, NOW, 300, SMALL).await.expect("written").is_ok());
}

#[tokio::test]
async fn whoever_stops_while_a_call_is_being_settled_leaves_nothing_that_nobody_gives_back() {
    let (_directory, counters, server) = open();
    let hold = counters.reserve(server, NOW, 200, Grant::default()).await.expect("written").expect("no limit");
    let goes_on = held_up(&counters);
    assert!(Box::pin(counters.settle(server, hold, 50)).as_mut().now_or_never().is_none());
    drop(goes_on);
    idle(&counters).await;
    let row = counters.of(server, NOW).await.expect("readable").expect("a row");
    assert_eq!((row.reserved, row.settled), (200 + GROWS_BY, 50), "kept for her next question");
    counters.let_all_go().await.expect("written");
    assert_eq!(reserved(&counters, server).await, 0);
}

/// What is settled after the process was killed and began anew, on a machine whose start has this id.
async fn after_a_kill(counters: Counters, directory: &Path, server: ServerId, start: &str) -> (i64, i64) {
    drop(counters);
    let counters = Counters::open_after(directory, NOW, Some(start)).expect("counters");
    let row = counters.of(server, NOW).await.expect("readable").expect("a row");
    let total = counters.store.read(|tx| {
        let total = tx.query_row("SELECT settled, reserved FROM totals", [], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok::<(i64, i64), StoreError>(total?)
    });
    assert_eq!(total.await.expect("readable"), (row.settled, row.reserved), "everybody together");
    (row.settled, row.reserved)
}

#[tokio::test]
async fn of_a_killed_process_what_was_kept_is_given_back_and_what_a_call_had_taken_counts() {
    let hold = async |counters: &Counters, server| {
        counters.reserve(server, NOW, 200, Grant::default()).await.expect("written").expect("no limit")
    };
    // Kept for a question that never came.
    let (directory, counters, server) = open();
    let directory = directory.path();
    let start = marks::start_of_machine().expect("Linux says so");
    let first = hold(&counters, server).await;
    counters.settle(server, first, 50).await.expect("written");
    assert_eq!(reserved(&counters, server).await, 200 + GROWS_BY);
    assert_eq!(after_a_kill(counters, directory, server, &start).await, (50, 0));
    // A call has taken it, which nobody wrote into the database.
    let counters = Counters::open(directory, NOW).expect("counters");
    let first = hold(&counters, server).await;
    counters.settle(server, first, 50).await.expect("written");
    let taken = hold(&counters, server).await;
    assert!(taken.place.is_some(), "it came from what was kept");
    assert_eq!(after_a_kill(counters, directory, server, &start).await, (100 + 200 + GROWS_BY, 0));
    // Settled, and kept once more: the mark of before says nothing about it.
    let counters = Counters::open(directory, NOW).expect("counters");
    for _ in 0..3 {
        let next = hold(&counters, server).await;
        counters.settle(server, next, 0).await.expect("written");
    }
    assert_eq!(after_a_kill(counters, directory, server, &start).await, (300 + GROWS_BY, 0));
    // The machine stopped: what was written and not synced may be gone, so all of it counts.
    let counters = Counters::open(directory, NOW).expect("counters");
    let first = hold(&counters, server).await;
    counters.settle(server, first, 0).await.expect("written");
    assert_eq!(after_a_kill(counters, directory, server, "another").await, (500 + 2 * GROWS_BY, 0));
}

#[tokio::test]
async fn of_two_calls_at_once_one_keeps_and_the_other_takes_nothing_from_it() {
    let (directory, counters, server) = open();
    let hold = async || counters.reserve(server, NOW, 200, Grant::default()).await.expect("written").expect("no limit");
    let first = hold().await;
    counters.settle(server, first, 0).await.expect("written");
    let (taken, beside) = (hold().await, hold().await);
    assert!(taken.place.is_some() && beside.place.is_none());
    counters.settle(server, beside, 10).await.expect("written");
    assert_eq!(reserved(&counters, server).await, 200 + GROWS_BY, "still held by the other call");
    let start = marks::start_of_machine().expect("Linux says so");
    assert_eq!(after_a_kill(counters, directory.path(), server, &start).await, (10 + 200 + GROWS_BY, 0));
}

//! Processes that end when they should not: pauses, and who waits meanwhile.

use crate::world::{World, soon};
use ally_types::host::ToGateway;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn pauses_after_crashes_double_up_to_sixty_units() {
    let mut world = World::asleep();
    world.boot.back_off_millis = 10;
    world.start();
    let mira = world.person().await;
    let mut gateway = world.gateway().await;
    gateway.meets().await;
    world.who(mira).await;
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    for units in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(world.ask(mira, "crash").await, "");
        assert_eq!(gateway.hears().await, ToGateway::Asleep { server: mira });
        let since = Instant::now();
        assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
        let (paused, least) = (since.elapsed(), Duration::from_millis(units * 10 - 2));
        assert!(paused >= least, "{paused:?} after {units} units");
    }
    assert_eq!(world.who(mira).await.epoch, 9);
}

#[tokio::test]
async fn whoever_calls_while_it_crashes_is_answered_by_the_one_process_that_comes_next() {
    let world = World::new().await;
    let mira = world.person().await;
    let first = world.who(mira).await;
    let mut crash = world.connect(mira).await;
    crash.write_all(b"crash\n").await.expect("writes");
    let mut calls = Vec::new();
    for _ in 0..30 {
        let mut call = world.connect(mira).await;
        call.write_all(b"who\n").await.expect("writes");
        calls.push(call);
    }
    let mut answers = BTreeSet::new();
    for mut call in calls {
        let mut answer = String::new();
        soon("an answer", call.read_to_string(&mut answer)).await.expect("reads");
        answers.insert(answer);
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    let second = world.who(mira).await;
    assert_eq!(second.epoch, first.epoch + 1);
    assert!(answers.pop_first().expect("one").contains(&format!(" {} ", second.epoch)));
}

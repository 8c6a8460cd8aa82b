//! Processes that end when they should not: pauses, and who waits meanwhile.

use crate::standing_time::StandingTime;
use crate::world::{World, soon};
use ally_types::host::ToGateway;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn pauses_after_crashes_double_up_to_sixty_units() {
    let mut world = World::asleep();
    world.boot.back_off_millis = 1000;
    world.start();
    let mira = world.person().await;
    let mut gateway = world.gateway().await;
    gateway.meets().await;
    world.who(mira).await;
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    let time = StandingTime::begin();
    for units in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(world.ask(mira, "crash").await, "");
        assert_eq!(gateway.hears().await, ToGateway::Asleep { server: mira });
        for pass in [units * 1000 - 1, 2] {
            // Whoever is in the pause says so: there is nothing to be killed.
            gateway.kill(mira).await;
            assert_eq!(gateway.hears().await, ToGateway::Killed { server: mira, was_awake: false }, "{units} units");
            time.pass(Duration::from_millis(pass)).await;
        }
        assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
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

#[tokio::test]
async fn a_process_that_cannot_start_does_not_spin_and_calls_wait_for_it() {
    let world = World::new().await;
    let (mira, jon) = (world.person().await, world.person().await);
    let broken = world.data(mira).join("crash_at_start");
    std::fs::write(&broken, "").expect("writes");
    let starts = || std::fs::read(world.data(mira).join("starts")).map_or(0, |starts| starts.len());
    let time = StandingTime::begin();
    let mut call = world.connect(mira).await;
    call.write_all(b"who\n").await.expect("writes");
    for wanted in 1..=3 {
        time.pass_until("a start", || starts() == wanted).await;
        // While no time passes, others come and go, and nothing is tried again.
        assert_eq!(world.ask(jon, "leave").await, "leaving");
        assert_eq!(world.who(jon).await.epoch, 2 * u32::try_from(wanted).expect("few"));
        assert_eq!(world.ask(jon, "leave").await, "leaving");
        assert_eq!(starts(), wanted);
    }
    std::fs::remove_file(&broken).expect("mends it");
    let answer = tokio::spawn(async move {
        let mut answer = String::new();
        call.read_to_string(&mut answer).await.map(|_| answer)
    });
    time.pass_until("an answer", || answer.is_finished()).await;
    let answer = answer.await.expect("no panic").expect("reads");
    let epoch = answer.split(' ').nth(2).and_then(|epoch| epoch.parse().ok());
    assert_eq!(epoch, Some(starts() + 1), "{answer}");
}

#[tokio::test]
async fn one_that_leaves_as_soon_as_it_came_has_a_pause_and_then_sleeps_until_somebody_knocks() {
    let mut world = World::asleep();
    (world.boot.back_off_millis, world.boot.stays_at_least_millis) = (1000, 1000);
    world.start();
    let mira = world.person().await;
    let mut gateway = world.gateway().await;
    gateway.meets().await;
    let (awake, asleep) = (ToGateway::Awake { server: mira }, ToGateway::Asleep { server: mira });
    let time = StandingTime::begin();
    for (epoch, units) in [(1, 1), (2, 2), (3, 4)] {
        let mut leaves = world.connect(mira).await;
        leaves.write_all(b"leave\n").await.expect("writes");
        for line in [&awake, &asleep] {
            assert_eq!(gateway.hears().await, *line, "{epoch}");
        }
        for pass in [0, units * 1000 - 1, 2] {
            time.pass(Duration::from_millis(pass)).await;
            // Whoever has no process says so.
            gateway.kill(mira).await;
            assert_eq!(gateway.hears().await, ToGateway::Killed { server: mira, was_awake: false }, "{units} units");
        }
    }
    // A caller waits out the pause, and then she is there.
    world.ask(mira, "leave").await;
    for line in [&awake, &asleep] {
        assert_eq!(gateway.hears().await, *line);
    }
    let mut call = world.connect(mira).await;
    call.write_all(b"who\n").await.expect("writes");
    for pass in [0, 7999] {
        time.pass(Duration::from_millis(pass)).await;
        gateway.kill(mira).await;
        assert_eq!(gateway.hears().await, ToGateway::Killed { server: mira, was_awake: false });
    }
    time.pass(Duration::from_millis(2)).await;
    let mut answer = String::new();
    soon("an answer", call.read_to_string(&mut answer)).await.expect("reads");
    assert!(answer.contains(" 5 "), "it is the fifth: {answer}");
    assert_eq!(gateway.hears().await, awake);
    // Whoever stays for a second has not left too soon, and is there at once when somebody knocks.
    time.pass(Duration::from_secs(1)).await;
    assert_eq!(world.ask(mira, "leave").await, "leaving");
    assert_eq!(gateway.hears().await, asleep);
    assert_eq!(world.who(mira).await.epoch, 6);
}

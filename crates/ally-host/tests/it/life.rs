//! Waking, sleeping, crashing and being ended.

use crate::alarms::ring_at;
use crate::world::{World, soon, until};
use ally_types::host::ToGateway;
use ally_types::{Clock, SystemClock};
use std::collections::BTreeSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn the_first_byte_wakes_and_the_gateway_hears_of_it() {
    let world = World::new().await;
    let mira = world.person().await;
    let mut gateway = world.gateway().await;
    assert_eq!(gateway.meets().await.0, mira);
    let who = world.who(mira).await;
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    assert_eq!(world.who(mira).await, who, "the same process answers again");
    assert_eq!(who.epoch, 1);
}

#[tokio::test]
async fn fifty_at_once_are_answered_by_one_process() {
    let world = World::new().await;
    let mira = world.person().await;
    let mut calls = Vec::new();
    for _ in 0..50 {
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
    assert_eq!(world.who(mira).await.epoch, 1);
}

#[tokio::test]
async fn forty_people_who_wake_at_once_are_all_answered() {
    let world = World::new().await;
    let mut calls = Vec::new();
    for _ in 0..40 {
        let server = world.person().await;
        let mut call = world.connect(server).await;
        call.write_all(b"who\n").await.expect("writes");
        calls.push((server, call));
    }
    for (server, mut call) in calls {
        let mut answer = String::new();
        soon("an answer", call.read_to_string(&mut answer)).await.expect("reads");
        assert!(answer.ends_with(&server.to_string()), "{answer}");
    }
}

#[tokio::test]
async fn who_leaves_when_idle_is_not_started_again_until_somebody_knocks() {
    let mut world = World::asleep();
    world.boot.idle_exit_seconds = 1;
    world.start();
    let mira = world.person().await;
    let mut gateway = world.gateway().await;
    gateway.meets().await;
    let first = world.who(mira).await;
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    assert_eq!(gateway.hears().await, ToGateway::Asleep { server: mira });
    assert!(!first.is_alive());
    // Nothing was heard in between, so nothing was started.
    let second = world.who(mira).await;
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    assert_eq!(second.epoch, first.epoch + 1);
    assert_ne!(second.pid, first.pid);
}

#[tokio::test]
async fn a_call_that_comes_while_the_process_is_leaving_is_answered_by_the_next_one() {
    let world = World::new().await;
    let mira = world.person().await;
    let first = world.who(mira).await;
    assert_eq!(world.ask(mira, "leave_slowly").await, "leaving");
    let second = world.who(mira).await;
    assert_eq!((second.epoch, first.is_alive()), (first.epoch + 1, false));
    for _ in 0..20 {
        assert_eq!(world.ask(mira, "leave").await, "leaving");
    }
    assert_eq!(world.who(mira).await.epoch, 2 + 20);
}

#[tokio::test]
async fn after_a_crash_the_process_comes_back_by_itself() {
    let world = World::new().await;
    let mira = world.person().await;
    let mut gateway = world.gateway().await;
    gateway.meets().await;
    let first = world.who(mira).await;
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    for _ in 0..3 {
        assert_eq!(world.ask(mira, "crash").await, "");
        assert_eq!(gateway.hears().await, ToGateway::Asleep { server: mira });
        assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    }
    assert_eq!(world.who(mira).await.epoch, first.epoch + 3);
}

#[tokio::test]
async fn a_kill_ends_the_process_and_it_comes_back() {
    let world = World::new().await;
    let mira = world.person().await;
    let mut gateway = world.gateway().await;
    gateway.meets().await;
    gateway.kill(mira).await;
    assert_eq!(gateway.hears().await, ToGateway::Killed { server: mira, was_awake: false });
    let first = world.who(mira).await;
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    gateway.kill(mira).await;
    assert_eq!(gateway.hears().await, ToGateway::Asleep { server: mira });
    assert_eq!(gateway.hears().await, ToGateway::Killed { server: mira, was_awake: true });
    assert!(!first.is_alive());
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    assert_eq!(world.who(mira).await.epoch, first.epoch + 1);
}

#[tokio::test]
async fn an_alarm_wakes_at_most_a_second_early_and_once() {
    let world = World::new().await;
    let (mira, jon) = (world.person().await, world.person().await);
    let mut gateway = world.gateway().await;
    assert_eq!([gateway.meets().await.0, gateway.meets().await.0], [mira, jon]);
    let at = SystemClock.now().plus_millis(1_500);
    assert_eq!(world.ask(mira, &format!("alarm {}", at.as_millis())).await, "set");
    assert_eq!(world.ask(mira, "leave").await, "leaving");
    for line in [ToGateway::Awake { server: mira }, ToGateway::Asleep { server: mira }] {
        assert_eq!(gateway.hears().await, line);
    }
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    let early = at.millis_since(SystemClock.now());
    assert!(early <= 1000, "{early}");
    let file = world.home.path().join(format!("host/servers/{mira}.json"));
    until("the alarm is gone from the disk", || {
        let text = std::fs::read_to_string(&file).expect("reads");
        (!text.contains("alarm")).then_some(())
    })
    .await;
    assert_eq!(world.ask(mira, "leave").await, "leaving");
    assert_eq!(gateway.hears().await, ToGateway::Asleep { server: mira });
    // One that rings later rings, and what was done is not done again before it.
    let later = at.plus_millis(2_000);
    assert_eq!(world.ask(jon, &format!("alarm {}", later.as_millis())).await, "set");
    assert_eq!(world.ask(jon, "leave").await, "leaving");
    let (awake, asleep) = (ToGateway::Awake { server: jon }, ToGateway::Asleep { server: jon });
    for line in [&awake, &asleep, &awake] {
        assert_eq!(gateway.hears().await, *line);
    }
    assert_eq!(world.who(mira).await.epoch, 3);
}

#[tokio::test]
async fn an_alarm_that_rings_after_the_host_has_come_back_wakes() {
    let mut world = World::new().await;
    let mira = world.person().await;
    let at = SystemClock.now().plus_millis(3_600_000);
    assert_eq!(world.ask(mira, &format!("alarm {}", at.as_millis())).await, "set");
    assert_eq!(world.ask(mira, "leave").await, "leaving");
    world.stop().await;
    let soon = SystemClock.now().plus_millis(1_500);
    ring_at(&world, mira, soon);
    world.start();
    let mut gateway = world.gateway().await;
    gateway.meets().await;
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    let early = soon.millis_since(SystemClock.now());
    assert!(early <= 1000, "{early}");
}

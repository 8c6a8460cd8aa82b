//! Crowds: how many may start at once, and who goes first.

use crate::world::{World, soon, until};
use ally_types::{Clock, ServerId, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn places() -> usize {
    4 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn starting(world: &World, people: &[ServerId]) -> usize {
    people.iter().filter(|server| world.data(**server).join("starting").exists()).count()
}

async fn slow_people(world: &World, number: usize) -> Vec<ServerId> {
    let mut people = Vec::new();
    for _ in 0..number {
        let server = world.person().await;
        std::fs::write(world.data(server).join("start_slowly"), "").expect("writes");
        people.push(server);
    }
    people
}

fn let_go(world: &World, server: ServerId) {
    std::fs::remove_file(world.data(server).join("start_slowly")).expect("removes");
}

#[tokio::test]
async fn of_a_crowd_that_knocks_at_once_only_so_many_start_together_and_all_are_answered() {
    let world = World::new().await;
    let people = slow_people(&world, 3 * places()).await;
    let mut calls = Vec::new();
    for server in &people {
        let mut call = world.connect(*server).await;
        call.write_all(b"who\n").await.expect("writes");
        calls.push((*server, call));
    }
    until("every place is taken", || (starting(&world, &people) >= places()).then_some(())).await;
    assert_eq!(starting(&world, &people), places());
    for server in &people {
        let_go(&world, *server);
        let now = starting(&world, &people);
        assert!(now <= places(), "{now}");
    }
    for (server, mut call) in calls {
        let mut answer = String::new();
        soon("an answer", call.read_to_string(&mut answer)).await.expect("reads");
        assert!(answer.ends_with(&server.to_string()), "{answer}");
    }
}

#[tokio::test]
async fn who_knocks_does_not_stand_behind_everybody_whose_alarm_rings() {
    let mut world = World::new().await;
    let mira = world.person().await;
    let people = slow_people(&world, 3 * places()).await;
    world.stop().await;
    let past = SystemClock.now().plus_millis(-60_000);
    for server in &people {
        let kept = serde_json::json!({ "alarm": past, "epoch": 0 });
        let file = world.home.path().join(format!("host/servers/{server}.json"));
        std::fs::write(file, kept.to_string()).expect("writes");
    }
    world.start();
    until("alarms ring", || (starting(&world, &people) >= places() / 2).then_some(())).await;
    world.who(mira).await;
    assert_eq!(starting(&world, &people), places() / 2);
    // One of them is called as well, and goes before the others.
    let last = people[people.len() - 1];
    let_go(&world, last);
    assert_eq!(world.who(last).await.epoch, 1);
    for server in &people[..people.len() - 1] {
        let_go(&world, *server);
    }
}

#[tokio::test]
async fn who_knocks_does_not_stand_behind_everybody_who_comes_back_after_a_crash() {
    let mut world = World::asleep();
    world.boot.back_off_millis = 1;
    world.start();
    let mira = world.person().await;
    let mut people = Vec::new();
    for _ in 0..2 * places() {
        let server = world.person().await;
        world.who(server).await;
        std::fs::write(world.data(server).join("start_slowly"), "").expect("writes");
        people.push(server);
    }
    // Nobody is connected when they end, so nobody waits for them.
    for server in &people {
        assert_eq!(world.ask(*server, "crash").await, "");
    }
    until("some come back", || (starting(&world, &people) >= places() / 2).then_some(())).await;
    assert_eq!(world.who(mira).await.epoch, 1);
    assert_eq!(starting(&world, &people), places() / 2);
    // One of those who wait for a place is called, and goes before the others.
    let waits = people.iter().find(|server| !world.data(**server).join("starting").exists()).expect("one that waits");
    let_go(&world, *waits);
    assert_eq!(world.who(*waits).await.epoch, 2);
    for server in people.iter().filter(|server| *server != waits) {
        let_go(&world, *server);
    }
}

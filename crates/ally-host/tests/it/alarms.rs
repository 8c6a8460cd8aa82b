//! Alarms: kept by the host over everything that may happen to it.

use crate::process;
use crate::skipped::skipped;
use crate::world::{World, is_root, until};
use ally_sandbox::Exit;
use ally_types::host::ToGateway;
use ally_types::{Clock, ServerId, SystemClock, Timestamp};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::io::Write;
use std::path::PathBuf;

/// Asks for a wake in so many milliseconds and lets it sleep.
async fn sleeps_until(world: &World, server: ServerId, millis: i64) {
    let at = SystemClock.now().plus_millis(millis);
    assert_eq!(world.ask(server, &format!("alarm {}", at.as_millis())).await, "set");
    assert_eq!(world.ask(server, "leave").await, "leaving");
    let mark = world.home.path().join(format!("host/awake/{server}"));
    until("it is asleep", || (!mark.exists()).then_some(())).await;
}

fn ledger(world: &World, server: ServerId) -> PathBuf {
    world.home.path().join(format!("host/servers/{server}.json"))
}

/// While no host runs: what it has kept rings at this moment instead of a far one, which a slow test does not reach.
pub fn ring_at(world: &World, server: ServerId, at: Timestamp) {
    let text = std::fs::read_to_string(ledger(world, server)).expect("reads");
    let mut kept: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(kept["alarm"].is_string(), "{kept}");
    kept["alarm"] = serde_json::json!(at);
    std::fs::write(ledger(world, server), kept.to_string()).expect("writes");
}

#[tokio::test]
async fn an_alarm_survives_a_host_that_is_killed() {
    let world = World::asleep();
    let host = process::start(&world);
    let mira = world.person().await;
    sleeps_until(&world, mira, 3_600_000).await;
    host.kill().expect("is killed");
    assert_eq!(host.wait().await.expect("ends"), Exit::Signal(9));
    ring_at(&world, mira, SystemClock.now().plus_millis(1_500));
    let _host = process::start(&world);
    let mut gateway = world.gateway().await;
    assert_eq!(gateway.meets().await.0, mira);
    // Nobody knocks.
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
}

#[tokio::test]
async fn alarms_that_were_missed_while_no_host_ran_ring_when_there_is_one() {
    let mut world = World::new().await;
    let people = [world.person().await, world.person().await, world.person().await];
    for server in people {
        sleeps_until(&world, server, 3_600_000).await;
    }
    world.stop().await;
    for server in &people[..2] {
        // As if the machine had been off since then.
        ring_at(&world, *server, Timestamp::from_millis(981_173_106_000));
    }
    world.start();
    let mut gateway = world.gateway().await;
    for server in people {
        assert_eq!(gateway.meets().await.0, server);
    }
    let mut awake = Vec::new();
    for _ in 0..2 {
        let ToGateway::Awake { server } = gateway.hears().await else { panic!("not awake") };
        awake.push(server);
    }
    awake.sort();
    assert_eq!(awake, people[..2]);
    assert_eq!(world.ask(people[2], "key").await.len(), 64, "the third one sleeps until somebody knocks");
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: people[2] });
}

#[tokio::test]
async fn a_ledger_that_a_broken_disk_left_half_written_keeps_nobody_from_their_assistant() {
    let mut world = World::new().await;
    let (mira, jon) = (world.person().await, world.person().await);
    let before = world.who(mira).await;
    sleeps_until(&world, mira, 3_600_000).await;
    sleeps_until(&world, jon, 3_600_000).await;
    world.stop().await;
    let whole = std::fs::read(ledger(&world, mira)).expect("reads");
    std::fs::write(ledger(&world, mira), &whole[..whole.len() / 2]).expect("cuts it");
    std::fs::write(ledger(&world, jon).with_extension("json.new"), "{\"ala").expect("leaves a next version behind");
    world.start();
    let mut gateway = world.gateway().await;
    assert_eq!([gateway.meets().await.0, gateway.meets().await.0], [mira, jon]);
    // Its alarm is lost, so it is started once to say it again.
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    assert!(world.who(mira).await.epoch > before.epoch + 100, "no number is used twice");
    sleeps_until(&world, mira, 3_600_000).await;
    let kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(ledger(&world, mira)).expect("reads")).expect("JSON");
    assert!(kept["alarm"].is_string(), "{kept}");
    let kept = std::fs::read_to_string(ledger(&world, jon)).expect("reads");
    assert!(kept.contains("alarm"), "{kept}");
}

/// A small file system, gone with the test.
struct SmallDisk(PathBuf);

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

#[tokio::test]
async fn on_a_full_disk_an_alarm_rings_all_the_same_and_is_saved_when_there_is_room_again() {
    if !is_root() {
        return skipped("root");
    }
    let mut world = World::asleep();
    let disk = SmallDisk(world.home.path().join("host"));
    std::fs::create_dir(&disk.0).expect("makes");
    mount("tmpfs", &disk.0, "tmpfs", MountFlags::empty(), Some(c"size=128k,mode=0700")).expect("mounts");
    world.start();
    let mira = world.person().await;
    let mut gateway = world.gateway().await;
    gateway.meets().await;
    world.who(mira).await;
    let mut fill = std::fs::File::create(disk.0.join("fill")).expect("makes");
    while fill.write_all(&[0; 512]).is_ok() {}
    let at = SystemClock.now().plus_millis(1_500);
    assert_eq!(world.ask(mira, &format!("alarm {}", at.as_millis())).await, "set");
    assert_eq!(world.ask(mira, "leave").await, "leaving");
    for line in
        [ToGateway::Awake { server: mira }, ToGateway::Asleep { server: mira }, ToGateway::Awake { server: mira }]
    {
        assert_eq!(gateway.hears().await, line);
    }
    assert!(!std::fs::read_to_string(ledger(&world, mira)).expect("reads").contains("alarm"), "it did not fit");
    sleeps_until(&world, mira, 3_600_000).await;
    drop(fill);
    std::fs::remove_file(disk.0.join("fill")).expect("removes");
    world.who(mira).await;
    let saved = std::fs::read_to_string(ledger(&world, mira)).expect("reads");
    assert!(saved.contains("alarm"), "{saved}");
    world.stop().await;
}

//! Making servers, finding them again, and who may ask for it.

use crate::skipped::skipped;
use crate::world::{UID_BASE, World, is_root, soon};
use ally_types::host::{FromPlatform, ToGateway, ToPlatform};
use ally_types::register::Place;
use ally_types::{ServerId, SystemChance, SystemClock};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn asking_twice_for_a_server_makes_it_once() {
    let world = World::new().await;
    let mira = world.person().await;
    let key = world.ask(mira, "key").await;
    let mut gateway = world.gateway().await;
    gateway.meets().await;
    assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
    world.ensure(mira).await;
    assert_eq!(world.ask(mira, "key").await, key);
    let uids = std::fs::read_to_string(world.home.path().join("host/uids")).expect("reads");
    assert_eq!(uids, format!("{UID_BASE} {mira}\n"));
    let wrapped = std::fs::read(world.home.path().join(format!("host/keys/{mira}.key"))).expect("reads");
    assert_eq!((key.len(), wrapped.len()), (64, 1 + 24 + 32 + 16));
    let jon = world.person().await;
    assert_eq!(gateway.meets().await.0, jon);
    assert_ne!(world.ask(jon, "key").await, key);
}

#[tokio::test]
async fn a_new_host_finds_its_servers_with_their_numbers_and_keys() {
    let mut world = World::new().await;
    let (mira, jon) = (world.person().await, world.person().await);
    let (before, key) = (world.who(jon).await, world.ask(jon, "key").await);
    world.stop().await;
    assert!(!before.is_alive());
    assert_eq!(std::fs::read_to_string(world.data(jon).join("note")).expect("was told"), "told to stop");
    world.start();
    let mut gateway = world.gateway().await;
    assert_eq!([gateway.meets().await.0, gateway.meets().await.0], [mira, jon]);
    let after = world.who(jon).await;
    assert_eq!((after.uid, world.ask(jon, "key").await), (before.uid, key));
    assert!(after.epoch > before.epoch);
    let ana = world.person().await;
    let uids = std::fs::read_to_string(world.home.path().join("host/uids")).expect("reads");
    assert!(uids.ends_with(&format!("{} {ana}\n", UID_BASE + 2)), "{uids}");
}

#[tokio::test]
async fn what_a_crash_left_half_made_is_completed() {
    let mut world = World::new().await;
    let mira = world.person().await;
    world.stop().await;
    // As if the machine had stopped just after the number was reserved.
    std::fs::remove_dir(world.data(mira)).expect("removes");
    std::fs::remove_file(world.home.path().join(format!("host/keys/{mira}.key"))).expect("removes");
    std::fs::remove_dir_all(world.home.path().join("run/out").join(mira.to_string())).expect("removes");
    world.start();
    world.ensure(mira).await;
    assert_eq!(world.ask(mira, "write x").await, "written");
    world.stop().await;
    // Where there is data but no key, nobody may make a new one.
    std::fs::remove_file(world.home.path().join(format!("host/keys/{mira}.key"))).expect("removes");
    world.start();
    let (sender, mut receiver) = world.platform().await;
    sender.send(&FromPlatform::Ensure { server: mira }, None).await.expect("sends");
    let answer = soon("an answer", receiver.receive::<ToPlatform>()).await.expect("a line").map(|(line, _)| line);
    assert_eq!(answer, Some(ToPlatform::Failed { server: mira, retry: false }));
}

#[tokio::test]
async fn a_gateway_that_connects_again_hears_everything_again() {
    let world = World::new().await;
    let (mira, jon) = (world.person().await, world.person().await);
    world.who(jon).await;
    for _ in 0..3 {
        let mut gateway = world.gateway().await;
        assert_eq!([gateway.meets().await.0, gateway.meets().await.0], [mira, jon]);
        assert_eq!(gateway.hears().await, ToGateway::Awake { server: jon });
    }
}

#[tokio::test]
async fn a_call_out_arrives_at_the_gateway_on_the_persons_own_socket() {
    let world = World::new().await;
    let mira = world.person().await;
    let mut gateway = world.gateway().await;
    let (_, outbound) = gateway.meets().await;
    assert_eq!(world.ask(mira, "call_out hello").await, "called");
    let (mut call, _) = soon("a call", outbound.accept()).await.expect("accepts");
    let mut text = String::new();
    soon("its text", call.read_to_string(&mut text)).await.expect("reads");
    assert_eq!(text, "hello");
}

#[tokio::test]
async fn a_deep_data_directory_has_sockets_too() {
    let mut world = World::asleep();
    let deep = world.home.path().join("d".repeat(100)).join("e".repeat(60));
    std::fs::create_dir_all(&deep).expect("makes");
    world.boot.data_dir = deep;
    // Gateway and platform call from near; only the sockets that the host makes lie deep.
    let near = std::mem::replace(&mut world.boot.run_dir, world.boot.data_dir.join("run"));
    world.start_with_doors_in(&near);
    let mira = ServerId::new(&SystemClock, &SystemChance);
    let deep = std::mem::replace(&mut world.boot.run_dir, near);
    world.ensure(mira).await;
    let mode =
        |path: &str| std::fs::metadata(deep.join(path.replace("{}", &mira.to_string()))).map(|it| it.mode() & 0o777);
    assert_eq!(mode("in/{}.sock").expect("is there"), 0o600);
    assert_eq!(mode("out/{}/out.sock").expect("is there"), 0o600);
}

#[tokio::test]
async fn directories_and_sockets_are_open_only_to_whom_they_belong() {
    let mut world = World::asleep();
    let root = is_root();
    world.boot.gateway_uid = root.then_some(UID_BASE - 1);
    world.start();
    let mira = world.person().await;
    let home = world.home.path();
    let look = |path: &str| {
        let found = std::fs::symlink_metadata(home.join(path.replace("{}", &mira.to_string()))).expect(path);
        (found.mode() & 0o777, if root { found.uid() } else { 0 })
    };
    let as_root = |uid: u32| if root { uid } else { 0 };
    assert_eq!(look("host"), (0o700, 0));
    assert_eq!(look("host/uids"), (0o600, 0));
    assert_eq!(look("host/keys/{}.key"), (0o600, 0));
    assert_eq!(look("people/{}"), (0o700, as_root(UID_BASE)));
    assert_eq!(look("run/in/{}.sock"), (0o600, as_root(UID_BASE - 1)));
    assert_eq!(look("run/out/{}"), (0o711, 0));
    assert_eq!(look("run/out/{}/out.sock"), (0o600, as_root(UID_BASE)));
}

#[tokio::test]
async fn a_stranger_at_the_gateways_door_is_sent_away() {
    if !is_root() {
        return skipped("root");
    }
    let mut world = World::asleep();
    world.boot.gateway_uid = Some(UID_BASE - 1);
    world.start();
    world.person().await;
    let path = world.boot.run_dir.join("host-gateway.sock");
    let mut call = tokio::net::UnixStream::connect(path).await.expect("root can connect to everything");
    let mut text = Vec::new();
    assert_eq!(soon("the end", call.read_to_end(&mut text)).await.expect("closed"), 0);
}

#[tokio::test]
async fn every_file_of_the_host_is_in_the_privacy_register_and_the_other_way_round() {
    let world = World::new().await;
    let mira = world.person().await;
    world.who(mira).await;
    let mut found = BTreeSet::new();
    let mut to_visit = ["host", "run/in", "run/out"].map(|name| world.home.path().join(name)).to_vec();
    while let Some(directory) = to_visit.pop() {
        for entry in std::fs::read_dir(directory).expect("reads").flatten() {
            if entry.file_type().expect("a kind").is_dir() {
                to_visit.push(entry.path());
            } else {
                let path = entry.path().strip_prefix(world.home.path()).expect("below").display().to_string();
                found.insert(path.replace(&mira.to_string(), "*"));
            }
        }
    }
    let declared: BTreeSet<String> = ally_host::REGISTER
        .iter()
        .map(|entry| match entry.place {
            Place::File { pattern } => pattern.to_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, declared);
}

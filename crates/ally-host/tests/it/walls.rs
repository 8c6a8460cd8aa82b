//! What one person's process can do to another's, and the same life without root.

use crate::skipped::skipped;
use crate::world::{UID_BASE, World, is_root, program, until};
use ally_host::Shares;
use ally_sandbox::{Cgroups, Level, Limits, Wall, probe};
use ally_types::host::ToGateway;
use ally_types::{ServerId, SystemChance, SystemClock};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[tokio::test]
async fn a_process_runs_as_its_person_without_network_or_neighbours() {
    let world = World::new().await;
    let (mira, jon) = (world.person().await, world.person().await);
    std::fs::write(world.data(jon).join("secret"), "jon's").expect("writes");
    let who = world.who(mira).await;
    let own = rustix::process::geteuid().as_raw();
    assert_eq!(who.uid, if is_root() { UID_BASE } else { own });
    let theirs = world.data(jon).join("secret");
    assert_eq!(world.ask(mira, &format!("read {}", theirs.display())).await, "NotFound");
    assert_eq!(world.ask(mira, "read /data/../people/secret").await, "NotFound");
    assert_eq!(world.ask(mira, "list /proc").await, "NotFound");
    assert_eq!(world.ask(mira, "list /data").await, "");
    assert_eq!(world.ask(mira, "list /dev").await, "null urandom");
    assert_eq!(world.ask(mira, "outbound").await, "/run/out/out.sock");
    let listener = std::net::UdpSocket::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("an address");
    // The network is empty: not even its own loopback is up.
    assert_eq!(world.ask(mira, &format!("send {address}")).await, "NetworkUnreachable");
    assert!(world.ask(mira, "walls").await.contains("empty_root"));
    assert_eq!(world.ask(mira, "write mine").await, "written");
    assert_eq!(std::fs::read_to_string(world.data(mira).join("mine")).expect("reads"), "written");
}

#[tokio::test]
async fn a_neighbours_file_stays_closed_at_every_level() {
    let world = World::new().await;
    let (mira, jon) = (world.person().await, world.person().await);
    assert_eq!(world.ask(jon, "write secret").await, "written");
    let answer = world.ask(mira, &format!("read {}", world.data(jon).join("secret").display())).await;
    assert!(["NotFound", "PermissionDenied"].contains(&answer.as_str()), "{answer}");
}

/// What an installation like this one can limit.
fn can_limit(wall: Wall) -> bool {
    Cgroups::find().walls().contains(&wall)
}

async fn in_its_group(world: &World, server: ServerId) {
    let pid = world.who(server).await.pid.to_string();
    let groups = Cgroups::find().make(&server.to_string(), LIMITS).expect("its group");
    let has = |directory: &std::path::PathBuf| {
        std::fs::read_to_string(directory.join("cgroup.procs")).is_ok_and(|there| there.lines().any(|line| line == pid))
    };
    assert!(groups.directories().iter().all(has), "it is in its groups");
}

/// As the host sets them.
const LIMITS: Limits = Limits { memory: 256 << 20, processes: 64, cpu_percent: 100 };

#[tokio::test]
async fn whoever_takes_too_much_memory_is_ended_and_comes_back_and_no_neighbour_notices() {
    if !can_limit(Wall::MemoryLimit) {
        return skipped(Wall::MemoryLimit.name());
    }
    let world = World::new().await;
    let (mira, jon) = (world.person().await, world.person().await);
    let (first, other) = (world.who(mira).await, world.who(jon).await);
    in_its_group(&world, mira).await;
    assert_eq!(world.ask(mira, "take_memory 32").await, "32");
    assert_eq!(world.ask(mira, "take_memory 400").await, "", "it dies instead of answering");
    assert_eq!(world.who(mira).await.epoch, first.epoch + 1);
    assert_eq!(world.who(jon).await, other);
}

#[tokio::test]
async fn nobody_has_more_processes_and_threads_than_the_limit() {
    if !can_limit(Wall::ProcessLimit) {
        return skipped(Wall::ProcessLimit.name());
    }
    let world = World::new().await;
    let mira = world.person().await;
    in_its_group(&world, mira).await;
    let taken: u32 = world.ask(mira, "take_threads 500").await.parse().expect("a number");
    assert!((1..64).contains(&taken), "{taken}");
    assert!(world.who(mira).await.is_alive());
}

#[tokio::test]
async fn groups_go_when_their_people_sleep_and_what_a_killed_host_left_is_taken_up() {
    if !can_limit(Wall::MemoryLimit) {
        return skipped(Wall::MemoryLimit.name());
    }
    let world = World::new().await;
    let mira = world.person().await;
    // As a killed host leaves it: empty, with other limits.
    let left = Limits { memory: 1 << 20, ..LIMITS };
    let groups = Cgroups::find().make(&mira.to_string(), left).expect("a group");
    in_its_group(&world, mira).await;
    assert_eq!(world.ask(mira, "take_memory 32").await, "32", "the limit is the new one");
    assert_eq!(world.ask(mira, "leave").await, "leaving");
    until("the group is gone", || groups.directories().iter().all(|directory| !directory.exists()).then_some(())).await;
}

#[tokio::test]
async fn a_host_that_starts_takes_away_the_empty_groups_of_its_own_people() {
    if !can_limit(Wall::MemoryLimit) {
        return skipped(Wall::MemoryLimit.name());
    }
    let mut world = World::new().await;
    let mira = world.person().await;
    world.stop().await;
    let cgroups = Cgroups::find();
    let left = [mira, ServerId::new(&SystemClock, &SystemChance)].map(|server| server.to_string());
    let [mine, foreign] = left.map(|name| cgroups.make(&name, LIMITS).expect("a group"));
    world.start();
    until("her group is gone", || mine.directories().iter().all(|directory| !directory.exists()).then_some(())).await;
    assert!(foreign.directories().iter().all(|directory| directory.exists()));
    foreign.remove();
}

#[tokio::test]
async fn whoever_fills_the_disk_is_told_that_the_space_is_full_until_there_is_room_again() {
    let mut world = World::asleep();
    world.boot.shares = Shares { disk_mb: 64, measure_millis: 60, ..Shares::default() };
    world.start();
    let mira = world.person().await;
    let first = world.who(mira).await;
    assert_eq!(world.ask(mira, "is_full").await, "false");
    assert_eq!(world.ask(mira, "grow 60").await, "grown");
    // One file alone cannot be larger than the whole: that is refused at once, and does not end anybody.
    assert_eq!(world.ask(mira, "grow 10").await, "FileTooLarge");
    until("it is ended in order", || (!first.is_alive()).then_some(())).await;
    assert_eq!(world.ask(mira, "is_full").await, "true");
    assert_eq!(std::fs::read_to_string(world.data(mira).join("note")).expect("reads"), "told to stop");
    let told = world.who(mira).await;
    // It goes on all the same: the host ends it by force.
    std::fs::write(world.data(mira).join("still more"), vec![1; 20 << 20]).expect("writes");
    until("it is killed", || (!told.is_alive()).then_some(())).await;
    for name in ["large", "still more"] {
        std::fs::remove_file(world.data(mira).join(name)).expect("makes room");
    }
    let mut answer = world.ask(mira, "is_full").await;
    while answer != "false" {
        answer = world.ask(mira, "is_full").await;
    }
}

#[tokio::test]
async fn the_gateway_hears_first_which_walls_there_are() {
    let world = World::new().await;
    let mut gateway = world.gateway().await;
    let ToGateway::Walls { walls, why } = gateway.first().await.0 else { panic!("something else came first") };
    assert!(walls.iter().any(|wall| wall == "no_new_privs"), "{walls:?}");
    for wall in Wall::missing(&walls) {
        assert!(why.contains_key(wall), "nobody says why {wall} does not stand: {why:?}");
    }
    let mira = world.person().await;
    assert_eq!(world.ask(mira, "walls").await, walls.join(" "));
    if is_root() {
        assert_eq!(Level::of_walls(&walls), probe(UID_BASE));
    }
}

/// As in a container whose root may change users but not mount: the level is lower, the life is the same.
#[test]
fn where_mounts_are_forbidden_everybody_still_has_a_user_of_their_own() {
    if !is_root() {
        return skipped("root");
    }
    let done = Command::new("setpriv")
        .arg("--bounding-set=-sys_admin")
        .arg(std::env::current_exe().expect("a program"))
        // What is missing there, another test has.
        .env_remove("ALLY_TEST_STRICT")
        .env_remove("ALLY_TEST_SKIPS")
        .args(["--nocapture", "neighbours_file", "first_byte", "servers::", "host_is_told_to_stop"])
        .output()
        .expect("setpriv runs");
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{log}");
    assert!(log.contains("level=own_user_only"), "{log}");
}

/// Runs every other test of this program again as nobody.
#[test]
fn an_ordinary_user_has_the_same_life() {
    if !is_root() {
        return skipped("root");
    }
    // A copy, because the checkout may lie below a closed home.
    let copy = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(copy.path(), std::fs::Permissions::from_mode(0o755)).expect("opens");
    for name in ["deps", "examples"] {
        std::fs::create_dir(copy.path().join(name)).expect("makes");
    }
    let test = copy.path().join("deps/it");
    std::fs::copy(std::env::current_exe().expect("a program"), &test).expect("copies");
    std::fs::copy(program(), copy.path().join("examples/fake_assistant")).expect("copies");
    let done = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(test)
        .env_remove("ALLY_TEST_STRICT")
        .env_remove("ALLY_TEST_SKIPS")
        .args(["--test-threads", "4", "--skip", "an_ordinary_user", "--skip", "where_mounts"])
        .output()
        .expect("setpriv runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}

//! What a process may use at most: tried by taking too much.

use crate::skipped::skipped;
use crate::walls::{UID, is_root, run};
use ally_sandbox::{Ceilings, Cgroups, Child, Exit, Group, Identity, Limits, Place, Spawn, Step, Wall, Walls};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const CEILINGS: Ceilings = Ceilings { open_files: 32, processes: Some(8), memory: 32 << 20, file_size: 4096 };

/// A group with little in it, where this machine lets us make one.
fn place(name: &str, wall: Wall) -> Option<Place> {
    let cgroups = Cgroups::find();
    let limits = Limits { memory: 32 << 20, processes: 8, cpu_percent: 3 };
    let name = format!("test-{name}-{}", std::process::id());
    if !cgroups.walls().contains(&wall) {
        skipped(wall.name());
        return None;
    }
    Some(Place { cgroups: Arc::new(cgroups), name, limits })
}

/// Starts a shell in its group, and answers the two when it runs and was seen there.
fn start(place: &Place, script: &str) -> (Child, Group) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let spawn = Spawn::new("/bin/sh").arg("-c").arg(format!("read go <&5; {script}")).descriptor(reader, 5);
    // With processes of its own, all that it has started ends with it.
    let spawn = spawn.walls(Walls::none().with_own_processes()).place(place.clone()).dies_with_parent();
    let child = spawn.spawn().expect("is born");
    child.started().expect("runs");
    let group = place.cgroups.make(&place.name, place.limits).expect("the same group");
    let is_there = |directory: &PathBuf| {
        let there = std::fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
        there.lines().any(|line| line == child.pid().to_string())
    };
    assert!(group.directories().iter().all(is_there), "it is in its groups before its program runs");
    std::io::Write::write_all(&mut writer, b"go\n").expect("writes");
    (child, group)
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(120), async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    });
    patience.await.unwrap_or_else(|_| panic!("{what}: it did not come to that"));
}

#[tokio::test]
async fn whoever_takes_too_much_memory_is_killed_and_it_can_be_told() {
    let Some(place) = place("memory", Wall::MemoryLimit) else { return };
    // Doubles a text until it is far larger than the limit.
    let (child, group) = start(&place, "text=x; while :; do text=$text$text; done");
    assert_eq!(child.wait().await.expect("ends"), Exit::Signal(9));
    assert!(child.ran_out_of_memory());
    assert!(group.directories().iter().all(|directory| !directory.exists()), "the group goes with the process");
}

#[tokio::test]
async fn a_fork_bomb_stops_at_the_limit() {
    let Some(place) = place("processes", Wall::ProcessLimit) else { return };
    // Without the limit all twenty start; a shell that cannot fork ends with an error.
    let bomb = "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 1000 & done";
    let (child, _) = start(&place, &format!("({bomb}) 2>/dev/null; exit $?"));
    assert_eq!((child.wait().await.expect("ends"), child.ran_out_of_memory()), (Exit::Code(2), false));
}

#[tokio::test]
async fn whoever_takes_too_much_processor_time_is_slowed_down() {
    let Some(place) = place("cpu", Wall::CpuLimit) else { return };
    let (_child, group) = start(&place, "while :; do :; done");
    let is_slowed = |directory: &PathBuf| {
        let text = std::fs::read_to_string(directory.join("cpu.stat")).unwrap_or_default();
        text.lines().filter_map(|line| line.strip_prefix("nr_throttled ")).any(|count| count != "0")
    };
    until("it is slowed down", || group.directories().iter().any(is_slowed)).await;
}

#[tokio::test]
async fn what_cannot_be_limited_is_not_started() {
    let Some(mut place) = place("ends", Wall::MemoryLimit) else { return };
    let child = Spawn::new("/bin/true").place(place.clone()).spawn().expect("is born");
    assert_eq!((child.wait().await.expect("ends"), child.ran_out_of_memory()), (Exit::Code(0), false));
    let gone = place.cgroups.make(&place.name, place.limits).expect("a group");
    gone.remove();
    let refused = Spawn::new("/bin/true").group(gone).spawn().and_then(|child| child.started());
    // Whoever is to be born into it is not even born.
    assert!([Step::Limits, Step::Birth].contains(&refused.expect_err("is refused").step));
    place.name = "no/such/place".to_owned();
    let refused = Spawn::new("/bin/true").place(place).spawn().expect_err("is refused");
    assert_eq!((refused.step, refused.step.name()), (Step::Limits, "limits"));
}

#[tokio::test]
async fn only_empty_groups_of_ones_own_are_swept_away() {
    let Some(place) = place("sweep", Wall::MemoryLimit) else { return };
    let make = |more: &str| place.cgroups.make(&format!("{}{more}", place.name), place.limits).expect("a group");
    let (left, others) = (make("-left"), make("-others"));
    let (child, full) = start(&place, "exec sleep 1000");
    place.cgroups.sweep(|name| name.starts_with(&place.name) && !name.ends_with("-others"));
    let is_there = |group: &Group| group.directories().iter().all(|directory| directory.exists());
    assert_eq!([&left, &others, &full].map(is_there), [false, true, true]);
    others.remove();
    child.kill().expect("ends");
    child.wait().await.expect("ends");
}

#[tokio::test]
async fn as_root_a_user_of_its_own_cannot_have_more_processes_files_or_larger_files_than_its_ceilings() {
    if !is_root() {
        return skipped("root");
    }
    let walls = Walls::none().with_own_processes();
    let spawn = || Spawn::new("/bin/sh").identity(Identity::Uid(UID + 7)).walls(walls.clone()).ceilings(CEILINGS);
    let (text, _) =
        run(spawn(), "ulimit -n; ulimit -u 2>/dev/null || ulimit -p; ulimit -f; ulimit -c; ulimit -d").await;
    assert_eq!(text, "32\n8\n8\n0\n32768", "blocks of 512 bytes, and kibibytes of memory");
    let bomb = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1000 & done; echo never";
    let (text, _) = run(spawn(), &format!("(({bomb}) 2>/dev/null) || echo stopped")).await;
    assert_eq!(text, "stopped");
}

#[tokio::test]
async fn a_file_that_grows_too_large_is_an_error_and_not_the_end() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("file");
    let script = format!("head -c 10000 /dev/zero >{0} 2>/dev/null || echo refused; wc -c <{0}", file.display());
    let (text, exit) = run(Spawn::new("/bin/sh").ceilings(Ceilings { processes: None, ..CEILINGS }), &script).await;
    assert_eq!((text.as_str(), exit), ("refused\n4096", Exit::Code(0)));
}

#[tokio::test]
async fn a_process_is_born_into_a_group_of_the_second_kind() {
    // Such a hierarchy may be there without any controller; then there is nothing to limit, but a place to be born in.
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("reads");
    let Some(root) = mounts.lines().find_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[2] == "cgroup2").then(|| words[1].to_owned())
    }) else {
        return skipped("control groups of the second kind");
    };
    let Ok(group) = Group::bare(std::path::Path::new(&root), &format!("ally-test-{}", std::process::id())) else {
        return skipped("a group of the second kind");
    };
    let (text, _) = run(Spawn::new("/bin/sh").group(group), "grep ^0:: /proc/self/cgroup").await;
    assert!(text.ends_with(&format!("/ally-test-{}", std::process::id())), "{text}");
}

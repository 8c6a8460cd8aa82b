//! A process that has processes of its own: it sees nobody, and it ends as every other one does.

use crate::skipped::skipped;
use crate::walls::{UID, room, run, was_run_as_nobody};
use ally_sandbox::{Exit, Identity, Signal, Spawn, Wall, Walls, survey};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

/// The walls that people's processes get here, if those with processes of their own can be built.
fn walls(data: &Path) -> Option<(Walls, Identity)> {
    let reached = survey(UID, &ally_sandbox::Cgroups::none());
    let own = reached.has(Wall::OwnUser);
    if own {
        chown(data, Some(UID), Some(UID)).expect("gives");
    }
    let identity = if own { Identity::Uid(UID) } else { Identity::Same };
    if !reached.has(Wall::PidNamespace) {
        skipped(Wall::PidNamespace.name());
        return None;
    }
    Some((Walls::of(reached.level, room(data)).with_own_processes(), identity))
}

/// On a line of its own, whatever the test program has written before.
fn say(text: &str) {
    writeln!(std::io::stdout(), "\n{text}").expect("writes");
}

#[tokio::test]
async fn a_process_behind_walls_is_number_one_and_sees_no_other() {
    let home = tempfile::tempdir().expect("a directory");
    let Some((walls, identity)) = walls(home.path()) else { return };
    let script = format!("echo $$ $PPID; kill -0 {} 2>/dev/null || echo nobody there", std::process::id());
    let (text, exit) = run(Spawn::new("/bin/sh").identity(identity).walls(walls), &script).await;
    assert_eq!((text.as_str(), exit), ("1 0\nnobody there", Exit::Code(0)));
}

#[tokio::test]
async fn an_ordinary_user_gets_processes_of_its_own_too() {
    if was_run_as_nobody("processes::an_ordinary_user_gets_processes_of_its_own_too") {
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    let Some((walls, identity)) = walls(home.path()) else { return };
    let (text, _) = run(Spawn::new("/bin/sh").identity(identity).walls(walls), "echo $$; id -u").await;
    assert_eq!(text, format!("1\n{}", rustix::process::geteuid().as_raw()));
}

#[tokio::test]
async fn a_process_behind_walls_ends_on_the_signal_that_it_handles_and_can_always_be_killed() {
    let home = tempfile::tempdir().expect("a directory");
    let Some((walls, identity)) = walls(home.path()) else { return };
    let spawn = || Spawn::new("/bin/sh").identity(identity).walls(walls.clone()).arg("-c");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let script = "trap 'echo in order; exit 7' TERM; echo up; while :; do sleep 0.01; done";
    let child = spawn().arg(script).descriptor(writer, 1).spawn().expect("is born");
    let mut lines = BufReader::new(reader).lines();
    assert_eq!(lines.next().expect("a line").expect("reads"), "up");
    child.signal(Signal::TERM).expect("is told");
    assert_eq!(lines.next().expect("a line").expect("reads"), "in order");
    assert_eq!(child.wait().await.expect("ends"), Exit::Code(7));
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let child = spawn().arg("echo up; exec sleep 1000").descriptor(writer, 1).spawn().expect("is born");
    reader.read_exact(&mut [0; 3]).expect("is up");
    child.kill().expect("is killed");
    assert_eq!(child.wait().await.expect("ends"), Exit::Signal(9));
}

#[tokio::test]
async fn when_the_parent_is_killed_a_process_with_processes_of_its_own_dies_too() {
    const INNER: &str = "ALLY_TEST_PARENT_DATA";
    if let Some(data) = std::env::var_os(INNER) {
        // This is the parent: it starts a child, says so and waits to be killed.
        let Some((walls, identity)) = walls(Path::new(&data)) else { return say("cannot") };
        let script = "while :; do echo alive >beat; sleep 0.01; done";
        let spawn = Spawn::new("/bin/sh").identity(identity).walls(walls).arg("-c").arg(script);
        let child = spawn.dies_with_parent().spawn().expect("is born");
        child.started().expect("starts");
        say(&format!("child {}", child.pid()));
        loop {
            std::thread::park();
        }
    }
    let home = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o711)).expect("opens");
    let data = home.path().join("data");
    std::fs::create_dir(&data).expect("makes");
    let name = "processes::when_the_parent_is_killed_a_process_with_processes_of_its_own_dies_too";
    let mut parent = std::process::Command::new(std::env::current_exe().expect("a program"))
        .args(["--exact", name, "--nocapture"])
        .env(INNER, &data)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(parent.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let child = lines.find_map(|line| match line.as_str() {
        "cannot" => Some(None),
        line => line.strip_prefix("child ").map(|pid| Some(pid.to_owned())),
    });
    parent.kill().expect("is killed");
    parent.wait().expect("ends");
    let Some(Some(child)) = child else { return };
    let is_alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while is_alive() {
        assert!(std::time::Instant::now() < deadline, "it outlives its parent");
        std::thread::yield_now();
    }
}

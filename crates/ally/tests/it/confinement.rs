//! The walls of a running installation: the kernel says of each process what stands around it.

use crate::browser::PATIENCE;
use crate::installation::{Installation, Setup};
use crate::skipped::skipped;
use ally_sandbox::{Cgroups, Reached, Wall, survey};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::process::Command;

/// A line of `/proc/<pid>/status`.
fn status(pid: u32, name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {text}"));
    line.trim_start_matches(':').trim().to_owned()
}

fn health(installation: &Installation) -> Value {
    let mut stream = std::net::TcpStream::connect(installation.address).unwrap();
    write!(stream, "GET /healthz HTTP/1.0\r\nHost: {}\r\n\r\n", installation.address).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

async fn everybody_is_confined(installation: &Installation, reached: &Reached) {
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    mira.ask(&chat, "what time is it in Lisbon?").await;
    let filtered = if reached.has(Wall::Seccomp) { "2" } else { "0" };
    let mut users = Vec::new();
    for role in ["gateway", "platform", "assistant"] {
        let processes = installation.processes(role);
        assert_eq!(processes.len(), 1, "{role}");
        assert_eq!(status(processes[0], "Seccomp"), filtered, "{role}");
        assert_eq!(status(processes[0], "NoNewPrivs"), "1", "{role}");
        assert_eq!(u64::from_str_radix(&status(processes[0], "CapEff"), 16), Ok(0), "{role}");
        // Real, effective, saved and for files: all the same.
        let line = status(processes[0], "Uid");
        let mut ids: Vec<&str> = line.split_whitespace().collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "{role}: {line}");
        assert_ne!(ids, ["0"], "{role}");
        users.push(line);
    }
    if reached.has(Wall::OwnUser) {
        users.sort_unstable();
        users.dedup();
        assert_eq!(users.len(), 3, "each has a user of its own: {users:?}");
    }
    let host = installation.processes("host")[0];
    assert_eq!(status(host, "Seccomp"), "0", "the host builds the walls");
    let assistant = installation.assistants()[0];
    let numbers = status(assistant, "NSpid");
    assert_eq!(numbers.split_whitespace().nth(1), reached.has(Wall::PidNamespace).then_some("1"), "{numbers}");
    let deadline = std::time::Instant::now() + PATIENCE;
    let walls = loop {
        let walls = health(installation)["walls"].clone();
        if walls.is_object() || std::time::Instant::now() > deadline {
            break walls;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(walls["level"], reached.level.name());
    let missing: Vec<&str> =
        walls["missing"].as_array().unwrap().iter().map(|one| one["wall"].as_str().unwrap()).collect();
    assert_eq!(missing, reached.missing());
    assert!(walls["missing"].as_array().unwrap().iter().all(|one| one["why"].is_string()), "{walls}");
    assert!(!installation.log.lock().unwrap().contains("a role has a wall less"));
}

#[tokio::test]
async fn every_part_but_the_host_is_confined_and_the_level_is_said() {
    let reached = survey(261_900, &Cgroups::find());
    everybody_is_confined(&Setup::default().start(), &reached).await;
}

#[tokio::test]
async fn without_root_every_part_but_the_host_is_confined_too() {
    if !rustix::process::geteuid().is_root() {
        return skipped("root");
    }
    // What an ordinary user reaches: the walls of root without those that only root can build.
    let mut reached = survey(261_900, &Cgroups::find());
    reached.walls.retain(|wall| ![Wall::OwnUser, Wall::MemoryLimit, Wall::ProcessLimit, Wall::CpuLimit].contains(wall));
    reached.walls.push(Wall::UserNamespace);
    reached.level = ally_sandbox::Level::of_walls(&reached.names());
    everybody_is_confined(&Setup::default().without_root().start(), &reached).await;
}

#[test]
fn an_installation_that_must_have_every_wall_does_not_start_without_them() {
    if !rustix::process::geteuid().is_root() {
        return skipped("root");
    }
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("ally");
    std::fs::copy(env!("CARGO_BIN_EXE_ally"), &program).unwrap();
    std::os::unix::fs::chown(directory.path(), Some(65534), Some(65534)).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--require-sandbox", "full"])
        .current_dir(directory.path())
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains("Missing: own_user, memory_limit"), "{said}");
    assert!(said.contains("Start Ally as root"), "{said}");
    assert!(!directory.path().join("ally-data").exists(), "nothing was made");
}

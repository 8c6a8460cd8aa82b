//! The walls, tried with real attacks: `ally probe` as root and as an ordinary user, and the button in Settings.
//!
//! Each attack is first made by the same program without walls, as the one to whom the target belongs; one that fails
//! there proves nothing and does not count.

use crate::browser::Browser;
use crate::installation::{Installation, Setup};
use crate::skipped::skipped;
use ally_sandbox::attempts::Attempt;
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// Fewer would be no proof.
const FEWEST: usize = 30;

/// What `ally probe` says.
struct Probed {
    rows: Vec<Value>,
    sum: Value,
    code: Option<i32>,
}

/// Runs it as the user of the test, or as one without rights.
fn probe(without_root: bool, arguments: &[&str]) -> Probed {
    let directory = tempfile::tempdir().unwrap();
    // The one who is attacked passes through.
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let mut program = std::path::PathBuf::from(env!("CARGO_BIN_EXE_ally"));
    let mut command = if without_root && rustix::process::geteuid().is_root() {
        // The build directory may be closed to others, so that user gets a copy.
        let copy = directory.path().join("ally");
        std::fs::copy(program, &copy).unwrap();
        program = copy;
        std::os::unix::fs::chown(directory.path(), Some(65534), Some(65534)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    let command = command.arg("probe").arg("--json").args(arguments).env_clear().env("TMPDIR", directory.path());
    let out = command.current_dir("/").output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    let mut rows: Vec<Value> = String::from_utf8(out.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let sum = rows.pop().unwrap_or_else(|| panic!("it said nothing: {said}"));
    assert_eq!(sum["type"], "finished", "{sum} {said}");
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| name == "ally"), "it left something behind: {left:?}");
    Probed { rows, sum, code: out.status.code() }
}

impl Probed {
    /// The table, for whoever reads the log of a test run.
    fn print(&self, title: &str) {
        use std::fmt::Write as _;
        let mut text = format!("\n{title}\n{:<26} {:<24} behind walls\n", "attempt", "control");
        let word = |outcome: &Value| {
            let more = outcome["by"].as_str().or_else(|| outcome["why"].as_str()).unwrap_or_default();
            format!("{} {more}", outcome["outcome"].as_str().unwrap())
        };
        for row in &self.rows {
            let (control, behind) = (word(&row["control"]), word(&row["behind"]));
            writeln!(text, "{:<26} {control:<24} {behind}", row["name"].as_str().unwrap()).unwrap();
        }
        writeln!(text, "{}", self.sum).unwrap();
        std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes()).unwrap();
    }

    fn has(&self, wall: &str) -> bool {
        self.sum["walls"].as_array().unwrap().iter().any(|up| up == wall)
    }

    /// What works without walls and got through them, too.
    fn got_through(&self) -> BTreeSet<&str> {
        let counted = self.rows.iter().filter(|row| row["control"]["outcome"] == "succeeded");
        counted.filter(|row| row["behind"]["outcome"] == "succeeded").map(|row| row["name"].as_str().unwrap()).collect()
    }

    /// No wall that stands has let anything through, and enough was tried to say so.
    fn holds(&self) {
        assert_eq!(self.sum["broken"], json!([]));
        assert_eq!(self.code, Some(0));
        let counted = self.sum["counted"].as_u64().unwrap();
        assert!(counted >= FEWEST as u64, "only {counted} attempts count");
    }
}

#[test]
fn as_root_no_attack_gets_through_full_walls() {
    if !rustix::process::geteuid().is_root() {
        return skipped("root");
    }
    let probed = probe(false, &[]);
    probed.print("As root, behind all walls");
    probed.holds();
    let limits = ["memory_limit", "process_limit", "cpu_limit"];
    if !["landlock", "seccomp", "pid_namespace"].iter().chain(&limits).all(|wall| probed.has(wall)) {
        return skipped("Landlock, seccomp and control groups");
    }
    assert_eq!(probed.got_through(), BTreeSet::new());
    // How the neighbour fared is printed; on a busy machine it says nothing. That there is a limit always does.
    assert_eq!(probed.sum["neighbour"]["processor_percent"], 100);
}

#[test]
fn as_root_the_walls_that_the_host_builds_hold_without_the_filters_that_an_assistant_adds() {
    if !rustix::process::geteuid().is_root() {
        return skipped("root");
    }
    let probed = probe(false, &["--without-filters"]);
    probed.print("As root, without Landlock and without the filter of system calls");
    probed.holds();
    assert!(!probed.has("landlock") && !probed.has("seccomp"));
    // The filter is needed: this is what only it refuses, as far as this kernel knows it.
    let through = probed.got_through();
    let only_by_filter = [
        "cipher_socket",
        "io_uring",
        "kernel_keys",
        "kernel_program",
        "machine_socket",
        "measure_machine",
        "new_user_namespace",
        "page_faults",
        "run_from_memory",
        "run_own_file",
        "run_shell",
        "start_process",
    ];
    assert!(through.is_subset(&BTreeSet::from(only_by_filter)), "{through:?}");
    assert!(through.contains("start_process"), "{through:?}");
}

#[test]
fn an_ordinary_user_has_the_same_walls_but_no_limits() {
    let probed = probe(true, &[]);
    probed.print("As an ordinary user");
    if !probed.has("user_namespace") || !probed.has("seccomp") || !probed.has("landlock") {
        return skipped("user namespaces");
    }
    probed.holds();
    // An ordinary user may not limit: said here, and in SECURITY.md.
    let through = probed.got_through();
    assert!(through.is_subset(&BTreeSet::from(["memory", "threads", "processor"])), "{through:?}");
}

/// Presses the button and reads to the end.
async fn test_walls(browser: &Browser) -> (Vec<Value>, Value) {
    let request = browser.request(Method::POST, "/api/v1/space/walls/test", Some(json!({})));
    let reply = browser.send_raw(request).await.expect(200);
    assert_eq!(reply.headers["content-type"], "text/event-stream");
    let text = reply.text();
    let mut events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let sum = events.pop().unwrap();
    (events, sum)
}

async fn the_button_finds_what_the_level_promises(installation: Installation) {
    let mira = installation.administrator().await;
    let space = mira.get("/api/v1/space").await.expect(200).json();
    let walls: Vec<&str> = space["walls"].as_array().unwrap().iter().map(|wall| wall.as_str().unwrap()).collect();
    let (attempts, sum) = test_walls(&mira).await;
    assert!(attempts.len() >= FEWEST, "{sum}");
    assert_eq!(sum["tried"], attempts.len());
    for event in &attempts {
        let attempt = Attempt::named(event["name"].as_str().unwrap()).unwrap();
        assert_eq!(event["words"], attempt.words);
        if attempt.is_promised_by(walls.iter().copied()) {
            assert_ne!(event["outcome"], "succeeded", "{event}");
        }
    }
    let data = installation.data.display().to_string();
    assert!(!attempts.iter().any(|event| event.to_string().contains(&data)), "a path of this machine: {attempts:?}");
    // The assistant is the same as before, and works.
    let chat = mira.chat().await;
    let answer = mira.ask(&chat, "remember that the walls were tested").await;
    assert_eq!(answer["status"], "complete");
    assert_eq!(mira.get("/api/v1/space").await.expect(200).json()["started"], space["started"]);
}

#[tokio::test]
async fn the_button_in_settings_tries_the_persons_own_walls() {
    the_button_finds_what_the_level_promises(Installation::start()).await;
}

#[tokio::test]
async fn the_button_in_settings_works_for_an_installation_without_root() {
    the_button_finds_what_the_level_promises(Setup::default().without_root().start()).await;
}

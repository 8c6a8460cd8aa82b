//! `make run`, as a person types it: it builds what is missing, prints the address, and the next time builds nothing.
//!
//! The compiler would take minutes, so `cargo` is a script here that notes what it was asked and puts the binary of
//! these tests where a build would put it. What is tested is everything around it.

use crate::browser::{Browser, PATIENCE};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What the Makefile looks at to know whether a build is needed, and itself.
const TREE: [&str; 8] =
    ["Makefile", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo", "crates", "web", "changes"];

/// A copy of the repository, with a `cargo` of its own.
struct Clone {
    folder: TempDir,
}

/// A running `make run`; ends with everything that it started.
struct Running {
    make: Child,
    address: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.make);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        let _ = self.make.wait();
        // Make is gone at once; what it started closes its port when it has finished what was in flight.
        let deadline = std::time::Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(self.address).is_ok() && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
    }
}

impl Clone {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for part in TREE {
            copy(&root.join(part), &folder.path().join("ally").join(part));
        }
        let cargo = folder.path().join("bin/cargo");
        std::fs::create_dir_all(cargo.parent().unwrap()).unwrap();
        let script = "#!/bin/sh\necho \"$*\" >>\"$NOTES\"\n[ ! -e \"$NOTES.fails\" ] || exit 101\n\
                      mkdir -p target/quick && rm -f target/quick/ally && cp \"$BUILT\" target/quick/ally\n";
        std::fs::write(&cargo, script).unwrap();
        std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join("ally").join(part)
    }

    fn notes(&self) -> PathBuf {
        self.folder.path().join("notes")
    }

    /// What `cargo` was asked since the last time.
    fn asked(&self) -> Vec<String> {
        let notes = std::fs::read_to_string(self.notes()).unwrap_or_default();
        let _ = std::fs::remove_file(self.notes());
        notes.lines().map(str::to_owned).collect()
    }

    fn make(&self) -> Command {
        let mut make = Command::new("make");
        make.args(["run", "ARGS=--listen 127.0.0.1:0"]).current_dir(self.path("")).env_clear();
        let path = std::env::var("PATH").unwrap_or_default();
        make.env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()));
        make.env("NOTES", self.notes()).env("BUILT", env!("CARGO_BIN_EXE_ally"));
        make.stdin(Stdio::null()).process_group(0);
        make
    }

    /// Runs `make run` until it prints the address.
    fn run(&self) -> Running {
        let mut make = self.make().stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(make.stdout.take().unwrap()).lines().map_while(Result::ok);
        let printed = lines.find_map(|line| line.trim().strip_prefix("Ally is ready: http://").map(str::to_owned));
        // Whoever goes on printing must not find a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let address = printed.expect("it ended before it printed the address").parse().unwrap();
        Running { make, address }
    }
}

/// Copies a part of the tree, without what a build leaves there.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().flatten() {
            let name = entry.file_name();
            let is_left = ["node_modules", "dist", "test-results", ".build-lock"].iter().any(|left| name == *left);
            if !is_left {
                copy(&entry.path(), &to.join(name));
            }
        }
    } else if from.is_file() {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
}

fn has_make() -> bool {
    let has = Command::new("make").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !has {
        crate::skipped::skipped("make");
    }
    has
}

const BUILD: &str = "build --profile quick -p ally";

#[tokio::test]
async fn make_run_builds_once_answers_and_then_builds_only_what_has_changed() {
    if !has_make() {
        return;
    }
    let clone = Clone::new();
    let first = clone.run();
    Browser::new(first.address).get("/readyz").await.expect(200);
    let page = Browser::new(first.address).get("/").await.expect(200);
    assert!(page.text().contains("Ally"), "{}", page.text());
    drop(first);
    assert_eq!(clone.asked(), [BUILD]);
    assert!(clone.path("ally-data/platform").is_dir(), "the data lies beside the sources");

    drop(clone.run());
    assert_eq!(clone.asked(), [""; 0], "nothing has changed, so cargo is not even started");

    // What a build and the tests write there is no source.
    std::fs::create_dir_all(clone.path("web/node_modules/x")).unwrap();
    std::fs::create_dir_all(clone.path("web/dist")).unwrap();
    std::fs::write(clone.path("web/dist/index.html"), "built").unwrap();
    drop(clone.run());
    assert_eq!(clone.asked(), [""; 0]);

    for source in ["crates/ally/src/main.rs", "web/src/main.tsx", "Cargo.lock", "changes/2026-11-21-new.md"] {
        let text = std::fs::read_to_string(clone.path(source)).unwrap_or_default();
        std::fs::write(clone.path(source), text).unwrap();
        drop(clone.run());
        assert_eq!(clone.asked(), [BUILD], "{source} was written");
    }
    std::fs::remove_file(clone.path("changes/2026-11-21-new.md")).unwrap();
    drop(clone.run());
    assert_eq!(clone.asked(), [BUILD], "a file was removed");
}

#[test]
fn a_build_that_fails_starts_nothing_and_is_tried_again() {
    if !has_make() {
        return;
    }
    let clone = Clone::new();
    let fails = clone.notes().with_extension("fails");
    std::fs::write(&fails, "").unwrap();
    for _ in 0..2 {
        let done = clone.make().output().unwrap();
        assert!(!done.status.success());
        assert!(!String::from_utf8_lossy(&done.stdout).contains("Ally is ready"));
        assert_eq!(clone.asked(), [BUILD]);
    }
    std::fs::remove_file(fails).unwrap();
    drop(clone.run());
    assert_eq!(clone.asked(), [BUILD]);
}

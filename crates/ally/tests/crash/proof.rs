//! The crash shim itself: each way to end, at each operation of a small program whose every state is known.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is in the directory when the program ends before its n-th operation: by a kill, and by a power failure.
const STATES: [(&str, &str); 19] = [
    ("", ""),
    ("a=0:", ""),
    ("a=3:one", ""),
    ("a=3:one", ""),
    ("a=3:one", "a=3:one"),
    ("a=4:TWO!", "a=3:one"),
    ("a=4:TWO! b.tmp=0:", "a=3:one"),
    ("a=4:TWO! b.tmp=3:bee", "a=3:one"),
    ("a=4:TWO! b.tmp=3:bee", "a=3:one"),
    ("a=4:TWO! b=3:bee", "a=3:one"),
    ("a=4:TWO! b=3:bee", "a=3:one b=3:bee"),
    ("b=3:bee", "a=3:one b=3:bee"),
    ("b=0:", "a=3:one b=3:bee"),
    ("b=3:new", "a=3:one b=3:bee"),
    ("b=3:new", "a=3:one b=3:new"),
    ("b=3:new d/", "a=3:one b=3:new"),
    ("b=3:new d/ d/c=0:", "a=3:one b=3:new"),
    ("b=3:new d/ d/c=100:", "a=3:one b=3:new"),
    ("b=3:new d/ d/c=100:", "b=3:new d/"),
];

struct Programs {
    folder: tempfile::TempDir,
}

impl Programs {
    fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash");
        for arguments in [
            &["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", "shim.so", "shim.c"][..],
            &["-o", "writer", "writer.c"],
        ] {
            let mut cc = Command::new("cc");
            let place = |name: &&str| if name.ends_with(".c") { sources.join(name) } else { PathBuf::from(name) };
            let built = cc.args(arguments.iter().map(place)).arg("-lpthread").current_dir(&folder).output().unwrap();
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        }
        Self { folder }
    }

    /// Runs the writer in an empty directory: its status, what it left, and the operations that were counted.
    fn run(&self, mode: &str, at: usize) -> (Option<i32>, String, u64) {
        let data = tempfile::tempdir().unwrap();
        let count_file = self.folder.path().join("count");
        let status = Command::new(self.folder.path().join("writer"))
            .arg(data.path())
            .env("LD_PRELOAD", self.folder.path().join("shim.so"))
            .env("ALLY_CRASH_DIR", data.path())
            .env("ALLY_CRASH_AT", at.to_string())
            .env("ALLY_CRASH_MODE", mode)
            .env("ALLY_CRASH_COUNT_FILE", &count_file)
            .status()
            .unwrap();
        let counted = std::fs::read_to_string(count_file).unwrap().trim().parse().unwrap();
        (status.code(), listing(data.path(), ""), counted)
    }
}

#[test]
fn the_crash_shim_counts_each_operation_and_changes_nothing_by_itself() {
    let programs = Programs::build();
    let (status, left, counted) = programs.run("power", 0);
    assert_eq!((status, left.as_str(), counted), (Some(0), "b=5:newer d/ d/c=100: x-shm=6:shared", 19));
}

#[test]
fn a_kill_keeps_what_was_written_and_a_power_failure_only_what_was_synced() {
    let programs = Programs::build();
    for (before, (killed, unpowered)) in STATES.into_iter().enumerate() {
        let at = before + 1;
        let with_shm = format!("{killed} x-shm=6:shared");
        let counted = at as u64;
        assert_eq!(
            programs.run("kill", at),
            (Some(137), with_shm.trim_start().to_owned(), counted),
            "kill before {at}"
        );
        assert_eq!(programs.run("power", at), (Some(137), unpowered.to_owned(), counted), "power failure before {at}");
    }
}

#[test]
fn a_full_disk_fails_the_next_write_and_keeps_the_rest() {
    let programs = Programs::build();
    let no_space = 28;
    assert_eq!(programs.run("full", 7), (Some(no_space), "a=4:TWO! b.tmp=0: x-shm=6:shared".to_owned(), 7));
}

/// Names in order, each file with its size and its text, without zero bytes.
fn listing(folder: &Path, prefix: &str) -> String {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let mut text = String::new();
    for path in entries {
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            let below = listing(&path, &format!("{name}/"));
            write!(text, " {name}/{}{below}", if below.is_empty() { "" } else { " " }).unwrap();
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let words = String::from_utf8_lossy(&bytes).replace('\0', "");
            write!(text, " {name}={}:{words}", bytes.len()).unwrap();
        }
    }
    text.trim_start().to_owned()
}

//! Claiming the data directory: one host at a time, always in the same mode.

use crate::disk;
use ally_types::Problem;
use rustix::fs::FlockOperation;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// A host that was killed a moment ago may still be on its way out.
const TRIES: u32 = 40;

/// Whether people's servers have user ids of their own here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    OwnUsers,
    OneUser,
}

impl Mode {
    const fn text(self) -> &'static str {
        match self {
            Self::OwnUsers => "own users\n",
            Self::OneUser => "one user\n",
        }
    }
}

/// Holds the data directory until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: File,
}

/// Makes `host/` and what belongs into it, locks it, and refuses a directory that was made in the other mode.
pub(crate) async fn claim(host: &Path, mode: Mode) -> Result<Claim, Problem> {
    let lock = open(host).map_err(|_| unusable())?;
    let mut tries = 0;
    while let Err(error) = rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        tries += 1;
        if error != rustix::io::Errno::WOULDBLOCK || tries > TRIES {
            return Err(Problem::new(409, "host_running", "Another Ally is running on this data directory.")
                .next("Stop it first, or choose another directory with ALLY_DATA_DIR."));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    check_mode(&host.join("mode"), mode)?;
    Ok(Claim { _lock: lock })
}

fn open(host: &Path) -> io::Result<File> {
    disk::directory(host, 0o700)?;
    for name in ["keys", "servers", "awake"] {
        disk::directory(&host.join(name), 0o700)?;
    }
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(host.join("lock"))
}

fn check_mode(marker: &Path, mode: Mode) -> Result<(), Problem> {
    match std::fs::read_to_string(marker) {
        Ok(text) if text == mode.text() => Ok(()),
        Ok(_) => Err(match mode {
            Mode::OneUser => Problem::new(
                409,
                "other_mode",
                "This data directory was made by Ally running as root, with a system user for each person.",
            )
            .next("Start Ally as root again, or choose another directory with ALLY_DATA_DIR."),
            Mode::OwnUsers => Problem::new(
                409,
                "other_mode",
                "This data directory was made by Ally running without root, with one system user for everybody.",
            )
            .next("Start Ally as the user who made it, or choose another directory with ALLY_DATA_DIR."),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            disk::replace(marker, mode.text().as_bytes()).map_err(|_| unusable())
        }
        Err(_) => Err(unusable()),
    }
}

fn unusable() -> Problem {
    Problem::new(500, "data_dir_unusable", "The data directory cannot be written.")
        .next("Check that it exists, belongs to the user who starts Ally, and that the disk is not full.")
}

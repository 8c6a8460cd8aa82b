//! What stands around each person's process: found out once, when the host starts.

use ally_sandbox::{Ceilings, Cgroups, Level, Limits, Networks, Place, Reached, Room, Wall, survey};
use ally_types::{Problem, ServerId, log};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, OnceLock};

/// Processes and threads of one person. A process has one, and a few more while it waits for the disk.
const PROCESSES: u32 = 64;
/// Connections and files that one person's process has open.
const OPEN_FILES: u64 = 1024;
const MEBIBYTE: u64 = 1 << 20;
/// Stacks of threads and the allocator's reserve.
const UNUSED: u64 = 64 << 20;

/// How much one person's process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shares {
    /// Memory, in mebibytes.
    pub memory_mb: u64,
    /// Space on the disk, in mebibytes.
    pub disk_mb: u64,
    /// So often the space is measured while a process is awake, in milliseconds.
    pub measure_millis: u64,
}

impl Default for Shares {
    fn default() -> Self {
        Self { memory_mb: 256, disk_mb: 10 << 10, measure_millis: 30_000 }
    }
}

impl Shares {
    /// Space on the disk, in bytes.
    pub(crate) const fn disk(&self) -> u64 {
        self.disk_mb.saturating_mul(MEBIBYTE)
    }
}

/// The walls that can be had here, and the limits within them.
#[derive(Debug)]
pub(crate) struct Around {
    pub(crate) reached: Reached,
    pub(crate) shares: Shares,
    /// For those who wake next.
    pub(crate) networks: Arc<Networks>,
    cgroups: Arc<Cgroups>,
    /// What of the system everybody sees, once it has been described.
    room: OnceLock<Room>,
}

impl Around {
    /// Tries every wall once. `uid` is the first that people get.
    pub(crate) fn look(uid: u32, shares: Shares) -> Self {
        let cgroups = Arc::new(Cgroups::find());
        Self { reached: survey(uid, &cgroups), shares, networks: Arc::default(), cgroups, room: OnceLock::new() }
    }

    pub(crate) fn log(&self) {
        let (level, missing) = (self.reached.level.name(), self.reached.missing().join(","));
        if missing.is_empty() {
            log::info("every wall stands", &[("level", &level)]);
        } else {
            log::warn("walls are missing", &[("level", &level), ("missing", &Names(missing))]);
        }
    }

    /// Why it is not enough, if it is not.
    pub(crate) fn refusal(&self, wanted: Option<Level>) -> Option<Problem> {
        let level = self.reached.level;
        wanted.filter(|wanted| level < *wanted).map(|wanted| {
            let missing = self.reached.missing();
            let says = match (wanted, missing.is_empty()) {
                (Level::Full, false) => format!("{} Missing: {}.", level.in_words(), missing.join(", ")),
                _ => level.in_words().to_owned(),
            };
            Problem::new(503, "walls_too_low", says).next(
                "Start Ally as root on a kernel with namespaces, Landlock and writable control groups, or lower ALLY_REQUIRE_SANDBOX.",
            )
        })
    }

    /// What of the system everybody sees; described at the first wake, and kept.
    pub(crate) fn room(&self, describe: impl FnOnce() -> io::Result<Room>) -> io::Result<Room> {
        match self.room.get() {
            Some(room) => Ok(room.clone()),
            None => describe().map(|room| self.room.get_or_init(|| room).clone()),
        }
    }

    /// The group in which this server's process is kept.
    pub(crate) fn place(&self, server: ServerId) -> Place {
        let limits =
            Limits { memory: self.shares.memory_mb.saturating_mul(MEBIBYTE), processes: PROCESSES, cpu_percent: 100 };
        Place { cgroups: Arc::clone(&self.cgroups), name: server.to_string(), limits }
    }

    /// Takes away the groups of these servers, which a killed host has left, where nobody is in them.
    pub(crate) fn sweep(&self, servers: &[ServerId]) {
        let mine: BTreeSet<_> = servers.iter().collect();
        self.cgroups.sweep(|name| name.parse().is_ok_and(|server: ServerId| mine.contains(&server)));
    }

    /// What the process may have even where there are no groups.
    pub(crate) fn ceilings(&self) -> Ceilings {
        Ceilings {
            open_files: OPEN_FILES,
            // Where people share a user, they would take processes away from one another.
            processes: self.reached.has(Wall::OwnUser).then_some(u64::from(PROCESSES)),
            // What is asked for and not used counts here, so there is some more of it.
            memory: self.shares.memory_mb.saturating_mul(MEBIBYTE).saturating_add(UNUSED),
            // No file can be larger than everything together.
            file_size: self.shares.disk(),
        }
    }
}

/// Why Ally may not start here, if it must have walls as high as that.
pub fn walls_too_low(people_uid_base: u32, wanted: Level) -> Option<Problem> {
    Around::look(people_uid_base, Shares::default()).refusal(Some(wanted))
}

impl Drop for Around {
    fn drop(&mut self) {
        self.cgroups.close();
    }
}

/// Short names of walls.
struct Names(String);

impl log::Loggable for Names {
    fn write(&self, line: &mut String) {
        line.push_str(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_missing_is_named_when_every_wall_is_wanted() {
        let around = |walls: Vec<Wall>| {
            let names: Vec<_> = walls.iter().map(|wall| wall.name()).collect();
            let reached = Reached { level: Level::of_walls(&names), walls, why: BTreeMap::new() };
            Around {
                reached,
                shares: Shares::default(),
                networks: Arc::default(),
                cgroups: Arc::default(),
                room: OnceLock::new(),
            }
        };
        assert_eq!(around(Wall::ALL.to_vec()).refusal(Some(Level::Full)), None);
        let mut some = Wall::ALL.to_vec();
        some.retain(|wall| *wall != Wall::CpuLimit);
        assert_eq!(around(some.clone()).refusal(Some(Level::OwnUser)), None);
        assert_eq!(around(some.clone()).refusal(None), None);
        let refused = around(some).refusal(Some(Level::Full)).expect("is refused");
        assert!(refused.title.ends_with("Missing: cpu_limit."), "{}", refused.title);
        assert!(refused.next_step.is_some_and(|next| next.contains("ALLY_REQUIRE_SANDBOX")));
    }
}

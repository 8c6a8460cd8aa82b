//! Limits on memory, processes and processor time, through control groups of the first or of the second kind.
//!
//! Everything stands below one group `ally` at the root of each hierarchy, where the next host finds what a killed one
//! left. With the second kind a process is born into its group. With the first kind it goes there itself, first of all
//! that it does: somebody else who moves it would wait some milliseconds for all processors, and so would every birth.

use crate::level::refusal;
use crate::{Spawn, Wall};
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The group below which all others stand.
const ALLY: &str = "ally";
/// Processor time is counted anew after so many microseconds.
const PERIOD: u32 = 100_000;

/// What one process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory. There is no swap beside it.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u32,
    /// Processor time, in hundredths of one processor.
    pub cpu_percent: u32,
}

/// The hierarchies in which this process may make groups.
#[derive(Debug, Clone, Default)]
pub struct Cgroups {
    /// The group `ally`, and whose limits are set there.
    parents: Vec<(PathBuf, Kind)>,
    walls: Vec<Wall>,
    /// Why what cannot be limited cannot.
    why: BTreeMap<Wall, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The first kind has a hierarchy for each thing.
    First(Wall),
    /// The second has one for all.
    Second,
}

/// The group that a process is to be in.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where groups can be made.
    pub cgroups: std::sync::Arc<Cgroups>,
    /// The name of the group, which nobody else has.
    pub name: String,
    /// What it may use.
    pub limits: Limits,
}

impl Place {
    /// The group, with its limits set.
    pub(crate) fn make(&self) -> io::Result<Group> {
        let once = || self.cgroups.make(&self.name, self.limits);
        // Another installation on this machine may just have taken the parent away, as it was empty.
        once().or_else(|_| once())
    }
}

/// One process's group.
#[derive(Debug)]
pub struct Group {
    directories: Vec<PathBuf>,
    /// Open until somebody has gone in.
    pub(crate) doors: Doors,
}

/// How a process comes into its group.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    /// It is born into this one, of the second kind.
    pub(crate) birth: Option<OwnedFd>,
    /// It writes itself into these files, one for each hierarchy of the first kind.
    pub(crate) tasks: Vec<OwnedFd>,
}

impl Doors {
    fn open(&mut self, directory: &Path, kind: Kind) -> io::Result<()> {
        let open = |path: &Path, flags| rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty());
        match kind {
            Kind::First(_) => self.tasks.push(open(&directory.join("tasks"), OFlags::WRONLY)?),
            Kind::Second => self.birth = Some(open(directory, OFlags::PATH | OFlags::DIRECTORY)?),
        }
        Ok(())
    }
}

impl Cgroups {
    /// None.
    pub const fn none() -> Self {
        Self { parents: Vec::new(), walls: Vec::new(), why: BTreeMap::new() }
    }

    /// Looks which there are, and really makes a group in each, limits it, has a process go in, and removes it.
    pub fn find() -> Self {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let mut found = Self::none();
        for line in mounts.lines() {
            let mut words = line.split(' ').skip(1);
            let (Some(path), Some(kind), Some(options)) = (words.next(), words.next(), words.next()) else { continue };
            let path = Path::new(path);
            let has = |name: &str| options.split(',').any(|option| option == name);
            match kind {
                "cgroup2" => found.consider(path, Kind::Second, &second_kind(path)),
                "cgroup" if has("memory") => found.consider(path, Kind::First(Wall::MemoryLimit), &[Wall::MemoryLimit]),
                "cgroup" if has("pids") => found.consider(path, Kind::First(Wall::ProcessLimit), &[Wall::ProcessLimit]),
                "cgroup" if has("cpu") => found.consider(path, Kind::First(Wall::CpuLimit), &[Wall::CpuLimit]),
                _ => {}
            }
        }
        found
    }

    fn consider(&mut self, root: &Path, kind: Kind, walls: &[Wall]) {
        let new = walls.iter().any(|wall| !self.walls.contains(wall));
        if !new {
            return;
        }
        match Self::attempt(root, kind, walls) {
            Ok(trial) => {
                self.parents.extend(trial.parents);
                self.walls.extend(walls);
            }
            Err(why) => walls.iter().for_each(|wall| _ = self.why.entry(*wall).or_insert_with(|| why.clone())),
        }
    }

    fn attempt(root: &Path, kind: Kind, walls: &[Wall]) -> Result<Self, String> {
        prepare(root, kind, walls).map_err(|error| refusal("make a control group", &error))?;
        let trial = Self { parents: vec![(root.join(ALLY), kind)], walls: walls.to_vec(), why: BTreeMap::new() };
        static TRIALS: AtomicU32 = AtomicU32::new(0);
        let name = format!("trial-{}-{}", std::process::id(), TRIALS.fetch_add(1, Ordering::Relaxed));
        let group = trial.make(&name, Limits { memory: 64 << 20, processes: 8, cpu_percent: 100 });
        let group = group.map_err(|error| refusal("limit a control group", &error))?;
        let child = Spawn::nothing().group(group).spawn().and_then(|child| child.started());
        child.map_err(|refused| refusal(refused.step.in_words(), &refused.error))?;
        Ok(trial)
    }

    /// Why this cannot be limited, if it cannot.
    pub fn why(&self, wall: Wall) -> Option<String> {
        let none = || "No control groups that limit this are mounted.".to_owned();
        (!self.walls.contains(&wall)).then(|| self.why.get(&wall).cloned().unwrap_or_else(none))
    }

    /// What can be limited.
    pub fn walls(&self) -> &[Wall] {
        &self.walls
    }

    /// Makes the group or takes up the one that is there, and sets its limits.
    ///
    /// # Errors
    /// The kernel refused it. Nothing is left then.
    pub fn make(&self, name: &str, limits: Limits) -> io::Result<Group> {
        let directories: Vec<_> = self.parents.iter().map(|(parent, _)| parent.join(name)).collect();
        let mut group = Group { directories, doors: Doors::default() };
        for ((parent, kind), directory) in self.parents.iter().zip(&group.directories) {
            // Another installation may have taken the parent away, as it was empty.
            let made = make_directory(directory).or_else(|_| {
                make_directory(parent)?;
                make_directory(directory)
            });
            let set = made.and_then(|()| set(directory, *kind, &self.walls, limits));
            if let Err(error) = set.and_then(|()| group.doors.open(directory, *kind)) {
                group.remove();
                return Err(error);
            }
        }
        Ok(group)
    }

    /// Takes away the groups that a killed host has left: those with such a name and nobody in them.
    pub fn sweep(&self, is_mine: impl Fn(&str) -> bool) {
        for (parent, _) in &self.parents {
            for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
                if entry.file_name().to_str().is_some_and(&is_mine) {
                    // Refused while somebody is in it.
                    let _ = std::fs::remove_dir(entry.path());
                }
            }
        }
    }

    /// Takes the parents away, if nobody has a group in them.
    pub fn close(&self) {
        for (parent, _) in &self.parents {
            let _ = std::fs::remove_dir(parent);
        }
    }
}

impl Group {
    /// A group of the second kind without any limits.
    ///
    /// # Errors
    /// The kernel refused it.
    pub fn bare(root: &Path, name: &str) -> io::Result<Self> {
        let directory = root.join(name);
        make_directory(&directory)?;
        let mut doors = Doors::default();
        doors.open(&directory, Kind::Second)?;
        Ok(Self { directories: vec![directory], doors })
    }

    /// Where it is.
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// Whether the kernel has ended a process here because it took too much memory.
    pub fn ran_out_of_memory(&self) -> bool {
        self.directories.iter().any(|directory| {
            ["memory.oom_control", "memory.events"].iter().any(|file| {
                let text = std::fs::read_to_string(directory.join(file)).unwrap_or_default();
                text.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
            })
        })
    }

    /// Takes the group away; there must be nobody in it.
    pub fn remove(&self) {
        for directory in &self.directories {
            let _ = std::fs::remove_dir(directory);
        }
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    match std::fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// What the second kind can limit here: which controllers it has, of those that we use.
fn second_kind(root: &Path) -> Vec<Wall> {
    let there = std::fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
    let known = [("memory", Wall::MemoryLimit), ("pids", Wall::ProcessLimit), ("cpu", Wall::CpuLimit)];
    known
        .into_iter()
        .filter(|(name, _)| there.split_whitespace().any(|word| word == *name))
        .map(|(_, wall)| wall)
        .collect()
}

/// Makes the group `ally`, and where it is of the second kind, has the controllers passed down to it.
fn prepare(root: &Path, kind: Kind, walls: &[Wall]) -> io::Result<()> {
    let ally = root.join(ALLY);
    if kind == Kind::Second {
        pass_down(root, walls).or_else(|error| {
            // The root of a container is an ordinary group: it may not hold both processes and groups with limits.
            if error.raw_os_error() != Some(libc::EBUSY) {
                return Err(error);
            }
            let aside = root.join("ally-others");
            make_directory(&aside)?;
            for process in std::fs::read_to_string(root.join("cgroup.procs"))?.lines() {
                let _ = put(&aside.join("cgroup.procs"), process);
            }
            pass_down(root, walls)
        })?;
    }
    make_directory(&ally)?;
    if kind == Kind::Second { pass_down(&ally, walls) } else { Ok(()) }
}

fn pass_down(group: &Path, walls: &[Wall]) -> io::Result<()> {
    let file = group.join("cgroup.subtree_control");
    let there = std::fs::read_to_string(&file)?;
    let names = [(Wall::MemoryLimit, "memory"), (Wall::ProcessLimit, "pids"), (Wall::CpuLimit, "cpu")];
    let missing: Vec<_> = names
        .into_iter()
        .filter(|(wall, name)| walls.contains(wall) && !there.split_whitespace().any(|word| word == *name))
        .map(|(_, name)| format!("+{name}"))
        .collect();
    if missing.is_empty() { Ok(()) } else { put(&file, &missing.join(" ")) }
}

/// Not as an ordinary file is written: one that is missing here must be missed, not made.
fn put(file: &Path, value: &str) -> io::Result<()> {
    std::fs::File::options().write(true).open(file)?.write_all(value.as_bytes())
}

fn set(directory: &Path, kind: Kind, walls: &[Wall], limits: Limits) -> io::Result<()> {
    let put = |file: &str, value: &str| put(&directory.join(file), value);
    let memory = limits.memory.to_string();
    let (cpu, period) = ((limits.cpu_percent * (PERIOD / 100)).to_string(), PERIOD.to_string());
    match kind {
        Kind::First(Wall::MemoryLimit) => {
            // With a limit from before, the sum may never be below the memory: so one of the two orders works.
            let sum = || match put("memory.memsw.limit_in_bytes", &memory) {
                // A kernel that does not count swap.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other,
            };
            let all = || put("memory.limit_in_bytes", &memory).and_then(|()| sum());
            all().or_else(|_| sum().and_then(|()| all()))?;
            let _ = put("memory.swappiness", "0");
            Ok(())
        }
        Kind::First(Wall::ProcessLimit) => put("pids.max", &limits.processes.to_string()),
        Kind::First(_) => put("cpu.cfs_period_us", &period).and_then(|()| put("cpu.cfs_quota_us", &cpu)),
        Kind::Second => {
            if walls.contains(&Wall::MemoryLimit) {
                put("memory.max", &memory)?;
                let _ = put("memory.swap.max", "0");
                let _ = put("memory.oom.group", "1");
            }
            if walls.contains(&Wall::ProcessLimit) {
                put("pids.max", &limits.processes.to_string())?;
            }
            if walls.contains(&Wall::CpuLimit) {
                put("cpu.max", &format!("{cpu} {period}"))?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_the_second_kind_gets_its_controllers_and_limits() {
        // A copy of what such a hierarchy looks like: this machine may have the other kind.
        let root = tempfile::tempdir().expect("a directory");
        let at = |name: &str| root.path().join(name);
        std::fs::write(at("cgroup.controllers"), "cpuset cpu io memory pids\n").expect("writes");
        std::fs::write(at("cgroup.subtree_control"), "memory\n").expect("writes");
        let walls = second_kind(root.path());
        assert_eq!(walls, [Wall::MemoryLimit, Wall::ProcessLimit, Wall::CpuLimit]);
        make_directory(&at("ally")).expect("makes");
        std::fs::write(at("ally/cgroup.subtree_control"), "").expect("writes");
        prepare(root.path(), Kind::Second, &walls).expect("prepares");
        let read = |name: &str| std::fs::read_to_string(at(name)).expect("reads");
        assert_eq!(read("cgroup.subtree_control"), "+pids +cpu");
        assert_eq!(read("ally/cgroup.subtree_control"), "+memory +pids +cpu");
        let cgroups = Cgroups { parents: vec![(at("ally"), Kind::Second)], walls, why: BTreeMap::new() };
        make_directory(&at("ally/mira")).expect("makes");
        for file in ["memory.max", "pids.max", "cpu.max"] {
            std::fs::write(at("ally/mira").join(file), "").expect("writes");
        }
        let group = cgroups.make("mira", Limits { memory: 1 << 28, processes: 64, cpu_percent: 100 }).expect("makes");
        assert!(group.doors.birth.is_some() && group.doors.tasks.is_empty());
        assert_eq!(read("ally/mira/memory.max"), "268435456");
        assert_eq!((read("ally/mira/pids.max").as_str(), read("ally/mira/cpu.max").as_str()), ("64", "100000 100000"));
        assert!(!group.ran_out_of_memory());
        std::fs::write(at("ally/mira/memory.events"), "oom 1\noom_kill 1\n").expect("writes");
        assert!(group.ran_out_of_memory());
    }
}

//! How high the walls around a process are, and what this kernel allows.

use crate::attempts::errno_name;
use crate::calls::Part;
use crate::cgroup::Cgroups;
use crate::{Access, CannotSpawn, Identity, Room, Spawn, Wall, Walls, confine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What holds between one person's process and everything else, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The kernel allows no walls: same user, same files, same network.
    Nothing,
    /// A user id of its own, and nothing else.
    OwnUserOnly,
    /// A user id of its own and an empty network, but all files that anybody may read are visible.
    OwnUserOpenFiles,
    /// A user namespace with an almost empty root and an empty network; the user id is shared with the installation.
    UserNamespace,
    /// A user id of its own, an almost empty root and an empty network.
    OwnUser,
    /// Everything: beside those, processes of its own, Landlock, a filter of system calls, and limits.
    Full,
}

impl Level {
    /// The short name, as in configuration and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::OwnUserOnly => "own_user_only",
            Self::OwnUserOpenFiles => "own_user_open_files",
            Self::UserNamespace => "user_namespace",
            Self::OwnUser => "own_user",
            Self::Full => "full",
        }
    }

    /// The level of somebody around whom these walls stand, told by their short names.
    pub fn of_walls(up: &[impl AsRef<str>]) -> Self {
        let has = |wall: Wall| up.iter().any(|name| name.as_ref() == wall.name());
        match (has(Wall::OwnUser), has(Wall::EmptyRoot)) {
            (true, true) if Wall::missing(up).is_empty() => Self::Full,
            (true, true) => Self::OwnUser,
            (true, false) if has(Wall::NetworkNamespace) => Self::OwnUserOpenFiles,
            (true, false) => Self::OwnUserOnly,
            (false, _) if has(Wall::UserNamespace) => Self::UserNamespace,
            (false, _) => Self::Nothing,
        }
    }

    /// One sentence for a person.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Nothing => "This system allows no walls: the assistant runs like any other program of this user.",
            Self::OwnUserOnly => "The assistant runs as a system user of its own, but it has the machine's network.",
            Self::OwnUserOpenFiles => {
                "The assistant runs as a system user of its own, without a network. It could read files that are open to everybody."
            }
            Self::UserNamespace => {
                "The assistant sees only its own files and has no network. It shares the system user and the resources of this installation."
            }
            Self::OwnUser => {
                "The assistant runs as a system user of its own, sees only its own files and has no network."
            }
            Self::Full => {
                "The assistant runs as a system user of its own, sees only its own files and itself, has no network, may make only the system calls it needs, and its memory and processor time are limited."
            }
        }
    }

    /// Whether each person's process has a user id of its own.
    pub const fn has_own_user(self) -> bool {
        matches!(self, Self::OwnUserOnly | Self::OwnUserOpenFiles | Self::OwnUser | Self::Full)
    }

    /// Whether the process sees a root directory of its own.
    pub const fn has_room(self) -> bool {
        matches!(self, Self::UserNamespace | Self::OwnUser | Self::Full)
    }

    /// Whether the process has an empty network.
    pub const fn has_no_network(self) -> bool {
        !matches!(self, Self::Nothing | Self::OwnUserOnly)
    }
}

/// What was reached: the level, and each wall that is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The level.
    pub level: Level,
    /// The walls, in the order of [`Wall::ALL`].
    pub walls: Vec<Wall>,
    /// Why others are not up, in a sentence of ours with the name of the kernel's error, where that is known.
    #[serde(default)]
    pub why: BTreeMap<Wall, String>,
}

impl Reached {
    /// Whether this wall is up.
    pub fn has(&self, wall: Wall) -> bool {
        self.walls.contains(&wall)
    }

    /// The short names of the walls that are up.
    pub fn names(&self) -> Vec<&'static str> {
        self.walls.iter().map(|wall| wall.name()).collect()
    }

    /// The same reasons by the short names of the walls.
    pub fn why(&self) -> BTreeMap<String, String> {
        self.why.iter().map(|(wall, why)| (wall.name().to_owned(), why.clone())).collect()
    }

    /// The short names of what the highest level has beside these.
    pub fn missing(&self) -> Vec<&'static str> {
        Wall::missing(&self.names())
    }
}

/// The highest level that this kernel allows this process now; see [`survey`].
pub fn probe(uid: u32) -> Level {
    survey(uid, &Cgroups::find()).level
}

/// What this kernel allows this process now. Every wall is really built once: in a child that ends at once, in a thread
/// that ends at once, in a control group that is removed at once.
///
/// `uid` is what a person's process would run as, where user ids can be changed.
pub fn survey(uid: u32, cgroups: &Cgroups) -> Reached {
    let Birth { level: base, has_own_processes, refused } = birth(uid);
    let (landlock, seccomp) = (confine::try_to_limit_files(), confine::try_to_limit_calls(Part::Assistant));
    let mut walls = vec![Wall::NoNewPrivs, Wall::NoCoreDumps, Wall::DiskQuota];
    let mut add = |is_up: bool, more: &[Wall]| walls.extend(more.iter().filter(|_| is_up));
    add(base.has_own_user(), &[Wall::OwnUser, Wall::ProcessLimit]);
    add(base == Level::UserNamespace, &[Wall::UserNamespace]);
    add(base.has_own_user() || base == Level::UserNamespace, &[Wall::NoCapabilities]);
    add(base.has_room(), &[Wall::EmptyRoot, Wall::MountNamespace]);
    add(base.has_no_network(), &[Wall::NetworkNamespace, Wall::IpcNamespace, Wall::UtsNamespace]);
    add(has_own_processes, &[Wall::PidNamespace]);
    add(landlock.is_ok(), &[Wall::Landlock]);
    add(seccomp.is_ok(), &[Wall::Seccomp]);
    add(true, cgroups.walls());
    walls.sort_unstable();
    walls.dedup();
    let names: Vec<_> = walls.iter().map(|wall| wall.name()).collect();
    let level = Level::of_walls(&names);
    let of = |level: Level, own: bool| {
        refused
            .iter()
            .find(|tried| (tried.level, tried.has_own_processes) == (level, own))
            .map(|tried| tried.said.clone())
    };
    let is_root = rustix::process::geteuid().is_root();
    let user = if is_root { of(Level::OwnUserOnly, false) } else { Some(NOT_ROOT.to_owned()) };
    let namespace = || of(Level::UserNamespace, false);
    let root = of(Level::OwnUser, false).or_else(namespace);
    let network = of(Level::OwnUserOpenFiles, false).or_else(namespace);
    let mut why = BTreeMap::new();
    for (wall, reason) in [
        (Wall::OwnUser, user.clone()),
        (Wall::UserNamespace, namespace()),
        (Wall::EmptyRoot, root.clone()),
        (Wall::MountNamespace, root.clone()),
        (Wall::PidNamespace, of(base, true).or(root)),
        (Wall::IpcNamespace, network.clone()),
        (Wall::UtsNamespace, network.clone()),
        (Wall::NetworkNamespace, network),
        (Wall::Landlock, landlock.err()),
        (Wall::Seccomp, seccomp.err()),
        (Wall::MemoryLimit, cgroups.why(Wall::MemoryLimit)),
        (Wall::ProcessLimit, cgroups.why(Wall::ProcessLimit)),
        (Wall::CpuLimit, cgroups.why(Wall::CpuLimit)),
        (Wall::NoCapabilities, namespace().or(user)),
    ] {
        if let Some(reason) = reason.filter(|_| !walls.contains(&wall)) {
            why.insert(wall, reason);
        }
    }
    Reached { level, walls, why }
}

/// What is said of whoever may not change users.
const NOT_ROOT: &str = "Ally was not started as root, which may have many users.";

/// Whether a process of this user can have a root directory of its own here.
pub(crate) fn can_have_room(uid: u32) -> bool {
    build(Level::OwnUser, uid, false).is_ok()
}

/// What stands before a program runs, and what was refused on the way to it.
struct Birth {
    level: Level,
    has_own_processes: bool,
    refused: Vec<Tried>,
}

struct Tried {
    level: Level,
    has_own_processes: bool,
    said: String,
}

/// The highest level of walls that stand before a program runs, and whether it can have processes of its own.
fn birth(uid: u32) -> Birth {
    let with_own_user = [Level::OwnUser, Level::OwnUserOpenFiles, Level::OwnUserOnly];
    let mine = rustix::process::geteuid().is_root();
    let wanted = with_own_user.into_iter().filter(|_| mine).chain([Level::UserNamespace]);
    let both = wanted.flat_map(|level| [(level, true), (level, false)]);
    let mut refused = Vec::new();
    for (level, has_own_processes) in both {
        match build(level, uid, has_own_processes) {
            Ok(()) => return Birth { level, has_own_processes, refused },
            Err(said) => refused.push(Tried { level, has_own_processes, said }),
        }
    }
    Birth { level: Level::Nothing, has_own_processes: false, refused }
}

fn build(level: Level, uid: u32, has_own_processes: bool) -> Result<(), String> {
    let mut room = Room::new();
    let shown =
        room.show_device("null").and_then(|()| room.show(Path::new("/usr"), Path::new("/usr"), Access::ReadOnly));
    shown.map_err(|error| refusal("furnish its root directory", &error))?;
    let identity = if level.has_own_user() { Identity::Uid(uid) } else { Identity::Same };
    let mut walls = Walls::of(level, room);
    if has_own_processes {
        walls = walls.with_own_processes();
    }
    let child = Spawn::nothing().identity(identity).walls(walls).spawn();
    let refused = |refused: CannotSpawn| refusal(refused.step.in_words(), &refused.error);
    child.and_then(|child| child.started()).map_err(refused)
}

/// That something was refused: what, in our words, and the name of the kernel's error. Never the error's own text.
pub(crate) fn refusal(what: &str, error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("The kernel refused to {what}: {}.", errno_name(number)),
        None if error.kind() == io::ErrorKind::Unsupported => format!("The kernel cannot {what}."),
        None => format!("It was not possible to {what}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_without_a_user_of_its_own_says_that_it_shares_one() {
        for level in [Level::UserNamespace, Level::Nothing] {
            assert!(!level.has_own_user());
        }
        assert!(Level::UserNamespace.in_words().contains("shares the system user"));
        assert!(!Level::OwnUser.in_words().contains("shares"));
    }

    #[test]
    fn the_walls_tell_the_level() {
        let mut all = Wall::ALL.map(Wall::name).to_vec();
        assert_eq!(Level::of_walls(&all), Level::Full);
        let mut without = |wall: &str| {
            all.retain(|name| *name != wall);
            Level::of_walls(&all)
        };
        assert_eq!(without("cpu_limit"), Level::OwnUser);
        assert_eq!(without("empty_root"), Level::OwnUserOpenFiles);
        assert_eq!(without("network_namespace"), Level::OwnUserOnly);
        assert_eq!(without("own_user"), Level::UserNamespace);
        assert_eq!(without("user_namespace"), Level::Nothing);
    }

    #[test]
    fn what_is_reached_names_every_wall_once_and_the_rest_is_missing() {
        let reached = survey(261_099, &Cgroups::find());
        let mut all = [reached.names(), reached.missing()].concat();
        all.sort_unstable();
        let mut wanted: Vec<_> = Wall::ALL.map(Wall::name).to_vec();
        wanted.retain(|name| *name != "user_namespace" || reached.has(Wall::UserNamespace));
        wanted.sort_unstable();
        assert_eq!(all, wanted);
        assert_eq!(reached.level == Level::Full, reached.missing().is_empty());
        let why = reached.why();
        for wall in reached.missing() {
            assert!(why.get(wall).is_some_and(|why| why.ends_with('.')), "{wall} is missing without a reason: {why:?}");
        }
        assert!(why.keys().all(|wall| !reached.names().contains(&wall.as_str())), "{why:?}");
    }

    #[test]
    fn a_reason_names_the_error_and_nothing_else_of_it() {
        let kernel = io::Error::from_raw_os_error(libc::EPERM);
        assert_eq!(refusal("do it", &kernel), "The kernel refused to do it: EPERM.");
        assert_eq!(refusal("do it", &io::ErrorKind::Unsupported.into()), "The kernel cannot do it.");
        let path = io::Error::other("/home/mira is not there");
        assert_eq!(refusal("do it", &path), "It was not possible to do it.");
    }
}

//! How high the walls around a process are, and what this kernel allows.

use crate::{Access, Identity, Room, Spawn, Walls};
use serde::{Deserialize, Serialize};
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
                "The assistant sees only its own files and has no network. It shares the system user of this installation, so it could end other programs of this user."
            }
            Self::OwnUser => {
                "The assistant runs as a system user of its own, sees only its own files and has no network."
            }
        }
    }

    /// The single walls by their short names.
    pub const fn walls(self) -> &'static [&'static str] {
        match self {
            Self::Nothing => &["no_new_privs"],
            Self::OwnUserOnly => &["own_user", "no_new_privs"],
            Self::OwnUserOpenFiles => {
                &["own_user", "network_namespace", "ipc_namespace", "uts_namespace", "no_new_privs"]
            }
            Self::UserNamespace => &[
                "user_namespace",
                "empty_root",
                "mount_namespace",
                "network_namespace",
                "ipc_namespace",
                "uts_namespace",
                "no_new_privs",
            ],
            Self::OwnUser => &[
                "own_user",
                "empty_root",
                "mount_namespace",
                "network_namespace",
                "ipc_namespace",
                "uts_namespace",
                "no_new_privs",
            ],
        }
    }

    /// Whether each person's process has a user id of its own.
    pub const fn has_own_user(self) -> bool {
        matches!(self, Self::OwnUserOnly | Self::OwnUserOpenFiles | Self::OwnUser)
    }

    /// Whether the process sees a root directory of its own.
    pub const fn has_room(self) -> bool {
        matches!(self, Self::UserNamespace | Self::OwnUser)
    }

    /// Whether the process has an empty network.
    pub const fn has_no_network(self) -> bool {
        !matches!(self, Self::Nothing | Self::OwnUserOnly)
    }
}

/// The highest level that this kernel allows this process now. Each one is really built, in a child that ends at once.
///
/// `uid` is what a person's process would run as, where user ids can be changed.
pub fn probe(uid: u32) -> Level {
    let with_own_user = [Level::OwnUser, Level::OwnUserOpenFiles, Level::OwnUserOnly];
    let mine = rustix::process::geteuid().is_root();
    let wanted = with_own_user.into_iter().filter(|_| mine).chain([Level::UserNamespace]);
    wanted.into_iter().find(|level| can_build(*level, uid)).unwrap_or(Level::Nothing)
}

fn can_build(level: Level, uid: u32) -> bool {
    let mut room = Room::new();
    if room.show_device("null").is_err() || room.show(Path::new("/usr"), Path::new("/usr"), Access::ReadOnly).is_err() {
        return false;
    }
    let identity = if level.has_own_user() { Identity::Uid(uid) } else { Identity::Same };
    Spawn::nothing().identity(identity).walls(Walls::of(level, room)).spawn().is_ok_and(|child| child.started().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_without_a_user_of_its_own_says_that_other_programs_can_be_ended() {
        for level in [Level::UserNamespace, Level::Nothing] {
            assert!(!level.has_own_user());
        }
        assert!(Level::UserNamespace.in_words().contains("could end other programs of this user"));
        assert!(!Level::OwnUser.in_words().contains("end other programs"));
    }
}

//! The single walls, each under the short name by which the log, the API and Settings know it.

use serde::{Deserialize, Serialize};

/// One thing that stands between a person's process and everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wall {
    /// A user id that nobody else has.
    OwnUser,
    /// A user namespace, where user ids cannot be had.
    UserNamespace,
    /// A root directory with almost nothing in it.
    EmptyRoot,
    /// Its own list of mounts.
    MountNamespace,
    /// It sees no process but itself.
    PidNamespace,
    /// Its own shared memory and queues.
    IpcNamespace,
    /// Its own host name.
    UtsNamespace,
    /// An empty network.
    NetworkNamespace,
    /// A list of the only files it may touch, which it laid upon itself.
    Landlock,
    /// A list of the only system calls it may make, which it laid upon itself.
    Seccomp,
    /// It is ended when it takes more memory than this.
    MemoryLimit,
    /// So many processes and threads at most.
    ProcessLimit,
    /// One processor at most.
    CpuLimit,
    /// It cannot gain rights by running a program.
    NoNewPrivs,
    /// None of root's rights.
    NoCapabilities,
    /// Its memory is never written to a file when it crashes.
    NoCoreDumps,
    /// Its directory cannot grow for ever.
    DiskQuota,
}

impl Wall {
    /// All there are, in the order in which they are shown.
    pub const ALL: [Self; 17] = [
        Self::OwnUser,
        Self::UserNamespace,
        Self::EmptyRoot,
        Self::MountNamespace,
        Self::PidNamespace,
        Self::IpcNamespace,
        Self::UtsNamespace,
        Self::NetworkNamespace,
        Self::Landlock,
        Self::Seccomp,
        Self::MemoryLimit,
        Self::ProcessLimit,
        Self::CpuLimit,
        Self::NoNewPrivs,
        Self::NoCapabilities,
        Self::NoCoreDumps,
        Self::DiskQuota,
    ];

    /// The short name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OwnUser => "own_user",
            Self::UserNamespace => "user_namespace",
            Self::EmptyRoot => "empty_root",
            Self::MountNamespace => "mount_namespace",
            Self::PidNamespace => "pid_namespace",
            Self::IpcNamespace => "ipc_namespace",
            Self::UtsNamespace => "uts_namespace",
            Self::NetworkNamespace => "network_namespace",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::MemoryLimit => "memory_limit",
            Self::ProcessLimit => "process_limit",
            Self::CpuLimit => "cpu_limit",
            Self::NoNewPrivs => "no_new_privs",
            Self::NoCapabilities => "no_capabilities",
            Self::NoCoreDumps => "no_core_dumps",
            Self::DiskQuota => "disk_quota",
        }
    }

    /// The wall with this short name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wall| wall.name() == name)
    }

    /// What is not up, of all that belong to the highest level. The walls that are up are told by their short names.
    pub fn missing(up: &[impl AsRef<str>]) -> Vec<&'static str> {
        // A user namespace is what there is instead of a user of one's own; with one nobody misses it.
        let wanted = Self::ALL.into_iter().filter(|wall| *wall != Self::UserNamespace).map(Self::name);
        wanted.filter(|name| !up.iter().any(|up| up.as_ref() == *name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wall_has_one_name_everywhere_and_what_is_not_up_is_missing() {
        for wall in Wall::ALL {
            assert_eq!(Wall::from_name(wall.name()), Some(wall));
            assert_eq!(serde_json::to_value(wall).expect("a name"), wall.name());
        }
        let up: Vec<_> = Wall::ALL.map(Wall::name).into_iter().filter(|name| !name.contains("_limit")).collect();
        assert_eq!(Wall::missing(&up), ["memory_limit", "process_limit", "cpu_limit"]);
        assert_eq!(Wall::missing(&Wall::ALL.map(Wall::name)), Vec::<&str>::new());
    }
}

//! Starting a program behind walls: what is wanted, and the one system call that makes the child.

use crate::birth::{self, Plan};
use crate::cgroup::{Doors, Group, Place};
use crate::level::can_have_room;
use crate::room::c_string;
use crate::{Access, Child, Level, Room, clone};
use rustix::fs::OFlags;
use rustix::process::{Pid, PidfdFlags};
use rustix::thread::UnshareFlags;
use std::ffi::{CString, OsStr};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Under which user the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The one of whoever starts it.
    Same,
    /// This user id, and the group with the same number.
    Uid(u32),
}

/// What the program is kept from. It can never gain rights by running another program, whatever stands here.
#[derive(Debug, Clone, Default)]
pub struct Walls {
    pub(crate) namespaces: Vec<UnshareFlags>,
    pub(crate) room: Option<Room>,
}

impl Walls {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// All that `level` has; `room` is used where the level has one.
    pub fn of(level: Level, room: Room) -> Self {
        let mut walls = Self::none();
        if level == Level::UserNamespace {
            walls.namespaces.push(UnshareFlags::NEWUSER);
        }
        if level.has_no_network() {
            walls.namespaces.extend([UnshareFlags::NEWNET, UnshareFlags::NEWIPC, UnshareFlags::NEWUTS]);
        }
        if level.has_room() {
            walls = walls.with_room(room);
        }
        walls
    }

    /// Only a root directory of its own, as root.
    #[must_use]
    pub fn with_room(mut self, room: Room) -> Self {
        self.namespaces.push(UnshareFlags::NEWNS);
        self.room = Some(room);
        self
    }

    /// It sees no process but itself, and is number 1 there: a signal for which it has no handler does nothing, but
    /// for the one that kills.
    #[must_use]
    pub fn with_own_processes(mut self) -> Self {
        self.namespaces.push(UnshareFlags::NEWPID);
        self
    }

    fn is_any(&self) -> bool {
        !self.namespaces.is_empty() || self.room.is_some()
    }

    pub(crate) fn flags(&self) -> UnshareFlags {
        self.namespaces.iter().fold(UnshareFlags::empty(), |all, one| all | *one)
    }
}

/// What the kernel lets a process have, set before its program runs; the process cannot raise it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceilings {
    /// Open descriptors.
    pub open_files: u64,
    /// Processes and threads of the same user. Only for a user that nobody else is.
    pub processes: Option<u64>,
    /// Bytes of memory of its own that it may ask for, used or not. A group limits what is used; this holds also where
    /// there are no groups.
    pub memory: u64,
    /// Bytes of one file. What goes beyond is an error, not the end of the process.
    pub file_size: u64,
}

/// A program to be started. Its environment is empty, standard input is `/dev/null`, standard output and error are
/// those of this process, and every other descriptor is closed, but for what is said here. Behind walls, standard output
/// and error both lead to this process's standard error, opened anew for writing only: a terminal could be read otherwise.
#[derive(Debug)]
pub struct Spawn {
    program: Option<PathBuf>,
    arguments: Vec<std::ffi::OsString>,
    environment: Vec<(String, String)>,
    descriptors: Vec<(OwnedFd, i32)>,
    identity: Identity,
    walls: Walls,
    ceilings: Option<Ceilings>,
    network: Option<OwnedFd>,
    group: Option<Group>,
    place: Option<Place>,
    dies_with_parent: bool,
}

impl Spawn {
    /// Starts with a program, as the child will see it.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: Some(program.into()), ..Self::nothing() }
    }

    /// A child that builds its walls and ends.
    pub(crate) const fn nothing() -> Self {
        Self {
            program: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            descriptors: Vec::new(),
            identity: Identity::Same,
            walls: Walls { namespaces: Vec::new(), room: None },
            ceilings: None,
            network: None,
            group: None,
            place: None,
            dies_with_parent: false,
        }
    }

    /// One of Ally's own roles: `ally <role> --boot-fd 3`, with the boot document on descriptor 3. It dies with this
    /// process and, where `uid` is given, runs as that user and sees only the system's directories, the program
    /// and `data_dir`, each at its usual path, so that a data directory below a closed home works too.
    pub fn role(
        program: &Path,
        role: &str,
        boot: &[u8],
        descriptors: Vec<(OwnedFd, i32)>,
        uid: Option<u32>,
        data_dir: &Path,
    ) -> io::Result<Self> {
        let mut spawn = Self::new(program).arg(role).arg("--boot-fd").arg("3").dies_with_parent();
        spawn.descriptors = descriptors;
        spawn = spawn.descriptor(document(boot)?, 3);
        if let Some(uid) = uid {
            spawn = spawn.identity(Identity::Uid(uid));
            // A container that forbids mounts still gets the user; then the paths must be reachable as they are.
            if can_have_room(uid) {
                spawn = spawn.walls(Walls::none().with_room(role_room(program, data_dir)?));
            }
        }
        Ok(spawn)
    }

    /// Adds an argument. Nothing secret belongs here: everybody on the machine can read it.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds a variable to the otherwise empty environment. Nothing secret belongs here.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Hands over a descriptor under the given number.
    #[must_use]
    pub fn descriptor(mut self, descriptor: impl Into<OwnedFd>, at: i32) -> Self {
        self.descriptors.push((descriptor.into(), at));
        self
    }

    /// Under which user it runs.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// What it is kept from.
    #[must_use]
    pub fn walls(mut self, walls: Walls) -> Self {
        self.walls = walls;
        self
    }

    /// What it may have at most.
    #[must_use]
    pub const fn ceilings(mut self, ceilings: Ceilings) -> Self {
        self.ceilings = Some(ceilings);
        self
    }

    /// Where its walls have a network namespace, it gets this one, an empty one that nobody else has.
    #[must_use]
    pub fn network(mut self, network: Option<OwnedFd>) -> Self {
        self.network = network;
        self
    }

    /// Limits it, from its birth on. If it cannot be limited it is not started.
    #[must_use]
    pub fn place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Has it in this group, which goes with it.
    #[must_use]
    pub fn group(mut self, group: Group) -> Self {
        self.group = Some(group);
        self
    }

    /// The kernel kills it when the thread that called [`Spawn::spawn`] ends.
    #[must_use]
    pub fn dies_with_parent(mut self) -> Self {
        self.dies_with_parent = true;
        self
    }

    /// Starts it. The answer comes as soon as the child is born; [`Child::started`] says whether its walls and its
    /// program were accepted.
    pub fn spawn(mut self) -> Result<Child, CannotSpawn> {
        let mut group = self.group.take();
        if let Some(place) = self.place.take() {
            group = Some(place.make().map_err(|error| CannotSpawn { step: Step::Limits, error })?);
        }
        let doors = group.as_mut().map(|group| std::mem::take(&mut group.doors)).unwrap_or_default();
        match self.bear(doors) {
            Ok((pid, handle, report)) => Ok(Child::new(pid, handle, report, group)),
            Err(error) => {
                group.inspect(Group::remove);
                Err(CannotSpawn { step: Step::Birth, error })
            }
        }
    }

    /// The child, its handle, and what it will say if something is refused.
    fn bear(self, doors: Doors) -> io::Result<(Pid, OwnedFd, OwnedFd)> {
        let (report, says) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let nothing = std::fs::File::open("/dev/null")?;
        let plan = self.plan(nothing.into(), doors)?;
        let (pid, handle) = clone::bear(&plan, says.as_raw_fd())?;
        Ok((pid, handle, report))
    }

    /// Allocates everything now: a child may not.
    fn plan(self, nothing: OwnedFd, doors: Doors) -> io::Result<Plan> {
        let text = |text: &str| c_string(OsStr::new(text));
        let name = self.program.as_deref().and_then(Path::file_name).unwrap_or_default();
        let mut arguments = vec![c_string(name)?];
        for argument in &self.arguments {
            arguments.push(c_string(argument)?);
        }
        let environment: io::Result<Vec<CString>> =
            self.environment.iter().map(|(name, value)| text(&format!("{name}={value}"))).collect();
        let mut descriptors = self.descriptors;
        if self.walls.is_any() {
            let error = write_only(io::stderr().as_fd())?;
            for number in [1, 2] {
                if !descriptors.iter().any(|(_, at)| *at == number) {
                    descriptors.push((error.try_clone()?, number));
                }
            }
        }
        descriptors.push((nothing, 0));
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let dies_with =
            self.dies_with_parent.then(|| rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty()));
        let namespaces = self.walls.flags();
        // Processes of its own are had from birth on, without another birth. An ordinary user may have them only together
        // with a user namespace.
        let mut at_birth = UnshareFlags::empty();
        if namespaces.contains(UnshareFlags::NEWPID) {
            at_birth = namespaces & (UnshareFlags::NEWPID | UnshareFlags::NEWUSER);
        }
        let network = self.network.filter(|_| namespaces.contains(UnshareFlags::NEWNET));
        Ok(Plan {
            program: self.program.map(|path| c_string(path.as_os_str())).transpose()?,
            arguments: birth::List::new(arguments),
            environment: birth::List::new(environment?),
            descriptors,
            identity: self.identity,
            at_birth,
            namespaces,
            network,
            uid_map: format!("{uid} {uid} 1"),
            gid_map: format!("{gid} {gid} 1"),
            room: self.walls.room,
            ceilings: self.ceilings,
            doors,
            dies_with: dies_with.transpose()?,
        })
    }
}

/// Puts a small document where a child can read it: in a pipe that is closed at the other end.
pub(crate) fn document(text: &[u8]) -> io::Result<OwnedFd> {
    // A pipe holds 64 KiB; more would block here, for nobody reads yet.
    if text.len() > 60 * 1024 {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    std::fs::File::from(writer).write_all(text)?;
    Ok(reader)
}

/// The same file, terminal or pipe, opened anew for writing at its end only. What cannot be opened a second time, such as
/// a socket, is handed on as it is.
fn write_only(descriptor: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    // Without NONBLOCK, a pipe that nobody reads any more would be waited for.
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let open = |more: OFlags| rustix::fs::open(path.as_str(), flags | more, rustix::fs::Mode::empty());
    match open(OFlags::APPEND).or_else(|_| open(OFlags::empty())) {
        Ok(opened) => {
            let kept = rustix::fs::fcntl_getfl(&opened)? - OFlags::NONBLOCK;
            rustix::fs::fcntl_setfl(&opened, kept)?;
            Ok(opened)
        }
        Err(_) => descriptor.try_clone_to_owned().or_else(|_| Ok(std::fs::File::create("/dev/null")?.into())),
    }
}

fn role_room(program: &Path, data_dir: &Path) -> io::Result<Room> {
    let mut room = Room::new();
    room.show_system()?;
    let etc = Path::new("/etc");
    room.show(etc, etc, Access::ReadOnly)?;
    // Where the resolver's configuration is a link, it often leads to a place that is not shown yet.
    if let Some(parent) =
        Path::new("/etc/resolv.conf").canonicalize().ok().and_then(|at| at.parent().map(Path::to_owned))
        && parent != etc
    {
        room.show(&parent, &parent, Access::ReadOnly)?;
    }
    for path in ["/proc", "/dev"].map(Path::new) {
        room.show(path, path, Access::AsItIs)?;
    }
    room.show(program, program, Access::ReadOnly)?;
    room.show(data_dir, data_dir, Access::ReadWrite)?;
    Ok(room)
}

/// What a child does before its program runs, for saying where it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Step {
    /// Making the process.
    Birth = 1,
    /// Going into its control groups.
    Limits,
    /// Leaving the namespaces of its parent.
    Namespaces,
    /// Naming itself in its user namespace.
    UserMap,
    /// Furnishing its root directory.
    Room,
    /// Moving into it.
    MoveIn,
    /// Becoming its user and giving up rights.
    Identity,
    /// Setting what it may have at most.
    Ceilings,
    /// Tying its life to its parent's.
    Parent,
    /// Ordering its descriptors.
    Descriptors,
    /// Running its program.
    Program,
}

impl Step {
    /// In a word, for the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Birth => "birth",
            Self::Limits => "limits",
            Self::Namespaces => "namespaces",
            Self::UserMap => "user_map",
            Self::Room => "room",
            Self::MoveIn => "move_in",
            Self::Identity => "identity",
            Self::Ceilings => "ceilings",
            Self::Parent => "parent",
            Self::Descriptors => "descriptors",
            Self::Program => "program",
        }
    }

    /// What was to be done then, for a person.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Birth => "make the process",
            Self::Limits => "put it into its control groups",
            Self::Namespaces => "give it namespaces of its own",
            Self::UserMap => "name it in its user namespace",
            Self::Room => "furnish its root directory",
            Self::MoveIn => "move it into its root directory",
            Self::Identity => "give it a user of its own",
            Self::Ceilings => "set what it may have at most",
            Self::Parent => "tie its life to the host's",
            Self::Descriptors => "order its open files",
            Self::Program => "run its program",
        }
    }

    pub(crate) fn from_number(number: i32) -> Self {
        let all = [
            Self::Birth,
            Self::Limits,
            Self::Namespaces,
            Self::UserMap,
            Self::Room,
            Self::MoveIn,
            Self::Identity,
            Self::Ceilings,
            Self::Parent,
            Self::Descriptors,
            Self::Program,
        ];
        all.into_iter().find(|step| *step as i32 == number).unwrap_or(Self::Birth)
    }
}

/// A program could not be started.
#[derive(Debug)]
pub struct CannotSpawn {
    /// Where it was refused.
    pub step: Step,
    /// What the kernel said.
    pub error: io::Error,
}

impl std::fmt::Display for CannotSpawn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the system refused a new process at step `{}`: {}", self.step.name(), self.error)
    }
}

impl std::error::Error for CannotSpawn {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn what_is_open_for_both_is_handed_on_for_writing_only_and_a_pipe_stays_one_that_waits() {
        let both = tempfile::tempfile().expect("a file");
        let handed = write_only(both.as_fd()).expect("opens again");
        let flags = rustix::fs::fcntl_getfl(&handed).expect("flags");
        assert_eq!(flags & OFlags::RWMODE, OFlags::WRONLY);
        assert!(flags.contains(OFlags::APPEND) && !flags.contains(OFlags::NONBLOCK));
        assert!(std::fs::File::from(handed).read(&mut [0]).is_err());
        let (reader, writer) = io::pipe().expect("a pipe");
        let handed = write_only(writer.as_fd()).expect("opens again");
        assert!(!rustix::fs::fcntl_getfl(&handed).expect("flags").contains(OFlags::NONBLOCK));
        drop(reader);
        assert!(write_only(writer.as_fd()).is_ok(), "nobody reads, and nobody waits");
        let (one, _other) = std::os::unix::net::UnixStream::pair().expect("a pair");
        assert!(write_only(one.as_fd()).is_ok(), "a socket is handed on as it is");
    }
}

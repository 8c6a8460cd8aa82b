//! What a process lays upon itself before it touches anything: which files it may use, and which system calls.

use crate::Wall;
use crate::calls::{self, Part};
use crate::level::refusal;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};
use std::io;
use std::path::{Path, PathBuf};

/// The newest rules that are asked for; a kernel that knows fewer enforces those it knows.
const NEWEST: ABI = ABI::V9;
const DEVICES: [&str; 2] = ["/dev/null", "/dev/urandom"];

/// What a part of Ally may still do once it is confined.
#[derive(Debug, Clone)]
pub struct Confinement {
    part: Part,
    read_write: Vec<PathBuf>,
    read: Vec<PathBuf>,
    call: Vec<PathBuf>,
}

/// A wall could not be put up.
#[derive(Debug)]
pub struct CannotConfine {
    /// Which.
    pub wall: Wall,
    /// What the kernel said.
    pub error: io::Error,
}

impl std::fmt::Display for CannotConfine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the wall `{}` could not be put up: {}", self.wall.name(), self.error)
    }
}

impl std::error::Error for CannotConfine {}

impl Confinement {
    /// No file at all, and the system calls of this part.
    pub const fn new(part: Part) -> Self {
        Self { part, read_write: Vec::new(), read: Vec::new(), call: Vec::new() }
    }

    /// Files below this directory may be made, changed and removed.
    #[must_use]
    pub fn read_write(mut self, path: impl Into<PathBuf>) -> Self {
        self.read_write.push(path.into());
        self
    }

    /// Files below this directory may be read, if there are any.
    #[must_use]
    pub fn read(mut self, path: impl Into<PathBuf>) -> Self {
        self.read.push(path.into());
        self
    }

    /// Sockets below this directory may be called, now and when they are replaced.
    #[must_use]
    pub fn call(mut self, path: impl Into<PathBuf>) -> Self {
        self.call.push(path.into());
        self
    }
}

/// Puts up those of the two walls that are in the list, around this thread and all that it starts from now on. So it is
/// called before there are others, and it cannot be undone.
///
/// # Errors
/// The kernel refused one of them. What stands by then stays.
pub fn confine(confinement: &Confinement, walls: &[Wall]) -> Result<(), CannotConfine> {
    let cannot = |wall: Wall| move |error: io::Error| CannotConfine { wall, error };
    if walls.contains(&Wall::Landlock) {
        limit_files(confinement).map_err(cannot(Wall::Landlock))?;
    }
    if walls.contains(&Wall::Seccomp) {
        limit_calls(confinement.part).map_err(cannot(Wall::Seccomp))?;
    }
    Ok(())
}

fn limit_files(confinement: &Confinement) -> io::Result<()> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let write = make_bitflags!(AccessFs::{
        ReadFile | ReadDir | WriteFile | RemoveDir | RemoveFile | MakeDir | MakeReg | Refer | Truncate
    });
    let device = make_bitflags!(AccessFs::{ReadFile | WriteFile});
    let mut handled = AccessFs::from_all(NEWEST);
    let mut network = BitFlags::<AccessNet>::empty();
    let mut scope = make_bitflags!(Scope::{Signal | AbstractUnixSocket});
    match confinement.part {
        Part::Assistant => network = AccessNet::BindTcp | AccessNet::ConnectTcp,
        // They call databases and the resolver's helpers, which may listen anywhere.
        Part::Gateway | Part::Platform => {
            handled.remove(AccessFs::ResolveUnix);
            scope.remove(Scope::AbstractUnixSocket);
        }
    }
    let limited = || -> Result<RulesetStatus, landlock::RulesetError> {
        let mut rules = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(handled)?;
        if !network.is_empty() {
            rules = rules.handle_access(network)?;
        }
        let mut rules = rules.scope(scope)?.create()?;
        rules = rules.add_rules(beneath(&confinement.read_write, write))?;
        rules = rules.add_rules(beneath(&confinement.read, read))?;
        rules = rules.add_rules(beneath(&confinement.call, AccessFs::ResolveUnix))?;
        rules = rules.add_rules(beneath(DEVICES, device))?;
        Ok(rules.restrict_self()?.ruleset)
    };
    match limited() {
        Ok(RulesetStatus::NotEnforced) => Err(io::ErrorKind::Unsupported.into()),
        Ok(_) => Ok(()),
        Err(error) => Err(io::Error::other(error)),
    }
}

fn beneath(
    paths: impl IntoIterator<Item = impl AsRef<Path>>,
    access: impl Into<BitFlags<AccessFs>>,
) -> impl Iterator<Item = Result<PathBeneath<PathFd>, landlock::RulesetError>> {
    path_beneath_rules(paths, access)
}

fn limit_calls(part: Part) -> io::Result<()> {
    let program = calls::program(part)?;
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}

/// Whether this kernel enforces rules about files: tried in a thread of its own, which ends at once. If not, why.
pub(crate) fn try_to_limit_files() -> Result<(), String> {
    in_a_thread(|| {
        let what = "enforce Landlock's rules about files";
        limit_files(&Confinement::new(Part::Assistant)).map_err(|error| refusal(what, &error))?;
        if std::fs::read_dir("/").is_ok() { Err(NO_EFFECT.to_owned()) } else { Ok(()) }
    })
}

/// Whether this kernel filters system calls: tried in a thread of its own, which ends at once. If not, why.
pub(crate) fn try_to_limit_calls(part: Part) -> Result<(), String> {
    in_a_thread(move || {
        limit_calls(part).map_err(|error| refusal("filter system calls", &error))?;
        // Asked of the kernel, for the number alone would be answered by it as well.
        let is_refused = rustix::process::getpriority_process(None) == Err(rustix::io::Errno::PERM);
        if is_refused { Ok(()) } else { Err(NO_EFFECT.to_owned()) }
    })
}

/// What is said of rules that the kernel took and does not follow.
const NO_EFFECT: &str = "The kernel took the rules, and they had no effect.";

fn in_a_thread(attempt: impl FnOnce() -> Result<(), String> + Send + 'static) -> Result<(), String> {
    let tried = std::thread::Builder::new().spawn(attempt).map_err(|error| refusal("make a thread", &error))?;
    tried.join().unwrap_or_else(|_| Err("Trying it went wrong.".to_owned()))
}

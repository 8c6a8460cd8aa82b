//! What a child does between its birth and its program, in order. Only system calls: no allocation, no locks.

use crate::cgroup::Doors;
use crate::places::Taken;
use crate::room::{Access, Act, Room};
use crate::{Ceilings, Identity, Step};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::process::{Resource, Rlimit, Signal};
use rustix::thread::{CapabilitySet, Gid, Uid, UnshareFlags};
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::ptr;

/// Above every number under which a child gets a descriptor.
const HIGH: i32 = 200;

/// Everything a child needs, allocated before it is born.
pub(crate) struct Plan {
    pub(crate) program: Option<CString>,
    pub(crate) arguments: List,
    pub(crate) environment: List,
    pub(crate) descriptors: Vec<(OwnedFd, i32)>,
    pub(crate) identity: Identity,
    /// Those of the namespaces that the child is born into.
    pub(crate) at_birth: UnshareFlags,
    pub(crate) namespaces: UnshareFlags,
    /// An empty network that it goes into instead of making one.
    pub(crate) network: Option<OwnedFd>,
    pub(crate) uid_map: String,
    pub(crate) gid_map: String,
    pub(crate) room: Option<Room>,
    pub(crate) ceilings: Option<Ceilings>,
    /// Of the control group that the child is in.
    pub(crate) doors: Doors,
    /// A handle of the parent.
    pub(crate) dies_with: Option<OwnedFd>,
}

/// Texts, and the list of pointers to them that the kernel wants.
pub(crate) struct List {
    _texts: Vec<CString>,
    pointers: Vec<*const libc::c_char>,
}

impl List {
    pub(crate) fn new(texts: Vec<CString>) -> Self {
        let pointers = texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect();
        Self { _texts: texts, pointers }
    }
}

type Refusal = (Step, Errno);

/// Runs in the child and never comes back: it becomes the program, or says on `report` what was refused.
pub(crate) fn live(plan: &Plan, taken: &Taken) -> ! {
    let report = taken.report;
    let code = match (prepare(plan, taken), &plan.program) {
        (Ok(_), None) => 0,
        (Ok(report), Some(program)) => {
            // SAFETY: all three are valid, null-terminated and outlive the call, which does not return if it succeeds.
            unsafe {
                libc::execve(program.as_ptr(), plan.arguments.pointers.as_ptr(), plan.environment.pointers.as_ptr());
            }
            say(report, Step::Program, last_error())
        }
        (Err((step, error)), _) => say(report, step, error),
    };
    // SAFETY: ends the process without running anything that belongs to the parent.
    unsafe { libc::_exit(code) }
}

/// Each step needs what the one before it left: walls are built with rights that the identity then gives up.
fn prepare(plan: &Plan, taken: &Taken) -> Result<i32, Refusal> {
    let at = |step: Step| move |error: Errno| (step, error);
    // Before all else, so that there is no moment without limits; it takes rights, too.
    go_in(&plan.doors.tasks).map_err(at(Step::Limits))?;
    taken.make_mine().map_err(at(Step::Descriptors))?;
    forget_signals();
    leave_namespaces(plan, taken)?;
    if let Some(room) = &plan.room {
        rustix::process::umask(Mode::from_raw_mode(0o022));
        furnish(room)?;
        rustix::process::chdir(room.working_directory.as_deref().unwrap_or(c"/")).map_err(at(Step::MoveIn))?;
    }
    give_up_rights(plan).map_err(at(Step::Identity))?;
    // A change of user clears the death signal, so it is set after that.
    let parent = match taken.dies_with {
        Some(parent) => {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(at(Step::Parent))?;
            Some(move_up(parent).map_err(at(Step::Parent))?)
        }
        None => None,
    };
    let report = order_descriptors(plan, taken).map_err(at(Step::Descriptors))?;
    // Only now, for the descriptors that went up may be above the ceiling.
    if let Some(ceilings) = &plan.ceilings {
        set_ceilings(ceilings).map_err(at(Step::Ceilings))?;
    }
    // If the parent died before, the signal never comes. Who has processes of its own cannot ask for its parent's number,
    // so it asks a handle whether the parent has ended: last, for that is seen a moment after the signal is due.
    match parent {
        Some(parent) if has_ended(parent) => Err((Step::Parent, Errno::SRCH)),
        _ => Ok(report),
    }
}

/// Writes itself into its groups. The kernel stops nobody else for that when a process of one thread names itself.
fn go_in(tasks: &[OwnedFd]) -> Result<(), Errno> {
    tasks.iter().try_for_each(|tasks| rustix::io::write(tasks, b"0").map(drop))
}

/// Whether the process behind a handle has ended.
fn has_ended(handle: i32) -> bool {
    let mut asked = libc::pollfd { fd: handle, events: libc::POLLIN, revents: 0 };
    // SAFETY: one structure, which outlives the call, and no waiting.
    unsafe { libc::poll(&raw mut asked, 1, 0) != 0 }
}

fn set_ceilings(ceilings: &Ceilings) -> Result<(), Errno> {
    let set = |what: Resource, most: u64| {
        // Who may have less already is not allowed more.
        let most = Some(rustix::process::getrlimit(what).maximum.map_or(most, |maximum| maximum.min(most)));
        rustix::process::setrlimit(what, Rlimit { current: most, maximum: most })
    };
    set(Resource::Nofile, ceilings.open_files)?;
    set(Resource::Data, ceilings.memory)?;
    if let Some(processes) = ceilings.processes {
        set(Resource::Nproc, processes)?;
    }
    set(Resource::Fsize, ceilings.file_size)?;
    // SAFETY: with the signal ignored, a file that grows too large is an error of the call, also in the program.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    Ok(())
}

/// The parent's handlers must not run here, and an ignored signal would stay ignored in the program.
fn forget_signals() {
    // SAFETY: plain data is zeroed (a zeroed action is the default one) and given to calls that only read it.
    // Numbers that may not be changed are refused by the kernel, which is fine.
    unsafe {
        let action: libc::sigaction = std::mem::zeroed();
        for signal in 1..32 {
            libc::sigaction(signal, &raw const action, ptr::null_mut());
        }
        let none: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
    // A session of its own: no terminal to type into, and Ctrl-C reaches the parent alone, which ends us in order.
    let _ = rustix::process::setsid();
}

fn leave_namespaces(plan: &Plan, taken: &Taken) -> Result<(), Refusal> {
    if plan.namespaces.is_empty() {
        return Ok(());
    }
    let mut left = plan.namespaces - plan.at_birth;
    if let Some(network) = taken.network {
        // SAFETY: plain numbers; the descriptor is open.
        if unsafe { libc::setns(network, libc::CLONE_NEWNET) } != 0 {
            return Err((Step::Namespaces, last_error()));
        }
        left -= UnshareFlags::NEWNET;
    }
    // SAFETY: this process has one thread, and descriptors are not unshared.
    unsafe { rustix::thread::unshare_unsafe(left) }.map_err(|error| (Step::Namespaces, error))?;
    if plan.namespaces.contains(UnshareFlags::NEWUSER) {
        let map = || {
            write_whole(c"/proc/self/setgroups", b"deny")?;
            write_whole(c"/proc/self/uid_map", plan.uid_map.as_bytes())?;
            write_whole(c"/proc/self/gid_map", plan.gid_map.as_bytes())
        };
        map().map_err(|error| (Step::UserMap, error))?;
    }
    if plan.namespaces.contains(UnshareFlags::NEWUTS) {
        rustix::system::sethostname(b"ally").map_err(|error| (Step::Namespaces, error))?;
    }
    Ok(())
}

fn furnish(room: &Room) -> Result<(), Refusal> {
    let at = |step: Step| move |error: Errno| (step, error);
    // Any directory that surely exists: the new root covers it only until the old root is put elsewhere.
    let ground = c"/tmp";
    let base = || {
        let all = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        rustix::mount::mount_change(c"/", all)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount(c"tmpfs", ground, c"tmpfs", flags, Some(c"mode=0755,size=64k,nr_inodes=256"))?;
        rustix::process::chdir(ground)?;
        rustix::fs::mkdir(c".old", Mode::from_raw_mode(0o755))?;
        rustix::process::pivot_root(c".", c".old")?;
        rustix::process::chdir(c"/")
    };
    base().map_err(at(Step::MoveIn))?;
    for act in &room.acts {
        perform(act).map_err(at(Step::Room))?;
    }
    let close = || {
        rustix::mount::unmount(c"/.old", UnmountFlags::DETACH)?;
        rustix::fs::rmdir(c"/.old")?;
        restrict(c"/", READ_ONLY | libc::MOUNT_ATTR_NOEXEC, 0)
    };
    close().map_err(at(Step::MoveIn))
}

const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
const READ_WRITE: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;

fn perform(act: &Act) -> Result<(), Errno> {
    match act {
        Act::MakeDirectory(path) => match rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => Ok(()),
            other => other,
        },
        Act::MakeFile(path) => {
            rustix::fs::open(path, OFlags::CREATE | OFlags::RDONLY | OFlags::CLOEXEC, Mode::from_raw_mode(0o644))
                .map(drop)
        }
        Act::Link { text, at } => rustix::fs::symlink(text, at),
        Act::Bind { source, at, access } => {
            rustix::mount::mount_bind_recursive(source, at)?;
            match access {
                Access::ReadOnly => restrict(at, READ_ONLY, libc::AT_RECURSIVE),
                Access::ReadWrite => restrict(at, READ_WRITE, libc::AT_RECURSIVE),
                Access::AsItIs => Ok(()),
            }
        }
    }
}

/// Adds restrictions to a mount, and with `AT_RECURSIVE` to those below it; those it has already stay.
fn restrict(path: &CStr, restrictions: u64, flags: libc::c_int) -> Result<(), Errno> {
    let wanted = libc::mount_attr { attr_set: restrictions, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is null-terminated and the structure has the size that is told.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const wanted,
            size_of::<libc::mount_attr>(),
        )
    };
    if answer == 0 { Ok(()) } else { Err(last_error()) }
}

fn give_up_rights(plan: &Plan) -> Result<(), Errno> {
    rustix::process::umask(Mode::from_raw_mode(0o077));
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    rustix::thread::set_no_new_privs(true)?;
    let becomes_another = plan.identity != Identity::Same || plan.namespaces.contains(UnshareFlags::NEWUSER);
    // Without the bounding set, running a program as user 0 of a user namespace does not bring rights back either.
    // Whoever stays who they are keeps what they have: the host needs its rights to build walls.
    for number in 0..if becomes_another { 64 } else { 0 } {
        let one = CapabilitySet::from_bits_retain(1 << number);
        match rustix::thread::remove_capability_from_bounding_set(one) {
            Ok(()) => {}
            // The first number that the kernel does not know, or no right to do this: then there is nothing to lose.
            Err(Errno::INVAL | Errno::PERM) => break,
            Err(error) => return Err(error),
        }
    }
    if let Identity::Uid(number) = plan.identity {
        let (uid, gid) = (Uid::from_raw(number), Gid::from_raw(number));
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    }
    Ok(())
}

/// Puts each descriptor under its number and lets all others close when the program starts. Answers the number
/// under which the report now is.
fn order_descriptors(plan: &Plan, taken: &Taken) -> Result<i32, Errno> {
    let wanted = &plan.descriptors;
    // First all go up, out of the way, so that none is overwritten by another one's new number.
    let mut high = taken.descriptors;
    let high = high.get_mut(..wanted.len()).ok_or(Errno::MFILE)?;
    let report = move_up(taken.report)?;
    for high in high.iter_mut() {
        *high = move_up(*high)?;
    }
    // SAFETY: plain numbers; everything above the standard streams is marked to be closed when the program starts.
    if unsafe { libc::syscall(libc::SYS_close_range, 3, i32::MAX, libc::CLOSE_RANGE_CLOEXEC) } != 0 {
        return Err(last_error());
    }
    for ((_, number), high) in wanted.iter().zip(high.iter()) {
        if *number >= HIGH {
            return Err(Errno::BADF);
        }
        // SAFETY: plain numbers; whatever was open under the new number belonged to the parent's copy. The new number
        // does not carry the mark.
        if unsafe { libc::dup2(*high, *number) } < 0 {
            return Err(last_error());
        }
    }
    Ok(report)
}

fn move_up(descriptor: i32) -> Result<i32, Errno> {
    // SAFETY: plain numbers; the new descriptor is closed when the program starts.
    let high = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, HIGH) };
    if high < 0 { Err(last_error()) } else { Ok(high) }
}

fn write_whole(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text).map(drop)
}

/// Tells the parent, and answers the code to end with.
fn say(report: i32, step: Step, error: Errno) -> i32 {
    let mut text = [0; 8];
    text[..4].copy_from_slice(&(step as i32).to_le_bytes());
    text[4..].copy_from_slice(&error.raw_os_error().to_le_bytes());
    // SAFETY: the buffer is as long as told. If the parent is gone there is nobody to tell.
    let _ = unsafe { libc::write(report, text.as_ptr().cast(), text.len()) };
    126
}

fn last_error() -> Errno {
    // SAFETY: reads this thread's own number.
    Errno::from_raw_os_error(unsafe { *libc::__errno_location() })
}

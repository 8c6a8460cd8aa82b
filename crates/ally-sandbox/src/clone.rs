//! The one system call that makes a child.
//!
//! Where the child becomes another user, it borrows this process's memory until its program runs, and this thread waits
//! so long: nothing is copied, so a birth costs the same however large this process is. It is not done where the user stays
//! the same: a change of rights in the child also makes this process one whose own files under `/proc` only the superuser
//! may open, and an ordinary user could then build no more walls.

use crate::Identity;
use crate::birth::{self, Plan};
use crate::places::Taken;
use rustix::process::Pid;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// `CLONE_INTO_CGROUP`, which does not fit into the flags of the older call.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// A child that borrows memory has a stack of its own; it calls nothing deep.
const STACK: usize = 64 * 1024;

/// Makes the child. It runs [`birth::live`], which never returns.
pub(crate) fn bear(plan: &Plan, report: i32) -> io::Result<(Pid, OwnedFd)> {
    let held = hold_signals();
    let born = match plan.identity {
        Identity::Uid(_) => bear_within(plan, report),
        Identity::Same => Err(io::ErrorKind::Unsupported.into()),
    };
    let born = match born {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => bear_copy(plan, report),
        other => other,
    };
    drop(held);
    born
}

/// Signals of this thread are held back until this is dropped.
struct Held(libc::sigset_t);

/// None of this process's handlers may run in the child, where it would write into this process's pipes.
fn hold_signals() -> Held {
    // SAFETY: `sigset_t` is plain data, and the calls only fill it and swap this thread's mask.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
        Held(before)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: puts back the mask that was there before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
    }
}

/// What is asked of the kernel. Plain data; what stays zero means the same as in the older call.
fn arguments(plan: &Plan, more: libc::c_int, handle: &mut libc::c_int) -> libc::clone_args {
    let flags = u64::from((libc::CLONE_PIDFD | more).cast_unsigned() | plan.at_birth.bits());
    let group = plan.doors.birth.as_ref();
    libc::clone_args {
        flags: if group.is_some() { flags | INTO_CGROUP } else { flags },
        pidfd: std::ptr::from_mut(handle) as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: u64::from(libc::SIGCHLD.cast_unsigned()),
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: group.map_or(0, |group| u64::from(group.as_raw_fd().cast_unsigned())),
    }
}

/// The child gets a copy of this memory.
fn bear_copy(plan: &Plan, report: i32) -> io::Result<(Pid, OwnedFd)> {
    let taken = Taken::of(plan, report)?;
    let mut handle: libc::c_int = -1;
    let mut wanted = arguments(plan, 0, &mut handle);
    // SAFETY: without CLONE_VM the child has its own copy of all memory, as after fork; no stack means the same stack.
    // It only makes system calls, allocates nothing and takes no lock, so that locks which other threads hold at
    // this moment do not matter. The kernel writes the handle before the call returns.
    let born = unsafe {
        if plan.doors.birth.is_some() {
            libc::syscall(libc::SYS_clone3, &raw mut wanted, size_of::<libc::clone_args>())
        } else {
            // The older call is known to more sandboxes around us.
            let flags = libc::c_ulong::try_from(wanted.flags | wanted.exit_signal).unwrap_or_default();
            libc::syscall(libc::SYS_clone, flags, 0, &raw mut handle, 0, 0)
        }
    };
    if born == 0 {
        birth::live(plan, &taken);
    }
    if born < 0 {
        return Err(io::Error::last_os_error());
    }
    parent(born, handle)
}

/// The child borrows this memory, and at first this process's descriptors. `Unsupported` where that cannot be had.
#[cfg(target_arch = "x86_64")]
fn bear_within(plan: &Plan, report: i32) -> io::Result<(Pid, OwnedFd)> {
    let unsupported = || io::Error::from(io::ErrorKind::Unsupported);
    let (taken, row) = Taken::in_row(plan, report).ok_or_else(unsupported)?;
    let mut handle: libc::c_int = -1;
    let mut wanted = arguments(plan, libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES, &mut handle);
    let mut stack = vec![0_u128; STACK / size_of::<u128>()];
    wanted.stack = stack.as_mut_ptr() as u64;
    wanted.stack_size = STACK as u64;
    let life = Life { plan, taken: &taken };
    let born: i64;
    // SAFETY: the child starts behind the call with the same registers, on the stack that the arguments name, and goes
    // into a function that never returns; `r12` and `r13` are not used by the call. This thread waits until the child has
    // its program or has ended (CLONE_VFORK), so that what both see (the plan, the stack, the number of the last error)
    // stays and has one user at a time. The child only makes system calls, allocates nothing and takes no lock. What it
    // does to descriptors before they are its own is to read those that the plan names.
    unsafe {
        core::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 => born,
            in("rdi") &raw mut wanted,
            in("rsi") size_of::<libc::clone_args>(),
            in("r12") begin as extern "C" fn(*const Life<'_>) -> !,
            in("r13") &raw const life,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    drop(row);
    drop(stack);
    match i32::try_from(-born).unwrap_or_default() {
        // Some sandboxes around us do not know the newer call.
        libc::ENOSYS => Err(unsupported()),
        error if error > 0 => Err(io::Error::from_raw_os_error(error)),
        _ => parent(born, handle),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn bear_within(_: &Plan, _: i32) -> io::Result<(Pid, OwnedFd)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What a child that borrows memory is given.
#[cfg(target_arch = "x86_64")]
struct Life<'a> {
    plan: &'a Plan,
    taken: &'a Taken,
}

#[cfg(target_arch = "x86_64")]
extern "C" fn begin(life: *const Life<'_>) -> ! {
    // SAFETY: the parent keeps it until this process has its program.
    let life = unsafe { &*life };
    birth::live(life.plan, life.taken)
}

fn parent(born: i64, handle: libc::c_int) -> io::Result<(Pid, OwnedFd)> {
    let pid = i32::try_from(born).ok().filter(|born| *born > 0).and_then(Pid::from_raw);
    // SAFETY: the call succeeded, so the kernel put a new descriptor there that nobody else knows.
    pid.map(|pid| (pid, unsafe { OwnedFd::from_raw_fd(handle) })).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

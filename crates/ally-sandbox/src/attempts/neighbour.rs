//! Reaching into another process: its memory, its descriptors, its shared objects, its life.

use super::call::{call, checked, io_outcome, number, outcome};
use super::{Outcome, Target};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

fn proc_file(target: &Target, name: &str) -> String {
    format!("/proc/{}/{name}", target.pid)
}

/// Reads it whole and finds `wanted` in it.
fn holds(path: &str, wanted: &[u8]) -> io::Result<()> {
    let mut text = Vec::new();
    File::open(path)?.read_to_end(&mut text)?;
    let is_there = text.windows(wanted.len().max(1)).any(|part| part == wanted);
    if is_there { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ENOENT)) }
}

/// A process that is not this one: whoever started it, or the first there is.
fn somebody() -> i32 {
    // SAFETY: two calls without arguments.
    match unsafe { (libc::getppid(), libc::getpid()) } {
        (parent @ 1.., _) => parent,
        (_, 1) => 2,
        _ => 1,
    }
}

pub(super) fn list_processes(_: &Target) -> Outcome {
    list_processes_gently()
}

pub(super) fn list_processes_gently() -> Outcome {
    let own = std::process::id();
    let others = || {
        let mut entries = std::fs::read_dir("/proc")?.flatten();
        let mut pids = entries.by_ref().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        // The first of a namespace of one's own is one's own, too.
        pids.any(|pid| pid != own && pid != 1).then_some(()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
    };
    io_outcome(others())
}

pub(super) fn read_environment(target: &Target) -> Outcome {
    io_outcome(holds(&proc_file(target, "environ"), target.secret.as_bytes()))
}

pub(super) fn read_environment_gently() -> Outcome {
    io_outcome(File::open(format!("/proc/{}/environ", somebody())))
}

pub(super) fn read_arguments(target: &Target) -> Outcome {
    io_outcome(holds(&proc_file(target, "cmdline"), b"probe"))
}

pub(super) fn read_maps(target: &Target) -> Outcome {
    io_outcome(holds(&proc_file(target, "maps"), b"[stack]"))
}

pub(super) fn read_memory_file(target: &Target) -> Outcome {
    let mut found = vec![0; target.secret.len()];
    let read = File::open(proc_file(target, "mem")).and_then(|file| file.read_exact_at(&mut found, target.address));
    io_outcome(read.and_then(|()| compare(&found, target)))
}

fn compare(found: &[u8], target: &Target) -> io::Result<()> {
    if found == target.secret.as_bytes() { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EFAULT)) }
}

pub(super) fn list_descriptors(target: &Target) -> Outcome {
    io_outcome(std::fs::read_link(proc_file(target, &format!("fd/{}", target.descriptor))))
}

pub(super) fn find_process(target: &Target) -> Outcome {
    // SAFETY: plain numbers; signal 0 is never delivered.
    outcome(checked(unsafe { libc::kill(target.pid, 0) }))
}

/// Asks for everybody within reach: signal 0 is never delivered.
pub(super) fn find_process_gently() -> Outcome {
    let own = std::process::id().cast_signed();
    let near = own.saturating_sub(4096).max(1)..=own.saturating_add(4096);
    let mut last = Outcome::refused("ESRCH");
    for pid in (1..=4096).chain(near).chain([somebody()]).filter(|pid| *pid != own) {
        // SAFETY: plain numbers.
        match outcome(checked(unsafe { libc::kill(pid, 0) })) {
            Outcome::Succeeded => return Outcome::Succeeded,
            refused if refused != Outcome::refused("ESRCH") => last = refused,
            _ => {}
        }
    }
    last
}

/// The target ignores it.
pub(super) fn end_process(target: &Target) -> Outcome {
    // SAFETY: plain numbers.
    outcome(checked(unsafe { libc::kill(target.pid, libc::SIGTERM) }))
}

/// Without stopping it. The end of this process ends the watch.
pub(super) fn trace(target: &Target) -> Outcome {
    // SAFETY: plain numbers.
    outcome(unsafe { call(libc::SYS_ptrace, [number(PTRACE_SEIZE), number(target.pid.into()), 0, 0, 0, 0]) })
}

const PTRACE_SEIZE: i64 = 0x4206;

pub(super) fn read_memory(target: &Target) -> Outcome {
    let mut found = vec![0_u8; target.secret.len()];
    let here = libc::iovec { iov_base: found.as_mut_ptr().cast(), iov_len: found.len() };
    let answer = vm(libc::SYS_process_vm_readv, target.pid, here, target.address, found.len());
    match answer {
        Ok(_) => io_outcome(compare(&found, target)),
        refused => outcome(refused),
    }
}

/// One byte at an address where nothing is: who may read gets another answer than who may not.
pub(super) fn read_memory_gently() -> Outcome {
    let mut found = [0_u8];
    let here = libc::iovec { iov_base: found.as_mut_ptr().cast(), iov_len: 1 };
    match vm(libc::SYS_process_vm_readv, somebody(), here, 8, 1) {
        Err(libc::EFAULT) | Ok(_) => Outcome::Succeeded,
        refused => outcome(refused),
    }
}

/// Writes what is there already.
pub(super) fn change_memory(target: &Target) -> Outcome {
    let mut same = target.secret.clone().into_bytes();
    let here = libc::iovec { iov_base: same.as_mut_ptr().cast(), iov_len: same.len() };
    outcome(vm(libc::SYS_process_vm_writev, target.pid, here, target.address, same.len()))
}

fn vm(direction: libc::c_long, pid: i32, here: libc::iovec, address: u64, length: usize) -> Result<usize, i32> {
    let there = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: length };
    // SAFETY: `here` describes a buffer of the caller that is as long as told; `there` is looked at in the other process.
    unsafe { call(direction, [number(pid.into()), (&raw const here) as usize, 1, (&raw const there) as usize, 1, 0]) }
}

fn handle(pid: i32) -> Result<usize, i32> {
    // SAFETY: plain numbers.
    unsafe { call(libc::SYS_pidfd_open, [number(pid.into()), 0, 0, 0, 0, 0]) }
}

pub(super) fn take_descriptor(target: &Target) -> Outcome {
    // SAFETY: plain numbers.
    let take = |handle| unsafe { call(libc::SYS_pidfd_getfd, [handle, number(target.descriptor.into()), 0, 0, 0, 0]) };
    outcome(handle(target.pid).and_then(take))
}

pub(super) fn watch_process_gently() -> Outcome {
    super::call::opened(handle(somebody()))
}

pub(super) fn watch_process(target: &Target) -> Outcome {
    outcome(handle(target.pid))
}

pub(super) fn join_namespaces(target: &Target) -> Outcome {
    let all = libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | libc::CLONE_NEWNS;
    // SAFETY: plain numbers.
    let join = |handle| unsafe { call(libc::SYS_setns, [handle, number(all.into()), 0, 0, 0, 0]) };
    outcome(handle(target.pid).and_then(join))
}

pub(super) fn change_limits_of_process(target: &Target) -> Outcome {
    let mut limits = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let (pid, place) = (number(target.pid.into()), (&raw mut limits) as usize);
    // SAFETY: the kernel fills a structure of ours, then reads it.
    let read = || unsafe { call(libc::SYS_prlimit64, [pid, libc::RLIMIT_NOFILE as usize, 0, place, 0, 0]) };
    // SAFETY: the same.
    let write = |_| unsafe { call(libc::SYS_prlimit64, [pid, libc::RLIMIT_NOFILE as usize, place, 0, 0, 0]) };
    outcome(read().and_then(write))
}

/// Memory that is shared by number, as databases do.
pub(super) fn attach_shared_memory(target: &Target) -> Outcome {
    // SAFETY: the kernel chooses the address, and only one byte of what it maps is read.
    unsafe {
        let address = libc::shmat(target.shared_memory, std::ptr::null(), libc::SHM_RDONLY);
        if address.addr() == usize::MAX {
            return outcome::<()>(Err(super::call::last_error()));
        }
        let _ = address.cast::<u8>().read_volatile();
        libc::shmdt(address);
    }
    Outcome::Succeeded
}

pub(super) fn send_to_message_queue(target: &Target) -> Outcome {
    let message: [libc::c_long; 2] = [1, 0];
    let bytes = size_of::<libc::c_long>();
    // SAFETY: a message is its kind, a long number, and the bytes after it, as many as told.
    outcome(checked(unsafe {
        libc::msgsnd(target.message_queue, (&raw const message).cast(), bytes, libc::IPC_NOWAIT)
    }))
}

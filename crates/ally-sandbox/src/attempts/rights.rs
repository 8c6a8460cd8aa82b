//! Gaining rights, starting programs, leaving the room.

use super::call::{call, checked, io_outcome, needs_right, number, opened, outcome};
use super::{Outcome, Target};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What a program says that should not have been started.
const SAYS: &str = "{\"outcome\":\"succeeded\"}\n";

/// The number under which a program gets the descriptor for its answer. A shell knows only those of one digit.
const ANSWER: i32 = 9;

/// Puts the descriptor where the next program will use it.
fn keep_for_next_program(answer: i32) {
    // SAFETY: plain numbers. Whatever was open there belongs to an attempt that is about to end either way.
    unsafe {
        libc::dup2(answer, ANSWER);
        libc::fcntl(ANSWER, libc::F_SETFD, 0);
    }
}

/// Becomes another program; comes back only with a refusal.
fn become_program(path: &CStr, arguments: &[&CStr]) -> Outcome {
    let list: Vec<_> = arguments.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect();
    // SAFETY: texts and a list of them, all ended by null, that outlive the call.
    outcome(checked(unsafe { libc::execve(path.as_ptr(), list.as_ptr(), list.as_ptr().add(arguments.len())) }))
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

pub(super) fn run_shell(target: &Target) -> Outcome {
    let script = CString::new(format!("echo '{}' >&{ANSWER}", SAYS.trim_end())).unwrap_or_default();
    keep_for_next_program(target.answer);
    become_program(c"/bin/sh", &[c"sh", c"-c", &script])
}

/// Nothing is there to run: who may run programs is told so, who may not is told that.
pub(super) fn run_shell_gently() -> Outcome {
    match become_program(c"/nowhere/at/all", &[c"all"]) {
        Outcome::Refused { by } if by == "ENOENT" || by == "ENOTDIR" => Outcome::Succeeded,
        refused => refused,
    }
}

pub(super) fn run_own_file(target: &Target) -> Outcome {
    let path = target.own.join("program");
    let written = || {
        std::fs::write(&path, program())?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
    };
    keep_for_next_program(target.answer);
    match written() {
        Ok(()) => become_program(&c_path(&path), &[c"program"]),
        Err(error) => io_outcome::<()>(Err(error)),
    }
}

/// A program that never was a file.
pub(super) fn run_from_memory(target: &Target) -> Outcome {
    let memory = match memory_file() {
        Ok(memory) => memory,
        Err(error) => return outcome::<()>(Err(error)),
    };
    let mut file = File::from(memory);
    if let Err(error) = file.write_all(&program()) {
        return io_outcome::<()>(Err(error));
    }
    let list = [c"program".as_ptr(), std::ptr::null()];
    let nothing = (&raw const list[1]) as usize;
    let descriptor = number(file.as_raw_fd().into());
    let empty = c"".as_ptr() as usize;
    keep_for_next_program(target.answer);
    // SAFETY: plain numbers, then texts and lists of them, all ended by null, that outlive the call.
    outcome(unsafe {
        call(
            libc::SYS_execveat,
            [descriptor, empty, list.as_ptr() as usize, nothing, number(libc::AT_EMPTY_PATH.into()), 0],
        )
    })
}

fn memory_file() -> Result<OwnedFd, i32> {
    // SAFETY: a text that ends with null and plain numbers.
    let made = unsafe { call(libc::SYS_memfd_create, [c"ally".as_ptr() as usize, 0, 0, 0, 0, 0]) }?;
    let made = i32::try_from(made).map_err(|_| libc::EBADF)?;
    // SAFETY: the kernel just made it and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}

/// The smallest program that says on a descriptor that it ran, and ends.
fn program() -> Vec<u8> {
    let (machine, mut code): (u16, Vec<u8>) = if cfg!(target_arch = "x86_64") {
        let mut code = vec![0xbf];
        code.extend(ANSWER.to_le_bytes());
        // The address of the text, 21 bytes behind the next instruction.
        code.extend([0x48, 0x8d, 0x35, 21, 0, 0, 0, 0xba, SAYS.len() as u8, 0, 0, 0]);
        code.extend([0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]);
        (62, code)
    } else if cfg!(target_arch = "aarch64") {
        let (answer, length) = ((ANSWER as u32) << 5, (SAYS.len() as u32) << 5);
        // The address of the text is seven instructions behind the second one.
        let words = [0xd280_0000 | answer, 0x1000_00e1, 0xd280_0002 | length, 0xd280_0808];
        let words = words.into_iter().chain([0xd400_0001, 0xd280_0000, 0xd280_0ba8, 0xd400_0001]);
        (183, words.flat_map(u32::to_le_bytes).collect())
    } else {
        return format!("#!/bin/sh\necho '{}' >&{ANSWER}\n", SAYS.trim_end()).into_bytes();
    };
    code.extend(SAYS.as_bytes());
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
    file.extend(machine.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    let (base, header) = (0x40_0000_u64, 64 + 56_u64);
    file.extend([base + header, 64, 0].into_iter().flat_map(u64::to_le_bytes));
    file.extend(0_u32.to_le_bytes());
    file.extend([64_u16, 56, 1, 0, 0, 0].into_iter().flat_map(u16::to_le_bytes));
    // One piece, to be read and run.
    file.extend([1_u32, 5].into_iter().flat_map(u32::to_le_bytes));
    let length = header + code.len() as u64;
    file.extend([0, base, base, length, length, 0x1000].into_iter().flat_map(u64::to_le_bytes));
    file.extend(code);
    file
}

pub(super) fn start_process(_: &Target) -> Outcome {
    // SAFETY: the child does nothing but end, which is allowed whatever else runs here.
    let born = checked(unsafe {
        let born = libc::fork();
        if born == 0 {
            libc::_exit(0);
        }
        born
    });
    if let Ok(pid) = born {
        // SAFETY: a child of ours; nothing is written.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    }
    outcome(born)
}

/// A wish that contradicts itself: who may start processes is told that, who may not is refused.
pub(super) fn start_process_gently() -> Outcome {
    // SAFETY: plain numbers; sharing handlers without sharing memory is refused before anything is made.
    needs_right(unsafe { call(libc::SYS_clone, [number(libc::CLONE_SIGHAND.into()), 0, 0, 0, 0, 0]) })
}

fn unshare(what: libc::c_int) -> Result<usize, i32> {
    // SAFETY: plain numbers; memory and descriptors stay shared.
    unsafe { call(libc::SYS_unshare, [number(what.into()), 0, 0, 0, 0, 0]) }
}

pub(super) fn new_user_namespace(_: &Target) -> Outcome {
    outcome(unshare(libc::CLONE_NEWUSER))
}

/// A process with threads cannot do it, which it is told only if it may.
pub(super) fn new_user_namespace_gently() -> Outcome {
    needs_right(unshare(libc::CLONE_NEWUSER))
}

pub(super) fn new_mount_namespace(_: &Target) -> Outcome {
    outcome(unshare(libc::CLONE_NEWNS))
}

pub(super) fn new_mount_namespace_gently() -> Outcome {
    outcome(unshare(libc::CLONE_NEWNS))
}

pub(super) fn new_network_namespace(_: &Target) -> Outcome {
    new_network_namespace_gently()
}

pub(super) fn new_network_namespace_gently() -> Outcome {
    outcome(unshare(libc::CLONE_NEWNET))
}

pub(super) fn mount(target: &Target) -> Outcome {
    let place = target.own.join("mounted");
    let _ = std::fs::create_dir(&place);
    let at = c_path(&place);
    // SAFETY: texts that end with null; no data.
    let mounted = checked(unsafe {
        libc::mount(c"tmpfs".as_ptr(), at.as_ptr(), c"tmpfs".as_ptr(), libc::MS_NOEXEC, std::ptr::null())
    });
    if mounted.is_ok() {
        // SAFETY: a text that ends with null.
        unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) };
    }
    let _ = std::fs::remove_dir(place);
    outcome(mounted)
}

/// A kind of file system that does not exist: who may mount is told that.
pub(super) fn mount_gently() -> Outcome {
    // SAFETY: texts that end with null; no data.
    needs_right(checked(unsafe {
        libc::mount(c"none".as_ptr(), c"/".as_ptr(), c"ally-none".as_ptr(), 0, std::ptr::null())
    }))
}

/// The newer calls for mounts; this one is never put anywhere.
pub(super) fn new_file_system(_: &Target) -> Outcome {
    new_file_system_gently()
}

pub(super) fn new_file_system_gently() -> Outcome {
    // SAFETY: a text that ends with null.
    opened(unsafe { call(libc::SYS_fsopen, [c"tmpfs".as_ptr() as usize, 0, 0, 0, 0, 0]) })
}

/// The oldest way out: a root directory below the working directory, and then up as far as it goes.
pub(super) fn escape_root(target: &Target) -> Outcome {
    let jail = target.own.join("jail");
    let _ = std::fs::create_dir(&jail);
    let at = c_path(&jail);
    let escape = || {
        // SAFETY: texts that end with null.
        unsafe {
            checked(libc::chroot(at.as_ptr()))?;
            for _ in 0..64 {
                checked(libc::chdir(c"..".as_ptr()))?;
            }
            checked(libc::chroot(c".".as_ptr()))?;
        }
        File::open("/etc/shadow").map(drop).map_err(|error| error.raw_os_error().unwrap_or_default())
    };
    let answer = outcome(escape());
    let _ = std::fs::remove_dir(jail);
    answer
}

/// To where it is already.
pub(super) fn change_root_gently() -> Outcome {
    // SAFETY: a text that ends with null.
    outcome(checked(unsafe { libc::chroot(c"/".as_ptr()) }))
}

/// The root on itself cannot be, which is told to whoever may.
pub(super) fn swap_root(_: &Target) -> Outcome {
    swap_root_gently()
}

pub(super) fn swap_root_gently() -> Outcome {
    let root = c"/".as_ptr() as usize;
    // SAFETY: texts that end with null.
    needs_right(unsafe { call(libc::SYS_pivot_root, [root, root, 0, 0, 0, 0]) })
}

/// The machine's memory, as a device of one's own.
pub(super) fn make_device(target: &Target) -> Outcome {
    let path = target.own.join("device");
    let at = c_path(&path);
    // SAFETY: a text that ends with null.
    let made = checked(unsafe { libc::mknod(at.as_ptr(), libc::S_IFCHR | 0o600, libc::makedev(1, 1)) });
    let _ = std::fs::remove_file(path);
    outcome(made)
}

pub(super) fn become_root(_: &Target) -> Outcome {
    become_root_gently()
}

/// By number, for this thread: the C library would change all threads.
pub(super) fn become_root_gently() -> Outcome {
    // SAFETY: plain numbers.
    outcome(unsafe { call(libc::SYS_setresuid, [0; 6]) })
}

pub(super) fn join_root_group(_: &Target) -> Outcome {
    join_root_group_gently()
}

pub(super) fn join_root_group_gently() -> Outcome {
    // SAFETY: plain numbers.
    outcome(unsafe { call(libc::SYS_setresgid, [0; 6]) })
}

pub(super) fn gain_rights(_: &Target) -> Outcome {
    gain_rights_gently()
}

/// Those there are, and the right to administer on top.
pub(super) fn gain_rights_gently() -> Outcome {
    const VERSION: u32 = 0x2008_0522;
    const ADMINISTER: u32 = 1 << 21;
    let mut header = [VERSION, 0];
    let mut sets = [0_u32; 6];
    // SAFETY: a header and two sets of three numbers of ours, filled by the kernel and then read.
    unsafe {
        if let Err(error) = call(libc::SYS_capget, [(&raw mut header) as usize, (&raw mut sets) as usize, 0, 0, 0, 0]) {
            return outcome::<()>(Err(error));
        }
        sets[0] |= ADMINISTER;
        sets[1] |= ADMINISTER;
        outcome(call(libc::SYS_capset, [(&raw const header) as usize, (&raw const sets) as usize, 0, 0, 0, 0]))
    }
}

pub(super) fn give_away_file(_: &Target) -> Outcome {
    give_away_file_gently()
}

/// A file without a name, given to root.
pub(super) fn give_away_file_gently() -> Outcome {
    let gave = memory_file().and_then(|file| {
        // SAFETY: an open descriptor and plain numbers.
        checked(unsafe { libc::fchown(file.as_raw_fd(), 0, 0) })
    });
    outcome(gave)
}

/// Core dumps hold everything that a process knows, so the limit on them is the one to lift.
pub(super) fn raise_limit(_: &Target) -> Outcome {
    raise_limit_gently()
}

pub(super) fn raise_limit_gently() -> Outcome {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel fills a structure of ours, then reads it.
    unsafe {
        if let Err(error) = checked(libc::getrlimit(libc::RLIMIT_CORE, &raw mut limits)) {
            return outcome::<()>(Err(error));
        }
        let Some(more) = limits.rlim_max.checked_add(1) else { return Outcome::skipped("there is no limit here") };
        let raised = libc::rlimit { rlim_max: more, ..limits };
        let answer = outcome(checked(libc::setrlimit(libc::RLIMIT_CORE, &raw const raised)));
        libc::setrlimit(libc::RLIMIT_CORE, &raw const limits);
        answer
    }
}

pub(super) fn raise_priority(_: &Target) -> Outcome {
    raise_priority_gently()
}

pub(super) fn raise_priority_gently() -> Outcome {
    // SAFETY: plain numbers; 0 is this thread.
    outcome(checked(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -5) }))
}

/// Types into the terminal that standard error leads to, as if its person had.
pub(super) fn type_into_terminal(_: &Target) -> Outcome {
    let letter = b' ';
    // SAFETY: the kernel reads one letter of ours.
    outcome(checked(unsafe { libc::ioctl(2, libc::TIOCSTI, &raw const letter) }))
}

//! Reading and writing what belongs to others.

use super::call::io_outcome;
use super::{Outcome, Target};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

fn read(path: &Path) -> io::Result<()> {
    File::open(path)?.read(&mut [0]).map(drop)
}

/// Opens for writing and writes nothing.
fn open_to_write(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// A file that never gets a name and is gone when it is closed.
fn nameless_file_in(directory: &str) -> Outcome {
    io_outcome(OpenOptions::new().write(true).mode(0o600).custom_flags(libc::O_TMPFILE).open(directory))
}

fn list(directory: &Path) -> io::Result<()> {
    std::fs::read_dir(directory)?.next().transpose().map(drop)
}

pub(super) fn read_neighbour_database(target: &Target) -> Outcome {
    io_outcome(read(&target.database))
}

pub(super) fn change_neighbour_database(target: &Target) -> Outcome {
    io_outcome(open_to_write(&target.database))
}

pub(super) fn list_neighbour_files(target: &Target) -> Outcome {
    io_outcome(target.database.parent().map_or(Ok(()), list))
}

pub(super) fn link_neighbour_database(target: &Target) -> Outcome {
    let link = target.own.join("neighbour.db");
    let answer = io_outcome(std::fs::hard_link(&target.database, &link));
    let _ = std::fs::remove_file(link);
    answer
}

pub(super) fn read_neighbour_key(target: &Target) -> Outcome {
    io_outcome(read(&target.key))
}

pub(super) fn read_root_keys(target: &Target) -> Outcome {
    io_outcome(target.root_keys.iter().try_for_each(|key| read(key)))
}

pub(super) fn read_gateway_files(target: &Target) -> Outcome {
    io_outcome(read(&target.gateway_file))
}

pub(super) fn read_platform_database(target: &Target) -> Outcome {
    io_outcome(read(&target.platform_file))
}

pub(super) fn list_people(target: &Target) -> Outcome {
    io_outcome(list(&target.people))
}

pub(super) fn read_password_file(_: &Target) -> Outcome {
    read_password_file_gently()
}

pub(super) fn read_password_file_gently() -> Outcome {
    io_outcome(read(Path::new("/etc/shadow")))
}

pub(super) fn read_machine_name(_: &Target) -> Outcome {
    read_machine_name_gently()
}

pub(super) fn read_machine_name_gently() -> Outcome {
    io_outcome(read(Path::new("/etc/hostname")))
}

pub(super) fn list_home_of_root(_: &Target) -> Outcome {
    list_home_of_root_gently()
}

pub(super) fn list_home_of_root_gently() -> Outcome {
    io_outcome(list(Path::new("/root")))
}

pub(super) fn write_in_root(_: &Target) -> Outcome {
    write_in_root_gently()
}

pub(super) fn write_in_root_gently() -> Outcome {
    nameless_file_in("/")
}

pub(super) fn write_in_system(_: &Target) -> Outcome {
    write_in_system_gently()
}

pub(super) fn write_in_system_gently() -> Outcome {
    nameless_file_in("/usr")
}

pub(super) fn write_in_temporary(_: &Target) -> Outcome {
    write_in_temporary_gently()
}

pub(super) fn write_in_temporary_gently() -> Outcome {
    nameless_file_in("/tmp")
}

/// A link among one's own files that leads to the machine's.
pub(super) fn follow_planted_link(target: &Target) -> Outcome {
    let link = target.own.join("planted");
    let answer = std::os::unix::fs::symlink("/etc/shadow", &link).and_then(|()| read(&link));
    let _ = std::fs::remove_file(link);
    io_outcome(answer)
}

/// Nothing is written: open is enough to know.
pub(super) fn change_kernel_settings(_: &Target) -> Outcome {
    change_kernel_settings_gently()
}

pub(super) fn change_kernel_settings_gently() -> Outcome {
    io_outcome(open_to_write(Path::new("/proc/sys/kernel/core_pattern")))
}

pub(super) fn change_own_limits(_: &Target) -> Outcome {
    change_own_limits_gently()
}

/// Version 2 has one tree, version 1 one for each kind of limit.
pub(super) fn change_own_limits_gently() -> Outcome {
    let trees = ["", "memory/", "pids/", "cpu/", "unified/"];
    let mut answers = trees.map(|tree| open_to_write(Path::new(&format!("/sys/fs/cgroup/{tree}cgroup.procs"))));
    let works = answers.iter().position(Result::is_ok).unwrap_or_default();
    io_outcome(std::mem::replace(&mut answers[works], Err(io::ErrorKind::NotFound.into())))
}

pub(super) fn read_machine_memory(_: &Target) -> Outcome {
    read_machine_memory_gently()
}

pub(super) fn read_machine_memory_gently() -> Outcome {
    io_outcome(File::open("/dev/mem"))
}

pub(super) fn read_kernel_log(_: &Target) -> Outcome {
    read_kernel_log_gently()
}

pub(super) fn read_kernel_log_gently() -> Outcome {
    io_outcome(OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg"))
}

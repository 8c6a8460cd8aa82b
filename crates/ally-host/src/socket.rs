//! Listening Unix sockets that one user may call.

use crate::disk;
use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// Connections that wait while a server starts.
const BACKLOG: i32 = 4096;

/// Makes the socket anew: what a former host left there is replaced in one step. Only `uid` may connect, or where
/// there is none, this user.
pub(crate) fn bind(path: &Path, uid: Option<u32>) -> io::Result<OwnedFd> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let fresh = directory.join(&name);
    let _ = std::fs::remove_file(&fresh);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    bind_below(&socket, directory, &name)?;
    disk::give(&fresh, uid, 0o600)?;
    rustix::net::listen(&socket, BACKLOG)?;
    std::fs::rename(&fresh, path)?;
    Ok(socket)
}

/// An address has room for 107 bytes, and a data directory may be deep: so the path goes through the open directory.
fn bind_below(socket: &OwnedFd, directory: &Path, name: &OsStr) -> io::Result<()> {
    let open = rustix::fs::open(directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let short = Path::new("/proc/self/fd").join(open.as_raw_fd().to_string()).join(name);
    Ok(rustix::net::bind(socket, &SocketAddrUnix::new(&short)?)?)
}

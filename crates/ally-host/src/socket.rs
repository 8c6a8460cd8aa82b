//! Listening Unix sockets that one user may call.

use crate::disk;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
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

/// Whether nobody can call here any more: a process that had this socket shut it down, and that is for ever. A queue
/// that was made short is made long again.
pub(crate) fn is_shut(socket: &OwnedFd) -> bool {
    let mut watched = [PollFd::new(socket, PollFlags::RDHUP)];
    let looked = poll(&mut watched, Some(&Timespec::default()));
    let ended = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    looked.is_ok() && watched[0].revents().intersects(ended) || rustix::net::listen(socket, BACKLOG).is_err()
}

/// An address has room for 107 bytes, and a data directory may be deep: so the path goes through the open directory.
fn bind_below(socket: &OwnedFd, directory: &Path, name: &OsStr) -> io::Result<()> {
    let open = rustix::fs::open(directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let short = Path::new("/proc/self/fd").join(open.as_raw_fd().to_string()).join(name);
    Ok(rustix::net::bind(socket, &SocketAddrUnix::new(&short)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::Shutdown;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_socket_that_was_shut_down_is_known_and_one_with_a_queue_is_not_taken_for_it() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("a.sock");
        let socket = bind(&path, None).expect("binds");
        assert!(!is_shut(&socket));
        let _waits = UnixStream::connect(&path).expect("connects");
        assert!(!is_shut(&socket));
        rustix::net::listen(&socket, 0).expect("makes the queue short");
        assert!(!is_shut(&socket));
        let _waits_too = [(); 5].map(|()| UnixStream::connect(&path).expect("connects"));
        rustix::net::shutdown(&socket, Shutdown::Read).expect("shuts");
        assert!(UnixStream::connect(&path).is_err());
        assert!(is_shut(&socket));
        let again = bind(&path, None).expect("binds");
        assert!(!is_shut(&again));
        UnixStream::connect(&path).expect("connects");
    }
}

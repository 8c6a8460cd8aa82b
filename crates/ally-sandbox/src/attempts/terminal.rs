//! A terminal of its own for the attack that types into the administrator's.

use super::call::{checked, last_error};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// While it is there, standard error of this process is a new terminal. What is written to it is passed on.
#[derive(Debug)]
pub struct Terminal {
    before: OwnedFd,
}

impl Terminal {
    /// Puts it in the place of standard error.
    ///
    /// # Errors
    /// The system has no more terminals.
    pub fn new() -> io::Result<Self> {
        let before = io::stderr().as_fd().try_clone_to_owned()?;
        let (mut screen, mut keys) = (0, 0);
        let none = std::ptr::null_mut();
        // SAFETY: two numbers of ours are filled; no name, settings or size are given.
        checked(unsafe { libc::openpty(&raw mut screen, &raw mut keys, none, std::ptr::null(), std::ptr::null()) })
            .map_err(io::Error::from_raw_os_error)?;
        // SAFETY: both were just made and are known to nobody else.
        let (screen, keys) = unsafe { (OwnedFd::from_raw_fd(screen), OwnedFd::from_raw_fd(keys)) };
        for descriptor in [&screen, &keys] {
            rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC)?;
        }
        be_quiet(&keys)?;
        replace(&keys)?;
        let mut passed_on = File::from(before.try_clone()?);
        let mut screen = File::from(screen);
        // Ends with an error when the last other end is closed.
        std::thread::spawn(move || io::copy(&mut screen, &mut passed_on).and_then(|_| passed_on.flush()));
        Ok(Self { before })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = replace(&self.before);
    }
}

/// What is typed into it is not shown.
fn be_quiet(keys: &OwnedFd) -> io::Result<()> {
    // SAFETY: plain numbers and zeros are a valid value, which the kernel fills and then reads.
    unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        checked(libc::tcgetattr(keys.as_raw_fd(), &raw mut settings)).map_err(io::Error::from_raw_os_error)?;
        settings.c_lflag &= !libc::ECHO;
        checked(libc::tcsetattr(keys.as_raw_fd(), libc::TCSANOW, &raw const settings))
            .map_err(io::Error::from_raw_os_error)?;
    }
    Ok(())
}

fn replace(with: &OwnedFd) -> io::Result<()> {
    // SAFETY: plain numbers; number 2 stays open throughout.
    match unsafe { libc::dup2(with.as_raw_fd(), 2) } {
        2 => Ok(()),
        _ => Err(io::Error::from_raw_os_error(last_error())),
    }
}

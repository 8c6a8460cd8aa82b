//! A process that was started here: waiting for it, telling it to end, and what it says when it cannot start.

use crate::cgroup::Group;
use crate::readable;
use crate::spawn::{CannotSpawn, Step};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// A process that was started here. Dropping it kills the process.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    handle: OwnedFd,
    report: OwnedFd,
    exit: OnceLock<Exit>,
    group: Option<Group>,
    ran_out_of_memory: OnceLock<bool>,
}

impl Child {
    pub(crate) fn new(pid: Pid, handle: OwnedFd, report: OwnedFd, group: Option<Group>) -> Self {
        Self { pid, handle, report, exit: OnceLock::new(), group, ran_out_of_memory: OnceLock::new() }
    }

    /// Whether the kernel ended it because it took more memory than its limit. Known once it has been waited for.
    pub fn ran_out_of_memory(&self) -> bool {
        self.ran_out_of_memory.get().is_some_and(|ran_out| *ran_out)
    }

    /// Its process id. It stays the process's own until [`Child::wait`] has answered.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// Blocks until its program runs, or says which step was refused. Takes about a millisecond.
    pub fn started(&self) -> Result<(), CannotSpawn> {
        let mut said = [0; 8];
        let read = self.report.try_clone().and_then(|pipe| {
            let mut pipe = std::fs::File::from(pipe);
            let mut at = 0;
            while at < said.len() {
                match pipe.read(&mut said[at..])? {
                    0 => break,
                    more => at += more,
                }
            }
            Ok(at)
        });
        match read {
            Ok(8) => {
                let number = |at: usize| i32::from_le_bytes([said[at], said[at + 1], said[at + 2], said[at + 3]]);
                Err(CannotSpawn { step: Step::from_number(number(0)), error: io::Error::from_raw_os_error(number(4)) })
            }
            Ok(_) => Ok(()),
            Err(error) => Err(CannotSpawn { step: Step::Birth, error }),
        }
    }

    /// Waits until the process has ended and is gone from the process table. Can be cancelled and asked again.
    pub async fn wait(&self) -> io::Result<Exit> {
        loop {
            if let Some(exit) = self.reap(WaitIdOptions::EXITED | WaitIdOptions::NOHANG)? {
                self.leave_group();
                return Ok(exit);
            }
            readable(&self.handle).await?;
        }
    }

    /// A group without a process costs the kernel memory, so it does not stay.
    fn leave_group(&self) {
        if let Some(group) = &self.group {
            let _ = self.ran_out_of_memory.set(group.ran_out_of_memory());
            group.remove();
        }
    }

    /// Sends a signal. A process that has ended already is not an error.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        match rustix::process::pidfd_send_signal(&self.handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the process at once.
    pub fn kill(&self) -> io::Result<()> {
        self.signal(Signal::KILL)
    }

    fn reap(&self, options: WaitIdOptions) -> io::Result<Option<Exit>> {
        if let Some(exit) = self.exit.get() {
            return Ok(Some(*exit));
        }
        let Some(status) = rustix::process::waitid(WaitId::PidFd(self.handle.as_fd()), options)? else {
            return Ok(None);
        };
        let exit = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, signal) => Exit::Signal(signal.unwrap_or_default()),
        };
        Ok(Some(*self.exit.get_or_init(|| exit)))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.exit.get().is_none() {
            let _ = self.kill();
            let _ = self.reap(WaitIdOptions::EXITED);
            self.leave_group();
        }
    }
}

//! Empty networks, made before anybody needs one: making one is the dearest part of a birth.

use rustix::thread::UnshareFlags;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Networks that nobody is in yet. Each is given away once.
#[derive(Debug, Default)]
pub struct Networks {
    spare: Mutex<Vec<OwnedFd>>,
    is_filling: AtomicBool,
}

impl Networks {
    /// One of them, if there is one.
    pub fn take(&self) -> Option<OwnedFd> {
        self.spare().pop()
    }

    /// Makes some until there are so many, in a thread of its own, about a millisecond each. `None` when such a thread is
    /// at work already. What the kernel refuses is no error: whoever finds no network here makes one.
    pub fn fill(self: &Arc<Self>, number: usize) -> Option<JoinHandle<()>> {
        if self.spare().len() >= number || self.is_filling.swap(true, Ordering::Relaxed) {
            return None;
        }
        let mine = Arc::clone(self);
        let filled = Builder::new().name("networks".to_owned()).stack_size(64 * 1024).spawn(move || {
            while mine.spare().len() < number {
                let Ok(network) = make() else { break };
                mine.spare().push(network);
            }
            mine.is_filling.store(false, Ordering::Relaxed);
        });
        filled.inspect_err(|_| self.is_filling.store(false, Ordering::Relaxed)).ok()
    }

    fn spare(&self) -> MutexGuard<'_, Vec<OwnedFd>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes this thread to a new network. It stays as long as somebody holds it.
fn make() -> io::Result<OwnedFd> {
    // SAFETY: only this thread's network changes, and it opens nothing but the handle.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?;
    std::fs::File::open("/proc/thread-self/ns/net").map(OwnedFd::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn each_is_a_network_of_its_own_and_is_given_away_once() {
        let networks = Arc::new(Networks::default());
        networks.fill(2).expect("nobody else fills it").join().expect("it ends");
        let identity = |network: OwnedFd| rustix::fs::fstat(network.as_fd()).expect("a file").st_ino;
        let mine = std::fs::File::open("/proc/self/ns/net").expect("a network").into();
        let made: Vec<_> = std::iter::from_fn(|| networks.take()).collect();
        // Nobody else may make networks.
        assert_eq!(made.len(), if rustix::process::geteuid().is_root() { 2 } else { 0 });
        let mut all: Vec<_> = made.into_iter().chain([mine]).map(identity).collect();
        let number = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), number);
    }
}

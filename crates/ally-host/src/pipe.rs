//! The reading end of a pipe that an assistant writes to.

use std::io;
use std::os::fd::OwnedFd;
use tokio::net::unix::pipe::Receiver;

/// So much is read at once.
pub(crate) const CHUNK: usize = 4096;
/// No pipe holds more for somebody without privileges.
pub(crate) const MOST_LEFT_OVER: usize = 1 << 20;

/// Open until its end, until it breaks, or until it is closed here.
#[derive(Debug)]
pub(crate) struct Pipe(Option<Receiver>);

impl Pipe {
    /// The descriptor must not block.
    pub(crate) fn new(reader: OwnedFd) -> io::Result<Self> {
        Receiver::from_owned_fd(reader).map(|receiver| Self(Some(receiver)))
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn close(&mut self) {
        self.0 = None;
    }

    /// Waits until there is something to read; for ever once it is closed. Can be cancelled and asked again.
    pub(crate) async fn readable(&mut self) {
        let Some(receiver) = &self.0 else { return std::future::pending().await };
        if receiver.readable().await.is_err() {
            self.close();
        }
    }

    /// Adds to `text` what is there, up to a chunk; answers how much that was.
    pub(crate) fn read(&mut self, text: &mut Vec<u8>) -> usize {
        self.add(text, |receiver, chunk| receiver.try_read(chunk))
    }

    /// The same, whether or not the reactor has heard of it already: what was said just before an end is often newer.
    pub(crate) fn read_now(&mut self, text: &mut Vec<u8>) -> usize {
        self.add(text, |receiver, chunk| Ok(rustix::io::read(receiver, chunk)?))
    }

    fn add(&mut self, text: &mut Vec<u8>, read: impl FnOnce(&Receiver, &mut [u8]) -> io::Result<usize>) -> usize {
        let Some(receiver) = &self.0 else { return 0 };
        let mut chunk = [0; CHUNK];
        match read(receiver, &mut chunk) {
            Ok(read) if read > 0 => {
                text.extend_from_slice(&chunk[..read]);
                read
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            _ => {
                self.close();
                0
            }
        }
    }
}

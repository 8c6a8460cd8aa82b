//! The pipe on which an assistant speaks to its host.

use ally_types::host::FromAssistant;
use std::io;
use std::os::fd::OwnedFd;
use tokio::net::unix::pipe;

/// Far more than any line of an assistant that is in its right mind.
const LONGEST: usize = 4096;

/// The reading end.
#[derive(Debug)]
pub(crate) struct Control {
    /// `None` once it is at its end or broken.
    pipe: Option<pipe::Receiver>,
    text: Vec<u8>,
}

impl Control {
    /// A pipe: the reading end, and what the child gets.
    pub(crate) fn new() -> io::Result<(Self, OwnedFd)> {
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        // Only this end must not block: the child's end is a description of its own.
        rustix::io::ioctl_fionbio(&reader, true)?;
        Ok((Self { pipe: Some(pipe::Receiver::from_owned_fd(reader)?), text: Vec::new() }, writer))
    }

    /// The next line that can be understood; never answers again after the end. Can be cancelled and asked again.
    pub(crate) async fn next(&mut self) -> FromAssistant {
        loop {
            if let Some(line) = self.take_line() {
                return line;
            }
            let Some(pipe) = &self.pipe else { std::future::pending().await };
            if pipe.readable().await.is_err() {
                self.pipe = None;
            }
            self.read();
        }
    }

    /// A line that is there already: for what a child said just before it ended.
    pub(crate) fn left_over(&mut self) -> Option<FromAssistant> {
        loop {
            if let Some(line) = self.take_line() {
                return Some(line);
            }
            if !self.read() {
                return None;
            }
        }
    }

    /// Reads what is there; answers whether that was anything.
    fn read(&mut self) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        let mut chunk = [0; 512];
        match pipe.try_read(&mut chunk) {
            Ok(read) if read > 0 && self.text.len() + read <= LONGEST => {
                self.text.extend_from_slice(&chunk[..read]);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            _ => {
                self.pipe = None;
                false
            }
        }
    }

    fn take_line(&mut self) -> Option<FromAssistant> {
        while let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.text.drain(..=end).collect();
            // A newer assistant may say more than this host understands.
            if let Ok(line) = serde_json::from_slice(&line) {
                return Some(line);
            }
        }
        None
    }
}

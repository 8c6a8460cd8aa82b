//! JSON lines over a Unix socket, each with at most one open file beside it (`SCM_RIGHTS`).

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// No line between roles comes near this.
const LONGEST: usize = 64 * 1024;
/// How many files a peer may have sent ahead of their lines.
const MOST_AHEAD: usize = 16;

/// The writing half.
#[derive(Debug)]
pub struct Sender(Arc<UnixStream>);

/// The reading half.
#[derive(Debug)]
pub struct Receiver {
    stream: Arc<UnixStream>,
    text: Vec<u8>,
    files: VecDeque<OwnedFd>,
}

/// Splits a connection into its halves. It is closed when both are dropped.
pub fn pair(stream: UnixStream) -> (Sender, Receiver) {
    let stream = Arc::new(stream);
    (Sender(Arc::clone(&stream)), Receiver { stream, text: Vec::new(), files: VecDeque::new() })
}

impl Sender {
    /// Sends a line, and a file with it. Must not be cancelled in between: the peer would get half a line.
    pub async fn send<T: Serialize>(&self, line: &T, file: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        // White space that JSON allows says that a file belongs to this line: the kernel may hand the reader several
        // lines at once with one file, and would not say whose it is.
        text.extend_from_slice(if file.is_some() { b"\t\n" } else { b"\n" });
        let mut sent = 0;
        while sent < text.len() {
            let file = file.filter(|_| sent == 0);
            match self.0.async_io(Interest::WRITABLE, || send_some(&self.0, &text[sent..], file)).await {
                Ok(more) => sent += more,
                // So many files are on their way that the kernel wants the peer to take some first.
                Err(error) if error.raw_os_error() == Some(libc::ETOOMANYREFS) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Receiver {
    /// The next line and the file that came with it; `None` when the peer has closed. Can be cancelled and asked again.
    pub async fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<(T, Option<OwnedFd>)>> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                let file = if line.ends_with(b"\t\n") {
                    Some(self.files.pop_front().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?)
                } else {
                    None
                };
                return Ok(Some((serde_json::from_slice(&line)?, file)));
            }
            if self.text.len() > LONGEST || self.files.len() > MOST_AHEAD {
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
            let (stream, text, files) = (&self.stream, &mut self.text, &mut self.files);
            if stream.async_io(Interest::READABLE, || receive_some(stream, text, files)).await? == 0 {
                return Ok(None);
            }
        }
    }
}

fn send_some(stream: &UnixStream, text: &[u8], file: Option<BorrowedFd<'_>>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let files = file.map(|file| [file]);
    if let Some(files) = &files {
        control.push(SendAncillaryMessage::ScmRights(files));
    }
    Ok(rustix::net::sendmsg(stream, &[IoSlice::new(text)], &mut control, SendFlags::NOSIGNAL)?)
}

fn receive_some(stream: &UnixStream, text: &mut Vec<u8>, files: &mut VecDeque<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut chunk = [0; 4096];
    let answer =
        rustix::net::recvmsg(stream, &mut [IoSliceMut::new(&mut chunk)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            files.extend(received);
        }
    }
    text.extend_from_slice(&chunk[..answer.bytes]);
    Ok(answer.bytes)
}

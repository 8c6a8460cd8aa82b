//! Descriptors that a process was started with, taken by number.

use serde::de::DeserializeOwned;
use std::io::{self, Read};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Mutex;

static TAKEN: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// Takes the descriptor `number`, which whoever started this process left open for it.
///
/// Each number can be taken once. Numbers 0, 1 and 2 belong to the standard streams and are refused. From now on
/// the descriptor is closed in programs that this process starts.
pub fn inherited(number: i32) -> io::Result<OwnedFd> {
    if number < 3 {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut taken = TAKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if taken.contains(&number) {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists));
    }
    // SAFETY: the borrow ends with this statement, which only asks the kernel whether the number is open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_setfd(borrowed, rustix::io::FdFlags::CLOEXEC)?;
    taken.push(number);
    // SAFETY: the number is open, and the list above hands it out only once. It is ours by the agreement with
    // whoever started this process: it was named in the arguments or in the boot document.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Reads a boot document from the descriptor `number` to its end and closes it.
pub fn read_boot<T: DeserializeOwned>(number: i32) -> io::Result<T> {
    let mut text = Vec::new();
    std::fs::File::from(inherited(number)?).read_to_end(&mut text)?;
    let document = serde_json::from_slice(&text);
    // The document holds keys; they should not stay behind in freed memory.
    text.fill(0);
    std::hint::black_box(&text);
    document.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

//! Waiting for a descriptor without reading from it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Waits until there is something to read or accept, and takes nothing. Can be cancelled.
///
/// A descriptor may be waited for by one caller at a time. Nothing stays registered afterwards, so a listening socket
/// can be handed to a child, and be waited for again when the child is gone.
pub async fn readable(descriptor: impl AsFd) -> io::Result<()> {
    // SAFETY: a `BorrowedFd` stays open and keeps its number as long as it lives, which is longer than the watch.
    let watch = unsafe { AsyncFd::<BorrowedFd<'_>>::register_with_interest(descriptor.as_fd(), Interest::READABLE) };
    let watch = watch.map_err(|error| io::Error::from(io::Error::from(error).kind()))?;
    watch.readable().await?.retain_ready();
    Ok(())
}

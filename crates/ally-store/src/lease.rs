//! The lease: one process per database, held by a lock on `ally.lock` beside it.

use crate::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// The lock, released by the kernel when the process ends in whatever way.
pub(crate) struct Lease {
    _file: File,
    epoch: u64,
}

impl Lease {
    /// Takes the lock in `directory` and counts this taking.
    ///
    /// The count is not synced: it would cost a wake a tenth of its budget. After power loss it may repeat, so whoever
    /// needs it to grow takes the maximum with what the rows say.
    pub(crate) fn take(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("ally.lock");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut text = [0; 20];
        let length = file.read_at(&mut text, 0)?;
        let before =
            std::str::from_utf8(&text[..length]).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0u64);
        let epoch = before.saturating_add(1);
        file.write_all_at(format!("{epoch:019}\n").as_bytes(), 0)?;
        Ok(Self { _file: file, epoch })
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }
}

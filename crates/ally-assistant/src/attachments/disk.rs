//! The bytes of attachments, each in a file with its id for a name.

use crate::fault::Done;
use ally_store::StoreError;
use ally_types::AttachmentId;
use bytes::Bytes;
use futures_util::Stream;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Where the bytes of a file lie.
pub fn path(root: &Path, id: AttachmentId) -> PathBuf {
    root.join(id.to_string())
}

/// Bytes that are being written.
pub struct Writing {
    file: File,
    directory: PathBuf,
    size: u64,
}

impl Writing {
    /// Begins a file that is not there yet.
    pub fn begin(root: &Path, id: AttachmentId) -> Done<Self> {
        if !root.is_dir() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(StoreError::from)?;
            let above = root.parent().unwrap_or(root);
            File::open(above).and_then(|above| above.sync_all()).map_err(StoreError::from)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path(root, id));
        Ok(Self { file: file.map_err(StoreError::from)?, directory: root.to_owned(), size: 0 })
    }

    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Done<()> {
        self.file.write_all(bytes).map_err(StoreError::from)?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Comes back with the size when everything is on the disk. A large file takes a while, so nobody waits in line
    /// behind it.
    pub async fn finish(self) -> Done<u64> {
        let Self { file, directory, size } = self;
        let synced = tokio::task::spawn_blocking(move || {
            file.sync_all()?;
            File::open(directory)?.sync_all()
        });
        synced.await.map_err(std::io::Error::other).flatten().map_err(StoreError::from)?;
        Ok(size)
    }
}

/// Opens a file to be read.
pub fn open(root: &Path, id: AttachmentId) -> std::io::Result<File> {
    File::open(path(root, id))
}

/// So much of a file is in memory at a time.
const PIECE: u64 = 64 * 1024;

/// The bytes of a file, piece by piece: as many as it is said to have, or an error.
pub fn stream(file: File, size: u64) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    futures_util::stream::try_unfold((file, size), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; usize::try_from(left.min(PIECE)).unwrap_or_default()];
        file.read_exact(&mut piece)?;
        let left = left - piece.len() as u64;
        Ok(Some((piece.into(), (file, left))))
    })
}

/// Takes files away for good. One that is not there is fine.
pub fn remove(root: &Path, ids: &[AttachmentId]) -> Done<()> {
    for id in ids {
        match std::fs::remove_file(path(root, *id)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(StoreError::from(error).into()),
            _ => {}
        }
    }
    match File::open(root).and_then(|root| root.sync_all()) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::from(error).into()),
        _ => Ok(()),
    }
}

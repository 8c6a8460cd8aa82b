//! Writing so that a crash at any moment leaves the old file or the new one.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

/// Replaces a file as a whole; it is on the disk when this answers.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = Path::new(&beside);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(beside, path)?;
    sync_directory_of(path)
}

/// Makes the name of a new file or directory last.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Makes a directory with this mode if there is none. Those above it must exist.
pub(crate) fn directory(path: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => {
            // The process's mask may have taken bits away.
            std::fs::set_permissions(path, Permissions::from_mode(mode))?;
            sync_directory_of(path)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives a file or directory to a user and closes it for everybody else. Changes nothing if it is so already.
pub(crate) fn give(path: &Path, uid: Option<u32>, mode: u32) -> io::Result<()> {
    let found = std::fs::symlink_metadata(path)?;
    if found.mode() & 0o7777 != mode {
        std::fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    match uid {
        Some(uid) if found.uid() != uid || found.gid() != uid => chown(path, Some(uid), Some(uid)),
        _ => Ok(()),
    }
}

//! Files that are either old or new, never half written, whatever happens in between.

use crate::StoreError;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Two writers of one path would share the temporary name; each call is a sync anyway, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Writes a file beside its place, syncs it, moves it into place and syncs the directory, which must exist.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = directory_of(path)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().ok_or_else(no_name)?);
    name.push(".tmp");
    // A fixed name: what a crash left behind is overwritten next time instead of piling up.
    let temporary = directory.join(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    if let Err(error) = written.and_then(|()| std::fs::rename(&temporary, path)) {
        let _ = std::fs::remove_file(&temporary);
        return Err(error.into());
    }
    Ok(File::open(directory)?.sync_all()?)
}

/// Removes a file and syncs the directory; a file that is not there is fine.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(File::open(directory_of(path)?)?.sync_all()?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn directory_of(path: &Path) -> Result<&Path, StoreError> {
    let parent = path.parent().ok_or_else(no_name)?;
    Ok(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

fn no_name() -> std::io::Error {
    std::io::ErrorKind::InvalidInput.into()
}

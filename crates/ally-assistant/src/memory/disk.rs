//! The files themselves. Nothing here follows a symbolic link.

use super::path::NotePath;
use crate::fault::Done;
use ally_store::{StoreError, files};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Directories deeper than this are not looked into.
const DEEPEST: usize = 6;
/// More files than this are not taken in.
const MOST_FILES: usize = 5000;

/// What tells that a file was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Size in bytes.
    pub size: i64,
    /// Time of the last change, in nanoseconds.
    pub modified: i64,
    /// Which file it is.
    pub inode: i64,
}

/// What a file is on disk; `None` if it is not there or not a plain file.
pub fn stat(root: &Path, path: &NotePath) -> Done<Option<Stat>> {
    let Some(full) = plain(root, path)? else { return Ok(None) };
    match std::fs::symlink_metadata(full) {
        Ok(meta) if meta.is_file() => Ok(Some(Stat::of(&meta))),
        Ok(_) => Ok(None),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(StoreError::from(error).into()),
    }
}

/// The text of a file; `None` if there is none to read: no file, no plain file, no UTF-8.
pub fn read(root: &Path, path: &NotePath) -> Done<Option<String>> {
    if stat(root, path)?.is_none() {
        return Ok(None);
    }
    let mut text = String::new();
    let limit = super::LARGEST_FILE as u64 + 1;
    let read =
        std::fs::File::open(root.join(path.as_str())).and_then(|file| file.take(limit).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(Some(text)),
        Err(error) if is_absent(&error) || error.kind() == ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(StoreError::from(error).into()),
    }
}

/// Whether a file can stand there: every name on the way is a directory or free, and the last one a file or free.
pub fn is_free(root: &Path, path: &NotePath) -> Done<bool> {
    Ok(plain(root, path)?.is_some())
}

/// Writes a file so that it is either old or new, and makes the directories it needs.
pub fn write(root: &Path, path: &NotePath, text: &str) -> Done<()> {
    let full = root.join(path.as_str());
    let parent = full.parent().unwrap_or(root);
    if !parent.is_dir() {
        std::fs::create_dir_all(parent).map_err(StoreError::from)?;
        // A name is only durable when the directory above it is synced.
        for directory in parent.ancestors().take(DEEPEST + 1).take_while(|above| above.starts_with(root)) {
            let above = directory.parent().unwrap_or(root);
            std::fs::File::open(above).and_then(|above| above.sync_all()).map_err(StoreError::from)?;
        }
    }
    if plain(root, path)?.is_none() {
        return Err(StoreError::Other { code: 0 }.into());
    }
    Ok(files::replace(&full, text.as_bytes())?)
}

/// Removes a file, and the directories that are empty after that.
pub fn remove(root: &Path, path: &NotePath) -> Done<()> {
    if plain(root, path)?.is_some() {
        let full = root.join(path.as_str());
        if full.exists() {
            files::remove(&full)?;
        }
        for directory in full.ancestors().skip(1).take_while(|above| *above != root && above.starts_with(root)) {
            if std::fs::remove_dir(directory).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// All Markdown files, in order.
pub fn scan(root: &Path) -> Done<Vec<(NotePath, Stat)>> {
    let mut found = Vec::new();
    let mut open = vec![(PathBuf::new(), 0)];
    while let Some((relative, depth)) = open.pop() {
        let entries = match std::fs::read_dir(root.join(&relative)) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(StoreError::from(error).into()),
        };
        for entry in entries.flatten() {
            let (Ok(meta), Some(name)) = (entry.metadata(), entry.file_name().to_str().map(str::to_owned)) else {
                continue;
            };
            let path = relative.join(&name);
            if meta.is_dir() && depth < DEEPEST && !name.starts_with('.') {
                open.push((path, depth + 1));
            } else if meta.is_file()
                && found.len() < MOST_FILES
                && let Some(path) = path.to_str().and_then(NotePath::parse)
            {
                found.push((path, Stat::of(&meta)));
            }
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(found)
}

/// The full path, unless one of the directories on the way is a symbolic link or something else.
fn plain(root: &Path, path: &NotePath) -> Done<Option<PathBuf>> {
    let mut full = root.to_path_buf();
    let names: Vec<_> = path.as_str().split('/').collect();
    for (at, name) in names.iter().enumerate() {
        full.push(name);
        let is_last = at + 1 == names.len();
        match std::fs::symlink_metadata(&full) {
            Ok(meta) if is_last && meta.is_file() || !is_last && meta.is_dir() => {}
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(Some(root.join(path.as_str()))),
            Err(error) => return Err(StoreError::from(error).into()),
        }
    }
    Ok(Some(full))
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

impl Stat {
    fn of(meta: &std::fs::Metadata) -> Self {
        Self {
            size: i64::try_from(meta.size()).unwrap_or(i64::MAX),
            modified: meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec()),
            inode: meta.ino().cast_signed(),
        }
    }
}

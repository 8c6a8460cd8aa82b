//! The almost empty file system that a confined process sees, planned before it is born.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// Where the old root hangs in the new one while the room is furnished.
pub(crate) const OLD_ROOT: &str = "/.old";

/// What may be done with a thing in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading and running.
    ReadOnly,
    /// Whatever the file's mode says.
    ReadWrite,
    /// A device file or a system's own file tree: nothing about it is changed.
    AsItIs,
}

/// A root directory of its own, empty but for what is put into it.
#[derive(Debug, Clone, Default)]
pub struct Room {
    pub(crate) acts: Vec<Act>,
    pub(crate) working_directory: Option<CString>,
    made: BTreeSet<PathBuf>,
}

/// One thing that the child does to furnish its room, with everything allocated beforehand.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    MakeDirectory(CString),
    MakeFile(CString),
    Link { text: CString, at: CString },
    Bind { source: CString, at: CString, access: Access },
}

impl Room {
    /// An empty room.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the file or directory `source` at the absolute path `at`.
    pub fn show(&mut self, source: &Path, at: &Path, access: Access) -> io::Result<()> {
        // Links are followed now: in the child an absolute one would lead into the new root.
        let source = source.canonicalize()?;
        if source.is_dir() {
            self.directory(at)?;
        } else {
            if let Some(parent) = at.parent() {
                self.directory(parent)?;
            }
            self.acts.push(Act::MakeFile(c_string(at.as_os_str())?));
        }
        let mut below = OsStr::new(OLD_ROOT).to_owned();
        below.push(source.as_os_str());
        self.acts.push(Act::Bind { source: c_string(&below)?, at: c_string(at.as_os_str())?, access });
        Ok(())
    }

    /// Shows what a dynamically linked program needs: the system's programs and libraries, read-only.
    pub fn show_system(&mut self) -> io::Result<()> {
        for path in ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store"].map(Path::new) {
            match std::fs::symlink_metadata(path) {
                Ok(found) if found.is_symlink() => {
                    let text = c_string(std::fs::read_link(path)?.as_os_str())?;
                    self.acts.push(Act::Link { text, at: c_string(path.as_os_str())? });
                }
                Ok(_) => self.show(path, path, Access::ReadOnly)?,
                Err(_) => {}
            }
        }
        let cache = Path::new("/etc/ld.so.cache");
        if cache.exists() {
            self.show(cache, cache, Access::ReadOnly)?;
        }
        Ok(())
    }

    /// Shows the device `/dev/<name>`.
    pub fn show_device(&mut self, name: &str) -> io::Result<()> {
        let path = Path::new("/dev").join(name);
        self.show(&path, &path, Access::AsItIs)
    }

    /// Makes an empty directory and those above it.
    pub fn directory(&mut self, at: &Path) -> io::Result<()> {
        if !at.is_absolute() || at.components().any(|part| part == Component::ParentDir) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let mut above: Vec<&Path> = at.ancestors().filter(|path| *path != Path::new("/")).collect();
        above.reverse();
        for path in above {
            if self.made.insert(path.to_owned()) {
                self.acts.push(Act::MakeDirectory(c_string(path.as_os_str())?));
            }
        }
        Ok(())
    }

    /// Where the program starts; `/` otherwise.
    pub fn start_in(&mut self, at: &Path) -> io::Result<()> {
        self.working_directory = Some(c_string(at.as_os_str())?);
        Ok(())
    }
}

pub(crate) fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

//! The session between two calls of the command: one file for each server, readable for its owner alone.

use super::Fault;
use crate::config::Environment;
use ally_types::{Secret, SystemChance, chance};
use rustix::fs::{FlockOperation, OFlags, flock};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Longer is no session.
const LONGEST: u64 = 16 << 10;

/// So many bytes are drawn for the name of a file that is being written.
const DRAWN: usize = 8;

/// Where the session of one server is kept.
#[derive(Debug)]
pub(super) struct Place {
    file: PathBuf,
    origin: String,
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    /// For which server it is: names of files are not exact.
    server: std::borrow::Cow<'a, str>,
    /// The value of the session cookie.
    session: std::borrow::Cow<'a, str>,
}

impl Place {
    /// The place for this server.
    pub(super) fn of(origin: &str, environment: &Environment) -> Result<Self, Fault> {
        let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        let state = state.ok_or_else(|| {
            Fault::said("There is no place to keep your session.", "Set HOME or XDG_STATE_HOME, or give ALLY_TOKEN.")
        })?;
        let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
        let name: String = origin.chars().map(|letter| if is_plain(&letter) { letter } else { '_' }).collect();
        Ok(Self { file: state.join("ally/session").join(name), origin: origin.to_owned() })
    }

    /// The session that is kept, if there is one.
    pub(super) fn read(&self) -> Result<Option<Secret>, Fault> {
        let mut options = OpenOptions::new();
        let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
        let file = match options.read(true).custom_flags(flags).open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(_) => return Err(self.refused("cannot be read")),
        };
        let found = file.metadata().map_err(|_| self.refused("cannot be read"))?;
        if !found.is_file() || found.uid() != rustix::process::geteuid().as_raw() {
            return Err(self.refused("is not your own"));
        }
        if found.mode() & 0o077 != 0 {
            return Err(self.refused("can be read by others"));
        }
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text).map_err(|_| self.refused("cannot be read"))?;
        let kept: Kept<'_> = serde_json::from_str(&text).map_err(|_| self.refused("holds no session"))?;
        Ok((kept.server == self.origin).then(|| Secret::new(kept.session)))
    }

    fn refused(&self, why: &str) -> Fault {
        let file = self.file.display();
        Fault::said(format!("The file with your session {why}: {file}"), "Remove it, and sign in again.")
    }

    /// Removes what a write that was killed has left behind, unless somebody is writing just now.
    pub(super) fn clean(&self) {
        let Ok(directory) = File::open(self.directory()) else { return };
        if flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok() {
            self.remove_left_over();
        }
    }

    fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("/"))
    }

    /// Only whoever holds the lock of the directory may call this: then nobody writes.
    fn remove_left_over(&self) {
        for entry in std::fs::read_dir(self.directory()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let drawn = name.to_str().and_then(|name| name.strip_prefix('.')).unwrap_or_default();
            if drawn.len() == 2 * DRAWN && drawn.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Keeps a session. A crash leaves the old one or the new one.
    pub(super) fn write(&self, session: &Secret) -> Result<(), Fault> {
        self.replace(session).map_err(|_| {
            let file = self.file.display();
            Fault::said(
                format!("Your session cannot be kept in {file}"),
                "Make room there or set XDG_STATE_HOME, and sign in again.",
            )
        })
    }

    fn replace(&self, session: &Secret) -> io::Result<()> {
        let directory = self.directory();
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let opened = File::open(directory)?;
        // Held to the end, so that what is written here is not taken for something left behind. A file system that
        // knows no locks is no reason to keep nothing: then nobody removes anything either.
        let _ = flock(&opened, FlockOperation::LockExclusive);
        let fresh = directory.join(format!(".{}", chance::hex::<DRAWN>(&SystemChance)));
        let written = self.write_to(&fresh, session).and_then(|()| std::fs::rename(&fresh, &self.file));
        if written.is_err() {
            let _ = std::fs::remove_file(&fresh);
        }
        written?;
        opened.sync_all()
    }

    fn write_to(&self, path: &Path, session: &Secret) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let kept = Kept { server: self.origin.as_str().into(), session: session.expose().into() };
        serde_json::to_writer(&mut file, &kept)?;
        file.write_all(b"\n")?;
        file.sync_all()
    }

    /// Forgets the session.
    pub(super) fn remove(&self) -> Result<(), Fault> {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Fault::said(format!("{} cannot be removed.", self.file.display()), "Remove it yourself."))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_write_left_behind_is_removed_at_the_next_start_and_nothing_else_is() {
        let state = tempfile::tempdir().expect("a directory");
        let environment = [("XDG_STATE_HOME".to_owned(), state.path().display().to_string())].into();
        let place = Place::of("http://127.0.0.1:8080", &environment).expect("a place");
        place.clean();
        place.write(&Secret::new("one")).expect("writes");
        let directory = state.path().join("ally/session");
        let kept = [".0123456789abcdef.swp", ".0123456789abcde", ".notes", "0123456789abcdef", ".0123456789abcdeg"];
        for name in kept.into_iter().chain([".0123456789abcdef", ".ffffffffffffffff"]) {
            std::fs::write(directory.join(name), "half a sess").expect("writes");
        }
        // Somebody is writing: nothing is touched.
        let writer = File::open(&directory).expect("opens");
        flock(&writer, FlockOperation::LockExclusive).expect("locks");
        place.clean();
        assert!(directory.join(".ffffffffffffffff").exists());
        drop(writer);
        place.clean();
        let mut left: Vec<_> = std::fs::read_dir(&directory)
            .expect("reads")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        let mut wanted: Vec<_> = kept.into_iter().chain(["http___127.0.0.1_8080"]).collect();
        left.sort();
        wanted.sort_unstable();
        assert_eq!(left, wanted);
        assert_eq!(place.read().ok().flatten(), Some(Secret::new("one")));
    }
}

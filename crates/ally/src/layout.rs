//! The data directory: who may enter which part (DESIGN section 11).
//!
//! ```text
//! <data>/            0711
//!   platform/        0700, the platform's uid
//!   gateway/         0700, the gateway's uid
//!   host/            0700, root
//!   people/<server>/ 0700, that person's uid (made by the host)
//!   run/             0711, sockets; in/ and out/ are made by the host
//! ```

use rustix::process::{Gid, Uid};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// The user ids of the roles; `None` when everything runs as the user who started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uids {
    /// The platform's.
    pub platform: u32,
    /// The gateway's.
    pub gateway: u32,
    /// The first of the range for people; ids are never reused.
    pub people: u32,
}

/// A range that no distribution hands out by itself (systemd's dynamic users end at 65519, containers begin at 524288).
const ROOT_MODE: Uids = Uids { platform: 199_998, gateway: 199_999, people: FIRST_PERSON };

/// The user id of the first person's server, where user ids can be changed.
pub const FIRST_PERSON: u32 = 200_000;

impl Uids {
    /// Root separates the roles; anybody else runs them all as herself.
    pub fn of_this_process() -> Option<Self> {
        rustix::process::geteuid().is_root().then_some(ROOT_MODE)
    }
}

/// The paths of one installation.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The data directory.
    pub data: PathBuf,
    /// Whose directories these are.
    pub uids: Option<Uids>,
}

impl Layout {
    /// Makes the directories that are missing and sets who may enter them.
    ///
    /// # Errors
    /// The disk is full, read-only, or the directories belong to somebody else.
    pub fn prepare(data: &Path) -> io::Result<Self> {
        let layout = Self { data: data.to_owned(), uids: Uids::of_this_process() };
        directory(&layout.data, 0o711, None)?;
        directory(&layout.data.join("platform"), 0o700, layout.uids.map(|uids| uids.platform))?;
        directory(&layout.data.join("gateway"), 0o700, layout.uids.map(|uids| uids.gateway))?;
        directory(&layout.data.join("host"), 0o700, None)?;
        directory(&layout.data.join("people"), 0o711, None)?;
        directory(&layout.run(), 0o711, None)?;
        Ok(layout)
    }

    /// Where the sockets are.
    pub fn run(&self) -> PathBuf {
        self.data.join("run")
    }

    /// Binds a socket that only one role may connect to.
    ///
    /// # Errors
    /// The directory is not writable.
    pub fn bind(&self, name: &str, only: Option<u32>) -> io::Result<UnixListener> {
        let path = self.run().join(name);
        let listener = ally_http::socket::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        if let Some(uid) = only {
            chown(&path, Some(uid), Some(uid))?;
        }
        Ok(listener)
    }
}

fn directory(path: &Path, mode: u32, owner: Option<u32>) -> io::Result<()> {
    std::fs::create_dir_all(path)?;
    if let Some(uid) = owner {
        chown(path, Some(uid), Some(uid))?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Who this process is, for `ally doctor`.
pub fn whoami() -> (Uid, Gid) {
    (rustix::process::geteuid(), rustix::process::getegid())
}

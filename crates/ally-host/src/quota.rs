//! How much space a person's directory takes, and what happens when it is too much.
//!
//! The host measures while the process is awake and when it has fallen asleep. Above the limit the process is ended in
//! order and told at its next start that the space is full: it then adds nothing more, but reads, deletes and exports.
//! One that grows all the same is killed, and comes back later and later.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The first look comes soon: what a former process left is not known.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// Who is told that the space is full may write so much more: deleting takes some space first.
const SLACK: u64 = 16 << 20;
/// No directory of ours is deeper.
const DEEPEST: u32 = 64;
/// Looking at more would keep the host busy. A name costs space too, even without content.
const MOST_NAMES: u64 = 2_000_000;
const NAME: u64 = 256;

/// What is known about a server's space between its lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Space {
    /// What it is told at its next start.
    pub(crate) is_full: bool,
    /// What it took at the end of the last life.
    used: u64,
}

/// What has to be done with a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// End it in order, for it has to be told something else.
    TellAnew,
    /// Kill it: it was told that the space is full, and goes on.
    Kill,
}

/// Measures one process's directory for as long as it lives.
#[derive(Debug)]
pub(crate) struct Meter {
    directory: PathBuf,
    limit: u64,
    period: Duration,
    next: Instant,
    told: Space,
    /// The least that was found, from the end of the last life on.
    least: u64,
}

impl Meter {
    pub(crate) fn new(directory: PathBuf, limit: u64, period: Duration, told: Space) -> Self {
        let next = Instant::now() + period.min(FIRST_LOOK);
        Self { directory, limit, period, next, told, least: told.used }
    }

    /// Answers when something has to be done. Can be cancelled and asked again.
    pub(crate) async fn verdict(&mut self) -> Verdict {
        loop {
            sleep_until(self.next).await;
            self.next = Instant::now() + self.period;
            let used = self.measure().await;
            // Whoever is near the limit is looked at more often.
            if used > self.limit / 2 {
                self.next = Instant::now() + self.period / 6;
            }
            if let Some(verdict) = self.judge(used) {
                return verdict;
            }
        }
    }

    /// What the next process is to be told.
    pub(crate) async fn at_the_end(&self) -> Space {
        let used = self.measure().await;
        Space { is_full: is_full(used, self.limit, self.told), used }
    }

    fn judge(&mut self, used: u64) -> Option<Verdict> {
        if is_full(used, self.limit, self.told) != self.told.is_full {
            return Some(Verdict::TellAnew);
        }
        if !self.told.is_full {
            return None;
        }
        self.least = self.least.min(used);
        (used > self.least.saturating_add(SLACK.max(self.limit / 50))).then_some(Verdict::Kill)
    }

    async fn measure(&self) -> u64 {
        let directory = self.directory.clone();
        tokio::task::spawn_blocking(move || used(&directory)).await.unwrap_or(0)
    }
}

/// Once full, it is full until there is some room again, so that nobody is told one and the other in turn.
const fn is_full(used: u64, limit: u64, before: Space) -> bool {
    if before.is_full { used > limit / 100 * 95 } else { used > limit }
}

/// Bytes on the disk below a directory. One that cannot be walked to its end counts as larger than everything.
pub(crate) fn used(directory: &Path) -> u64 {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut sum = Sum { bytes: 0, names: 0 };
    let walked = rustix::fs::open(directory, flags, Mode::empty())
        .map_err(io::Error::from)
        .and_then(|open| sum.walk(&open, DEEPEST));
    match walked {
        Ok(()) => sum.bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => sum.bytes,
        Err(_) => u64::MAX,
    }
}

struct Sum {
    bytes: u64,
    names: u64,
}

impl Sum {
    /// Its owner may move things about meanwhile: so every step starts from an open directory and follows no link.
    fn walk(&mut self, directory: &OwnedFd, deeper: u32) -> io::Result<()> {
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if [c".", c".."].contains(&name) {
                continue;
            }
            self.names += 1;
            if self.names > MOST_NAMES || deeper == 0 {
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            let found = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(rustix::io::Errno::NOENT) => continue,
                other => other?,
            };
            let blocks = u64::try_from(found.st_blocks).unwrap_or(0);
            self.bytes = self.bytes.saturating_add(blocks.saturating_mul(512)).saturating_add(NAME);
            if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                match rustix::fs::openat(directory.as_fd(), name, flags, Mode::empty()) {
                    Ok(below) => self.walk(&below, deeper - 1)?,
                    Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_is_counted_and_what_links_point_at_is_not() {
        let home = tempfile::tempdir().expect("a directory");
        let other = tempfile::tempdir().expect("a directory");
        std::fs::write(other.path().join("large"), vec![1; 1 << 20]).expect("writes");
        std::fs::create_dir_all(home.path().join("a/b")).expect("makes");
        std::fs::write(home.path().join("a/b/file"), vec![1; 100_000]).expect("writes");
        std::os::unix::fs::symlink(other.path(), home.path().join("a/link")).expect("links");
        let used_now = used(home.path());
        assert!((100_000..200_000).contains(&used_now), "{used_now}");
        assert_eq!(used(&home.path().join("not there")), 0);
        let mut deep = home.path().to_owned();
        for _ in 0..70 {
            deep.push("d");
        }
        std::fs::create_dir_all(&deep).expect("makes");
        assert_eq!(used(home.path()), u64::MAX, "too deep to be ours");
    }

    #[tokio::test]
    async fn whoever_is_above_is_told_once_and_whoever_goes_on_is_killed() {
        let meter = |told| Meter::new(PathBuf::from("/nowhere"), 1 << 30, Duration::from_secs(30), told);
        let mebibytes = |number: u64| number << 20;
        let mut free = meter(Space { is_full: false, used: 0 });
        assert_eq!(free.judge(mebibytes(1024)), None);
        assert_eq!(free.judge(mebibytes(1025)), Some(Verdict::TellAnew));
        let was_full = Space { is_full: true, used: mebibytes(1030) };
        let mut full = meter(was_full);
        assert_eq!(full.judge(mebibytes(1030)), None);
        assert_eq!(full.judge(mebibytes(1000)), None, "a little room is not enough to be told anew");
        assert_eq!(full.judge(mebibytes(1019)), None);
        assert_eq!(full.judge(mebibytes(1030)), Some(Verdict::Kill), "from the least that it had");
        assert_eq!(full.judge(mebibytes(900)), Some(Verdict::TellAnew));
        assert_eq!(meter(was_full).judge(mebibytes(1060)), Some(Verdict::Kill), "from what the last life left");
        assert_eq!(meter(was_full).at_the_end().await, Space::default());
    }
}

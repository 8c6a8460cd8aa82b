//! How much space a person's directory takes, and what happens when it is too much.
//!
//! The host measures while the process is awake and when it has fallen asleep. A little above the limit the process is
//! ended in order and told at its next start that the space is full: it then adds nothing more, but reads, deletes and
//! exports. One that is far above the limit, or grows though it was told, is killed, and comes back later and later.
//! What all lives in a full space may add together is bounded: once it is used up, each further life may add next to
//! nothing, and after one that did, there is a rest of a minute, then of two, up to an hour, until there is less again.
//! What lies in files without a name counts too, as long as the process holds them open.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// The first look comes soon: what a former process left is not known.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// So often the kernel is asked how much the process has written, which costs next to nothing.
const TICK: Duration = Duration::from_secs(1);
/// Who goes beyond the limit by a tenth of it, and at most by so much, is killed at once; and so is who was told that
/// the space is full and grows by as much. Deleting takes some space first, so it is not nothing.
const SLACK: u64 = 64 << 20;
/// Once that is used up, a life may add this part of it: deleting alone would otherwise be the end of it.
const NARROW: u64 = 8;
/// The first rest of whoever went on even so, in minutes as a power of two, and the longest.
const LONGEST_REST: u32 = 60;
/// No directory of ours is deeper.
const DEEPEST: u32 = 64;
/// A name takes something from everybody even without content: file systems have a fixed number of them, by default
/// one for each 16 KiB.
const NAME: u64 = 16 << 10;
/// More names are too many, however little they hold.
const MOST_NAMES: u64 = 200_000;
/// Looking at more would keep the host busy.
const MOST_LOOKS: u64 = 2 * MOST_NAMES;

/// What is known about a server's space between its lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Space {
    /// What it is told at its next start.
    pub(crate) is_full: bool,
    /// What it took at the end of the last life.
    used: u64,
    /// In a full space: the least that it took since it became full.
    least: u64,
    /// So many lives added something when nothing was left to add.
    strikes: u32,
    /// The last life was one of them.
    has_struck: bool,
}

impl Space {
    /// Whether its lives together have added all that they may.
    const fn is_used_up(&self, slack: u64) -> bool {
        self.is_full && self.used > self.least.saturating_add(slack)
    }

    /// How long it sleeps before its next life, whoever knocks, because the last one went on.
    pub(crate) fn rest(&self) -> Option<Duration> {
        if !self.has_struck {
            return None;
        }
        let doubled = 1u32.checked_shl(self.strikes.checked_sub(1)?).unwrap_or(LONGEST_REST);
        Some(Duration::from_secs(60) * doubled.min(LONGEST_REST))
    }
}

/// What has to be done with a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// End it in order, for it has to be told something else.
    TellAnew,
    /// Kill it: it is far above the limit, or was told that the space is full, and goes on.
    Kill,
}

/// Measures one process's directory for as long as it lives.
#[derive(Debug)]
pub(crate) struct Meter {
    directory: PathBuf,
    /// The process, where it may be asked what it holds open.
    process: Option<u32>,
    limit: u64,
    period: Duration,
    /// When it is measured at the latest.
    next: Instant,
    /// When the kernel is asked next how much was written.
    tick: Instant,
    told: Space,
    /// The least that was found, from the end of the last life on.
    least: u64,
    /// What was found last, and how much had been written then.
    used: u64,
    written: u64,
    running: Option<JoinHandle<u64>>,
    said: Option<Verdict>,
}

impl Meter {
    /// `process` is looked at too; it must be the host's own child, not waited for yet, as long as this is asked.
    pub(crate) fn new(directory: PathBuf, process: Option<u32>, limit: u64, period: Duration, told: Space) -> Self {
        let next = Instant::now() + period.min(FIRST_LOOK);
        Self {
            directory,
            process,
            limit,
            period,
            next,
            tick: next,
            told,
            least: told.used,
            used: told.used,
            written: 0,
            running: None,
            said: None,
        }
    }

    /// Answers when something has to be done, and goes on to measure one that was told to leave. Can be cancelled and
    /// asked again.
    pub(crate) async fn verdict(&mut self) -> Verdict {
        while self.said != Some(Verdict::Kill) {
            let used = self.look().await;
            if let Some(verdict) = self.judge(used) {
                self.said = Some(verdict);
                return verdict;
            }
        }
        std::future::pending().await
    }

    /// What the next process is to be told.
    pub(crate) async fn at_the_end(&self) -> Space {
        self.left(self.measure(None).await.unwrap_or(0))
    }

    fn left(&self, used: u64) -> Space {
        let told = self.told;
        if !is_full(used, self.limit, told) {
            return Space { used, ..Space::default() };
        }
        let least = if told.is_full { told.least.min(self.least).min(used) } else { used };
        let is_used_up = used > least.saturating_add(self.slack());
        // Who began with nothing left and leaves more than it found; a little of it, again and again, is much too.
        let has_struck = is_used_up && told.is_used_up(self.slack()) && used > told.used;
        let strikes = if is_used_up { (told.strikes + u32::from(has_struck)).min(31) } else { 0 };
        Space { is_full: true, used, least, strikes, has_struck }
    }

    /// Waits for the next moment, and measures.
    async fn look(&mut self) -> u64 {
        // Who asks may be called away again and again: a measurement that has begun is not begun anew.
        while self.running.is_none() {
            sleep_until(self.tick).await;
            let now = Instant::now();
            self.tick = now + TICK.min(self.period / 6);
            let written = self.process.and_then(written);
            if now < self.next && !self.is_fast(written) {
                continue;
            }
            self.written = written.unwrap_or(0);
            self.running = Some(self.measure(self.process));
        }
        let Some(running) = &mut self.running else { return 0 };
        self.used = running.await.unwrap_or(0);
        self.running = None;
        // Whoever is near the limit is looked at more often.
        let near = self.used > self.limit / 2;
        self.next = Instant::now() + if near { self.period / 6 } else { self.period };
        self.used
    }

    /// Whether so much was written since the last look that it may be too much soon.
    fn is_fast(&self, written: Option<u64>) -> bool {
        let half_the_way = self.limit.saturating_sub(self.used) / 2;
        written.is_some_and(|written| written.saturating_sub(self.written) > half_the_way.max(self.slack() / 4))
    }

    fn judge(&mut self, used: u64) -> Option<Verdict> {
        self.least = self.least.min(used);
        // What cannot be measured has no least.
        if used > self.most() || used == u64::MAX {
            return Some(Verdict::Kill);
        }
        let is_news = is_full(used, self.limit, self.told) != self.told.is_full;
        (is_news && self.said.is_none()).then_some(Verdict::TellAnew)
    }

    /// Whoever takes more is killed.
    fn most(&self) -> u64 {
        if !self.told.is_full {
            return self.limit.saturating_add(self.slack());
        }
        let all_lives = self.told.least.min(self.least).saturating_add(self.slack());
        all_lives.max(self.least.saturating_add(self.slack() / NARROW))
    }

    const fn slack(&self) -> u64 {
        let tenth = self.limit / 10;
        if tenth < SLACK { tenth } else { SLACK }
    }

    fn measure(&self, process: Option<u32>) -> JoinHandle<u64> {
        let (directory, limit) = (self.directory.clone(), self.limit);
        tokio::task::spawn_blocking(move || used(&directory, process, limit))
    }
}

/// Once full, it is full until there is some room again, so that nobody is told one and the other in turn.
const fn is_full(used: u64, limit: u64, before: Space) -> bool {
    if before.is_full { used > limit / 100 * 95 } else { used > limit }
}

/// How much a process has sent towards a disk so far, if it may be asked.
fn written(process: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/io")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.parse().ok()
}

/// Bytes on the disk below a directory, and in files without a name that a process holds there. Too many names count
/// as over the limit; a directory that cannot be walked to its end counts as larger than everything.
fn used(directory: &Path, process: Option<u32>, limit: u64) -> u64 {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut sum = Sum { bytes: 0, names: 0 };
    let walked = rustix::fs::open(directory, flags, Mode::empty()).map_err(io::Error::from).and_then(|open| {
        let disk = rustix::fs::fstat(&open)?.st_dev;
        if let Some(process) = process {
            sum.bytes += nameless(process, disk);
        }
        sum.walk(&open, DEEPEST)
    });
    match walked {
        Ok(()) if sum.names > MOST_NAMES => sum.bytes.max(limit.saturating_add(1)),
        Ok(()) => sum.bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => sum.bytes,
        Err(_) => u64::MAX,
    }
}

/// Bytes in files on this disk that no name leads to any more and that a process has open or in its memory. Only the
/// kernel's own entries for the process are asked; no name that the process chose is followed.
fn nameless(process: u32, disk: u64) -> u64 {
    let (mut seen, mut bytes) = (BTreeSet::new(), 0);
    let mut add = |found: Stat| {
        let is_nameless = found.st_nlink == 0 && found.st_dev == disk;
        if is_nameless && FileType::from_raw_mode(found.st_mode) == FileType::RegularFile && seen.insert(found.st_ino) {
            bytes += blocks(&found);
        }
    };
    // A thread may have descriptors of its own.
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.map(|thread| thread.path().join("fd"));
    for list in lists.chain([PathBuf::from(format!("/proc/{process}/map_files"))]) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(list) = rustix::fs::open(&list, flags, Mode::empty()) else { continue };
        for entry in Dir::read_from(&list).into_iter().flatten().flatten() {
            if let Ok(found) = rustix::fs::statat(&list, entry.file_name(), AtFlags::empty()) {
                add(found);
            }
        }
    }
    bytes
}

fn blocks(found: &Stat) -> u64 {
    u64::try_from(found.st_blocks).unwrap_or(0).saturating_mul(512)
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
            if self.names > MOST_LOOKS || deeper == 0 {
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            let found = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(rustix::io::Errno::NOENT) => continue,
                other => other?,
            };
            self.bytes = self.bytes.saturating_add(blocks(&found)).saturating_add(NAME);
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
    use std::io::Write;

    const LIMIT: u64 = 1 << 30;

    #[test]
    fn what_lies_below_is_counted_and_what_links_point_at_is_not() {
        let home = tempfile::tempdir().expect("a directory");
        let other = tempfile::tempdir().expect("a directory");
        std::fs::write(other.path().join("large"), vec![1; 1 << 20]).expect("writes");
        std::fs::create_dir_all(home.path().join("a/b")).expect("makes");
        std::fs::write(home.path().join("a/b/file"), vec![1; 100_000]).expect("writes");
        std::os::unix::fs::symlink(other.path(), home.path().join("a/link")).expect("links");
        let used_now = used(home.path(), None, LIMIT);
        assert!((100_000..200_000).contains(&used_now), "{used_now}");
        assert_eq!(used(&home.path().join("not there"), None, LIMIT), 0);
        let mut deep = home.path().to_owned();
        for _ in 0..70 {
            deep.push("d");
        }
        std::fs::create_dir_all(&deep).expect("makes");
        assert_eq!(used(home.path(), None, LIMIT), u64::MAX, "too deep to be ours");
    }

    #[test]
    fn what_has_no_name_any_more_counts_once_while_it_is_open() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("file");
        let mut file = std::fs::File::create(&path).expect("makes");
        file.write_all(&vec![1; 1 << 20]).expect("writes");
        file.sync_all().expect("is on the disk");
        let used_here = || used(home.path(), Some(std::process::id()), LIMIT);
        let with_a_name = used_here();
        std::fs::remove_file(&path).expect("removes");
        let twice = file.try_clone().expect("opens again");
        assert_eq!(used_here(), with_a_name - NAME);
        assert_eq!(used(home.path(), None, LIMIT), 0);
        drop((file, twice));
        assert_eq!(used_here(), 0);
    }

    #[test]
    fn each_name_takes_some_of_the_space() {
        let home = tempfile::tempdir().expect("a directory");
        for number in 0..100 {
            std::fs::write(home.path().join(number.to_string()), "").expect("writes");
        }
        assert_eq!(used(home.path(), None, LIMIT), 100 * NAME);
    }

    fn meter(told: Space) -> Meter {
        Meter::new(PathBuf::from("/nowhere"), None, LIMIT, Duration::from_secs(30), told)
    }

    const fn mebibytes(number: u64) -> u64 {
        number << 20
    }

    #[tokio::test]
    async fn whoever_is_a_little_above_is_told_once_and_whoever_is_far_above_is_killed_at_once() {
        let mut free = meter(Space::default());
        assert_eq!(free.judge(mebibytes(1024)), None);
        assert_eq!(free.judge(mebibytes(1025)), Some(Verdict::TellAnew));
        free.said = Some(Verdict::TellAnew);
        assert_eq!(free.judge(mebibytes(1026)), None, "it is leaving");
        assert_eq!(free.judge(mebibytes(1089)), Some(Verdict::Kill), "it uses that to write");
        assert_eq!(meter(Space::default()).judge(mebibytes(1089)), Some(Verdict::Kill));
        assert_eq!(meter(Space::default()).judge(u64::MAX), Some(Verdict::Kill));
    }

    const fn full_with(number: u64) -> Space {
        Space { is_full: true, used: mebibytes(number), least: mebibytes(number), strikes: 0, has_struck: false }
    }

    /// A life in this space that is seen to take so much, one after the other.
    fn life(space: Space, taken: &[u64]) -> (Option<Verdict>, Space) {
        let mut meter = meter(space);
        for taken in taken {
            meter.said = meter.judge(mebibytes(*taken));
        }
        (meter.said, meter.left(mebibytes(taken[taken.len() - 1])))
    }

    #[test]
    fn the_lives_in_a_full_space_together_add_no_more_than_one_alone() {
        let (mut space, mut lives) = (full_with(1030), 0);
        // A little less each time than it is killed for.
        for taken in [1050, 1070, 1090, 1094] {
            let said;
            (said, space) = life(space, &[taken]);
            assert_eq!((said, space.least, space.rest()), (None, mebibytes(1030), None), "{taken}");
        }
        let (said, mut space) = life(space, &[1103]);
        assert_eq!((said, space.rest()), (Some(Verdict::Kill), None), "it is killed, and comes back soon");
        // From now on there is next to nothing to add, and who is killed for it rests longer each time.
        let mut taken = 1103;
        let mut rests = Vec::new();
        while lives < 8 {
            let (said, next) = life(space, &[taken, taken + 7, taken]);
            assert_eq!((said, next.rest()), (None, None), "who reads, or is about to delete, lives on");
            // Whether it was killed for it, or left before.
            let more = 7 + lives % 2 * 2;
            taken += more;
            let said;
            (said, space) = life(space, &[taken]);
            assert_eq!(said, (more == 9).then_some(Verdict::Kill));
            rests.push(space.rest().map(|rest| rest.as_secs() / 60));
            lives += 1;
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 32, 60, 60].map(Some));
        // Deleting is the way out, from wherever she stands.
        let (said, space) = life(space, &[taken, taken + 3, 1080]);
        assert_eq!((said, space.rest()), (None, None));
        assert_eq!(life(space, &[1000, 900]).0, Some(Verdict::TellAnew));
        assert_eq!(life(space, &[900]).1, Space { used: mebibytes(900), ..Space::default() });
    }

    #[tokio::test]
    async fn whoever_was_told_may_make_room_and_is_killed_when_it_grows() {
        let was_full = full_with(1090);
        let mut full = meter(was_full);
        for (used, verdict) in [(1090, None), (1000, None), (1060, None), (1065, Some(Verdict::Kill))] {
            assert_eq!(full.judge(mebibytes(used)), verdict, "{used} from the least that it had");
        }
        assert_eq!(full.judge(mebibytes(900)), Some(Verdict::TellAnew));
        assert_eq!(meter(was_full).judge(mebibytes(1155)), Some(Verdict::Kill), "from what the last life left");
        let endless = Space { is_full: true, used: u64::MAX, least: u64::MAX, ..Space::default() };
        assert_eq!(meter(endless).judge(u64::MAX), Some(Verdict::Kill));
        assert_eq!(meter(was_full).at_the_end().await, Space::default());
    }

    #[tokio::test]
    async fn who_writes_half_of_what_is_left_is_looked_at_again() {
        let mut free = meter(Space::default());
        assert!(!free.is_fast(None) && !free.is_fast(Some(mebibytes(512))));
        assert!(free.is_fast(Some(mebibytes(513))));
        (free.used, free.written) = (mebibytes(1000), mebibytes(2000));
        assert!(!free.is_fast(Some(mebibytes(2016))));
        assert!(free.is_fast(Some(mebibytes(2017))));
    }
}

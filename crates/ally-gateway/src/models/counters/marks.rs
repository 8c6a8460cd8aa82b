//! Marks that say which of the tokens that are kept for next questions a call has taken: a byte each, in a file.
//!
//! A call takes what is kept without waiting for the disk. Its byte is written to the file without a sync, which is
//! enough for a process that is killed: the bytes stay with the machine. Of a machine that stopped they may be gone, so
//! the file begins with the id of the machine's present start, and of another start nothing is believed.

use rustix::fs::{Mode, OFlags, open};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The file, in the gateway's directory.
const NAME: &str = "kept";
/// Bytes before the first mark.
const HEAD: usize = 64;

/// What the marks of the process before say.
pub(super) struct Before(Option<Vec<u8>>);

impl Before {
    /// Reads them. `start` is the id of the machine's present start; without it nothing is believed.
    pub fn read(directory: &Path, start: Option<&str>) -> Self {
        let Some(start) = start else { return Self(None) };
        let bytes = std::fs::read(directory.join(NAME)).ok();
        Self(bytes.filter(|bytes| bytes.get(..HEAD) == Some(&head(start)[..])).map(|bytes| bytes[HEAD..].to_vec()))
    }

    /// Whether a call may have taken what was kept at this place.
    pub fn was_taken(&self, place: u32) -> bool {
        let Some(marks) = &self.0 else { return true };
        marks.get(place as usize).is_some_and(|mark| *mark != 0)
    }
}

/// The marks of this process. A cheap clone.
#[derive(Clone)]
pub(super) struct Marks {
    /// `None` where the file cannot be written: then nothing is kept.
    file: Option<Arc<File>>,
    places: Arc<Mutex<Places>>,
}

#[derive(Default)]
struct Places {
    free: Vec<u32>,
    next: u32,
}

impl Marks {
    /// Begins anew: nothing is kept yet.
    pub fn begin(directory: &Path, start: Option<&str>) -> Self {
        let begun = create(&directory.join(NAME)).and_then(|file| {
            file.write_all_at(&head(start.unwrap_or_default()), 0)?;
            Ok(file)
        });
        Self { file: begun.ok().map(Arc::new), places: Arc::default() }
    }

    /// A place for something that will be kept; its mark says that nobody has taken it.
    pub fn place(&self) -> Option<u32> {
        self.file.as_ref()?;
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.free.pop().or_else(|| {
            let place = places.next;
            places.next = place.checked_add(1)?;
            Some(place)
        })
    }

    /// Notes that a call takes it. What cannot be noted must not be taken.
    pub fn take(&self, place: u32) -> bool {
        self.write(place, 1).is_ok()
    }

    /// Nothing on the disk names this place any more.
    pub fn free(&self, place: u32) {
        // A mark that cannot be taken back would lie about the next one that stands there.
        if self.write(place, 0).is_ok() {
            self.places.lock().unwrap_or_else(PoisonError::into_inner).free.push(place);
        }
    }

    fn write(&self, place: u32, mark: u8) -> io::Result<()> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        file.write_all_at(&[mark], HEAD as u64 + u64::from(place))
    }
}

/// The id of the machine's present start.
pub(super) fn start_of_machine() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty() && id.len() <= HEAD)
}

fn head(start: &str) -> [u8; HEAD] {
    let mut head = [b'\n'; HEAD];
    let length = start.len().min(HEAD);
    head[..length].copy_from_slice(&start.as_bytes()[..length]);
    head
}

fn create(path: &PathBuf) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(open(path, flags, Mode::RUSR | Mode::WUSR)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_outlives_the_process_and_not_the_machine() {
        let directory = tempfile::tempdir().expect("a directory");
        let read = |start| Before::read(directory.path(), start);
        assert!(read(Some("one")).was_taken(0), "there is no file");
        let marks = Marks::begin(directory.path(), Some("one"));
        let places = [(); 3].map(|()| marks.place().expect("a place"));
        assert_eq!(places, [0, 1, 2]);
        assert!(marks.take(1) && marks.take(2));
        marks.free(2);
        assert_eq!(marks.place(), Some(2), "a place that is free is given again");
        assert_eq!([0, 1, 2, 3].map(|place| read(Some("one")).was_taken(place)), [false, true, false, false]);
        for other in [Some("two"), Some("on"), None] {
            assert!(read(other).was_taken(0), "{other:?}");
        }
        let anew = Marks::begin(directory.path(), Some("one"));
        assert_eq!((anew.place(), read(Some("one")).was_taken(1)), (Some(0), false));
    }
}

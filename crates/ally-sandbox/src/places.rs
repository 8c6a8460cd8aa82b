//! The descriptors that a child takes along, and how it gets a list of its own that does not grow with its parent's.
//!
//! A host has two descriptors for each person. A child that is born with a copy of that list takes the longer, the more
//! people there are, to get it and to close it. So it is born with its parent's own list, puts what it takes along into
//! a row of numbers that are kept free for this, low in the list, and makes itself a copy up to there.

use crate::birth::Plan;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, OnceLock};

/// Most descriptors that a program is given.
pub(crate) const MOST: usize = 16;
/// What a program is given, and what its birth needs.
const LENGTH: i32 = MOST as i32 + 3;
/// Above those that a process opens at its start.
const FROM: i32 = 32;

/// Numbers of one process that are kept free.
struct Row {
    first: i32,
    /// What stands in them while nobody is born.
    nothing: OwnedFd,
    one_at_a_time: Mutex<()>,
}

static ROW: OnceLock<Option<Row>> = OnceLock::new();

/// Keeps a row of low numbers free, so that each birth costs the same, however many descriptors there are. Must be called
/// while there are few; without it, or where the numbers are taken, a child gets a copy of the whole list.
pub fn reserve_places() {
    ROW.get_or_init(|| {
        let nothing = OwnedFd::from(std::fs::File::open("/dev/null").ok()?);
        // Each is given by the kernel, so that none is taken from a thread that opens something at the same moment.
        let held: Result<Vec<OwnedFd>, Errno> =
            (0..LENGTH).map(|_| rustix::io::fcntl_dupfd_cloexec(&nothing, FROM)).collect();
        let held = held.ok()?;
        let first = held.first()?.as_raw_fd();
        let is_row = held.iter().zip(first..).all(|(place, number)| place.as_raw_fd() == number);
        is_row.then(|| {
            held.into_iter().for_each(|place| _ = place.into_raw_fd());
            Row { first, nothing, one_at_a_time: Mutex::default() }
        })
    });
}

impl Row {
    fn numbers(&self) -> std::ops::Range<i32> {
        self.first..self.first + LENGTH
    }

    /// Nothing stands in the first `used` numbers any more.
    fn clear(&self, used: i32) -> Result<(), Errno> {
        self.numbers()
            .take(usize::try_from(used).unwrap_or(0))
            .try_for_each(|number| put(self.nothing.as_raw_fd(), number))
    }
}

/// The numbers under which a child finds what it takes along.
pub(crate) struct Taken {
    pub(crate) report: i32,
    pub(crate) dies_with: Option<i32>,
    pub(crate) network: Option<i32>,
    /// In the order of the plan; only as many as it has.
    pub(crate) descriptors: [i32; MOST],
    /// Behind the last of them, where the list is still the parent's.
    end: Option<i32>,
}

/// A row that is in use for one birth.
pub(crate) struct Reserved<'a> {
    row: &'a Row,
    used: i32,
    _one_at_a_time: MutexGuard<'a, ()>,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        // Otherwise a pipe of the child would stay open here, and nobody would see its end.
        let _ = self.row.clear(self.used);
    }
}

impl Taken {
    /// What stands in the parent's list for the child, if there is a row for it. It is free again when the second
    /// part is dropped, which must be after the child has a list of its own.
    pub(crate) fn in_row(plan: &Plan, report: i32) -> Option<(Self, Reserved<'static>)> {
        let row = ROW.get()?.as_ref()?;
        let mut reserved = Reserved { row, used: 0, _one_at_a_time: row.one_at_a_time.try_lock().ok()? };
        let mut place = |descriptor: i32| {
            let number = row.first + reserved.used;
            put(descriptor, number).ok()?;
            reserved.used += 1;
            Some(number)
        };
        let mut taken = Self::of(plan, report).ok()?;
        taken.report = place(taken.report)?;
        for number in [&mut taken.dies_with, &mut taken.network].into_iter().flatten() {
            *number = place(*number)?;
        }
        for number in taken.descriptors.iter_mut().take(plan.descriptors.len()) {
            *number = place(*number)?;
        }
        taken.end = Some(row.first + reserved.used);
        Some((taken, reserved))
    }

    /// What the child finds in a copy of the parent's list.
    pub(crate) fn of(plan: &Plan, report: i32) -> io::Result<Self> {
        let mut descriptors = [-1; MOST];
        if plan.descriptors.len() > MOST {
            return Err(Errno::MFILE.into());
        }
        for (number, (descriptor, _)) in descriptors.iter_mut().zip(&plan.descriptors) {
            *number = descriptor.as_raw_fd();
        }
        let number = |descriptor: &Option<OwnedFd>| descriptor.as_ref().map(AsRawFd::as_raw_fd);
        Ok(Self { report, dies_with: number(&plan.dies_with), network: number(&plan.network), descriptors, end: None })
    }

    /// In the child: makes the list its own, up to what it takes along.
    pub(crate) fn make_mine(&self) -> Result<(), Errno> {
        let Some(end) = self.end else { return Ok(()) };
        // SAFETY: plain numbers. The parent's list stays as it is: the call works on the copy that it makes.
        let done = unsafe { libc::syscall(libc::SYS_close_range, end, i32::MAX, libc::CLOSE_RANGE_UNSHARE) };
        // SAFETY: reads this thread's own number.
        if done == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(unsafe { *libc::__errno_location() })) }
    }
}

/// The same open file also under this number, closed when a program starts.
fn put(descriptor: i32, number: i32) -> Result<(), Errno> {
    // SAFETY: plain numbers; the new one is one of the row, which nobody else uses.
    if unsafe { libc::dup3(descriptor, number, libc::O_CLOEXEC) } < 0 {
        // SAFETY: reads this thread's own number.
        return Err(Errno::from_raw_os_error(unsafe { *libc::__errno_location() }));
    }
    Ok(())
}

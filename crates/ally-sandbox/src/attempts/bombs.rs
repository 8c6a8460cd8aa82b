//! Taking more than one's share: of memory, processes, threads, disk and time.

use super::call::{checked, io_outcome, last_error, outcome};
use super::{Outcome, Target};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const MEGABYTE: usize = 1 << 20;

/// Writes to half as much memory again as is allowed. Where the limit holds, this process is ended or refused.
pub(super) fn memory(target: &Target) -> Outcome {
    let mut pieces = Vec::new();
    for _ in 0..target.memory_mb.saturating_mul(3) / 2 / 16 {
        let length = 16 * MEGABYTE;
        // SAFETY: new memory of its own, anywhere.
        let piece = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if piece == libc::MAP_FAILED {
            return outcome::<()>(Err(last_error()));
        }
        for page in (0..length).step_by(4096) {
            // SAFETY: inside the piece that was just made.
            unsafe { piece.cast::<u8>().add(page).write_volatile(1) };
        }
        pieces.push(piece);
    }
    Outcome::Succeeded
}

/// Processes that do nothing but be there.
pub(super) fn processes(target: &Target) -> Outcome {
    let mut born = Vec::new();
    let mut answer = Outcome::Succeeded;
    for _ in 0..target.processes.saturating_mul(2) {
        // SAFETY: the child makes two calls that are allowed after a fork, and ends with its parent at the latest.
        let pid = checked(unsafe {
            let pid = libc::fork();
            if pid == 0 {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                libc::pause();
                libc::_exit(0);
            }
            pid
        });
        match pid {
            Ok(pid) => born.push(pid),
            refused => {
                answer = outcome(refused);
                break;
            }
        }
    }
    for pid in born {
        // SAFETY: a child of ours that was not waited for yet.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
            libc::waitpid(pid, std::ptr::null_mut(), 0);
        }
    }
    answer
}

/// Threads that do nothing but be there; they go with the process.
pub(super) fn threads(target: &Target) -> Outcome {
    for _ in 0..target.processes.saturating_mul(2) {
        let started = std::thread::Builder::new().stack_size(64 << 10).spawn(|| {
            loop {
                std::thread::park();
            }
        });
        if let Err(error) = started {
            return io_outcome::<()>(Err(error));
        }
    }
    Outcome::Succeeded
}

/// Half as much again as is allowed, in several files.
pub(super) fn disk(target: &Target) -> Outcome {
    let block = vec![0x5a_u8; MEGABYTE];
    let directory = target.own.join("fill");
    let fill = || {
        std::fs::create_dir_all(&directory)?;
        for at in 0..target.disk_mb.saturating_mul(3) / 2 {
            let mut file = File::create(directory.join(at.to_string()))?;
            file.write_all(&block)?;
        }
        // A limit that is looked at now and then is met by whoever goes on: until then it has not refused anything.
        let until = Instant::now() + Duration::from_secs(target.patience_seconds);
        while Instant::now() < until {
            File::create(directory.join("more"))?.write_all(&block)?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    };
    let answer = io_outcome(fill());
    let _ = std::fs::remove_dir_all(directory);
    answer
}

/// Computes on all processors for a while and counts what it got. A quarter above the share counts as more than it.
pub(super) fn processor(target: &Target) -> Outcome {
    let is_over = Arc::new(AtomicBool::new(false));
    // Far more than there are processors: on a busy machine each thread gets little.
    let hungry = target.processes / 2;
    let (before, began) = (processor_time(), Instant::now());
    let mut hogs = Vec::new();
    for _ in 0..hungry {
        let is_over = Arc::clone(&is_over);
        let hog = std::thread::Builder::new().stack_size(64 << 10).spawn(move || {
            let mut number = 1_u64;
            while !is_over.load(Ordering::Relaxed) {
                for _ in 0..10_000 {
                    number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
                }
            }
        });
        match hog {
            Ok(hog) => hogs.push(hog),
            Err(error) => return io_outcome::<()>(Err(error)),
        }
    }
    std::thread::sleep(Duration::from_secs(target.hog_seconds));
    is_over.store(true, Ordering::Relaxed);
    for hog in hogs {
        let _ = hog.join();
    }
    let got = processor_time().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64();
    if got * 100.0 > f64::from(target.processor_percent) * 1.25 {
        Outcome::Succeeded
    } else {
        Outcome::refused("limit")
    }
}

fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel fills a structure of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

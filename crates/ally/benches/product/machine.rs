//! What the machine says: memory, context switches, load, and how long a sync takes.

use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

/// Prints what the numbers below were measured on.
pub fn print_header() {
    println!("load {:.2}, fdatasync of 4 KiB p50 {:.2} ms, {} cores\n", load(), sync_p50_millis(), cores());
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The load average of the last minute.
pub fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// How long it takes to write 4 KiB and sync them, the middle of 100.
pub fn sync_p50_millis() -> f64 {
    let mut file = tempfile::tempfile().unwrap();
    let block = [7; 4096];
    let times = (0..100)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&block).unwrap();
            rustix::fs::fdatasync(file.as_fd()).unwrap();
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    super::median(times)
}

/// What the machine was doing when each round of one measurement began.
#[derive(Default)]
pub struct Rounds {
    loads: Vec<f64>,
    syncs: Vec<f64>,
}

/// A round should begin at a load of at most this (DESIGN section 12).
const QUIET_LOAD: f64 = 1.0;

/// A round should begin with a sync that takes at most this, in milliseconds.
const QUIET_SYNC: f64 = 0.3;

/// So long is waited for a quiet moment; after that the round is measured and its line says how it was.
const PATIENCE: Duration = Duration::from_secs(30);

impl Rounds {
    /// Waits for a quiet moment, for a while, and notes what the machine is doing.
    pub fn begin(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let mut sync = sync_p50_millis();
        while (load() > QUIET_LOAD || sync > QUIET_SYNC) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_secs(1));
            sync = sync_p50_millis();
        }
        self.loads.push(load());
        self.syncs.push(sync);
    }

    /// Says under which conditions the line above was measured.
    pub fn print(&self) {
        let range = |values: &[f64]| {
            let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
            format!("{lowest:.2}–{:.2}", values.iter().copied().fold(0.0, f64::max))
        };
        let is_noisy = |(load, sync): (&f64, &f64)| *load > QUIET_LOAD || *sync > QUIET_SYNC;
        let noisy = self.loads.iter().zip(&self.syncs).filter(|pair| is_noisy(*pair)).count();
        println!(
            "    rounds began at load {}, fdatasync p50 {} ms; {noisy} of {} noisy",
            range(&self.loads),
            range(&self.syncs),
            self.loads.len()
        );
    }
}

/// Proportional memory of a process.
pub fn pss_megabytes(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("Pss:")).unwrap_or("Pss: 0");
    line.split_whitespace().nth(1).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Context switches of all threads of a process since it began.
pub fn context_switches(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks
        .map(|task| {
            let text = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let lines = text.lines().filter(|line| line.contains("ctxt_switches"));
            lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum::<u64>()
        })
        .sum()
}

/// How the assistants run here.
pub fn mode() -> &'static str {
    if rustix::process::geteuid().is_root() { "own user" } else { "user namespace" }
}

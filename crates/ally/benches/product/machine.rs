//! What the machine says: memory, context switches, load, and how long a sync takes.

use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::time::Instant;

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

//! What the machine says: memory, context switches, load, and how long a sync takes.

use crate::installation::Installation;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Prints what the numbers below were measured on.
pub fn print_header() {
    println!(
        "{} program; load {:.2}, fdatasync of 4 KiB p50 {:.2} ms, {} cores\n",
        linking(),
        load(),
        sync_p50_millis(),
        cores()
    );
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

static IS_IN_A_HURRY: AtomicBool = AtomicBool::new(false);

/// Quiet moments are not waited for. The lines still say how it was.
pub fn hurry() {
    IS_IN_A_HURRY.store(true, Ordering::Relaxed);
}

impl Rounds {
    /// Waits for a quiet moment, for a while, and notes what the machine is doing.
    pub fn begin(&mut self) {
        let patience = if IS_IN_A_HURRY.load(Ordering::Relaxed) { Duration::ZERO } else { PATIENCE };
        let deadline = Instant::now() + patience;
        let mut sync = sync_p50_millis();
        while (load() > QUIET_LOAD || sync > QUIET_SYNC) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_secs(1));
            sync = sync_p50_millis();
        }
        self.loads.push(load());
        self.syncs.push(sync);
    }

    fn noisy(&self) -> usize {
        let is_noisy = |(load, sync): &(&f64, &f64)| **load > QUIET_LOAD || **sync > QUIET_SYNC;
        self.loads.iter().zip(&self.syncs).filter(is_noisy).count()
    }

    /// Stands beside the number: nothing if each round began in a quiet moment.
    pub fn beside(&self) -> String {
        let waited = if IS_IN_A_HURRY.load(Ordering::Relaxed) {
            "nobody waited for a quiet moment".to_owned()
        } else {
            format!("none came in {} s of waiting", PATIENCE.as_secs())
        };
        match self.noisy() {
            0 => String::new(),
            noisy => format!("   NOISY: {noisy} of {} rounds on a busy machine, {waited}", self.loads.len()),
        }
    }

    /// Says under which conditions the line above was measured.
    pub fn print(&self) {
        let range = |values: &[f64]| {
            let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
            format!("{lowest:.2}–{:.2}", values.iter().copied().fold(0.0, f64::max))
        };
        println!("    rounds began at load {}, fdatasync p50 {} ms", range(&self.loads), range(&self.syncs));
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

/// What stands around the assistants of this installation, as it says itself.
pub async fn mode(installation: &Installation) -> String {
    let health = installation.browser().get("/healthz").await.expect(200).json();
    health["walls"]["level"].as_str().unwrap_or("unknown walls").to_owned()
}

/// How the measured program was linked.
pub fn linking() -> &'static str {
    let program = std::env::var_os("ALLY_BENCH_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_ally").into());
    if ally_sandbox::is_dynamic(program.as_ref()).unwrap() { "dynamic" } else { "static" }
}

/// What the gateway and all assistants have done so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work {
    gateway: Effort,
    assistants: Effort,
}

/// Time on a processor, and how often it was given up or taken away.
#[derive(Debug, Clone, Copy, Default)]
struct Effort {
    millis: f64,
    switches: u64,
}

impl Work {
    /// Until now.
    pub fn of(installation: &Installation) -> Self {
        let all =
            |role: &str| installation.processes(role).into_iter().map(Effort::of).fold(Effort::default(), Effort::plus);
        Self { gateway: all("gateway"), assistants: all("assistant") }
    }

    /// What was done since then, while nobody ended.
    pub fn since(self, before: &Self) -> Self {
        Self { gateway: self.gateway.minus(before.gateway), assistants: self.assistants.minus(before.assistants) }
    }

    /// Says what one of so many turns took.
    pub fn print(self, turns: usize) {
        let each = |effort: Effort| (effort.millis / turns as f64, effort.switches as f64 / turns as f64);
        let ((gateway, switches), (assistant, more)) = (each(self.gateway), each(self.assistants));
        println!(
            "    each turn: gateway {gateway:.2} ms of a processor and {switches:.0} context switches, \
             assistant {assistant:.2} ms and {more:.0}"
        );
    }
}

impl Effort {
    fn of(pid: u32) -> Self {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let nanos = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        });
        Self { millis: nanos.sum::<f64>() / 1e6, switches: context_switches(pid) }
    }

    fn plus(self, other: Self) -> Self {
        Self { millis: self.millis + other.millis, switches: self.switches + other.switches }
    }

    fn minus(self, before: Self) -> Self {
        Self { millis: (self.millis - before.millis).max(0.0), switches: self.switches.saturating_sub(before.switches) }
    }
}

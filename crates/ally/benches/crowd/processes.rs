//! What the processes of an installation cost: memory, descriptors, processor time, context switches.

use std::path::Path;

/// One of the roles that are always there.
pub struct Role {
    pub name: &'static str,
    pub pid: u32,
}

/// What a process has used so far and holds now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Use {
    /// Processor time of the process itself, in seconds.
    pub seconds: f64,
    /// Processor time of children that have ended, in seconds.
    pub seconds_of_children: f64,
    pub rss_megabytes: f64,
    pub pss_megabytes: f64,
    pub descriptors: usize,
    pub switches: u64,
}

/// `ally serve` on this data directory, and then host, platform and gateway.
pub fn roles(data: &Path) -> Vec<Role> {
    let serve = processes().find(|pid| {
        let line = command(*pid);
        line.get(1).is_some_and(|role| role == "serve") && line.iter().any(|word| Path::new(word) == data)
    });
    let serve = serve.expect("ally serve is running");
    let mut roles = vec![Role { name: "serve", pid: serve }];
    for pid in children(serve) {
        let line = command(pid);
        let known =
            ["host", "platform", "gateway"].into_iter().find(|name| line.get(1).is_some_and(|role| role == name));
        roles.extend(known.map(|name| Role { name, pid }));
    }
    roles
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()))
}

fn command(pid: u32) -> Vec<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// The processes that this one started.
pub fn children(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads
        .flat_map(|thread| {
            let text = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            text.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<u32>>()
        })
        .collect()
}

impl Use {
    /// What `/proc` says of a process now.
    pub fn of(pid: u32) -> Self {
        let proc = format!("/proc/{pid}");
        let stat = std::fs::read_to_string(format!("{proc}/stat")).unwrap_or_default();
        let fields: Vec<f64> = stat
            .rsplit_once(')')
            .map_or("", |(_, rest)| rest)
            .split_whitespace()
            .map(|word| word.parse().unwrap_or(0.0))
            .collect();
        let ticks = |at: usize| fields.get(at).copied().unwrap_or(0.0) / 100.0;
        Self {
            seconds: ticks(11) + ticks(12),
            seconds_of_children: ticks(13) + ticks(14),
            rss_megabytes: rollup(&proc, "Rss:"),
            pss_megabytes: rollup(&proc, "Pss:"),
            descriptors: std::fs::read_dir(format!("{proc}/fd")).map_or(0, Iterator::count),
            switches: switches(Path::new(&proc)),
        }
    }
}

fn rollup(proc: &str, name: &str) -> f64 {
    let text = std::fs::read_to_string(format!("{proc}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn switches(proc: &Path) -> u64 {
    let threads = std::fs::read_dir(proc.join("task")).into_iter().flatten().flatten();
    threads
        .map(|thread| {
            let text = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
            let lines = text.lines().filter(|line| line.contains("ctxt_switches"));
            lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum::<u64>()
        })
        .sum()
}

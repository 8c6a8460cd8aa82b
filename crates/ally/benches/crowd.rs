//! Many people on one machine: how fast they wake, what they cost awake and asleep. Run with `make bench-crowd`.
//!
//! `ALLY_CROWD_PEOPLE` (10000), `ALLY_CROWD_SECONDS` (600), `ALLY_CROWD_WAKES` (20 a second), `ALLY_CROWD_IDLE` (45 s
//! until sleep), `ALLY_CROWD_STORM` (300 at once) and `ALLY_CROWD_SETTLED` (everybody: so many have been there before)
//! change what is measured. Failures are counted and must be none;
//! nothing fails on a time.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on shall stop")]
#![expect(clippy::disallowed_macros, reason = "a benchmark prints its numbers")]

#[expect(dead_code, reason = "tests use more of it")]
#[path = "../tests/it/browser.rs"]
mod browser;
#[expect(dead_code, reason = "tests use more of it")]
#[path = "../tests/it/installation.rs"]
mod installation;
#[path = "crowd/processes.rs"]
mod processes;
#[path = "crowd/world.rs"]
mod world;

use installation::Setup;
use processes::{Role, Use, children, roles};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use world::{Crowd, Kind, Visit};

fn main() -> ExitCode {
    let reactor = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    reactor.block_on(measure())
}

/// A number from the environment.
fn given(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn setup(idle: u64) -> Setup {
    Setup::default().with("ALLY_IDLE_EXIT_SECONDS", idle.to_string())
}

async fn measure() -> ExitCode {
    let number = usize::try_from(given("ALLY_CROWD_PEOPLE", 10_000)).unwrap();
    let (seconds, idle) = (given("ALLY_CROWD_SECONDS", 600), given("ALLY_CROWD_IDLE", 45));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("Ally {}, {cores} cores, load {}", env!("CARGO_PKG_VERSION"), load());
    let begun = Instant::now();
    let crowd = Crowd::new(number, || setup(1)).await;
    println!("{number} registered; everything was made in {:.1} s", begun.elapsed().as_secs_f64());
    let mut failures = Failures::default();

    println!("host: everybody taken up in {} ms for the first time", crowd.host_start_millis().await);
    let settled = usize::try_from(given("ALLY_CROWD_SETTLED", number as u64)).unwrap().min(number);
    let begun = Instant::now();
    let first = crowd.visits(0..settled, 8 * cores).await;
    failures.add(say_visits("first wake ever", &first, begun.elapsed()));
    crowd.all_asleep().await;
    println!("disk of one who sleeps                {:8} KiB", crowd.disk_of_one() / 1024);

    let storm = usize::try_from(given("ALLY_CROWD_STORM", 300)).unwrap().min(settled);
    failures.add(wake_storm(&crowd, storm).await);
    crowd.all_asleep().await;

    let begun = Instant::now();
    let crowd = crowd.restart(setup(idle));
    println!("stop and start again until ready      {:8.2} s", begun.elapsed().as_secs_f64());
    println!("    of it, the host takes up everybody {:7} ms", crowd.host_start_millis().await);
    let roles = roles(&crowd.data);
    for role in &roles {
        let now = Use::of(role.pid);
        println!(
            "    {:8} PSS {:7.1} MB ({:5.2} KB a person), {:6} descriptors",
            role.name,
            now.pss_megabytes,
            now.pss_megabytes * 1024.0 / number as f64,
            now.descriptors
        );
    }
    let some = 10.min(number);
    crowd.visits(0..some, some).await;
    quiet(&crowd, &roles).await;
    failures.add(poisson(&crowd, &roles, given("ALLY_CROWD_WAKES", 20), seconds).await);
    println!("\nfailures {} (must be 0)", failures.number());
    failures.print();
    crowd.installation.stop();
    if failures.number() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or_default().to_owned()
}

/// Processor time of everything that a wake takes: the roles, and the assistants that have ended.
fn processor(roles: &[Role]) -> f64 {
    roles.iter().map(|role| Use::of(role.pid)).map(|role| role.seconds + role.seconds_of_children).sum::<f64>()
        - Use::of(roles[0].pid).seconds_of_children
}

fn share(sorted: &[f64], part: f64) -> f64 {
    sorted.get(((sorted.len().max(1) - 1) as f64 * part) as usize).copied().unwrap_or(f64::NAN)
}

/// What was answered instead of chats, and how often.
#[derive(Default)]
struct Failures(BTreeMap<String, usize>);

impl Failures {
    fn of(visits: &[Visit]) -> Self {
        let mut failures = Self::default();
        for visit in visits.iter().filter(|visit| !visit.is_answered()) {
            let kind = match (visit.status, &visit.problem) {
                (0, _) => "silence, or no chats in it".to_owned(),
                (status, None) => format!("{status} without a type"),
                (status, Some(problem)) => format!("{status} {problem}"),
            };
            *failures.0.entry(kind).or_default() += 1;
        }
        failures
    }

    fn add(&mut self, more: Self) {
        for (kind, number) in more.0 {
            *self.0.entry(kind).or_default() += number;
        }
    }

    fn number(&self) -> usize {
        self.0.values().sum()
    }

    fn print(&self) {
        for (kind, number) in &self.0 {
            println!("    instead of an answer, {number:6} times: {kind}");
        }
    }
}

/// Prints how visits went and answers which failed.
fn say_visits(what: &str, visits: &[Visit], took: Duration) -> Failures {
    let failures = Failures::of(visits);
    let failed = failures.number();
    let seconds = took.as_secs_f64();
    println!("{what}: {} in {seconds:.2} s, {:.1}/s, {failed} failed", visits.len(), visits.len() as f64 / seconds);
    failures.print();
    for kind in [Kind::New, Kind::Asleep, Kind::Awake] {
        let mut times: Vec<f64> = visits.iter().filter(|visit| visit.kind == kind).map(|visit| visit.millis).collect();
        if times.is_empty() {
            continue;
        }
        times.sort_by(f64::total_cmp);
        let [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1.0].map(|part| share(&times, part));
        let found = format!("{kind:?}").to_lowercase();
        println!(
            "    found {found:6} {:6}   p50 {p50:8.2}  p95 {p95:8.2}  p99 {p99:8.2}  max {max:8.2} ms",
            times.len()
        );
    }
    failures
}

/// Everybody of a crowd of sleepers is called in the same moment.
async fn wake_storm(crowd: &Crowd, number: usize) -> Failures {
    let roles = roles(&crowd.data);
    let before = processor(&roles);
    let begun = Instant::now();
    let visits = crowd.visits(0..number, number).await;
    let failed = say_visits("storm", &visits, begun.elapsed());
    crowd.all_asleep().await;
    let millis = (processor(&roles) - before) * 1e3 / number as f64;
    println!("    processor time of a wake and its sleep {millis:.1} ms (host, gateway, platform, assistant)");
    failed
}

/// Nobody does anything for five seconds.
async fn quiet(crowd: &Crowd, roles: &[Role]) {
    let host = roles.iter().find(|role| role.name == "host").unwrap();
    // What was just started has settled.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let assistants = children(host.pid);
    let switches = |pids: &[u32]| pids.iter().map(|pid| Use::of(*pid).switches).sum::<u64>();
    let before: Vec<u64> = roles.iter().map(|role| Use::of(role.pid).switches).collect();
    let before_assistants = switches(&assistants);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let of_assistants = switches(&assistants) - before_assistants;
    let each: Vec<String> = roles
        .iter()
        .zip(before)
        .map(|(role, before)| format!("{} {}", role.name, Use::of(role.pid).switches - before))
        .collect();
    println!(
        "context switches in 5 quiet s, {} awake of {}: assistants {of_assistants}, {}",
        assistants.len(),
        crowd.people.len(),
        each.join(", ")
    );
}

/// People come one by one at random moments, as people do who know nothing of one another.
async fn poisson(crowd: &Crowd, roles: &[Role], per_second: u64, seconds: u64) -> Failures {
    let host = roles.iter().find(|role| role.name == "host").unwrap();
    let before: Vec<Use> = roles.iter().map(|role| Use::of(role.pid)).collect();
    let mut dice = Dice(given("ALLY_CROWD_SEED", 1));
    let begun = tokio::time::Instant::now();
    let end = begun + Duration::from_secs(seconds);
    let (mut next, mut visits, mut done) = (begun, JoinSet::new(), Vec::new());
    let (mut most_awake, mut memory) = (0, Vec::new());
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    while next < end {
        tokio::select! {
            () = tokio::time::sleep_until(next) => {
                visits.spawn(crowd.visit(dice.below(crowd.people.len())));
                next += Duration::from_secs_f64(-(1.0 - dice.share()).ln() / per_second as f64);
            }
            _ = ticks.tick() => most_awake = most_awake.max(crowd.awake()),
            Some(visit) = visits.join_next() => done.push(visit.unwrap()),
        }
    }
    let awake = children(host.pid);
    for pid in awake.iter().step_by((awake.len() / 50).max(1)) {
        memory.push(Use::of(*pid).pss_megabytes);
    }
    done.extend(visits.join_all().await);
    memory.sort_by(f64::total_cmp);
    let failed = say_visits("people at random moments", &done, begun.elapsed());
    println!("most awake at once                    {most_awake:8}");
    println!("memory of one who is awake, PSS p50   {:8.2} MB (p95 {:.2})", share(&memory, 0.5), share(&memory, 0.95));
    for (role, before) in roles.iter().zip(before) {
        let now = Use::of(role.pid);
        println!(
            "    {:8} RSS {:7.1} MB, PSS {:7.1} MB, {:6} descriptors, processor {:6.1} s, its children {:7.1} s",
            role.name,
            now.rss_megabytes,
            now.pss_megabytes,
            now.descriptors,
            now.seconds - before.seconds,
            now.seconds_of_children - before.seconds_of_children
        );
    }
    failed
}

/// Numbers that look like chance and are the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to 1, without 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, most: usize) -> usize {
        (self.share() * most as f64) as usize
    }
}

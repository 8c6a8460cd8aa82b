//! The product's own numbers (DESIGN section 12): start, wake, memory, idle, added latency. Run with `make bench`.
//!
//! Each number is the median of five rounds. Medians are compared with their bars; nothing fails on a time.
//! `cargo bench -p ally --bench product -- wake` measures one of start, wake, idle, latency; `latency 10` one number of
//! people; `hurry` does not wait for a quiet machine. `ALLY_BENCH_PROGRAM` names another binary to be measured.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on shall stop")]
#![expect(clippy::disallowed_macros, reason = "a benchmark prints its numbers")]

#[path = "../tests/it/browser.rs"]
mod browser;
#[path = "../tests/it/installation.rs"]
mod installation;
#[path = "product/latency.rs"]
mod latency;
#[path = "product/lite_llm.rs"]
mod lite_llm;
#[path = "product/load.rs"]
mod load;
#[path = "product/machine.rs"]
mod machine;

use browser::Browser;
use installation::{Installation, Setup};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
const WAKES: usize = 40;
const IDLE: usize = 4;
const PARTS: [&str; 4] = ["start", "wake", "idle", "latency"];

fn main() {
    let reactor = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!(
        "Ally {}, {} profile\n",
        env!("CARGO_PKG_VERSION"),
        if cfg!(debug_assertions) { "dev" } else { "release" }
    );
    machine::print_header();
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut parts = wanted.iter().filter(|word| PARTS.contains(&word.as_str())).peekable();
    let wants_all = parts.peek().is_none();
    let wants = |name: &str| wants_all || wanted.iter().any(|word| word == name);
    if wanted.iter().any(|word| word == "hurry") {
        machine::hurry();
    }
    reactor.block_on(async {
        if wants("start") {
            start_to_ready();
            start_again().await;
        }
        if wants("wake") {
            wake().await;
        }
        if wants("idle") {
            awake_and_idle().await;
        }
    });
    // The load and the stand-in share one thread, so that they take as little as possible from what is measured.
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if wants("latency") {
        let numbers: Vec<usize> = wanted.iter().filter_map(|word| word.parse().ok()).collect();
        reactor.block_on(latency::added(&numbers));
    }
}

/// The middle value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The value below which the given share lies.
pub fn share(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part) as usize]
}

fn start_to_ready() {
    let (mut rounds, mut machine) = (Vec::new(), machine::Rounds::default());
    for _ in 0..ROUNDS {
        machine.begin();
        let begun = Instant::now();
        let installation = Installation::start();
        rounds.push(begun.elapsed().as_secs_f64() * 1e3);
        installation.stop();
    }
    let beside = machine.beside();
    println!("start → ready (first start of an empty directory)   {:8.1} ms  (aim ≤ 1000){beside}", median(rounds));
    machine.print();
}

/// A second start of a directory in which somebody lives.
async fn start_again() {
    let mut installation = Installation::start();
    let mira = installation.administrator().await;
    one_turn(&mira).await;
    let (mut rounds, mut machine) = (Vec::new(), machine::Rounds::default());
    for _ in 0..ROUNDS {
        let setup = installation.stop_for(Setup::default());
        machine.begin();
        let begun = Instant::now();
        installation = setup.start();
        rounds.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    installation.stop();
    let beside = machine.beside();
    println!("start → ready, nothing changed                      {:8.1} ms  (bar ≤ 1000){beside}", median(rounds));
    machine.print();
}

/// Puts the only awake assistant to sleep and waits until it is gone.
fn put_to_sleep(installation: &Installation) {
    for pid in installation.assistants() {
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while !installation.assistants().is_empty() {
        assert!(Instant::now() < deadline, "the assistant does not end");
        std::thread::yield_now();
    }
}

fn socket_of(data: &Path) -> PathBuf {
    let directory = data.join("run/in");
    std::fs::read_dir(directory).unwrap().flatten().map(|entry| entry.path()).next().unwrap()
}

/// From the first byte of a request to the first byte of the answer, with nobody awake. The request carries no
/// identity, so the answer is 403: the process, its sandbox, its database and its router are all there by then.
async fn wake() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    mira.ask(&chat, "help").await;
    let socket = socket_of(&installation.data);
    let (mut rounds, mut all, mut machine) = (Vec::new(), Vec::new(), machine::Rounds::default());
    for _ in 0..ROUNDS {
        machine.begin();
        let mut wakes = Vec::new();
        for _ in 0..WAKES {
            put_to_sleep(&installation);
            wakes.push(one_wake(&socket));
        }
        rounds.push(median(wakes.clone()));
        all.extend(wakes);
    }
    println!(
        "wake, {:28} p50 {:8.2} ms  (bar ≤ 5)   p95 {:.2}, max {:.2}, {} wakes{}",
        format!("walls {}", machine::mode(&installation).await),
        median(rounds),
        share(&mut all, 0.95),
        share(&mut all, 1.0),
        ROUNDS * WAKES,
        machine.beside()
    );
    machine.print();
    installation.stop();
}

fn one_wake(socket: &Path) -> f64 {
    let begun = Instant::now();
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(b"GET /api/v1/space HTTP/1.1\r\nhost: ally\r\nconnection: close\r\n\r\n").unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).unwrap();
    begun.elapsed().as_secs_f64() * 1e3
}

/// Four assistants after one turn each, in an installation of each round: memory, and context switches in five seconds.
async fn awake_and_idle() {
    let (mut sizes, mut switches, mut machine) = (Vec::new(), Vec::new(), machine::Rounds::default());
    for _ in 0..ROUNDS {
        machine.begin();
        let (size, switched) = one_idle_round().await;
        sizes.push(size);
        switches.push(switched);
    }
    let (beside, most) = (machine.beside(), sizes.iter().copied().fold(0.0, f64::max));
    println!(
        "awake and idle, {IDLE} assistants           PSS each {:8.2} MB  (bar ≤ 8)   max {most:.2}{beside}",
        median(sizes)
    );
    let most = switches.iter().copied().fold(0.0, f64::max);
    println!(
        "context switches of all of them in 5 s              {:8}     (bar 0)   max {most}{beside}",
        median(switches)
    );
    machine.print();
}

/// Megabytes of the one in the middle, and context switches of all.
async fn one_idle_round() -> (f64, f64) {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let mut people = vec![mira];
    for name in ["ben", "carla", "dov"] {
        let guest = installation.guest(&people[0], &format!("{name}@example.org")).await;
        people.push(guest);
    }
    for person in &people {
        one_turn(person).await;
    }
    let pids = installation.assistants();
    assert_eq!(pids.len(), IDLE);
    let sizes: Vec<f64> = pids.iter().map(|pid| machine::pss_megabytes(*pid)).collect();
    // Who has just answered still closes connections; idle is what comes after that.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before: Vec<u64> = pids.iter().map(|pid| machine::context_switches(*pid)).collect();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after: Vec<u64> = pids.iter().map(|pid| machine::context_switches(*pid)).collect();
    let switches: u64 = after.iter().zip(&before).map(|(after, before)| after - before).sum();
    installation.stop();
    (median(sizes), switches as f64)
}

/// One turn by a built-in command.
async fn one_turn(person: &Browser) {
    let chat = person.chat().await;
    person.ask(&chat, "remember that the meeting is on Tuesday").await;
}

/// A fresh installation with the given stand-in for Anthropic.
pub fn with_anthropic(base_url: &str) -> Installation {
    Setup::default().with_anthropic(base_url).start()
}

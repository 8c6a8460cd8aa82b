//! Making the attempts one after the other, each without walls and then behind them.

use super::Filters;
use super::parts::{ANSWER, Behind, Task};
use super::site::{Site, Stood, document};
use super::table::{self, Neighbour, Row, Sum};
use crate::command::{fail, write};
use ally_sandbox::Identity;
use ally_sandbox::attempts::{ALL, Attempt, Outcome, Target, Terminal, Who};
use ally_types::log;
use ally_types::{SystemChance, SystemClock};
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

/// An attempt that takes longer is given up.
const LONGEST: Duration = Duration::from_secs(120);

/// Runs everything and prints it.
pub(super) fn run(json: bool, filters: Filters) -> ExitCode {
    log::set_level(log::Level::Error);
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let reactor = reactor.expect("a reactor needs only a few descriptors");
    match reactor.block_on(probe(json, filters)) {
        Ok(sum) if sum.broken.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let what = format!("The walls could not be tried: {error}.");
            fail(&what, "Check that the temporary directory is writable, and run `ally doctor`.");
            ExitCode::from(2)
        }
    }
}

async fn probe(json: bool, filters: Filters) -> io::Result<Sum> {
    // Without one, the attempt to type into it does not count.
    let _terminal = Terminal::new().ok();
    let site = Site::make()?;
    let (boot, doors) = site.host(filters)?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let host = ally_host::serve(boot, doors, Arc::new(SystemClock), Arc::new(SystemChance), stopped);
    let mut host = std::pin::pin!(host);
    let sum = tokio::select! {
        ended = &mut host => Err(io::Error::other(ended.map_or_else(|problem| problem.to_string(), |()| "the host ended".to_owned()))),
        sum = attempts(&site, json) => sum,
    };
    let _ = stop.send(());
    if sum.is_ok() {
        let _ = host.await;
    }
    sum
}

async fn attempts(site: &Site, json: bool) -> io::Result<Sum> {
    site.settle().await?;
    let stood = site.target()?;
    let walls = walls(site).await?;
    if !json {
        write(&table::head());
    }
    let mut rows = Vec::new();
    let mut neighbour = None;
    for attempt in ALL {
        let control = control(site, attempt, &stood.target).await?;
        let behind = if attempt.name == "processor" {
            let (behind, measured) = beside_a_hog(site, attempt, &stood).await?;
            neighbour = measured;
            behind
        } else {
            behind(site, attempt, &stood.target).await?
        };
        site.clean_up();
        let promised = attempt.is_promised_by(walls.iter().map(String::as_str));
        let row = Row::new(attempt, promised, control, behind);
        if json {
            write(&(serde_json::to_string(&row)? + "\n"));
        } else {
            write(&table::line(&row));
        }
        rows.push(row);
    }
    stood.leave().await;
    let sum = Sum::of(&rows, walls, neighbour);
    if json {
        write(&(serde_json::to_string(&sum)? + "\n"));
    } else {
        write(&table::foot(&sum));
    }
    Ok(sum)
}

/// The walls that the host built, as it tells them to everybody it starts.
async fn walls(site: &Site) -> io::Result<Vec<String>> {
    let task = Task { attempt: None, target: Target::default() };
    let text = ask(site, &task).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let behind: Behind = serde_json::from_str(&text)?;
    Ok(behind.walls.split_whitespace().map(str::to_owned).collect())
}

/// Tries it as the one to whom the target belongs, without walls.
async fn control(site: &Site, attempt: &Attempt, target: &Target) -> io::Result<Outcome> {
    let identity = match attempt.control {
        Who::Neighbour => site.neighbour(),
        Who::Root => Identity::Same,
    };
    // Nothing measures it, so there is nothing to wait for.
    let target = Target { patience_seconds: 0, ..target.clone() };
    let task = Task { attempt: Some(attempt.name.to_owned()), target };
    let (mut answer, writer) = io::pipe()?;
    let spawn = site.program("control")?.identity(identity).descriptor(document(&task)?, 3).descriptor(writer, ANSWER);
    let child = spawn.spawn().map_err(io::Error::other)?;
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        answer.read_to_string(&mut text).map(|_| text)
    });
    let Ok(text) = tokio::time::timeout(LONGEST, read).await else {
        return Ok(Outcome::Skipped { why: "it took too long".to_owned() });
    };
    child.wait().await?;
    Ok(outcome(text.map_err(io::Error::other)??.lines().next()))
}

/// Tries it behind walls: the host starts the attacker when it is called.
async fn behind(site: &Site, attempt: &Attempt, target: &Target) -> io::Result<Outcome> {
    let task = Task { attempt: Some(attempt.name.to_owned()), target: target.clone() };
    match tokio::time::timeout(LONGEST, ask(site, &task)).await {
        Ok(answer) => Ok(outcome(answer?.as_deref())),
        Err(_) => Ok(Outcome::Skipped { why: "it took too long".to_owned() }),
    }
}

/// A process that ends in the middle of an attempt was ended.
fn outcome(answer: Option<&str>) -> Outcome {
    let answer = answer.and_then(|line| serde_json::from_str(line).ok());
    answer.unwrap_or_else(|| Outcome::Refused { by: "ended".to_owned() })
}

/// Sends a task to the attacker; `None` if it ended without an answer.
async fn ask(site: &Site, task: &Task) -> io::Result<Option<String>> {
    let mut stream = ally_http::socket::connect(&site.attacker())?;
    let mut text = serde_json::to_vec(task)?;
    text.push(b'\n');
    stream.write_all(&text).await?;
    let mut line = String::new();
    match tokio::io::BufReader::new(stream).read_line(&mut line).await {
        Ok(0) | Err(_) => Ok(None),
        Ok(_) => Ok(Some(line)),
    }
}

/// Tries to take all processor time, and measures meanwhile how long a neighbour takes to answer.
async fn beside_a_hog(site: &Site, attempt: &Attempt, stood: &Stood) -> io::Result<(Outcome, Option<Neighbour>)> {
    let port = stood.target.udp;
    let quiet = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&quiet);
    let before = tokio::task::spawn_blocking(move || median(port, &over));
    tokio::time::sleep(Duration::from_secs(stood.target.hog_seconds)).await;
    quiet.store(true, Ordering::Relaxed);
    let before = before.await.map_err(io::Error::other)?;
    let crowded = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&crowded);
    let during = tokio::task::spawn_blocking(move || median(port, &over));
    let over = Arc::clone(&crowded);
    let server = site.people[0].to_string();
    let group = tokio::task::spawn_blocking(move || look_at_group(&server, &over));
    let outcome = behind(site, attempt, &stood.target).await?;
    crowded.store(true, Ordering::Relaxed);
    let during = during.await.map_err(io::Error::other)?;
    let (processor_percent, held_back) = group.await.map_err(io::Error::other)?;
    let neighbour = before.zip(during).map(|(quiet_micros, crowded_micros)| Neighbour {
        quiet_micros,
        crowded_micros,
        processor_percent,
        held_back,
    });
    Ok((outcome, neighbour))
}

/// Asks the neighbour again and again until it is over. Half of the answers took at most so many microseconds.
fn median(port: u16, is_over: &AtomicBool) -> Option<u64> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    socket.set_read_timeout(Some(LONGEST)).ok()?;
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        socket.send_to(b"?", (Ipv4Addr::LOCALHOST, port)).ok()?;
        socket.recv(&mut [0; 16]).ok()?;
        times.push(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
        std::thread::sleep(Duration::from_millis(5));
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// The limit of the server's group, and how often it was held back, looked at until it is over: the group may go with
/// the process.
fn look_at_group(server: &str, is_over: &AtomicBool) -> (Option<u64>, Option<u64>) {
    let (mut limit, mut most) = (None, None);
    while !is_over.load(Ordering::Relaxed) {
        for tree in ["/sys/fs/cgroup", "/sys/fs/cgroup/cpu"] {
            if let Some(group) = group_of(&Path::new(tree).join("ally"), server) {
                limit = limit.max(processor_limit(&group));
                most = most.max(field(&group.join("cpu.stat"), "nr_throttled"));
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    (limit, most)
}

fn group_of(below: &Path, server: &str) -> Option<PathBuf> {
    let mut entries = std::fs::read_dir(below).ok()?.flatten();
    entries.find(|entry| entry.file_name().to_string_lossy().contains(server)).map(|entry| entry.path())
}

/// In percent of one processor, from either kind of group.
fn processor_limit(group: &Path) -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(group.join(name)).ok();
    let both =
        read("cpu.max").or_else(|| Some(format!("{} {}", read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?)))?;
    let mut numbers = both.split_whitespace().map(|number| number.parse::<u64>().ok());
    let (quota, period) = (numbers.next()??, numbers.next()??);
    Some(quota * 100 / period.max(1))
}

fn field(file: &Path, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

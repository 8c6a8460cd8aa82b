//! How many durable runs of three no-op `once` steps per second, with intents, and how long one takes by itself.
//!
//! Prints the median of five rounds, with the disk's `fdatasync` of 4 KiB and the load of the machine before each. A run
//! is made with the intent of its first step. The lazy form commits an outcome together with the next intent (four
//! commits a run), the eager form by itself (seven).

#![expect(clippy::disallowed_macros, reason = "a measurement is printed, and holds nothing of anybody")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on shall stop")]

use ally_durable::{Effect, Ending, Engine, Error, Finished, NewRun, Outcome, Run, Step};
use ally_store::{Migration, Store};
use ally_types::{Content, Label, RunId, SystemChance, SystemClock};
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

const ROUNDS: usize = 5;
const WORKERS: usize = 8;
const BULK: usize = 3_000;
const SEQUENTIAL: usize = 500;
/// Runs before the measurement: they fill caches, and let the log reach the size at which it is reused.
const WARM_UP: usize = 400;

#[derive(Debug, Clone, Copy)]
enum Form {
    Lazy,
    Eager,
}

struct Bench {
    store: Store,
    engine: Engine,
    done: Arc<Vec<Notify>>,
    _directory: tempfile::TempDir,
}

fn main() {
    println!("rounds: {ROUNDS}, bulk: {BULK} runs, sequential: {SEQUENTIAL} runs");
    for form in [Form::Lazy, Form::Eager] {
        let (mut bulk, mut alone) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            let (sync, load) = (sync_p50(), load());
            let (per_second, p50) = (bulk_round(form), sequential_round(form));
            println!(
                "{form:?} round {round}: {per_second:.0} runs/s with {WORKERS} workers, sequential p50 {:.2} ms, \
                 fdatasync p50 {:.2} ms, load {load}",
                millis(p50),
                millis(sync)
            );
            bulk.push(per_second);
            alone.push(p50);
        }
        bulk.sort_by(f64::total_cmp);
        alone.sort();
        println!(
            "{form:?} median: {:.0} runs/s with {WORKERS} workers, sequential p50 {:.2} ms",
            bulk[ROUNDS / 2],
            millis(alone[ROUNDS / 2])
        );
    }
}

fn bulk_round(form: Form) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_time().build().unwrap();
    runtime.block_on(async {
        let bench = Arc::new(Bench::new(form).await);
        bench.work(WARM_UP).await;
        let started = Instant::now();
        bench.work(BULK).await;
        BULK as f64 / started.elapsed().as_secs_f64()
    })
}

fn sequential_round(form: Form) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let bench = Bench::new(form).await;
        for _ in 0..WARM_UP {
            bench.run_one(0).await;
        }
        let mut times = Vec::with_capacity(SEQUENTIAL);
        for _ in 0..SEQUENTIAL {
            let started = Instant::now();
            bench.run_one(0).await;
            times.push(started.elapsed());
        }
        median(times)
    })
}

impl Bench {
    async fn new(form: Form) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let schema = [Migration { number: 1, name: "runs", sql: ally_durable::SCHEMA_1 }];
        let store = Store::open(&directory.path().join("ally.db"), &schema).unwrap();
        let done: Arc<Vec<Notify>> = Arc::new((0..WORKERS).map(|_| Notify::new()).collect());
        let told = Arc::clone(&done);
        let executor = move |run: Run| {
            let told = Arc::clone(&told);
            async move {
                let worker: usize = run.row().subject.parse().unwrap_or(0);
                let finished = three_steps(run, form).await;
                told[worker].notify_one();
                finished
            }
        };
        let engine = Engine::new(store.clone(), Arc::new(SystemClock), Arc::new(SystemChance))
            .with_executor("bench", Arc::new(executor));
        engine.start().await.unwrap();
        Self { store, engine, done, _directory: directory }
    }

    async fn run_one(&self, worker: usize) {
        let new = NewRun {
            id: RunId::new(&SystemClock, &SystemChance),
            kind: "bench",
            subject: worker.to_string(),
            parent: None,
            key: None,
            input: Content::from("{}"),
            label: Label::USER,
        };
        let engine = self.engine.clone();
        let first = step("first").unwrap();
        self.store.write(move |tx| engine.create_begun(tx, new, first, None)).await.unwrap();
        self.done[worker].notified().await;
    }

    async fn work(self: &Arc<Self>, runs: usize) {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let bench = Arc::clone(self);
                tokio::spawn(async move {
                    for _ in 0..runs / WORKERS {
                        bench.run_one(worker).await;
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
    }
}

fn step(path: &str) -> Result<Step, Error> {
    Step::new(path, Effect::Once, Label::TRUSTED, &path)
}

async fn three_steps(run: Run, form: Form) -> Result<Finished, Error> {
    for path in ["first", "second", "third"] {
        let step = step(path)?;
        let work = |_| async { Outcome::done(Label::TRUSTED, &"done") };
        match form {
            Form::Lazy => run.step_lazily(step, work).await?,
            Form::Eager => run.step(step, work, |_, _| Ok(())).await?,
        };
    }
    run.finish(Ending::Succeeded, |_| Ok(())).await
}

/// The floor of the disk: how long 4 KiB take to be safe.
fn sync_p50() -> Duration {
    let mut file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let times = (0..200).map(|_| {
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&[7; 4096]).unwrap();
        let started = Instant::now();
        file.sync_data().unwrap();
        started.elapsed()
    });
    median(times.collect())
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

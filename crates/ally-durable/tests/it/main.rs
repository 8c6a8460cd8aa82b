//! The tests of durable runs, through the public functions: processes start, crash and start again on one database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

mod cancel;
mod crash;
mod recovery;
mod states;
mod steps;
mod upgrades;
mod waits;

use ally_durable::journal::{Entry, Kind};
use ally_durable::{Engine, Executor, NewRun, journal, runs};
use ally_store::{Migration, Store, StoreError};
use ally_types::time::StandingClock;
use ally_types::{Clock, Content, Label, RunId, SystemChance, Timestamp};
use std::sync::Arc;
use tokio::sync::mpsc;

const SCHEMA: &[Migration] = &[
    Migration { number: 1, name: "runs", sql: ally_durable::SCHEMA_1 },
    Migration { number: 2, name: "marks", sql: "CREATE TABLE marks (text TEXT NOT NULL) STRICT;" },
];

/// What outlives a process: the directory and the time.
struct Machine {
    directory: tempfile::TempDir,
    clock: Arc<StandingClock>,
}

/// One process: a runtime, a store and an engine. Dropping it is a crash: whatever was not committed is gone.
struct Process {
    runtime: Option<tokio::runtime::Runtime>,
    store: Store,
    engine: Engine,
    journal: mpsc::UnboundedReceiver<Entry>,
    clock: Arc<StandingClock>,
}

impl Machine {
    fn new() -> Self {
        let clock = Arc::new(StandingClock::at(Timestamp::from_millis(1_763_725_000_000)));
        Self { directory: tempfile::tempdir().unwrap(), clock }
    }

    /// Starts a process whose runs of the kind `test` are done by `executor`.
    fn start(&self, executor: impl Executor + 'static) -> Process {
        let store = Store::open(&self.directory.path().join("ally.db"), SCHEMA).unwrap();
        let (tell, journal) = mpsc::unbounded_channel();
        let engine = Engine::new(store.clone(), self.clock.clone(), Arc::new(SystemChance))
            .with_sink(Arc::new(move |entry: &Entry| {
                let _ = tell.send(entry.clone());
            }))
            .with_executor("test", Arc::new(executor));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(engine.start()).unwrap();
        Process { runtime: Some(runtime), store, engine, journal, clock: self.clock.clone() }
    }
}

impl Process {
    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.as_ref().unwrap().block_on(work)
    }

    fn create(&self) -> RunId {
        let new = new_run(self.clock.as_ref());
        let (engine, id) = (self.engine.clone(), new.id);
        self.store.write_now(move |tx| engine.create(tx, new)).unwrap();
        id
    }

    fn create_begun(&self, first: ally_durable::Step) -> RunId {
        let new = new_run(self.clock.as_ref());
        let (engine, id) = (self.engine.clone(), new.id);
        self.store.write_now(move |tx| engine.create_begun(tx, new, first, Some(Box::new(7u8)))).unwrap();
        id
    }

    /// Lets the runtime work until a row of one of these kinds is committed.
    fn until(&mut self, kinds: &[Kind]) -> Entry {
        let runtime = self.runtime.as_ref().unwrap();
        let journal = &mut self.journal;
        runtime.block_on(async {
            loop {
                let entry = journal.recv().await.unwrap();
                if kinds.contains(&entry.kind) {
                    return entry;
                }
            }
        })
    }

    fn until_end(&mut self) -> Kind {
        let kind = self.until(&[Kind::Succeeded, Kind::Failed, Kind::Cancelled]).kind;
        self.block_on(async {
            let _ = self.engine.running().wait_for(|running| *running == 0).await;
        });
        kind
    }

    fn row(&self, run: RunId) -> runs::Row {
        self.store.read_now(move |tx| runs::find(tx, run)).unwrap().unwrap()
    }

    fn entries(&self, run: RunId) -> Vec<Entry> {
        self.store.read_now(move |tx| journal::of(tx, run, 0)).unwrap()
    }

    fn kinds(&self, run: RunId) -> Vec<&'static str> {
        self.entries(run).iter().map(|entry| entry.kind.as_str()).collect()
    }

    fn marks(&self) -> Vec<String> {
        self.store
            .read_now(|tx| {
                let mut statement = tx.prepare("SELECT text FROM marks ORDER BY rowid")?;
                let marks = statement.query_map([], |row| row.get(0))?;
                Ok::<_, StoreError>(marks.collect::<Result<_, _>>()?)
            })
            .unwrap()
    }
}

/// The tasks go first, so that nothing of them is written any more.
impl Drop for Process {
    fn drop(&mut self) {
        drop(self.runtime.take());
    }
}

fn new_run(clock: &dyn Clock) -> NewRun {
    NewRun {
        id: RunId::new(clock, &SystemChance),
        kind: "test",
        subject: "chat_1".to_owned(),
        parent: None,
        key: None,
        input: Content::from("{}"),
        label: Label::USER,
    }
}

fn mark(tx: &ally_store::Tx, text: &str) -> Result<(), ally_durable::Error> {
    tx.execute("INSERT INTO marks (text) VALUES (?1)", [text])?;
    Ok(())
}

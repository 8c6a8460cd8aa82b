//! What everything in an assistant shares.

use crate::events::Hub;
use crate::fault::{Done, Fault};
use crate::gateway::{Gateway, Outbound};
use crate::idle::Activity;
use crate::imports::{self, Imports};
use crate::memory::Desk;
use crate::space::walls;
use crate::turns::context::summarise::{self, Summaries};
use crate::turns::{KIND, Turns};
use crate::{attachments, chats, schema};
use ally_durable::Engine;
use ally_http::identity::Verifier;
use ally_store::Store;
use ally_types::seal::Key;
use ally_types::{Chance, Clock, ServerId, Timestamp};
use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// What an assistant is made of.
pub struct Parts {
    /// Whose server this is.
    pub server: ServerId,
    /// The person's directory.
    pub data_dir: PathBuf,
    /// The person's data key.
    pub key: Key,
    /// Verifies the gateway's identity tokens.
    pub verifier: Verifier,
    /// The way to the gateway.
    pub outbound: Outbound,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub chance: Arc<dyn Chance>,
    /// Which start of the server this is; the number that the database counts is used if it is larger.
    pub epoch: u64,
    /// What separates this server from others, as short names with a space between.
    pub walls: String,
    /// Why other walls are not up, by their short names.
    pub why: BTreeMap<String, String>,
    /// The person's directory has reached its limit.
    pub is_space_full: bool,
}

/// The shared parts; a cheap clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The shared parts, held by what must not keep them alive.
#[derive(Clone)]
pub struct Weak(std::sync::Weak<Inner>);

struct Inner {
    server: ServerId,
    key: Key,
    verifier: Verifier,
    gateway: Gateway,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    walls: String,
    why: BTreeMap<String, String>,
    is_space_full: bool,
    imports: PathBuf,
    started: Timestamp,
    store: Store,
    hub: Arc<Hub>,
    engine: OnceLock<Engine>,
    memory: Desk,
    attachments: PathBuf,
    uploads: Semaphore,
    activity: Activity,
    walls_test: walls::Running,
    line: watch::Sender<()>,
    alarms: watch::Sender<()>,
    /// Something was taken away in the database, but may still stand in its log.
    is_checkpoint_owed: AtomicBool,
}

/// The directory of attachments.
const ATTACHMENTS: &str = "attachments";
/// So many files are taken in at a time; each may be held in memory while it is checked.
const UPLOADS: usize = 2;

/// How long to wait before what could not be taken away is tried again.
const AGAIN: Duration = Duration::from_secs(60);

impl App {
    /// Opens the database and prepares everything; no run is taken up yet.
    pub(crate) fn open(parts: Parts) -> Done<Self> {
        if !parts.data_dir.is_dir() {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&parts.data_dir);
            made.map_err(ally_store::StoreError::from)?;
        }
        // A process that died may have left in the log what it had just taken away.
        let log = parts.data_dir.join("ally.db-wal");
        let is_checkpoint_owed = std::fs::metadata(log).is_ok_and(|log| log.len() > 0);
        let store = Store::open(&parts.data_dir.join("ally.db"), schema::MIGRATIONS)?;
        let engine = Engine::new(store.clone(), Arc::clone(&parts.clock), Arc::clone(&parts.chance));
        let epoch = parts.epoch.max(store.epoch());
        let app = Self(Arc::new(Inner {
            server: parts.server,
            key: parts.key,
            verifier: parts.verifier,
            gateway: Gateway::new(parts.outbound, parts.data_dir.join(ATTACHMENTS)),
            started: parts.clock.now(),
            clock: parts.clock,
            chance: parts.chance,
            walls: parts.walls,
            why: parts.why,
            is_space_full: parts.is_space_full,
            imports: parts.data_dir.join("imports"),
            store,
            hub: Arc::new(Hub::new(epoch)),
            engine: OnceLock::new(),
            memory: Desk::new(parts.data_dir.join("memories")),
            attachments: parts.data_dir.join(ATTACHMENTS),
            uploads: Semaphore::new(UPLOADS),
            activity: Activity::default(),
            walls_test: walls::Running::default(),
            line: watch::Sender::new(()),
            alarms: watch::Sender::new(()),
            is_checkpoint_owed: AtomicBool::new(is_checkpoint_owed),
        }));
        // The engine holds the executor, so the executor may not hold the engine.
        let turns = Turns(Weak(Arc::downgrade(&app.0)));
        let summaries = Summaries(Weak(Arc::downgrade(&app.0)));
        let imports = Imports { app: Weak(Arc::downgrade(&app.0)), clock: Arc::clone(&app.0.clock) };
        let engine = engine.with_executor(KIND, Arc::new(turns)).with_executor(summarise::KIND, Arc::new(summaries));
        let _ = app.0.engine.set(engine.with_executor(imports::KIND, Arc::new(imports)));
        Ok(app)
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The engine of runs.
    pub fn engine(&self) -> &Engine {
        self.0.engine.get().expect("it is set before anybody has the app")
    }

    /// Where events are published.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.0.hub
    }

    /// The way out.
    pub fn gateway(&self) -> &Gateway {
        &self.0.gateway
    }

    /// Where memory is read and changed.
    pub fn memory(&self) -> &Desk {
        &self.0.memory
    }

    /// Where the files of imports lie.
    pub(crate) fn imports_dir(&self) -> &Path {
        &self.0.imports
    }

    /// Where the bytes of attachments lie.
    pub fn attachments(&self) -> &Path {
        &self.0.attachments
    }

    /// Places for files that are being taken in.
    pub fn uploads(&self) -> &Semaphore {
        &self.0.uploads
    }

    /// What time it is.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// Randomness.
    pub fn chance(&self) -> &dyn Chance {
        &*self.0.chance
    }

    /// The person's data key.
    pub fn key(&self) -> &Key {
        &self.0.key
    }

    /// Verifies identity tokens.
    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// Whose server this is.
    pub fn server(&self) -> ServerId {
        self.0.server
    }

    /// What separates it from others.
    pub fn walls(&self) -> &str {
        &self.0.walls
    }

    /// Whether nothing more may be added.
    pub fn is_space_full(&self) -> bool {
        self.0.is_space_full
    }

    /// When this process started.
    pub fn started(&self) -> Timestamp {
        self.0.started
    }

    /// Who is at work, for falling asleep.
    pub fn activity(&self) -> &Activity {
        &self.0.activity
    }

    /// Why a wall is not up, where the host has said it.
    pub fn why(&self, wall: &str) -> Option<String> {
        self.0.why.get(wall).cloned()
    }

    /// Whether the walls are being tested.
    pub(crate) fn walls_test(&self) -> &walls::Running {
        &self.0.walls_test
    }

    /// Rings when a turn is over, for those that wait behind it.
    pub fn line_bell(&self) -> watch::Receiver<()> {
        self.0.line.subscribe()
    }

    /// A turn is over.
    pub fn ring_line(&self) {
        self.0.line.send_replace(());
    }

    /// Something was planned for later.
    pub fn look_at_alarms(&self) {
        self.0.alarms.send_replace(());
    }

    /// When somebody must be awake next: at once if a run is left in the middle.
    pub async fn next_alarm(&self) -> Option<Timestamp> {
        let now = self.clock().now();
        let owed = self.is_checkpoint_owed().then(|| now.plus_millis(AGAIN.as_millis().try_into().unwrap_or(i64::MAX)));
        let found = self.store().read(move |tx| {
            if !ally_durable::runs::recoverable(tx)?.is_empty() {
                return Ok(Some(now));
            }
            let waits = ally_durable::waits::next_alarm(tx)?;
            Ok::<_, Fault>(waits.into_iter().chain(chats::next_purge(tx)?).chain(owed).min())
        });
        found.await.unwrap_or_default()
    }

    /// Takes away what was deleted, when its time has come. One timer, and none when nothing is planned.
    pub(crate) async fn keep_house(&self) {
        let (mut alarms, mut line) = (self.0.alarms.subscribe(), self.line_bell());
        loop {
            alarms.mark_unchanged();
            line.mark_unchanged();
            let millis = self.millis_until_due().await;
            let until_due = async {
                match millis {
                    Some(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = until_due => {
                    if self.purge().await.is_err() {
                        ally_types::log::warn("deleted chats could not be taken away yet", &[]);
                    }
                    // Whatever is still due waits for somebody: a reader from outside, or a run that is ending.
                    if self.millis_until_due().await == Some(0) {
                        let _ = tokio::time::timeout(AGAIN, line.changed()).await;
                    }
                }
                _ = alarms.changed() => {}
            }
        }
    }

    async fn millis_until_due(&self) -> Option<u64> {
        if self.is_checkpoint_owed() {
            return Some(0);
        }
        let due = self.store().read(chats::next_purge).await.unwrap_or_default();
        due.map(|due| u64::try_from(due.millis_since(self.clock().now())).unwrap_or(0))
    }

    /// Whether something that was taken away may still stand in the database's log.
    pub(crate) fn is_checkpoint_owed(&self) -> bool {
        self.0.is_checkpoint_owed.load(Ordering::Relaxed)
    }

    /// Something was just forgotten for good: it leaves the database's log too, at once, or as soon as nobody reads it.
    pub async fn cut_log(&self) {
        self.0.is_checkpoint_owed.store(true, Ordering::Relaxed);
        if self.purge().await.is_err() {
            ally_types::log::warn("what was forgotten is not out of the log yet", &[]);
        }
        self.look_at_alarms();
    }

    /// Takes away for good what was deleted long enough ago. Until the log is cut too, it is owed.
    pub async fn purge(&self) -> Done<()> {
        let now = self.clock().now();
        loop {
            let purged = self.store().write(move |tx| chats::purge(tx, now)).await?;
            let goes_on = purged.is_cut && !purged.chats.is_empty();
            if purged.has_more || !purged.chats.is_empty() {
                self.0.is_checkpoint_owed.store(true, Ordering::Relaxed);
            }
            for chat in purged.chats {
                self.hub().forget(chat);
            }
            if !goes_on {
                break;
            }
            // Many at once take a while; others may have something to ask meanwhile.
            tokio::task::yield_now().await;
        }
        // Imports take chats away, and chats their files.
        let has_purged = imports::purge(self).await?;
        if attachments::sweep(self).await? || has_purged {
            self.0.is_checkpoint_owed.store(true, Ordering::Relaxed);
        }
        if self.is_checkpoint_owed() {
            self.store().purge_checkpoint().await?;
            self.0.is_checkpoint_owed.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl App {
    /// Before sleep: temporary chats that nobody looks at are closed, as if the person had done it.
    pub(crate) async fn close_unwatched(&self) -> Done<()> {
        let open = self.store().read(chats::store::open_temporary).await?;
        let unwatched: Vec<_> = open.into_iter().filter(|chat| !self.hub().is_watched(*chat)).collect();
        if unwatched.is_empty() {
            return Ok(());
        }
        let app = self.clone();
        self.store()
            .write(move |tx| unwatched.iter().try_for_each(|chat| chats::delete(tx, &app, *chat).map(drop)))
            .await?;
        self.purge().await
    }
}

impl Weak {
    /// The shared parts, while somebody else still holds them.
    pub fn upgrade(&self) -> Option<App> {
        self.0.upgrade().map(App)
    }
}

//! What Ally remembers: Markdown files as the truth, versions of every change, an index that can be rebuilt.
//!
//! Whoever changes memory holds the desk: one writer at a time, from reading the file to its new text on disk. A change
//! is a version row, the index and `applied = 0` in one transaction; then the file is written; then `applied = 1`.
//! After a crash in between, the next use of memory finishes it.

pub mod disk;
pub mod http;
pub mod path;
pub mod store;

use crate::app::App;
use crate::events::{Event, FileChange};
use crate::fault::{Done, Fault};
use crate::messages::FileRef;
use crate::search;
use ally_store::{StoreError, Tx};
use ally_types::{AccountId, ChatId, Content, Label, Problem, RunId, VersionId};
use path::NotePath;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Largest file, in bytes. More is an error, never a silent cut.
pub const LARGEST_FILE: usize = 64 * 1024;
/// The files that every turn is given.
pub const CORE: [&str; 2] = ["MEMORY.md", "preferences.md"];

/// Where memory is read and changed, one at a time.
pub struct Desk {
    root: Arc<PathBuf>,
    gate: Arc<Mutex<State>>,
}

struct State {
    /// Whether files and rows were compared since this process started.
    is_compared: bool,
}

/// The right to read and change memory.
pub struct AtDesk {
    root: Arc<PathBuf>,
    _gate: OwnedMutexGuard<State>,
}

/// Who made a version of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The person, in the browser.
    Person,
    /// A model, in a turn.
    Assistant,
    /// A built-in command, in a turn.
    BuiltIn,
    /// Somebody who changed the file on the disk.
    Outside,
}

impl Author {
    /// The word that is kept and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Assistant => "assistant",
            Self::BuiltIn => "builtin",
            Self::Outside => "outside",
        }
    }
}

/// A change of one file.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which.
    pub path: NotePath,
    /// Its new text; `None` when it goes.
    pub text: Option<Content>,
    /// Who makes it.
    pub author: Author,
    /// Why, in a few words.
    pub reason: &'static str,
    /// The run that makes it.
    pub run: Option<RunId>,
    /// The person who makes it.
    pub account: Option<AccountId>,
    /// The join of what it was made from.
    pub label: Label,
    /// The chat to tell.
    pub chat: Option<ChatId>,
}

impl Desk {
    /// For the files below `root`, which need not exist yet.
    pub fn new(root: PathBuf) -> Self {
        Self { root: Arc::new(root), gate: Arc::new(Mutex::new(State { is_compared: false })) }
    }

    /// Waits for the desk and finishes what a crash or a full disk left. The first one after a wake also looks for
    /// changes from outside. A disk that is still full keeps nobody from reading: the rows say what was committed.
    pub async fn sit(&self, app: &App) -> Done<AtDesk> {
        let mut gate = Arc::clone(&self.gate).lock_owned().await;
        unless_full(finish_unapplied(app, &self.root).await)?;
        if !gate.is_compared {
            gate.is_compared = unless_full(look_outside(app, &self.root).await)?;
        }
        Ok(AtDesk { root: Arc::clone(&self.root), _gate: gate })
    }
}

impl AtDesk {
    /// The present text of a file, after looking whether it was changed from outside.
    pub async fn read(&self, app: &App, path: &NotePath) -> Done<Option<store::File>> {
        unless_full(self.look_at(app, path).await)?;
        let path = path.clone();
        app.store().read(move |tx| store::file(tx, &path)).await
    }

    /// All files.
    pub async fn list(&self, app: &App) -> Done<Vec<store::File>> {
        unless_full(look_outside(app, &self.root).await)?;
        app.store().read(store::files).await
    }

    /// Whether a file can stand there: nothing on the disk is in its way.
    pub fn is_free(&self, path: &NotePath) -> Done<bool> {
        disk::is_free(&self.root, path)
    }

    /// Looks whether one file was changed from outside since we wrote it.
    pub async fn look_at(&self, app: &App, path: &NotePath) -> Done<()> {
        let on_disk = disk::stat(&self.root, path)?;
        let wanted = path.clone();
        let known = app.store().read(move |tx| store::file(tx, &wanted)).await?;
        compare(app, &self.root, path, on_disk.as_ref(), known.as_ref()).await
    }

    /// Brings the disk to what was committed. The change itself is kept already; a full disk is told, not lost.
    pub async fn apply(&self, app: &App) -> Done<()> {
        finish_unapplied(app, &self.root).await
    }

    /// Commits a change of a person and brings it to disk.
    pub async fn change(&self, app: &App, change: Change) -> Done<FileRef> {
        if change.text.is_some() && !self.is_free(&change.path)? {
            return Err(in_the_way().into());
        }
        let inner = app.clone();
        let made = app.store().write(move |tx| commit(tx, &inner, &change)).await?;
        self.apply(app).await?;
        Ok(made)
    }
}

/// The texts that every turn is given, oldest rule first: `(path, text, label)`.
pub async fn core(app: &App) -> Done<Vec<store::File>> {
    let _desk = app.memory().sit(app).await?;
    app.store().read(core_files).await
}

/// The same, as the rows say it, for a transaction that is open. `None` when files and rows have to be looked at first:
/// nobody has used memory since this process started, or somebody is at the desk.
pub fn core_of_rows(tx: &Tx, app: &App) -> Done<Option<Vec<store::File>>> {
    let is_compared = app.memory().gate.try_lock().is_ok_and(|state| state.is_compared);
    is_compared.then(|| core_files(tx)).transpose()
}

fn core_files(tx: &Tx) -> Done<Vec<store::File>> {
    let files = CORE.into_iter().map(|path| store::file(tx, &NotePath::known(path)));
    Ok(files.collect::<Done<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Brings back a version of a file, or with `None` the state before its first one: no file. Answers the file.
pub async fn restore(
    app: &App,
    account: AccountId,
    path: NotePath,
    version: Option<VersionId>,
) -> Done<Option<store::File>> {
    let desk = app.memory().sit(app).await?;
    desk.look_at(app, &path).await?;
    let asked = path.clone();
    let versions = app.store().read(move |tx| store::versions(tx, &asked)).await?;
    let text = match version {
        None if versions.is_empty() => return Err(not_found().into()),
        None => None,
        Some(id) => versions.into_iter().find(|version| version.id == id).ok_or_else(not_found)?.text,
    };
    let change = Change {
        path: path.clone(),
        text,
        author: Author::Person,
        reason: "Brought back an earlier version",
        run: None,
        account: Some(account),
        label: Label::USER,
        chat: None,
    };
    desk.change(app, change).await?;
    desk.read(app, &path).await
}

/// Writes a change into the database; the caller holds the desk and brings it to disk afterwards.
pub fn commit(tx: &Tx, app: &App, change: &Change) -> Done<FileRef> {
    let text = change.text.as_ref().map(screened);
    if text.as_ref().is_some_and(|text| text.len() > LARGEST_FILE) {
        return Err(too_large().into());
    }
    let before = store::file(tx, &change.path)?;
    let id = VersionId::new(app.clock(), app.chance());
    let now = app.clock().now();
    store::insert_version(tx, id, change, text.as_ref(), now)?;
    search::index_file(tx, change.path.as_str(), text.as_ref().map(Content::expose), change.label)?;
    let kind = match (before.is_some(), text.is_some()) {
        (_, false) => FileChange::Deleted,
        (true, true) => FileChange::Changed,
        (false, true) => FileChange::Created,
    };
    let file = FileRef { path: change.path.as_str().into(), version: id };
    if let Some(chat) = change.chat {
        let event = Event::MemoryChanged { path: file.path.clone(), version: id, change: kind };
        let (hub, run) = (app.hub().clone(), change.run);
        tx.after_commit(move || hub.publish(chat, run, &event));
    }
    Ok(file)
}

/// The one place through which every text on its way into memory passes. Values that look like secrets will be replaced
/// here; today it hands the text on.
fn screened(text: &Content) -> Content {
    text.clone()
}

/// A file is larger than what is allowed.
pub fn too_large() -> Problem {
    Problem::new(413, "memory_file_too_large", "A memory file holds at most 64 KB.")
        .next("Put some of it into another file.")
}

/// Something that is no note stands where a file should go.
pub fn in_the_way() -> Problem {
    Problem::new(409, "memory_path_taken", "Something else stands in the place of this memory file.")
        .next("Move it away from the memory folder, then try again.")
}

/// There is no such file.
pub fn not_found() -> Problem {
    Problem::not_found("memory_file_not_found", "There is no such memory file.")
}

/// Brings every version that was committed but not written to its file. If the file says neither what it said before
/// nor what it shall say, somebody changed it meanwhile: the outside text stays, ours is put aside in the history. So is
/// one that cannot be written for any other reason than a full disk: it must not stand in the way of all others.
async fn finish_unapplied(app: &App, root: &Arc<PathBuf>) -> Done<()> {
    let pending = app.store().read(store::unapplied).await?;
    for version in pending {
        let (stat, is_aside) = match bring(root, &version) {
            Ok(brought) => brought,
            Err(Fault::Store(StoreError::DiskFull)) => return Err(StoreError::DiskFull.into()),
            Err(_) => {
                ally_types::log::warn("a version of a memory file was put aside", &[("version", &version.id)]);
                (None, true)
            }
        };
        app.store().write(move |tx| store::mark_applied(tx, &version, stat.as_ref(), is_aside)).await?;
    }
    Ok(())
}

/// Brings one version to its file. Answers what the file is then, and whether the version was put aside.
fn bring(root: &std::path::Path, version: &store::Pending) -> Done<(Option<disk::Stat>, bool)> {
    let on_disk = disk::read(root, &version.path)?;
    let text = version.text.as_ref().map(Content::expose);
    let is_ours = on_disk.as_deref() == text;
    let is_base = on_disk.as_deref() == version.base.as_ref().map(Content::expose);
    if !is_ours && is_base {
        match text {
            Some(text) => disk::write(root, &version.path, text)?,
            None => disk::remove(root, &version.path)?,
        }
    }
    Ok((disk::stat(root, &version.path)?, !is_ours && !is_base))
}

/// Whether it was done; a full disk is no error for somebody who only reads.
fn unless_full(done: Done<()>) -> Done<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(Fault::Store(StoreError::DiskFull)) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Compares all files with their rows.
async fn look_outside(app: &App, root: &Arc<PathBuf>) -> Done<()> {
    let known = app.store().read(store::files).await?;
    let on_disk = disk::scan(root)?;
    for (path, stat) in &on_disk {
        let row = known.iter().find(|file| file.path == *path);
        compare(app, root, path, Some(stat), row).await?;
    }
    for file in known.iter().filter(|file| !on_disk.iter().any(|(path, _)| *path == file.path)) {
        compare(app, root, &file.path, None, Some(file)).await?;
    }
    Ok(())
}

/// A file that is not as we left it becomes a version by author `outside`. Only the person and her machine can write
/// there, so it is as trustworthy as our own.
async fn compare(
    app: &App,
    root: &Arc<PathBuf>,
    path: &NotePath,
    on_disk: Option<&disk::Stat>,
    known: Option<&store::File>,
) -> Done<()> {
    let is_same = match (on_disk, known) {
        (None, None) => true,
        (Some(stat), Some(file)) => *stat == file.stat,
        _ => false,
    };
    if is_same {
        return Ok(());
    }
    let asked = path.clone();
    if app.store().read(move |tx| store::is_pending(tx, &asked)).await? {
        return Ok(()); // Its newest version waits for room on the disk; until then the row is right and the file is old.
    }
    let Some(text) = disk::read(root, path)? else { return gone(app, path, known).await };
    if text.len() > LARGEST_FILE {
        return Ok(()); // Somebody's large file in our folder: it stays there, we do not take it in.
    }
    let change = outside(path, Some(text.into()));
    let (inner, stat) = (app.clone(), on_disk.copied());
    let is_new_text = known.is_none_or(|file| Some(&file.text) != change.text.as_ref());
    app.store()
        .write(move |tx| {
            if is_new_text {
                commit(tx, &inner, &change)?;
            }
            store::settle_outside(tx, &change.path, stat.as_ref())
        })
        .await
}

async fn gone(app: &App, path: &NotePath, known: Option<&store::File>) -> Done<()> {
    if known.is_none() {
        return Ok(());
    }
    let (inner, change) = (app.clone(), outside(path, None));
    app.store()
        .write(move |tx| {
            commit(tx, &inner, &change)?;
            store::settle_outside(tx, &change.path, None)
        })
        .await
}

fn outside(path: &NotePath, text: Option<Content>) -> Change {
    Change {
        path: path.clone(),
        text,
        author: Author::Outside,
        reason: "Changed outside of Ally",
        run: None,
        account: None,
        label: Label::TRUSTED,
        chat: None,
    }
}

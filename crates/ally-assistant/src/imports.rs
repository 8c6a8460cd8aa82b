//! What a person brings along from another assistant: the file comes in pieces, is looked through, and is taken over in
//! small transactions, so that a killed process goes on where it was.

mod archive;
mod broken;
mod check;
mod executor;
pub mod http;
mod reader;
mod shapes;
mod splitter;
pub mod store;
mod take;
mod tree;

use crate::app::App;
use crate::chats::{self, UNDO_MILLIS};
use crate::fault::Done;
use crate::owner::Owner;
use crate::{idempotency, runs, turns};
use ally_durable::NewRun;
use ally_store::{StoreError, Tx, files};
use ally_types::{AccountId, Content, ImportId, Label, Problem, RunId, Timestamp};
pub use executor::{Imports, KIND};
use serde::{Deserialize, Serialize};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

/// Largest file, in bytes.
pub const LARGEST: u64 = archive::MOST_UNPACKED;
/// A file that is not taken over is thrown away after a day.
pub const LONGEST_WAIT_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A file that is brought along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// How far it has come.
    pub state: State,
    /// How many bytes the file has.
    pub size: u64,
    /// How many of them have come.
    pub received: u64,
    /// What is in it, as far as it was looked through.
    pub preview: Preview,
    /// How many chats the person wants.
    pub wanted: u32,
    /// How many of them are there.
    pub taken: u32,
    /// The run that works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Why it cannot be taken over, or not further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// When it was begun.
    pub created: Timestamp,
    /// Who brought it.
    #[serde(skip)]
    pub account: AccountId,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its file comes in.
    Receiving,
    /// The file is looked through.
    Checking,
    /// It waits for the person to say yes, or to go on.
    Ready,
    /// Its chats are being made.
    Running,
    /// All of them are there.
    Done,
    /// Nothing of it can be taken over.
    Failed,
    /// Its chats are being taken away for good.
    Removing,
}

/// Where a conversation was held before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// ChatGPT.
    Chatgpt,
    /// Claude.
    Claude,
}

/// What is in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Preview {
    /// Who wrote it, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// How many chats can come along.
    pub chats: u32,
    /// How many messages they have, all versions counted.
    pub messages: u64,
    /// How many were imported before, and are left as they are.
    pub known: u32,
    /// How many have nothing in them that could come along.
    pub empty: u32,
    /// How many cannot be read, or are too large.
    pub unreadable: u32,
    /// When the oldest was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// When something was last said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// What does not come along.
    pub left: Left,
}

/// How much of what does not come along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Left {
    /// Files and pictures.
    pub files: u32,
    /// Recordings of voices; their words come along where the file has them.
    pub voice: u32,
    /// What tools were told and answered, and thinking.
    pub steps: u32,
}

/// A chat that can come along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ImportChat {
    /// Its place in the file.
    pub number: u32,
    /// Its title.
    pub title: Content,
    /// How many messages it has, all versions counted.
    pub messages: u32,
    /// Whether it was imported before.
    pub known: bool,
    /// When it was begun.
    pub created: Timestamp,
    /// When something was last said in it.
    pub updated: Timestamp,
}

impl State {
    const ALL: [Self; 7] =
        [Self::Receiving, Self::Checking, Self::Ready, Self::Running, Self::Done, Self::Failed, Self::Removing];

    /// The word kept in a column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Checking => "checking",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Removing => "removing",
        }
    }

    /// Reads the word back.
    pub fn from_stored(word: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.as_str() == word).unwrap_or(Self::Failed)
    }
}

impl Service {
    /// The word kept in a column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chatgpt => "chatgpt",
            Self::Claude => "claude",
        }
    }

    /// Reads the word back.
    pub fn from_stored(word: &str) -> Option<Self> {
        [Self::Chatgpt, Self::Claude].into_iter().find(|service| service.as_str() == word)
    }
}

/// Begins an import, of which nothing has come yet. An upload that was left halfway before it is thrown away.
pub async fn begin(app: &App, owner: Owner, size: u64, key: Option<String>) -> Done<Import> {
    if size == 0 {
        return Err(broken::Broken::Empty.into());
    }
    if size > LARGEST {
        return Err(too_large().into());
    }
    let act = Act { owner, size, key };
    let asked = act.clone();
    if let Some(made) = app.store().read(move |tx| asked.made(tx)).await? {
        return Ok(made);
    }
    // Files first: a row without a file is harmless, a file without a row would stay for ever.
    for left in app.store().read(store::receiving).await? {
        files::remove(&path(app, left)?)?;
    }
    let inner = app.clone();
    let begun = app.store().write(move |tx| {
        if let Some(made) = act.made(tx)? {
            return Ok(made);
        }
        for left in store::receiving(tx)? {
            store::remove(tx, left)?;
        }
        let (id, now) = (ImportId::new(inner.clock(), inner.chance()), inner.clock().now());
        store::insert(tx, id, owner.account, size, now)?;
        act.claim(|claim| idempotency::keep(tx, claim, &id.to_string(), now))?;
        live(tx, id)
    });
    let begun = begun.await?;
    app.look_at_alarms();
    Ok(begun)
}

/// The act of beginning an import, which a client may repeat.
#[derive(Clone)]
struct Act {
    owner: Owner,
    size: u64,
    key: Option<String>,
}

impl Act {
    fn claim<T>(&self, with: impl FnOnce(&idempotency::Claim<'_>) -> T) -> T {
        let fingerprint = idempotency::fingerprint(&[&self.size.to_string()]);
        let (account, key) = (self.owner.account, self.key.as_deref());
        with(&idempotency::Claim { account, door: "imports", key, fingerprint: &fingerprint })
    }

    /// What it made the first time.
    fn made(&self, tx: &Tx) -> Done<Option<Import>> {
        let Some(made) = self.claim(|claim| idempotency::look_up(tx, claim))? else { return Ok(None) };
        made.parse().map_err(|_| not_found().into()).and_then(|id| live(tx, id)).map(Some)
    }
}

/// Keeps a piece of the file. The same piece again changes nothing; one that does not fit behind the last is refused.
/// With the last one the file is looked through.
pub async fn receive(app: &App, id: ImportId, offset: u64, piece: &[u8]) -> Done<Import> {
    let found = app.store().read(move |tx| live(tx, id)).await?;
    let end = offset.saturating_add(piece.len() as u64);
    if end <= found.received {
        return Ok(found);
    }
    if found.state != State::Receiving || end > found.size {
        return Err(Problem::new(409, "import_whole", "This file is here already, or it is longer than was said.")
            .next("Begin a new import for another file.")
            .into());
    }
    if offset > found.received {
        return Err(Problem::new(409, "import_gap", "A piece of this file is missing before this one.")
            .next("Go on behind the bytes that have come: `received` says how many.")
            .into());
    }
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(path(app, id)?);
    let mut file = file.map_err(StoreError::from)?;
    let written =
        file.seek(SeekFrom::Start(offset)).and_then(|_| file.write_all(piece)).and_then(|()| file.sync_data());
    written.map_err(StoreError::from)?;
    if offset == 0 {
        // The name of a new file must survive as its bytes do.
        let mut names = [Some(app.imports_dir()), app.imports_dir().parent()].into_iter().flatten();
        let kept = names.try_for_each(|directory| std::fs::File::open(directory)?.sync_all());
        kept.map_err(StoreError::from)?;
    }
    let inner = app.clone();
    let write = app.store().write(move |tx| {
        let found = live(tx, id)?;
        if found.state != State::Receiving {
            return Ok(found);
        }
        store::set_received(tx, id, end.max(found.received), inner.clock().now())?;
        if end >= found.size {
            begin_run(tx, &inner, id, State::Checking)?;
        }
        live(tx, id)
    });
    write.await
}

/// Has the chats of a file made, but for these. Asking again changes nothing.
pub fn start(tx: &Tx, app: &App, id: ImportId, except: &[u32]) -> Done<Import> {
    let found = live(tx, id)?;
    match found.state {
        State::Ready => {}
        State::Running | State::Done => return Ok(found),
        State::Receiving | State::Checking | State::Failed | State::Removing => {
            return Err(Problem::new(409, "import_not_ready", "This file was not looked through yet.")
                .next("Wait until the preview is there.")
                .into());
        }
    }
    let left = store::keep_wanted(tx, id, except)?;
    if left == 0 {
        return Err(Problem::new(422, "import_nothing_chosen", "No chat is selected.")
            .next("Select at least one chat that is not here yet.")
            .into());
    }
    store::set_wanted(tx, id, found.taken + left)?;
    begin_run(tx, app, id, State::Running)?;
    live(tx, id)
}

/// Takes an import away for good, with every chat that came with it.
pub async fn remove(app: &App, id: ImportId) -> Done<()> {
    app.store().read(move |tx| live(tx, id)).await?;
    files::remove(&path(app, id)?)?;
    let inner = app.clone();
    let write = app.store().write(move |tx| {
        let Some(found) = store::get(tx, id)?.filter(|found| found.state != State::Removing) else { return Ok(()) };
        let now = inner.clock().now();
        store::set_state(tx, id, State::Removing, None, now)?;
        store::forget_chats(tx, id)?;
        if let Some(run) = found.run {
            runs::cancel(tx, &inner, run)?;
        }
        for chat in store::chats_of(tx, id)? {
            for run in turns::unfinished(tx, chat)? {
                runs::cancel(tx, &inner, run)?;
            }
            // It was confirmed: there is nothing to bring back.
            chats::take_from_sight(tx, &inner, chat, now.plus_millis(-UNDO_MILLIS))?;
        }
        Ok::<_, crate::fault::Fault>(())
    });
    write.await?;
    app.look_at_alarms();
    Ok(())
}

/// When there is next something to take away.
pub fn next_due(tx: &Tx) -> Done<Option<Timestamp>> {
    store::next_due(tx, LONGEST_WAIT_MILLIS)
}

/// Throws away files that nobody takes over any more, and imports whose chats are gone. Answers whether there were any.
pub(crate) async fn purge(app: &App) -> Done<bool> {
    let now = app.clock().now();
    let oldest = now.plus_millis(-LONGEST_WAIT_MILLIS);
    let due = app.store().read(move |tx| store::due(tx, oldest)).await?;
    for id in &due {
        files::remove(&path(app, *id)?)?;
    }
    if due.is_empty() {
        return Ok(false);
    }
    app.store()
        .write(move |tx| {
            let mut has_gone = false;
            for id in due {
                has_gone |= forget(tx, id, now)?;
            }
            Ok(has_gone)
        })
        .await
}

fn forget(tx: &Tx, id: ImportId, now: Timestamp) -> Done<bool> {
    let Some(found) = store::get(tx, id)? else { return Ok(false) };
    if found.state == State::Ready && found.taken > 0 {
        store::forget_chats(tx, id)?;
        store::set_state(tx, id, State::Done, None, now)?;
        return Ok(true);
    }
    let has_open_runs = ally_durable::runs::delete_ended_of_subject(tx, &id.to_string())? > 0;
    if has_open_runs || !store::chats_of(tx, id)?.is_empty() {
        return Ok(false);
    }
    store::remove(tx, id)?;
    Ok(true)
}

fn begin_run(tx: &Tx, app: &App, id: ImportId, state: State) -> Done<()> {
    let run = RunId::new(app.clock(), app.chance());
    store::set_state(tx, id, state, None, app.clock().now())?;
    store::set_run(tx, id, run)?;
    let input = executor::input(id)?;
    let (subject, label) = (id.to_string(), Label::OUTSIDE);
    app.engine().create(tx, NewRun { id: run, kind: KIND, subject, parent: None, key: None, input, label })?;
    Ok(())
}

/// The import, unless it is being removed.
pub fn live(tx: &Tx, id: ImportId) -> Done<Import> {
    store::get(tx, id)?.filter(|found| found.state != State::Removing).ok_or_else(|| not_found().into())
}

fn path(app: &App, id: ImportId) -> Done<PathBuf> {
    let directory = app.imports_dir();
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(StoreError::from)?;
    Ok(directory.join(id.to_string()))
}

/// There is no such import.
pub fn not_found() -> Problem {
    Problem::not_found("import_not_found", "There is no such import.")
}

fn too_large() -> Problem {
    Problem::new(413, "import_too_large", "This file is larger than 2 GB.")
        .next("Unpack it on your computer, and choose the conversations.json in it.")
}

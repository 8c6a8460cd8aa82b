//! The SQL of imports, of what is in their files, and of the chats and messages that this becomes.

use super::shapes::Conversation;
use super::tree::Said;
use super::{Import, ImportChat, Left, Preview, Service, State, broken::Broken};
use crate::fault::Done;
use crate::messages::{Author, Role};
use crate::search;
use ally_store::{OptionalExtension, Tx, cells, params};
use ally_types::{AccountId, ChatId, Content, ImportId, Label, MessageId, RunId, Timestamp};
use rusqlite::Row;

const COLUMNS: &str = "SELECT id, state, size, received, service, problem, chats, messages, known, empty, unreadable, \
                       files, voice, steps, oldest, newest, wanted, taken, run, created, account FROM imports";

/// Keeps a new import of which nothing has come yet.
pub fn insert(tx: &Tx, id: ImportId, account: AccountId, size: u64, now: Timestamp) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO imports (id, state, size, received, created, changed, account)
         VALUES (?1, 'receiving', ?2, 0, ?3, ?3, ?4)",
    )?
    .execute(params![id.to_string(), size.cast_signed(), now.as_millis(), account.to_string()])?;
    Ok(())
}

/// One import.
pub fn get(tx: &Tx, id: ImportId) -> Done<Option<Import>> {
    Ok(tx.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?.query_row([id.to_string()], read).optional()?)
}

/// All imports, newest first.
pub fn all(tx: &Tx) -> Done<Vec<Import>> {
    Ok(tx
        .prepare_cached(&format!("{COLUMNS} ORDER BY created DESC, id DESC LIMIT 100"))?
        .query_map([], read)?
        .collect::<Result<_, _>>()?)
}

/// Imports whose file has not come whole.
pub fn receiving(tx: &Tx) -> Done<Vec<ImportId>> {
    Ok(tx
        .prepare_cached("SELECT id FROM imports WHERE state = 'receiving'")?
        .query_map([], |row| cells::id(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// So many bytes have come.
pub fn set_received(tx: &Tx, id: ImportId, received: u64, now: Timestamp) -> Done<()> {
    tx.prepare_cached("UPDATE imports SET received = ?2, changed = ?3 WHERE id = ?1")?.execute(params![
        id.to_string(),
        received.cast_signed(),
        now.as_millis()
    ])?;
    Ok(())
}

/// How an import goes on. One that is being removed stays so.
pub fn set_state(tx: &Tx, id: ImportId, state: State, problem: Option<Broken>, now: Timestamp) -> Done<()> {
    tx.prepare_cached(
        "UPDATE imports SET state = ?2, problem = ?3, changed = ?4 WHERE id = ?1 AND state <> 'removing'",
    )?
    .execute(params![id.to_string(), state.as_str(), problem.map(Broken::as_str), now.as_millis()])?;
    Ok(())
}

/// A run works on it.
pub fn set_run(tx: &Tx, id: ImportId, run: RunId) -> Done<()> {
    tx.prepare_cached("UPDATE imports SET run = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), run.to_string()])?;
    Ok(())
}

/// So many chats are wanted.
pub fn set_wanted(tx: &Tx, id: ImportId, wanted: u32) -> Done<()> {
    tx.prepare_cached("UPDATE imports SET wanted = ?2 WHERE id = ?1")?.execute(params![id.to_string(), wanted])?;
    Ok(())
}

/// So many chats more are there.
pub fn add_taken(tx: &Tx, id: ImportId, taken: u32) -> Done<()> {
    tx.prepare_cached("UPDATE imports SET taken = taken + ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), taken])?;
    Ok(())
}

/// Forgets an import and what was found in its file.
pub fn remove(tx: &Tx, id: ImportId) -> Done<()> {
    tx.prepare_cached("DELETE FROM idempotency_keys WHERE made = ?1")?.execute([id.to_string()])?;
    tx.prepare_cached("DELETE FROM imports WHERE id = ?1")?.execute([id.to_string()])?;
    Ok(())
}

/// Imports that are being removed, and those that nobody has touched since a moment and whose file waits.
pub fn due(tx: &Tx, moment: Timestamp) -> Done<Vec<ImportId>> {
    Ok(tx
        .prepare_cached(
            "SELECT id FROM imports WHERE state = 'removing'
             OR (state IN ('receiving', 'ready', 'failed') AND changed <= ?1)",
        )?
        .query_map([moment.as_millis()], |row| cells::id(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// When the next one is due, of which a file may wait so long.
pub fn next_due(tx: &Tx, longest_wait_millis: i64) -> Done<Option<Timestamp>> {
    let millis: Option<i64> = tx
        .prepare_cached(
            "SELECT MIN(changed + CASE state WHEN 'removing' THEN 0 ELSE ?1 END) FROM imports
             WHERE state IN ('receiving', 'ready', 'failed', 'removing')",
        )?
        .query_row([longest_wait_millis], |row| row.get(0))?;
    Ok(millis.map(Timestamp::from_millis))
}

/// Begins to look through a file anew.
pub fn forget_preview(tx: &Tx, id: ImportId) -> Done<()> {
    forget_chats(tx, id)?;
    tx.prepare_cached(
        "UPDATE imports SET service = NULL, chats = 0, messages = 0, known = 0, empty = 0, unreadable = 0, files = 0,
           voice = 0, steps = 0, oldest = NULL, newest = NULL WHERE id = ?1",
    )?
    .execute([id.to_string()])?;
    Ok(())
}

/// Adds what was found since the last time.
pub fn add_preview(tx: &Tx, id: ImportId, more: &Preview) -> Done<()> {
    tx.prepare_cached(
        "UPDATE imports SET service = COALESCE(?2, service), chats = chats + ?3, messages = messages + ?4,
           known = known + ?5, empty = empty + ?6, unreadable = unreadable + ?7, files = files + ?8, voice = voice + ?9,
           steps = steps + ?10, oldest = MIN(COALESCE(oldest, ?11), COALESCE(?11, oldest)),
           newest = MAX(COALESCE(newest, ?12), COALESCE(?12, newest)) WHERE id = ?1",
    )?
    .execute(params![
        id.to_string(),
        more.service.map(Service::as_str),
        more.chats,
        more.messages.cast_signed(),
        more.known,
        more.empty,
        more.unreadable,
        more.left.files,
        more.left.voice,
        more.left.steps,
        more.oldest.map(Timestamp::as_millis),
        more.newest.map(Timestamp::as_millis),
    ])?;
    Ok(())
}

/// Keeps what is known of a chat in the file; `false` if another with the same name stands before it.
pub fn insert_found(tx: &Tx, id: ImportId, source: &str, chat: &ImportChat) -> Done<bool> {
    let kept = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO import_chats (import, number, source, title, messages, is_known, created, updated,
               integrity, confidentiality) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            id.to_string(),
            chat.number,
            source,
            chat.title.expose(),
            chat.messages,
            chat.known,
            chat.created.as_millis(),
            chat.updated.as_millis(),
            Label::OUTSIDE.integrity.as_str(),
            Label::OUTSIDE.confidentiality.as_str(),
        ])?;
    Ok(kept > 0)
}

/// At most `limit` chats of the file behind a place.
pub fn found(tx: &Tx, id: ImportId, behind: u32, limit: u32) -> Done<Vec<ImportChat>> {
    Ok(tx
        .prepare_cached(
            "SELECT number, title, messages, is_known, created, updated FROM import_chats
             WHERE import = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
        )?
        .query_map(params![id.to_string(), behind, limit], |row| {
            Ok(ImportChat {
                number: row.get("number")?,
                title: row.get::<_, String>("title")?.into(),
                messages: row.get("messages")?,
                known: row.get("is_known")?,
                created: cells::time(row, "created")?,
                updated: cells::time(row, "updated")?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// Leaves only what is to be taken over; answers how many that are.
pub fn keep_wanted(tx: &Tx, id: ImportId, except: &[u32]) -> Done<u32> {
    let except = serde_json::to_string(except).unwrap_or_default();
    tx.prepare_cached(
        "DELETE FROM import_chats WHERE import = ?1 AND (is_known = 1 OR number IN (SELECT value FROM json_each(?2)))",
    )?
    .execute([&id.to_string(), &except])?;
    let mut query = tx.prepare_cached("SELECT COUNT(*) FROM import_chats WHERE import = ?1")?;
    Ok(query.query_row([id.to_string()], |row| row.get(0))?)
}

/// The places in the file of what is not taken over yet, in their order.
pub fn waiting(tx: &Tx, id: ImportId) -> Done<Vec<u32>> {
    Ok(tx
        .prepare_cached("SELECT number FROM import_chats WHERE import = ?1 ORDER BY number")?
        .query_map([id.to_string()], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// A chat of the file is dealt with; `false` if it was before.
pub fn no_longer_waits(tx: &Tx, id: ImportId, number: u32) -> Done<bool> {
    let mut gone = tx.prepare_cached("DELETE FROM import_chats WHERE import = ?1 AND number = ?2")?;
    Ok(gone.execute(params![id.to_string(), number])? > 0)
}

/// Forgets what is in the file.
pub fn forget_chats(tx: &Tx, id: ImportId) -> Done<()> {
    tx.prepare_cached("DELETE FROM import_chats WHERE import = ?1")?.execute([id.to_string()])?;
    Ok(())
}

/// The chats that an import has made and that are still there, deleted or not.
pub fn chats_of(tx: &Tx, id: ImportId) -> Done<Vec<ChatId>> {
    Ok(tx
        .prepare_cached("SELECT id FROM chats WHERE import = ?1")?
        .query_map([id.to_string()], |row| cells::id(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// Whether a conversation was taken over before, and its chat was not deleted.
pub fn is_known(tx: &Tx, service: Service, source: &str) -> Done<bool> {
    Ok(tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM chats WHERE service = ?1 AND source = ?2 AND deleted IS NULL)")?
        .query_row([service.as_str(), source], |row| row.get(0))?)
}

/// A chat on its way in.
pub struct NewChat<'a> {
    /// Its id.
    pub id: ChatId,
    /// Which import brings it.
    pub import: ImportId,
    /// Its title.
    pub title: &'a Content,
    /// Where it comes from.
    pub from: &'a Conversation,
    /// When it was begun, and when something was last said in it.
    pub times: (Timestamp, Timestamp),
    /// Who brings it.
    pub account: AccountId,
}

/// Keeps a conversation as a chat. What it says comes from outside, whoever is said to have written it.
pub fn insert_chat(tx: &Tx, new: &NewChat<'_>) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO chats (id, title, is_named, archived, created, updated, account, integrity, confidentiality, import,
           service, source) VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        new.id.to_string(),
        new.title.expose(),
        new.from.is_archived,
        new.times.0.as_millis(),
        new.times.1.as_millis(),
        new.account.to_string(),
        Label::OUTSIDE.integrity.as_str(),
        Label::OUTSIDE.confidentiality.as_str(),
        new.import.to_string(),
        new.from.service.as_str(),
        new.from.source,
    ])?;
    Ok(())
}

/// A message on its way in.
pub struct NewMessage<'a> {
    /// Its id.
    pub id: MessageId,
    /// Its chat.
    pub chat: ChatId,
    /// Its place there.
    pub position: i64,
    /// The message before it.
    pub parent: Option<MessageId>,
    /// The question that it answers.
    pub question: Option<MessageId>,
    /// Where it was said.
    pub service: Service,
    /// What was said.
    pub said: &'a Said,
    /// When.
    pub at: Timestamp,
    /// Who brings it.
    pub account: AccountId,
}

/// Keeps a message of a conversation, and puts it into the index.
pub fn insert_message(tx: &Tx, new: &NewMessage<'_>) -> Done<()> {
    let said = new.said;
    let is_question = said.role == Role::User;
    let author = match said.role {
        Role::User => Author::Person,
        Role::Assistant => Author::Imported { service: new.service, model: said.model.clone() },
    };
    let label = (Label::OUTSIDE.integrity.as_str(), Label::OUTSIDE.confidentiality.as_str());
    tx.prepare_cached(
        "INSERT INTO messages (id, chat, position, role, status, text, author, needs_model, question, parent, account,
           created, integrity, confidentiality, is_chosen, is_shown)
         VALUES (?1, ?2, ?3, ?4, 'complete', ?5, ?6, 0, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        new.id.to_string(),
        new.chat.to_string(),
        new.position,
        said.role.as_str(),
        if is_question { said.text.expose() } else { "" },
        serde_json::to_string(&author).unwrap_or_default(),
        new.question.filter(|_| !is_question).map(|id| id.to_string()),
        new.parent.map(|id| id.to_string()),
        is_question.then(|| new.account.to_string()),
        new.at.as_millis(),
        label.0,
        label.1,
        said.is_chosen,
        said.is_shown,
    ])?;
    if !is_question {
        tx.prepare_cached(
            "INSERT INTO blocks (message, position, step, kind, text, integrity, confidentiality)
             VALUES (?1, 1, 1, 'text', ?2, ?3, ?4)",
        )?
        .execute(params![new.id.to_string(), said.text.expose(), label.0, label.1])?;
    }
    search::index_message(tx, new.id, said.text.expose())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Import> {
    let word = |name: &str| row.get::<_, Option<String>>(name);
    let problem = word("problem")?.as_deref().and_then(Broken::from_stored);
    Ok(Import {
        id: cells::id(row, "id")?,
        state: State::from_stored(row.get_ref("state")?.as_str()?),
        size: row.get::<_, i64>("size")?.cast_unsigned(),
        received: row.get::<_, i64>("received")?.cast_unsigned(),
        preview: Preview {
            service: word("service")?.as_deref().and_then(Service::from_stored),
            chats: row.get("chats")?,
            messages: row.get::<_, i64>("messages")?.cast_unsigned(),
            known: row.get("known")?,
            empty: row.get("empty")?,
            unreadable: row.get("unreadable")?,
            oldest: cells::maybe_time(row, "oldest")?,
            newest: cells::maybe_time(row, "newest")?,
            left: Left { files: row.get("files")?, voice: row.get("voice")?, steps: row.get("steps")? },
        },
        wanted: row.get("wanted")?,
        taken: row.get("taken")?,
        run: cells::maybe_id(row, "run")?,
        problem: problem.map(Broken::problem),
        created: cells::time(row, "created")?,
        account: cells::id(row, "account")?,
    })
}

//! The SQL of chats.

use super::{Chat, LONGEST_ALONE_MILLIS, UNDO_MILLIS};
use crate::attachments;
use crate::fault::Done;
use crate::imports::Service;
use ally_llm::Effort;
use ally_store::{OptionalExtension, Tx, cells, params};
use ally_types::{AccountId, ChatId, Content, FolderId, Label, Timestamp};
use rusqlite::Row;

/// A chat whose folder was deleted shows none.
const COLUMNS: &str =
    "SELECT c.id, c.title, c.pinned, c.archived, c.temporary, f.id AS folder, c.created, c.updated, c.effort,
       c.deleted, c.service
    FROM chats c LEFT JOIN folders f ON f.id = c.folder AND f.deleted IS NULL";

/// Which chats are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Those that were put away, or the others.
    pub archived: bool,
    /// Where they lie.
    pub lying: Lying,
}

/// Where chats lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lying {
    /// Anywhere.
    Anywhere,
    /// In no folder.
    Loose,
    /// In this one.
    In(FolderId),
}

/// A place in the list: the pinned ones first, then the last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Whether it is pinned.
    pub pinned: bool,
    /// When something was last said.
    pub updated: Timestamp,
    /// Which chat.
    pub id: ChatId,
}

/// A chat that is new.
#[derive(Debug, Clone, Copy)]
pub struct Fresh<'a> {
    /// Its id.
    pub id: ChatId,
    /// The title that the person gave it.
    pub title: Option<&'a Content>,
    /// How long the model may think.
    pub effort: Effort,
    /// Whether nothing of it is kept.
    pub temporary: bool,
}

/// Keeps a new chat.
pub fn insert(tx: &Tx, new: &Fresh<'_>, account: AccountId, now: Timestamp) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO chats (id, title, is_named, temporary, created, updated, account, integrity, confidentiality,
           effort) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        new.id.to_string(),
        new.title.map_or("", Content::expose),
        new.title.is_some(),
        new.temporary,
        now.as_millis(),
        account.to_string(),
        Label::USER.integrity.as_str(),
        Label::USER.confidentiality.as_str(),
        effort_word(new.effort),
    ])?;
    Ok(())
}

/// Sets how long the model may think.
pub fn set_effort(tx: &Tx, id: ChatId, effort: Effort) -> Done<()> {
    tx.prepare_cached("UPDATE chats SET effort = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), effort_word(effort)])?;
    Ok(())
}

/// How long the model may think in a chat.
pub fn effort(tx: &Tx, id: ChatId) -> Done<Effort> {
    Ok(get(tx, id)?.map_or(Effort::Normal, |chat| chat.effort))
}

const fn effort_word(effort: Effort) -> &'static str {
    match effort {
        Effort::Quick => "quick",
        Effort::Normal => "normal",
        Effort::Thorough => "thorough",
    }
}

fn read_effort(word: &str) -> Effort {
    [Effort::Quick, Effort::Thorough].into_iter().find(|effort| effort_word(*effort) == word).unwrap_or_default()
}

/// A chat, deleted or not.
pub fn get(tx: &Tx, id: ChatId) -> Done<Option<Chat>> {
    Ok(tx.prepare_cached(&format!("{COLUMNS} WHERE c.id = ?1"))?.query_row([id.to_string()], read).optional()?)
}

/// A chat that was not deleted.
pub fn live(tx: &Tx, id: ChatId) -> Done<Option<Chat>> {
    Ok(get(tx, id)?.filter(|chat| chat.deleted.is_none()))
}

/// At most `limit` chats, the pinned ones and then the last used first, behind the given place.
pub fn listed(tx: &Tx, wanted: Listed, behind: Option<Place>, limit: u32) -> Done<Vec<Chat>> {
    let (pinned, updated, id) = behind
        .map_or((2, i64::MAX, String::new()), |at| (i64::from(at.pinned), at.updated.as_millis(), at.id.to_string()));
    let (lying, folder) = match wanted.lying {
        Lying::Anywhere => ("anywhere", None),
        Lying::Loose => ("loose", None),
        Lying::In(folder) => ("in", Some(folder.to_string())),
    };
    Ok(tx
        .prepare_cached(&format!(
            "{COLUMNS} WHERE c.deleted IS NULL AND c.temporary = 0 AND c.archived = ?1 AND (c.pinned, c.updated, c.id) < (?2, ?3, ?4)
               AND (?5 = 'anywhere' OR (?5 = 'loose' AND f.id IS NULL) OR f.id = ?6)
             ORDER BY c.pinned DESC, c.updated DESC, c.id DESC LIMIT ?7"
        ))?
        .query_map(params![wanted.archived, pinned, updated, id, lying, folder, limit], read)?
        .collect::<Result<_, _>>()?)
}

/// Sets the title; `is_named` says whether the person chose it.
pub fn set_title(tx: &Tx, id: ChatId, title: &Content, is_named: bool) -> Done<()> {
    tx.prepare_cached("UPDATE chats SET title = ?2, is_named = ?3 WHERE id = ?1")?.execute(params![
        id.to_string(),
        title.expose(),
        is_named
    ])?;
    Ok(())
}

/// Lets a chat stand above the others, or no longer.
pub fn set_pinned(tx: &Tx, id: ChatId, is_pinned: bool) -> Done<()> {
    tx.prepare_cached("UPDATE chats SET pinned = ?2 WHERE id = ?1")?.execute(params![id.to_string(), is_pinned])?;
    Ok(())
}

/// Puts a chat away, or brings it back.
pub fn set_archived(tx: &Tx, id: ChatId, is_archived: bool) -> Done<()> {
    tx.prepare_cached("UPDATE chats SET archived = ?2 WHERE id = ?1")?.execute(params![id.to_string(), is_archived])?;
    Ok(())
}

/// Lays a chat in a folder, or takes it out.
pub fn set_folder(tx: &Tx, id: ChatId, folder: Option<FolderId>) -> Done<()> {
    tx.prepare_cached("UPDATE chats SET folder = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), folder.map(|folder| folder.to_string())])?;
    Ok(())
}

/// Moves a chat to the top of the list.
pub fn touch(tx: &Tx, id: ChatId, at: Timestamp) -> Done<()> {
    tx.prepare_cached("UPDATE chats SET updated = MAX(updated, ?2) WHERE id = ?1")?
        .execute(params![id.to_string(), at.as_millis()])?;
    Ok(())
}

/// The same with one that may have been archived: it is among the others again.
pub fn bring_up(tx: &Tx, id: ChatId, at: Timestamp) -> Done<()> {
    tx.prepare_cached("UPDATE chats SET archived = 0, updated = MAX(updated, ?2) WHERE id = ?1")?
        .execute(params![id.to_string(), at.as_millis()])?;
    Ok(())
}

/// Takes a chat from sight, or brings it back.
pub fn set_deleted(tx: &Tx, id: ChatId, at: Option<Timestamp>) -> Done<()> {
    tx.prepare_cached("UPDATE chats SET deleted = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), at.map(Timestamp::as_millis)])?;
    Ok(())
}

/// At most `limit` chats whose time has come: deleted long enough ago, or temporary and closed, or temporary and left alone.
pub fn due(tx: &Tx, now: Timestamp, limit: u32) -> Done<Vec<ChatId>> {
    let (undone, alone) = (now.plus_millis(-UNDO_MILLIS), now.plus_millis(-LONGEST_ALONE_MILLIS));
    Ok(tx
        .prepare_cached(
            "SELECT id FROM chats WHERE deleted IS NOT NULL AND deleted <= ?1
             UNION SELECT id FROM chats WHERE temporary = 1 AND (deleted IS NOT NULL OR updated <= ?2) LIMIT ?3",
        )?
        .query_map(params![undone.as_millis(), alone.as_millis(), limit], |row| cells::id(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// When the next chat is due.
pub fn next_due(tx: &Tx) -> Done<Option<Timestamp>> {
    let millis: Option<i64> = tx
        .prepare_cached(
            "SELECT MIN(due) FROM (SELECT MIN(deleted) + ?1 AS due FROM chats WHERE deleted IS NOT NULL AND temporary = 0
               UNION ALL SELECT MIN(COALESCE(deleted, updated + ?2)) FROM chats WHERE temporary = 1)",
        )?
        .query_row([UNDO_MILLIS, LONGEST_ALONE_MILLIS], |row| row.get(0))?;
    Ok(millis.map(Timestamp::from_millis))
}

/// Temporary chats that nobody has closed.
pub fn open_temporary(tx: &Tx) -> Done<Vec<ChatId>> {
    Ok(tx
        .prepare_cached("SELECT id FROM chats WHERE temporary = 1 AND deleted IS NULL")?
        .query_map([], |row| cells::id(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// Removes a chat with its messages for good. What was counted stays counted, without saying for which chat.
pub fn remove(tx: &Tx, id: ChatId) -> Done<()> {
    tx.prepare_cached("UPDATE model_calls SET chat = NULL, message = NULL WHERE chat = ?1")?
        .execute([id.to_string()])?;
    // Not even the digest of what was said.
    tx.prepare_cached(
        "DELETE FROM idempotency_keys WHERE made = ?1 OR made IN (SELECT id FROM messages WHERE chat = ?1)",
    )?
    .execute([id.to_string()])?;
    // Their bytes go next.
    attachments::store::expire_chat(tx, id)?;
    tx.prepare_cached("DELETE FROM chats WHERE id = ?1")?.execute([id.to_string()])?;
    Ok(())
}

/// A moment for the next message of a chat: now, but behind every message it has, so that ids sort as they are read.
pub fn next_moment(tx: &Tx, id: ChatId, now: Timestamp) -> Done<Timestamp> {
    let newest: Option<i64> = tx
        .prepare_cached("SELECT created FROM messages WHERE chat = ?1 ORDER BY position DESC LIMIT 1")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    Ok(newest.map_or(now, |newest| now.max(Timestamp::from_millis(newest).plus_millis(1))))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Chat> {
    Ok(Chat {
        id: cells::id(row, "id")?,
        title: row.get::<_, String>("title")?.into(),
        pinned: row.get("pinned")?,
        archived: row.get("archived")?,
        temporary: row.get("temporary")?,
        folder: cells::maybe_id(row, "folder")?,
        created: cells::time(row, "created")?,
        updated: cells::time(row, "updated")?,
        effort: read_effort(row.get_ref("effort")?.as_str()?),
        deleted: cells::maybe_time(row, "deleted")?,
        imported_from: row.get::<_, Option<String>>("service")?.as_deref().and_then(Service::from_stored),
    })
}

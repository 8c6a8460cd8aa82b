//! The SQL of chats.

use super::Chat;
use crate::fault::Done;
use ally_llm::Effort;
use ally_store::{OptionalExtension, Tx, cells, params};
use ally_types::{AccountId, ChatId, Content, Label, Timestamp};
use rusqlite::Row;

const COLUMNS: &str = "SELECT id, title, created, updated, effort, deleted FROM chats";

/// Keeps a new chat.
pub fn insert(
    tx: &Tx,
    id: ChatId,
    title: Option<&Content>,
    effort: Effort,
    account: AccountId,
    now: Timestamp,
) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO chats (id, title, is_named, created, updated, account, integrity, confidentiality, effort)
         VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        id.to_string(),
        title.map_or("", Content::expose),
        title.is_some(),
        now.as_millis(),
        account.to_string(),
        Label::USER.integrity.as_str(),
        Label::USER.confidentiality.as_str(),
        effort_word(effort),
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
    Ok(tx.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?.query_row([id.to_string()], read).optional()?)
}

/// A chat that was not deleted.
pub fn live(tx: &Tx, id: ChatId) -> Done<Option<Chat>> {
    Ok(get(tx, id)?.filter(|chat| chat.deleted.is_none()))
}

/// At most `limit` chats, the last used first, behind the given one.
pub fn newest(tx: &Tx, behind: Option<(Timestamp, ChatId)>, limit: u32) -> Done<Vec<Chat>> {
    let (updated, id) = behind.map_or((i64::MAX, String::new()), |(at, id)| (at.as_millis(), id.to_string()));
    Ok(tx
        .prepare_cached(&format!(
            "{COLUMNS} WHERE deleted IS NULL AND (updated, id) < (?1, ?2) ORDER BY updated DESC, id DESC LIMIT ?3"
        ))?
        .query_map(params![updated, id, limit], read)?
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

/// Moves a chat to the top of the list.
pub fn touch(tx: &Tx, id: ChatId, at: Timestamp) -> Done<()> {
    tx.prepare_cached("UPDATE chats SET updated = MAX(updated, ?2) WHERE id = ?1")?
        .execute(params![id.to_string(), at.as_millis()])?;
    Ok(())
}

/// Takes a chat from sight, or brings it back.
pub fn set_deleted(tx: &Tx, id: ChatId, at: Option<Timestamp>) -> Done<()> {
    tx.prepare_cached("UPDATE chats SET deleted = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), at.map(Timestamp::as_millis)])?;
    Ok(())
}

/// Chats that were deleted at or before a moment.
pub fn deleted_before(tx: &Tx, moment: Timestamp) -> Done<Vec<ChatId>> {
    Ok(tx
        .prepare_cached("SELECT id FROM chats WHERE deleted IS NOT NULL AND deleted <= ?1")?
        .query_map([moment.as_millis()], |row| cells::id(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// When the chat that waits longest was deleted.
pub fn oldest_deletion(tx: &Tx) -> Done<Option<Timestamp>> {
    let millis: Option<i64> = tx
        .prepare_cached("SELECT MIN(deleted) FROM chats WHERE deleted IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    Ok(millis.map(Timestamp::from_millis))
}

/// Removes a chat with its messages for good. What was counted stays counted, without saying for which chat.
pub fn remove(tx: &Tx, id: ChatId) -> Done<()> {
    tx.prepare_cached("UPDATE model_calls SET chat = NULL, message = NULL WHERE chat = ?1")?
        .execute([id.to_string()])?;
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
        created: cells::time(row, "created")?,
        updated: cells::time(row, "updated")?,
        effort: read_effort(row.get_ref("effort")?.as_str()?),
        deleted: cells::maybe_time(row, "deleted")?,
    })
}

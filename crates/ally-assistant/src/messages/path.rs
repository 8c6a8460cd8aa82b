//! The versions of messages, and which of them are shown.
//!
//! The messages of a chat are a tree. Who edits a question or has an answer written again adds a sibling, and takes
//! nothing away: everything behind the old one stays behind it. Places grow with time, so along each way through the
//! tree they are in order.

use super::store::{self, Stored};
use crate::app::App;
use crate::chats;
use crate::events::Event;
use crate::fault::Done;
use ally_store::{OptionalExtension, Tx, cells, params};
use ally_types::{ChatId, MessageId, RunId};

/// The last message that is shown.
pub fn end(tx: &Tx, chat: ChatId) -> Done<Option<MessageId>> {
    Ok(tx
        .prepare_cached("SELECT id FROM messages WHERE chat = ?1 AND is_shown = 1 ORDER BY position DESC LIMIT 1")?
        .query_row([chat.to_string()], |row| cells::id(row, "id"))
        .optional()?)
}

/// Whether a message stands on the way that is shown.
pub fn is_shown(tx: &Tx, id: MessageId) -> Done<bool> {
    Ok(tx
        .prepare_cached("SELECT is_shown FROM messages WHERE id = ?1")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?
        .unwrap_or(false))
}

/// The numbers of at most so many messages on the way to a message, which is one of them.
pub fn until(tx: &Tx, id: MessageId, most: u32) -> Done<Vec<i64>> {
    Ok(tx
        .prepare_cached(
            "WITH RECURSIVE up (number, parent, depth) AS (
               SELECT number, parent, 1 FROM messages WHERE id = ?1
               UNION ALL
               SELECT m.number, m.parent, up.depth + 1 FROM up JOIN messages m ON m.id = up.parent WHERE up.depth < ?2
             ) SELECT number FROM up",
        )?
        .query_map(params![id.to_string(), most], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// Shows a version of a message: it and everything before it is chosen, and behind it what was last chosen there.
pub fn show(tx: &Tx, app: &App, chat: ChatId, id: MessageId) -> Done<()> {
    store::position(tx, chat, id)?.ok_or_else(chats::message_not_found)?;
    if is_shown(tx, id)? {
        return Ok(());
    }
    let after = shown_before(tx, id)?;
    choose(tx, chat, id)?;
    let hub = app.hub().clone();
    tx.after_commit(move || hub.publish(chat, None, &Event::PathChanged { after }));
    Ok(())
}

/// The runs of answers that are not over among a message and everything behind it.
pub fn unfinished_from(tx: &Tx, id: MessageId) -> Done<Vec<RunId>> {
    Ok(tx
        .prepare_cached(
            "WITH RECURSIVE down (id, chat) AS (
               SELECT id, chat FROM messages WHERE id = ?1
               UNION ALL SELECT m.id, m.chat FROM down JOIN messages m ON m.chat = down.chat AND m.parent = down.id
             ) SELECT m.run FROM down JOIN messages m ON m.id = down.id
             WHERE m.role = 'assistant' AND m.status IN ('queued', 'streaming') AND m.run IS NOT NULL
             ORDER BY m.position",
        )?
        .query_map([id.to_string()], |row| cells::id(row, "run"))?
        .collect::<Result<_, _>>()?)
}

/// Tells each of these messages which others stand in its place.
pub fn siblings(tx: &Tx, messages: &mut [Stored], these: &str) -> Done<()> {
    let mut query = tx.prepare_cached(
        "SELECT m.id AS of_message, s.id FROM messages m
         JOIN messages s ON s.chat = m.chat AND s.parent IS m.parent AND s.number <> m.number
         WHERE m.number IN (SELECT value FROM json_each(?1)) ORDER BY m.position, s.position",
    )?;
    let mut rows = query.query([these])?;
    while let Some(row) = rows.next()? {
        let of: MessageId = cells::id(row, "of_message")?;
        if let Some(message) = messages.iter_mut().find(|message| message.id == of) {
            message.siblings.push(cells::id(row, "id")?);
        }
    }
    for message in messages.iter_mut().filter(|message| !message.siblings.is_empty()) {
        // Ids sort by time, and so do places.
        message.siblings.push(message.id);
        message.siblings.sort_unstable();
    }
    Ok(())
}

/// The nearest message before this one that is shown.
fn shown_before(tx: &Tx, id: MessageId) -> Done<Option<MessageId>> {
    Ok(tx
        .prepare_cached(
            "WITH RECURSIVE up (id, parent, is_shown) AS (
               SELECT id, parent, is_shown FROM messages WHERE id = ?1
               UNION ALL
               SELECT m.id, m.parent, m.is_shown FROM up JOIN messages m ON m.id = up.parent WHERE up.is_shown = 0
             ) SELECT id FROM up WHERE is_shown = 1",
        )?
        .query_row([id.to_string()], |row| cells::id(row, "id"))
        .optional()?)
}

fn choose(tx: &Tx, chat: ChatId, id: MessageId) -> Done<()> {
    tx.prepare_cached(
        "WITH RECURSIVE up (id, parent) AS (
           SELECT id, parent FROM messages WHERE id = ?2
           UNION ALL SELECT m.id, m.parent FROM up JOIN messages m ON m.id = up.parent
         ) UPDATE messages SET is_chosen = (id IN (SELECT id FROM up))
         WHERE chat = ?1 AND is_chosen <> (id IN (SELECT id FROM up))
           AND (parent IS NULL OR parent IN (SELECT parent FROM up WHERE parent IS NOT NULL))",
    )?
    .execute(params![chat.to_string(), id.to_string()])?;
    tx.prepare_cached(
        "WITH RECURSIVE down (id) AS (
           SELECT id FROM messages WHERE chat = ?1 AND parent IS NULL AND is_chosen = 1
           UNION ALL SELECT m.id FROM down JOIN messages m ON m.chat = ?1 AND m.parent = down.id AND m.is_chosen = 1
         ) UPDATE messages SET is_shown = (id IN (SELECT id FROM down))
         WHERE chat = ?1 AND is_shown <> (id IN (SELECT id FROM down))",
    )?
    .execute([chat.to_string()])?;
    Ok(())
}

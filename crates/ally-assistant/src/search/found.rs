//! What a person finds in her chats: the message, the chat that it stands in, and the words around the hit.

use super::marks::{Snip, mark};
use super::{STOP_WORDS, shorten, whole_text, words};
use crate::fault::Done;
use crate::messages::Role;
use ally_store::{Tx, cells, params};
use ally_types::{ChatId, Content, MessageId, Timestamp};
use serde::Serialize;

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Found {
    /// Its chat.
    pub chat: ChatId,
    /// The title of the chat.
    pub title: Content,
    /// Whether the chat was put away.
    pub archived: bool,
    /// The message.
    pub message: MessageId,
    /// Who speaks.
    pub role: Role,
    /// When it was said.
    pub created: Timestamp,
    /// The words around the hit, in pieces.
    pub snippet: Vec<Snip>,
}

/// What is looked for.
pub struct Wanted {
    /// The words; the last one may be unfinished.
    pub text: Content,
    /// Only in this chat.
    pub chat: Option<ChatId>,
    /// Only said by this one.
    pub role: Option<Role>,
    /// Only said at this moment or after it.
    pub from: Option<Timestamp>,
    /// Only said before this moment.
    pub to: Option<Timestamp>,
}

/// Messages with all of the words, or if there is none, with some of them; the best first, then the newest.
pub fn messages(tx: &Tx, wanted: &Wanted, skip: u32, limit: u32) -> Done<Vec<Found>> {
    let all = words(wanted.text.expose());
    let telling: Vec<_> = all.iter().filter(|word| !STOP_WORDS.contains(&word.as_str())).cloned().collect();
    let used = if telling.is_empty() { all } else { telling };
    if used.is_empty() {
        return Ok(Vec::new());
    }
    let is_any_with_all = !fitting(tx, wanted, &expression(&used, " AND "), &used, 0, 1)?.is_empty();
    fitting(tx, wanted, &expression(&used, if is_any_with_all { " AND " } else { " OR " }), &used, skip, limit)
}

/// What FTS5 is asked: each word quoted; the last one also as the beginning of a word.
fn expression(words: &[String], joined: &str) -> String {
    let used = &words[..words.len().min(32)];
    let mut parts: Vec<_> = used.iter().map(|word| format!("\"{word}\"")).collect();
    if let Some(last) = parts.last_mut() {
        *last = format!("({last} OR {last}*)");
    }
    parts.join(joined)
}

fn fitting(tx: &Tx, wanted: &Wanted, terms: &str, words: &[String], skip: u32, limit: u32) -> Done<Vec<Found>> {
    Ok(tx
        .prepare_cached(
            "SELECT m.chat, m.id, m.role, m.created, m.text, c.title, c.archived,
                    (SELECT group_concat(b.text, ' ') FROM blocks b WHERE b.message = m.id AND b.kind = 'text') AS said,
                    (SELECT group_concat(a.name, ' ') FROM message_attachments l
                       JOIN attachments a ON a.id = l.attachment WHERE l.message = m.id) AS attached
             FROM message_index x JOIN messages m ON m.number = x.rowid JOIN chats c ON c.id = m.chat
             WHERE message_index MATCH ?1 AND c.deleted IS NULL AND m.is_shown = 1 AND (?2 IS NULL OR m.chat = ?2)
               AND (?3 IS NULL OR m.role = ?3) AND m.created >= ?4 AND m.created < ?5
             ORDER BY bm25(message_index), m.number DESC LIMIT ?6 OFFSET ?7",
        )?
        .query_map(
            params![
                terms,
                wanted.chat.map(|chat| chat.to_string()),
                wanted.role.map(Role::as_str),
                wanted.from.map_or(i64::MIN, Timestamp::as_millis),
                wanted.to.map_or(i64::MAX, Timestamp::as_millis),
                limit,
                skip
            ],
            |row| {
                let text = whole_text(row)?;
                Ok(Found {
                    chat: cells::id(row, "chat")?,
                    title: row.get::<_, String>("title")?.into(),
                    archived: row.get("archived")?,
                    message: cells::id(row, "id")?,
                    role: if row.get_ref("role")?.as_str()? == "user" { Role::User } else { Role::Assistant },
                    created: cells::time(row, "created")?,
                    snippet: mark(&shorten(&text, words), words),
                })
            },
        )?
        .collect::<Result<_, _>>()?)
}

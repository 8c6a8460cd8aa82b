//! The SQL of attachments.

use super::{Attachment, kind};
use crate::fault::Done;
use crate::messages::store::Stored;
use ally_store::{OptionalExtension, Tx, cells, params};
use ally_types::{AccountId, AttachmentId, ChatId, Content, Label, MessageId, Timestamp};
use rusqlite::Row;

/// How long a file waits to be sent.
pub const WAITS_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A file as it is kept.
pub struct Kept {
    /// The file.
    pub file: Attachment,
    /// The chat that it was sent in.
    pub chat: Option<ChatId>,
    /// Whose it is.
    pub account: AccountId,
}

const COLUMNS: &str = "SELECT a.id, a.chat, a.name, a.media_type, a.size, a.width, a.height, a.pages, a.account,
                       a.integrity, a.confidentiality";

/// Keeps the place of a file whose bytes are on their way. What stands in a file, and how it is called, nobody typed here.
pub fn insert(tx: &Tx, id: AttachmentId, name: &Content, account: AccountId, now: Timestamp) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO attachments (id, name, media_type, size, is_whole, expires, account, created, integrity,
           confidentiality) VALUES (?1, ?2, '', 0, 0, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        id.to_string(),
        name.expose(),
        now.plus_millis(WAITS_MILLIS).as_millis(),
        account.to_string(),
        now.as_millis(),
        Label::OUTSIDE.integrity.as_str(),
        Label::OUTSIDE.confidentiality.as_str(),
    ])?;
    Ok(())
}

/// Says what a file is, once its bytes are on the disk.
pub fn set_whole(tx: &Tx, file: &Attachment) -> Done<()> {
    tx.prepare_cached(
        "UPDATE attachments SET media_type = ?2, size = ?3, width = ?4, height = ?5, pages = ?6, is_whole = 1
         WHERE id = ?1",
    )?
    .execute(params![
        file.id.to_string(),
        file.media_type,
        file.size.cast_signed(),
        file.width,
        file.height,
        file.pages
    ])?;
    Ok(())
}

/// A file that is whole and not about to go.
pub fn whole(tx: &Tx, id: AttachmentId) -> Done<Option<Kept>> {
    Ok(tx
        .prepare_cached(&format!(
            "{COLUMNS} FROM attachments a LEFT JOIN chats c ON c.id = a.chat
             WHERE a.id = ?1 AND a.is_whole = 1 AND a.expires IS NOT 0 AND c.deleted IS NULL"
        ))?
        .query_row([id.to_string()], |row| {
            Ok(Kept { file: read(row)?, chat: cells::maybe_id(row, "chat")?, account: cells::id(row, "account")? })
        })
        .optional()?)
}

/// The files of a message, in order.
pub fn of_message(tx: &Tx, message: MessageId) -> Done<Vec<Attachment>> {
    Ok(tx
        .prepare_cached(&format!(
            "{COLUMNS} FROM message_attachments l JOIN attachments a ON a.id = l.attachment
             WHERE l.message = ?1 ORDER BY l.position"
        ))?
        .query_map([message.to_string()], read)?
        .collect::<Result<_, _>>()?)
}

/// Hands each of these messages its files.
pub fn attach(tx: &Tx, messages: &mut [Stored], these: &str) -> Done<()> {
    let mut query = tx.prepare_cached(&format!(
        "{COLUMNS}, l.message FROM messages m JOIN message_attachments l ON l.message = m.id
           JOIN attachments a ON a.id = l.attachment
         WHERE m.number IN (SELECT value FROM json_each(?1)) ORDER BY l.message, l.position"
    ))?;
    let mut rows = query.query([these])?;
    while let Some(row) = rows.next()? {
        let id: MessageId = cells::id(row, "message")?;
        if let Some(message) = messages.iter_mut().find(|message| message.id == id) {
            message.attachments.push(read(row)?);
        }
    }
    Ok(())
}

/// The file belongs to a chat from now on.
pub fn set_sent(tx: &Tx, id: AttachmentId, chat: ChatId) -> Done<()> {
    tx.prepare_cached("UPDATE attachments SET chat = ?2, expires = NULL WHERE id = ?1")?
        .execute(params![id.to_string(), chat.to_string()])?;
    Ok(())
}

/// A message has this file.
pub fn insert_link(tx: &Tx, message: MessageId, position: u32, id: AttachmentId) -> Done<()> {
    tx.prepare_cached("INSERT INTO message_attachments (message, position, attachment) VALUES (?1, ?2, ?3)")?
        .execute(params![message.to_string(), position, id.to_string()])?;
    Ok(())
}

/// Nobody wants the file any more; its name is forgotten at once.
pub fn set_expired(tx: &Tx, id: AttachmentId) -> Done<()> {
    tx.prepare_cached("UPDATE attachments SET chat = NULL, name = '', expires = 0 WHERE id = ?1")?
        .execute([id.to_string()])?;
    Ok(())
}

/// The same for all files of a chat.
pub fn expire_chat(tx: &Tx, chat: ChatId) -> Done<()> {
    tx.prepare_cached("UPDATE attachments SET chat = NULL, name = '', expires = 0 WHERE chat = ?1")?
        .execute([chat.to_string()])?;
    Ok(())
}

/// Files to be taken away now. From here on nobody can send one that has waited too long.
pub fn take_expired(tx: &Tx, now: Timestamp) -> Done<Vec<AttachmentId>> {
    tx.prepare_cached("UPDATE attachments SET name = '', expires = 0 WHERE expires IS NOT NULL AND expires <= ?1")?
        .execute([now.as_millis()])?;
    Ok(tx
        .prepare_cached("SELECT id FROM attachments WHERE expires = 0")?
        .query_map([], |row| cells::id(row, "id"))?
        .collect::<Result<_, _>>()?)
}

/// When the next file is to be taken away.
pub fn next_to_expire(tx: &Tx) -> Done<Option<Timestamp>> {
    let soonest: Option<i64> = tx
        .prepare_cached("SELECT MIN(expires) FROM attachments WHERE expires IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    Ok(soonest.map(Timestamp::from_millis))
}

/// Forgets a file whose bytes are gone.
pub fn remove(tx: &Tx, id: AttachmentId) -> Done<()> {
    tx.prepare_cached("DELETE FROM idempotency_keys WHERE made = ?1")?.execute([id.to_string()])?;
    tx.prepare_cached("DELETE FROM attachments WHERE id = ?1")?.execute([id.to_string()])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Attachment> {
    let (width, height) = (row.get("width")?, row.get("height")?);
    Ok(Attachment {
        id: cells::id(row, "id")?,
        name: row.get::<_, String>("name")?.into(),
        media_type: kind::known(row.get_ref("media_type")?.as_str()?),
        size: row.get::<_, i64>("size")?.cast_unsigned(),
        width,
        height,
        pages: row.get("pages")?,
        label: cells::label(row)?,
    })
}

//! The SQL of approval requests. They are waits; what is special about them stands in their body.

use super::card::{Card, Source};
use super::{Approval, http::Wanted};
use crate::fault::Done;
use crate::messages::store::Stored;
use ally_durable::{Wait, WaitKind, waits};
use ally_store::{Tx, cells, params};
use ally_types::{Content, MessageId, Timestamp, WaitId};

/// One request.
pub fn find(tx: &Tx, id: WaitId) -> Done<Option<(Wait, Card)>> {
    let wait = waits::find(tx, id)?.filter(|wait| wait.kind == WaitKind::Approval);
    Ok(wait.and_then(|wait| Card::of(&wait).map(|card| (wait, card))))
}

/// The requests before a place, newest first. Those of deleted and of temporary chats are in no list.
pub fn listed(tx: &Tx, wanted: Wanted, before: Option<(Timestamp, WaitId)>, limit: u32) -> Done<Vec<Approval>> {
    let which = match wanted {
        Wanted::All => "1",
        Wanted::Waiting => "resolved IS NULL",
        Wanted::Decided => "resolved IS NOT NULL",
    };
    let (at, id) = before.map_or((i64::MAX, String::new()), |(at, id)| (at.as_millis(), id.to_string()));
    let sql = format!(
        "SELECT {} FROM waits WHERE kind = 'approval' AND {which} AND (opened, id) < (?1, ?2)
           AND EXISTS (SELECT 1 FROM runs r JOIN chats c ON c.id = r.subject
                       WHERE r.id = waits.run AND c.deleted IS NULL AND c.temporary = 0)
         ORDER BY opened DESC, id DESC LIMIT ?3",
        waits::COLUMNS
    );
    let mut query = tx.prepare_cached(&sql)?;
    let found = query.query_map(params![at, id, limit], waits::read)?.collect::<Result<Vec<_>, _>>()?;
    let cards = found.iter().filter_map(|wait| Some((wait, Card::of(wait)?)));
    cards.map(|(wait, card)| titled(tx, Approval::of(wait, &card))).collect()
}

/// The same with the title of its chat.
pub fn titled(tx: &Tx, approval: Approval) -> Done<Approval> {
    let title: String = tx
        .prepare_cached("SELECT title FROM chats WHERE id = ?1")?
        .query_row([approval.chat.to_string()], |row| row.get(0))?;
    Ok(Approval { chat_title: Some(Content::new(title)), ..approval })
}

/// Hands each of these messages the requests of its run.
pub fn attach(tx: &Tx, messages: &mut [Stored], these: &str) -> Done<()> {
    let sql = format!(
        "SELECT {} FROM waits WHERE kind = 'approval' AND run IN (
           SELECT run FROM messages WHERE role = 'assistant' AND number IN (SELECT value FROM json_each(?1)))
         ORDER BY opened, id",
        waits::COLUMNS
    );
    let mut query = tx.prepare_cached(&sql)?;
    for wait in query.query_map([these], waits::read)? {
        let wait = wait?;
        let Some(card) = Card::of(&wait) else { continue };
        if let Some(message) = messages.iter_mut().find(|message| message.id == card.message) {
            message.approvals.push(Approval::of(&wait, &card));
        }
    }
    Ok(())
}

/// With what these messages began to hold words from outside. Whatever was said after it may have been written from it,
/// so its label says nothing about where it came from.
pub fn outside_sources(tx: &Tx, messages: &[MessageId]) -> Done<Vec<Source>> {
    let these: Vec<_> = messages.iter().map(ToString::to_string).collect();
    let these = serde_json::to_string(&these).unwrap_or_default();
    let mut query = tx.prepare_cached(
        "SELECT b.tool AS tool, r.at AS at, 0 AS is_file FROM tool_results r JOIN blocks b ON b.message = r.message AND b.call = r.call
           WHERE r.integrity = 'outside' AND r.message IN (SELECT value FROM json_each(?1))
         UNION ALL
         SELECT NULL, created, 0 FROM messages
           WHERE integrity = 'outside' AND id IN (SELECT value FROM json_each(?1))
         UNION ALL
         SELECT NULL, m.created, 1 FROM message_attachments l JOIN attachments a ON a.id = l.attachment
           JOIN messages m ON m.id = l.message
           WHERE a.integrity = 'outside' AND l.message IN (SELECT value FROM json_each(?1))
         ORDER BY 2 LIMIT 1",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Source { tool: row.get("tool")?, at: cells::time(row, "at")?, is_file: row.get("is_file")? })
    };
    Ok(query.query_map(params![these], read)?.collect::<Result<_, _>>()?)
}

//! The SQL of summaries.

use crate::fault::Done;
use ally_store::{Tx, cells, params};
use ally_types::{ChatId, Content, Label, MessageId, RunId, SummaryId, Timestamp};
use rusqlite::Row;

/// What stands for the beginning of a chat.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Its id.
    pub id: SummaryId,
    /// The last message that it stands for. Before it there is only one way to the beginning of the chat, so a summary
    /// holds for every version that stands behind it.
    pub last: MessageId,
    /// All messages that it stands for, those of the summary before it included, oldest first.
    pub messages: Vec<MessageId>,
    /// What it says.
    pub text: Content,
    /// When it was made.
    pub created: Timestamp,
    /// The join of all that it was made from.
    pub label: Label,
}

const COLUMNS: &str = "SELECT s.id, s.last, s.messages, s.text, s.created, s.integrity, s.confidentiality
     FROM summaries s JOIN messages m ON m.id = s.last";

/// All summaries of a chat, oldest first.
pub fn all(tx: &Tx, chat: ChatId) -> Done<Vec<Summary>> {
    let sql = format!("{COLUMNS} WHERE s.chat = ?1 ORDER BY m.position");
    Ok(tx.prepare_cached(&sql)?.query_map([chat.to_string()], read)?.collect::<Result<_, _>>()?)
}

/// Keeps a summary.
pub fn insert(tx: &Tx, chat: ChatId, run: RunId, summary: &Summary) -> Done<()> {
    let messages: Vec<String> = summary.messages.iter().map(MessageId::to_string).collect();
    tx.prepare_cached(
        "INSERT INTO summaries (id, chat, run, last, messages, text, created, integrity, confidentiality)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        summary.id.to_string(),
        chat.to_string(),
        run.to_string(),
        summary.last.to_string(),
        messages.join(" "),
        summary.text.expose(),
        summary.created.as_millis(),
        summary.label.integrity.as_str(),
        summary.label.confidentiality.as_str(),
    ])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Summary> {
    let messages: String = row.get("messages")?;
    Ok(Summary {
        id: cells::id(row, "id")?,
        last: cells::id(row, "last")?,
        messages: messages.split(' ').filter_map(|id| id.parse().ok()).collect(),
        text: row.get::<_, String>("text")?.into(),
        created: cells::time(row, "created")?,
        label: cells::label(row)?,
    })
}

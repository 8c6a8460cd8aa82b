//! The SQL of counted model calls. A row holds numbers only.

use crate::fault::Done;
use ally_llm::Usage;
use ally_store::{Tx, cells, params};
use ally_types::{ChatId, MessageId, RunId, Timestamp};

/// One call of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which adapter answered.
    pub provider: String,
    /// Which model.
    pub model: String,
    /// What it used.
    pub usage: Usage,
}

/// What the calls of a day or a chat used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The day (UTC).
    pub day: Option<String>,
    /// The chat; `None` for chats that are gone.
    pub chat: Option<ChatId>,
    /// The sums.
    pub usage: Usage,
    /// How many calls.
    pub calls: u64,
}

/// Keeps what a call used; `message` is the answer that it wrote, if it wrote one.
pub fn insert(tx: &Tx, run: RunId, chat: ChatId, message: Option<MessageId>, call: &Call, at: Timestamp) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO model_calls (run, chat, message, provider, model, input, output, cache_read, cache_write, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        run.to_string(),
        chat.to_string(),
        message.map(|message| message.to_string()),
        call.provider,
        call.model,
        call.usage.input.cast_signed(),
        call.usage.output.cast_signed(),
        call.usage.cache_read.cast_signed(),
        call.usage.cache_write.cast_signed(),
        at.as_millis(),
    ])?;
    Ok(())
}

/// All tokens that a run used for an answer, those of a cache included.
pub fn of_turn(tx: &Tx, answer: MessageId, run: RunId) -> Done<i64> {
    Ok(tx
        .prepare_cached(
            "SELECT COALESCE(SUM(input + output + cache_read + cache_write), 0) FROM model_calls
             WHERE message = ?1 AND run = ?2",
        )?
        .query_row(params![answer.to_string(), run.to_string()], |row| row.get(0))?)
}

/// Sums by day, oldest first.
pub fn by_day(tx: &Tx, from: Timestamp, to: Timestamp) -> Done<Vec<Sum>> {
    sums(tx, "strftime('%Y-%m-%d', at / 1000, 'unixepoch')", "NULL", from, to)
}

/// Sums by chat.
pub fn by_chat(tx: &Tx, from: Timestamp, to: Timestamp) -> Done<Vec<Sum>> {
    sums(tx, "NULL", "chat", from, to)
}

fn sums(tx: &Tx, day: &str, chat: &str, from: Timestamp, to: Timestamp) -> Done<Vec<Sum>> {
    let count = |row: &rusqlite::Row<'_>, column: &str| row.get::<_, i64>(column).map(i64::cast_unsigned);
    Ok(tx
        .prepare_cached(&format!(
            "SELECT {day} AS day, {chat} AS of_chat, SUM(input) AS input, SUM(output) AS output,
                    SUM(cache_read) AS cache_read, SUM(cache_write) AS cache_write, COUNT(*) AS calls
             FROM model_calls WHERE at >= ?1 AND at < ?2 GROUP BY 1, 2 ORDER BY 1, MAX(at)"
        ))?
        .query_map(params![from.as_millis(), to.as_millis()], |row| {
            Ok(Sum {
                day: row.get("day")?,
                chat: cells::maybe_id(row, "of_chat")?,
                usage: Usage {
                    input: count(row, "input")?,
                    output: count(row, "output")?,
                    cache_read: count(row, "cache_read")?,
                    cache_write: count(row, "cache_write")?,
                },
                calls: count(row, "calls")?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

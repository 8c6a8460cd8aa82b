//! The SQL of counted model calls. A row holds numbers only.

use super::{KEPT_DAYS, Paid};
use crate::fault::Done;
use ally_llm::Usage;
use ally_store::{OptionalExtension as _, Tx, cells, params};
use ally_types::{ChatId, Content, MessageId, RunId, Timestamp};

/// One call of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which adapter answered.
    pub provider: String,
    /// Which model.
    pub model: String,
    /// Whether it was made with the person's own key.
    pub is_own_key: bool,
    /// Tokens that the model reads at most, where its provider's list says so.
    pub window: Option<u64>,
    /// What it used.
    pub usage: Usage,
}

/// What the calls of one model for one cause used in a chat on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grain {
    /// The day (UTC).
    pub day: String,
    /// The chat; `None` for chats that are gone.
    pub chat: Option<ChatId>,
    /// Which adapter answered.
    pub provider: String,
    /// Which model.
    pub model: String,
    /// The kind of run.
    pub cause: String,
    /// Whether the person's own key paid.
    pub is_own_key: bool,
    /// What was used.
    pub usage: Usage,
    /// How many calls.
    pub calls: u64,
    /// The moment of the last of them.
    pub last: i64,
}

/// A sum over some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The day (UTC).
    pub day: Option<String>,
    /// The chat; `None` for chats that are gone.
    pub chat: Option<ChatId>,
    /// Its title.
    pub title: Option<Content>,
    /// The adapter.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The kind of run.
    pub cause: Option<String>,
    /// The sums.
    pub usage: Usage,
    /// How many calls.
    pub calls: u64,
    /// What the person's own key paid of it.
    pub paid: Paid,
    /// The moment of the last call.
    pub last: i64,
}

/// Keeps what a call used; `message` is the answer that it wrote, if it wrote one. Drops what is
/// older than it may be.
pub fn insert(tx: &Tx, run: RunId, chat: ChatId, message: Option<MessageId>, call: &Call, at: Timestamp) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO model_calls (run, chat, message, provider, model, input, output, cache_read, cache_write, at,
                                  cause, own_key, window)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
                 COALESCE((SELECT kind FROM runs WHERE id = ?1), 'turn'), ?11, ?12)",
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
        call.is_own_key,
        call.window.map(u64::cast_signed),
    ])?;
    let since = at.plus_millis(-KEPT_DAYS * 24 * 60 * 60 * 1000);
    tx.prepare_cached("DELETE FROM model_calls WHERE at < ?1")?.execute([since.as_millis()])?;
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

/// What was used in this time, oldest day first.
pub fn grains(tx: &Tx, from: Timestamp, to: Timestamp) -> Done<Vec<Grain>> {
    let count = |row: &rusqlite::Row<'_>, column: &str| row.get::<_, i64>(column).map(i64::cast_unsigned);
    Ok(tx
        .prepare_cached(
            "SELECT strftime('%Y-%m-%d', at / 1000, 'unixepoch') AS day, chat, provider, model, cause, own_key,
                    SUM(input) AS input, SUM(output) AS output, SUM(cache_read) AS cache_read,
                    SUM(cache_write) AS cache_write, COUNT(*) AS calls, MAX(at) AS last
             FROM model_calls WHERE at >= ?1 AND at < ?2 GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, last",
        )?
        .query_map(params![from.as_millis(), to.as_millis()], |row| {
            Ok(Grain {
                day: row.get("day")?,
                chat: cells::maybe_id(row, "chat")?,
                provider: row.get("provider")?,
                model: row.get("model")?,
                cause: row.get("cause")?,
                is_own_key: row.get("own_key")?,
                usage: Usage {
                    input: count(row, "input")?,
                    output: count(row, "output")?,
                    cache_read: count(row, "cache_read")?,
                    cache_write: count(row, "cache_write")?,
                },
                calls: count(row, "calls")?,
                last: row.get("last")?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// The title of a chat.
pub fn title(tx: &Tx, chat: ChatId) -> Done<Option<Content>> {
    let mut find = tx.prepare_cached("SELECT title FROM chats WHERE id = ?1")?;
    Ok(find.query_row([chat.to_string()], |row| row.get::<_, String>(0)).optional()?.map(Content::from))
}

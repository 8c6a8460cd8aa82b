//! The SQL of thumbs.

use super::{Feedback, KEPT_DAYS, Rating};
use crate::fault::Done;
use crate::messages::store::Stored;
use ally_store::{Tx, cells, params};
use ally_types::{AccountId, Content, Label, MessageId, Timestamp};

const KEPT_MILLIS: i64 = KEPT_DAYS as i64 * 24 * 60 * 60 * 1000;

/// Keeps one, instead of the one before.
pub fn put(tx: &Tx, id: MessageId, account: AccountId, model: &str, given: &Feedback) -> Done<()> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO feedback (message, rating, note, model, account, at, integrity, confidentiality)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        id.to_string(),
        given.rating.as_str(),
        given.note.as_ref().map(Content::expose),
        model,
        account.to_string(),
        given.at.as_millis(),
        Label::USER.integrity.as_str(),
        Label::USER.confidentiality.as_str(),
    ])?;
    Ok(())
}

/// Removes one; says whether there was one.
pub fn remove(tx: &Tx, id: MessageId) -> Done<bool> {
    Ok(tx.prepare_cached("DELETE FROM feedback WHERE message = ?1")?.execute([id.to_string()])? > 0)
}

/// Hands each of these messages what was said about it.
pub fn attach(tx: &Tx, messages: &mut [Stored], these: &str) -> Done<()> {
    let mut query = tx.prepare_cached(
        "SELECT f.message, f.rating, f.note, f.at FROM messages m JOIN feedback f ON f.message = m.id
         WHERE m.number IN (SELECT value FROM json_each(?1))",
    )?;
    let mut rows = query.query([these])?;
    while let Some(row) = rows.next()? {
        let id: MessageId = cells::id(row, "message")?;
        if let Some(message) = messages.iter_mut().find(|message| message.id == id) {
            message.feedback = Some(Feedback {
                rating: Rating::from_stored(row.get_ref("rating")?.as_str().unwrap_or_default()),
                note: row.get::<_, Option<String>>("note")?.map(Content::new),
                at: cells::time(row, "at")?,
            });
        }
    }
    Ok(())
}

/// When the oldest has been kept long enough.
pub fn next_to_forget(tx: &Tx) -> Done<Option<Timestamp>> {
    let oldest: Option<i64> = tx.prepare_cached("SELECT MIN(at) FROM feedback")?.query_row([], |row| row.get(0))?;
    Ok(oldest.map(|at| Timestamp::from_millis(at).plus_millis(KEPT_MILLIS)))
}

/// Forgets what was kept long enough; says whether there was any.
pub fn forget_old(tx: &Tx, now: Timestamp) -> Done<bool> {
    let gone = tx
        .prepare_cached("DELETE FROM feedback WHERE at <= ?1")?
        .execute([now.plus_millis(-KEPT_MILLIS).as_millis()])?;
    Ok(gone > 0)
}

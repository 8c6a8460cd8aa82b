//! Doing something once although it was asked for twice: `Idempotency-Key`.

use crate::fault::Done;
use ally_store::{OptionalExtension, Tx, params};
use ally_types::{AccountId, Problem, Timestamp};
use http::HeaderMap;

/// How long a key is remembered.
const KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;
const LONGEST_KEY: usize = 200;

/// An act that a client may repeat.
pub struct Claim<'a> {
    /// Who acts.
    pub account: AccountId,
    /// At which door.
    pub door: &'static str,
    /// The client's name for the act; `None` if it gave none.
    pub key: Option<&'a str>,
    /// What was asked for, as [`fingerprint`] sees it.
    pub fingerprint: &'a str,
}

/// Reads the header.
pub fn key(headers: &HeaderMap) -> Done<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= LONGEST_KEY => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(400, "idempotency_key", "This Idempotency-Key is empty or longer than 200 characters.")
            .next("Use a random id of your own, such as a UUID.")
            .into()),
    }
}

/// A digest of a request, so that the same key with another body can be told.
pub fn fingerprint(parts: &[&str]) -> String {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    ally_types::chance::encode_hex(digest.finish().as_ref())
}

/// What the act made the first time, if this is not the first time.
pub fn look_up(tx: &Tx, claim: &Claim<'_>) -> Done<Option<String>> {
    let Some(key) = claim.key else { return Ok(None) };
    let known = tx
        .prepare_cached("SELECT fingerprint, made FROM idempotency_keys WHERE account = ?1 AND door = ?2 AND key = ?3")?
        .query_row(params![claim.account.to_string(), claim.door, key], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    match known {
        None => Ok(None),
        Some((fingerprint, made)) if fingerprint == claim.fingerprint => Ok(Some(made)),
        Some(_) => {
            Err(Problem::new(409, "idempotency_key_reused", "This Idempotency-Key was used for something else.")
                .next("Use a new key for a new request.")
                .into())
        }
    }
}

/// Remembers what the act made, in the transaction that made it.
pub fn keep(tx: &Tx, claim: &Claim<'_>, made: &str, now: Timestamp) -> Done<()> {
    let Some(key) = claim.key else { return Ok(()) };
    tx.prepare_cached(
        "INSERT INTO idempotency_keys (account, door, key, fingerprint, made, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![claim.account.to_string(), claim.door, key, claim.fingerprint, made, now.as_millis()])?;
    Ok(())
}

/// When the oldest key is a day old.
pub fn next_to_forget(tx: &Tx) -> Done<Option<Timestamp>> {
    let oldest: Option<i64> =
        tx.prepare_cached("SELECT MIN(created) FROM idempotency_keys")?.query_row([], |row| row.get(0))?;
    Ok(oldest.map(|created| Timestamp::from_millis(created).plus_millis(KEPT_MILLIS)))
}

/// Forgets keys that are older than a day.
pub fn forget_old(tx: &Tx, now: Timestamp) -> Done<()> {
    tx.prepare_cached("DELETE FROM idempotency_keys WHERE created <= ?1")?
        .execute([now.plus_millis(-KEPT_MILLIS).as_millis()])?;
    Ok(())
}

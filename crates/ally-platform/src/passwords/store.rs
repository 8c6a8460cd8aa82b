//! The SQL of passwords.

use super::hash::{Hashed, SCHEME};
use crate::store::{StoreError, Tx};
use ally_types::{AccountId, Timestamp};
use sqlx::Row as _;

/// Keeps a password's hash, in place of the one before.
pub(crate) async fn put(tx: &mut Tx, account: AccountId, hash: &Hashed, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO password (account, scheme, hash, changed) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (account) DO UPDATE SET scheme = excluded.scheme, hash = excluded.hash, changed = excluded.changed",
    )
    .bind(account.to_string())
    .bind(SCHEME)
    .bind(&hash.0)
    .bind(now.as_millis())
    .execute(tx)
    .await?;
    Ok(())
}

/// The kept hash of an account; `None` when it has no password, or one of a scheme that this version does not know.
pub(crate) async fn of(tx: &mut Tx, account: AccountId) -> Result<Option<Hashed>, StoreError> {
    let row = sqlx::query("SELECT hash FROM password WHERE account = $1 AND scheme = $2")
        .bind(account.to_string())
        .bind(SCHEME)
        .fetch_optional(tx)
        .await?;
    row.map(|row| Ok(Hashed(row.try_get(0)?))).transpose()
}

/// Whether this is still the kept hash of the account. It is asked for while writing, so that nothing can change it
/// until the transaction ends.
pub(crate) async fn is_still(tx: &mut Tx, account: AccountId, hash: &Hashed) -> Result<bool, StoreError> {
    let same = sqlx::query("UPDATE password SET hash = hash WHERE account = $1 AND hash = $2")
        .bind(account.to_string())
        .bind(&hash.0)
        .execute(tx)
        .await?;
    Ok(same.rows_affected() == 1)
}

//! The SQL of invitations.

use crate::store::{StoreError, Tx};
use ally_types::{AccountId, InvitationId, Timestamp};
use sqlx::Row as _;

/// One invitation, without its token.
pub(crate) struct Row {
    pub(crate) id: InvitationId,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) used: Option<Timestamp>,
}

/// Writes a new invitation.
pub(crate) async fn insert(tx: &mut Tx, row: &Row, digest: &str, by: AccountId) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO invitation (id, token_hash, made_by, created, expires, used_by, used) \
         VALUES ($1, $2, $3, $4, $5, NULL, NULL)",
    )
    .bind(row.id.to_string())
    .bind(digest)
    .bind(by.to_string())
    .bind(row.created.as_millis())
    .bind(row.expires.as_millis())
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether an invitation with this digest can still be used.
pub(crate) async fn is_open(tx: &mut Tx, digest: &str, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM invitation WHERE token_hash = $1 AND used IS NULL AND expires > $2";
    let row = sqlx::query(sql).bind(digest).bind(now.as_millis()).fetch_optional(tx).await?;
    Ok(row.is_some())
}

/// Uses an invitation; `true` for exactly one caller.
pub(crate) async fn use_up(tx: &mut Tx, digest: &str, by: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE invitation SET used_by = $1, used = $2 WHERE token_hash = $3 AND used IS NULL AND expires > $4",
    )
    .bind(by.to_string())
    .bind(now.as_millis())
    .bind(digest)
    .bind(now.as_millis())
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// All invitations, newest first.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, created, expires, used FROM invitation ORDER BY id DESC LIMIT 200";
    let rows = sqlx::query(sql).fetch_all(tx).await?;
    let read = |row: &sqlx::any::AnyRow| {
        Ok(Row {
            id: row.try_get::<String, _>(0)?.parse().map_err(|_| StoreError::Unreadable)?,
            created: Timestamp::from_millis(row.try_get(1)?),
            expires: Timestamp::from_millis(row.try_get(2)?),
            used: row.try_get::<Option<i64>, _>(3)?.map(Timestamp::from_millis),
        })
    };
    rows.iter().map(read).collect()
}

/// Takes back an invitation that nobody used; `false` when there is none.
pub(crate) async fn delete(tx: &mut Tx, id: InvitationId) -> Result<bool, StoreError> {
    let done =
        sqlx::query("DELETE FROM invitation WHERE id = $1 AND used IS NULL").bind(id.to_string()).execute(tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets invitations that were over before `before`.
pub(crate) async fn forget_before(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM invitation WHERE expires < $1").bind(before.as_millis()).execute(tx).await?;
    Ok(done.rows_affected())
}

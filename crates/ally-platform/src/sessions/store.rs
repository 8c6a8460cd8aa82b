//! The SQL of sessions.

use crate::store::{StoreError, Tx};
use ally_types::{AccountId, SessionId, Timestamp};
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// One session.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) id: SessionId,
    pub(crate) account: AccountId,
    pub(crate) created: Timestamp,
    /// To the hour.
    pub(crate) last_used: Timestamp,
    /// In seconds since 1970.
    pub(crate) authenticated_at: i64,
    pub(crate) agent: String,
    /// The token that counts.
    pub(crate) jti: String,
    /// Its successor, handed out but not yet used.
    pub(crate) next_jti: Option<String>,
    /// Its predecessor.
    pub(crate) previous_jti: Option<String>,
    /// When the token that counts took over.
    pub(crate) renewed: Timestamp,
    pub(crate) ends: Timestamp,
    pub(crate) revoked: Option<Timestamp>,
}

/// Writes a new session.
pub(crate) async fn insert(tx: &mut Tx, row: &Row) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO session (id, account, created, last_used, authenticated_at, agent, jti, next_jti, previous_jti, \
         renewed, ends, revoked) VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, NULL, $8, $9, NULL)",
    )
    .bind(row.id.to_string())
    .bind(row.account.to_string())
    .bind(row.created.as_millis())
    .bind(row.last_used.as_millis())
    .bind(row.authenticated_at)
    .bind(&row.agent)
    .bind(&row.jti)
    .bind(row.renewed.as_millis())
    .bind(row.ends.as_millis())
    .execute(tx)
    .await?;
    Ok(())
}

/// The session with this id, also one that ended.
pub(crate) async fn by_id(tx: &mut Tx, id: SessionId) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT id, account, created, last_used, authenticated_at, agent, jti, next_jti, previous_jti, renewed, ends, \
               revoked FROM session WHERE id = $1";
    sqlx::query(sql).bind(id.to_string()).fetch_optional(tx).await?.map(|row| read(&row)).transpose()
}

/// The sessions of an account that count, newest first.
pub(crate) async fn living(tx: &mut Tx, account: AccountId, now: Timestamp) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, account, created, last_used, authenticated_at, agent, jti, next_jti, previous_jti, renewed, ends, \
               revoked FROM session WHERE account = $1 AND revoked IS NULL AND ends > $2 ORDER BY id DESC";
    let rows = sqlx::query(sql).bind(account.to_string()).bind(now.as_millis()).fetch_all(tx).await?;
    rows.iter().map(read).collect()
}

/// Ends a session; `false` when it had ended before.
pub(crate) async fn revoke(tx: &mut Tx, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE session SET revoked = $1 WHERE id = $2 AND revoked IS NULL")
        .bind(now.as_millis())
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes the hour of the last use.
pub(crate) async fn used(tx: &mut Tx, id: SessionId, hour: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE session SET last_used = $1 WHERE id = $2")
        .bind(hour.as_millis())
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Keeps a successor for the token that counts, unless there is one, and answers which it is.
pub(crate) async fn offer(tx: &mut Tx, id: SessionId, jti: &str, drawn: &str) -> Result<Option<String>, StoreError> {
    sqlx::query("UPDATE session SET next_jti = $1 WHERE id = $2 AND jti = $3 AND next_jti IS NULL")
        .bind(drawn)
        .bind(id.to_string())
        .bind(jti)
        .execute(&mut *tx)
        .await?;
    Ok(by_id(tx, id).await?.and_then(|row| if row.jti == jti { row.next_jti } else { Some(row.jti) }))
}

/// The successor was used for the first time: it counts from now on.
pub(crate) async fn confirm(tx: &mut Tx, id: SessionId, jti: &str, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE session SET previous_jti = jti, jti = $1, next_jti = NULL, renewed = $2 WHERE id = $3 AND next_jti = $4",
    )
    .bind(jti)
    .bind(now.as_millis())
    .bind(id.to_string())
    .bind(jti)
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets sessions that ended before `before`.
pub(crate) async fn forget_before(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM session WHERE ends < $1 OR revoked < $2")
        .bind(before.as_millis())
        .bind(before.as_millis())
        .execute(tx)
        .await?;
    Ok(done.rows_affected())
}

fn read(row: &AnyRow) -> Result<Row, StoreError> {
    let moment = |at: usize| row.try_get::<i64, _>(at).map(Timestamp::from_millis);
    Ok(Row {
        id: row.try_get::<String, _>(0)?.parse().map_err(|_| StoreError::Unreadable)?,
        account: row.try_get::<String, _>(1)?.parse().map_err(|_| StoreError::Unreadable)?,
        created: moment(2)?,
        last_used: moment(3)?,
        authenticated_at: row.try_get(4)?,
        agent: row.try_get(5)?,
        jti: row.try_get(6)?,
        next_jti: row.try_get(7)?,
        previous_jti: row.try_get(8)?,
        renewed: moment(9)?,
        ends: moment(10)?,
        revoked: row.try_get::<Option<i64>, _>(11)?.map(Timestamp::from_millis),
    })
}

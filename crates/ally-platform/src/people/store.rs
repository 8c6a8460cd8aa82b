//! The SQL of plans and of totals of usage.

use crate::store::{StoreError, Tx};
use ally_types::{AccountId, ServerId, Timestamp};
use sqlx::Row as _;

/// One account, as the administrator sees it.
pub(crate) struct Row {
    pub(crate) id: AccountId,
    pub(crate) email: String,
    pub(crate) name: Option<String>,
    pub(crate) administrator: bool,
    pub(crate) plan: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) tokens: i64,
}

/// Accounts behind this one in the order in which they were made, with their tokens since that day.
pub(crate) async fn after(tx: &mut Tx, after: &str, since: i64, most: i64) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT a.id, a.email_typed, a.name, a.administrator, a.plan, a.created, \
               CAST((SELECT COALESCE(SUM(u.tokens), 0) FROM usage_total u JOIN membership m ON m.server = u.server \
               WHERE m.account = a.id AND u.day >= $1) AS BIGINT) FROM account a WHERE a.id > $2 ORDER BY a.id LIMIT $3";
    let rows = sqlx::query(sql).bind(since).bind(after).bind(most).fetch_all(tx).await?;
    let read = |row: &sqlx::any::AnyRow| {
        Ok(Row {
            id: row.try_get::<String, _>(0)?.parse().map_err(|_| StoreError::Unreadable)?,
            email: row.try_get(1)?,
            name: row.try_get(2)?,
            administrator: row.try_get::<i32, _>(3)? != 0,
            plan: row.try_get(4)?,
            created: Timestamp::from_millis(row.try_get(5)?),
            tokens: row.try_get(6)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Tokens of everybody since that day.
pub(crate) async fn total(tx: &mut Tx, since: i64) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(tokens), 0) AS BIGINT) FROM usage_total WHERE day >= $1";
    Ok(sqlx::query(sql).bind(since).fetch_one(tx).await?.try_get(0)?)
}

/// Gives an account a plan, or the usual one; `false` when there is no such account.
pub(crate) async fn set_plan(tx: &mut Tx, id: AccountId, plan: Option<&str>) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE account SET plan = $1 WHERE id = $2").bind(plan).bind(id.to_string()).execute(tx);
    Ok(done.await?.rows_affected() == 1)
}

/// Servers whose plan is not the usual one, behind this one.
pub(crate) async fn plans(tx: &mut Tx, after: &str, most: i64) -> Result<Vec<(ServerId, String)>, StoreError> {
    let sql = "SELECT m.server, a.plan FROM account a JOIN membership m ON m.account = a.id \
               WHERE a.plan IS NOT NULL AND m.server > $1 ORDER BY m.server LIMIT $2";
    let rows = sqlx::query(sql).bind(after).bind(most).fetch_all(tx).await?;
    let server = |row: &sqlx::any::AnyRow| row.try_get::<String, _>(0)?.parse().map_err(|_| StoreError::Unreadable);
    rows.iter().map(|row| Ok((server(row)?, row.try_get(1)?))).collect()
}

/// Keeps what a server used on a day. It is the sum of the day, so it only grows, and what comes twice or late changes
/// nothing.
pub(crate) async fn note(tx: &mut Tx, server: ServerId, day: i64, tokens: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO usage_total (server, day, tokens) VALUES ($1, $2, $3) ON CONFLICT (server, day) DO UPDATE \
         SET tokens = CASE WHEN excluded.tokens > usage_total.tokens THEN excluded.tokens ELSE usage_total.tokens END",
    )
    .bind(server.to_string())
    .bind(day)
    .bind(tokens)
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets the days before this one.
pub(crate) async fn forget_before(tx: &mut Tx, day: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM usage_total WHERE day < $1").bind(day).execute(tx).await?;
    Ok(())
}

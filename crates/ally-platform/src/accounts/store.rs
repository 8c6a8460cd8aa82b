//! The SQL of accounts, their servers and what they accepted.

use super::{Account, Email};
use crate::store::{StoreError, Tx, is_taken};
use ally_types::{AccountId, ServerId, Timestamp};
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// An account with what only the platform needs to know of it.
pub(crate) struct Row {
    pub(crate) account: Account,
    /// The address in the form that is compared.
    pub(crate) email: String,
    /// Tokens signed before this second do not count.
    pub(crate) not_before: i64,
}

/// What to write for a new account.
pub(crate) struct New<'a> {
    pub(crate) id: AccountId,
    pub(crate) server: ServerId,
    pub(crate) email: &'a Email,
    pub(crate) name: Option<&'a str>,
    pub(crate) timezone: Option<&'a str>,
    pub(crate) administrator: bool,
    pub(crate) now: Timestamp,
}

/// Claims to be the first account of the installation. Exactly one transaction can ever be answered `true`: the row
/// is locked by whoever asks first, and the other one sees the winner when it may go on.
pub(crate) async fn claim_first(tx: &mut Tx, id: AccountId) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE installation SET first_account = $1 WHERE id = 1 AND first_account IS NULL")
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the installation has an account.
pub(crate) async fn has_first(tx: &mut Tx) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT first_account FROM installation WHERE id = 1").fetch_one(tx).await?;
    Ok(row.try_get::<Option<String>, _>(0)?.is_some())
}

/// Writes an account, its server and its membership; `false` when the address is used.
pub(crate) async fn insert(tx: &mut Tx, new: &New<'_>) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO account (id, email, email_typed, name, timezone, administrator, created, not_before) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
    )
    .bind(new.id.to_string())
    .bind(&new.email.normal)
    .bind(&new.email.typed)
    .bind(new.name)
    .bind(new.timezone)
    .bind(i32::from(new.administrator))
    .bind(new.now.as_millis())
    .execute(&mut *tx)
    .await;
    match inserted {
        Err(error) if is_taken(&error) => return Ok(false),
        other => other?,
    };
    sqlx::query("INSERT INTO server (id, created, ready) VALUES ($1, $2, NULL)")
        .bind(new.server.to_string())
        .bind(new.now.as_millis())
        .execute(&mut *tx)
        .await?;
    sqlx::query("INSERT INTO membership (account, server, role, created) VALUES ($1, $2, 'owner', $3)")
        .bind(new.id.to_string())
        .bind(new.server.to_string())
        .bind(new.now.as_millis())
        .execute(tx)
        .await?;
    Ok(true)
}

/// Writes that the account accepted a version of a document.
pub(crate) async fn accept(
    tx: &mut Tx,
    id: AccountId,
    document: &str,
    version: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO acceptance (account, document, version, accepted) VALUES ($1, $2, $3, $4)")
        .bind(id.to_string())
        .bind(document)
        .bind(version)
        .bind(now.as_millis())
        .execute(tx)
        .await?;
    Ok(())
}

/// The account with this address, in the form that is compared.
pub(crate) async fn by_email(tx: &mut Tx, normal: &str) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT a.id, a.email_typed, a.name, a.timezone, a.administrator, a.created, m.server, a.email, a.not_before \
               FROM account a JOIN membership m ON m.account = a.id WHERE a.email = $1";
    sqlx::query(sql).bind(normal).fetch_optional(tx).await?.map(|row| read(&row)).transpose()
}

/// The account with this id.
pub(crate) async fn by_id(tx: &mut Tx, id: AccountId) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT a.id, a.email_typed, a.name, a.timezone, a.administrator, a.created, m.server, a.email, a.not_before \
               FROM account a JOIN membership m ON m.account = a.id WHERE a.id = $1";
    sqlx::query(sql).bind(id.to_string()).fetch_optional(tx).await?.map(|row| read(&row)).transpose()
}

/// Changes the name.
pub(crate) async fn rename(tx: &mut Tx, id: AccountId, name: Option<&str>) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET name = $1 WHERE id = $2").bind(name).bind(id.to_string()).execute(tx).await?;
    Ok(())
}

/// Changes the time zone.
pub(crate) async fn move_to(tx: &mut Tx, id: AccountId, timezone: Option<&str>) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET timezone = $1 WHERE id = $2")
        .bind(timezone)
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Notes that the server exists at its host.
pub(crate) async fn server_is_ready(tx: &mut Tx, server: ServerId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE server SET ready = $1 WHERE id = $2 AND ready IS NULL")
        .bind(now.as_millis())
        .bind(server.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Row, StoreError> {
    let id = |at: usize| row.try_get::<String, _>(at);
    Ok(Row {
        account: Account {
            id: id(0)?.parse().map_err(|_| StoreError::Unreadable)?,
            email: row.try_get(1)?,
            name: row.try_get(2)?,
            timezone: row.try_get(3)?,
            administrator: row.try_get::<i32, _>(4)? != 0,
            created: Timestamp::from_millis(row.try_get(5)?),
            server: id(6)?.parse().map_err(|_| StoreError::Unreadable)?,
        },
        email: row.try_get(7)?,
        not_before: row.try_get(8)?,
    })
}

//! The SQL of jobs.

use crate::store::{StoreError, Tx};
use ally_types::Timestamp;
use sqlx::Row as _;

/// A job that was taken.
pub(super) struct Taken {
    pub(super) key: String,
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) attempts: i32,
}

/// Writes a job unless it stands there already.
pub(super) async fn add(tx: &mut Tx, kind: &str, subject: &str, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO job (key, kind, subject, attempts, due, lease, leased_until, done, failed) \
         VALUES ($1, $2, $3, 0, $4, NULL, NULL, NULL, 0) ON CONFLICT (key) DO NOTHING",
    )
    .bind(format!("{kind}/{subject}"))
    .bind(kind)
    .bind(subject)
    .bind(now.as_millis())
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes up to `most` jobs that are due and that nobody holds. Each is taken by a conditional update, so that of two
/// workers one gets it.
pub(super) async fn take(
    tx: &mut Tx,
    lease: &str,
    now: Timestamp,
    lease_millis: i64,
    most: i32,
) -> Result<Vec<Taken>, StoreError> {
    let rows = sqlx::query(
        "SELECT key, kind, subject, attempts FROM job WHERE done IS NULL AND failed = 0 AND due <= $1 \
         AND (leased_until IS NULL OR leased_until <= $2) ORDER BY due LIMIT $3",
    )
    .bind(now.as_millis())
    .bind(now.as_millis())
    .bind(i64::from(most))
    .fetch_all(&mut *tx)
    .await?;
    let mut taken = Vec::new();
    for row in rows {
        let job = Taken {
            key: row.try_get(0)?,
            kind: row.try_get(1)?,
            subject: row.try_get(2)?,
            attempts: row.try_get::<i32, _>(3)? + 1,
        };
        let updated = sqlx::query(
            "UPDATE job SET lease = $1, leased_until = $2, attempts = $3 WHERE key = $4 AND done IS NULL \
             AND (leased_until IS NULL OR leased_until <= $5)",
        )
        .bind(lease)
        .bind(now.plus_millis(lease_millis).as_millis())
        .bind(job.attempts)
        .bind(&job.key)
        .bind(now.as_millis())
        .execute(&mut *tx)
        .await?;
        if updated.rows_affected() == 1 {
            taken.push(job);
        }
    }
    Ok(taken)
}

/// The job is done.
pub(super) async fn done(tx: &mut Tx, key: &str, lease: &str, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE job SET done = $1, lease = NULL, leased_until = NULL WHERE key = $2 AND lease = $3")
        .bind(now.as_millis())
        .bind(key)
        .bind(lease)
        .execute(tx)
        .await?;
    Ok(())
}

/// The job is to be tried again at `due`.
pub(super) async fn again(tx: &mut Tx, key: &str, lease: &str, due: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE job SET due = $1, lease = NULL, leased_until = NULL WHERE key = $2 AND lease = $3")
        .bind(due.as_millis())
        .bind(key)
        .bind(lease)
        .execute(tx)
        .await?;
    Ok(())
}

/// The job will never be done.
pub(super) async fn failed(tx: &mut Tx, key: &str, lease: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE job SET failed = 1, lease = NULL, leased_until = NULL WHERE key = $1 AND lease = $2")
        .bind(key)
        .bind(lease)
        .execute(tx)
        .await?;
    Ok(())
}

/// When there will be something to do.
pub(super) async fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT due, leased_until FROM job WHERE done IS NULL AND failed = 0 ORDER BY due LIMIT 1";
    let Some(row) = sqlx::query(sql).fetch_optional(tx).await? else { return Ok(None) };
    let (due, leased) = (row.try_get::<i64, _>(0)?, row.try_get::<Option<i64>, _>(1)?);
    Ok(Some(Timestamp::from_millis(leased.map_or(due, |leased| leased.max(due)))))
}

/// Forgets jobs that were done before `before`.
pub(super) async fn forget_before(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM job WHERE done < $1").bind(before.as_millis()).execute(tx).await?;
    Ok(done.rows_affected())
}

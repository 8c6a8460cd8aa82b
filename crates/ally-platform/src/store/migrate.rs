//! Migrations: only added, never edited; a checksum of each stands in the database and is compared at every start.

use super::{Engine, StoreError, Tx};
use ally_types::{Clock, chance};
use sqlx::Row as _;

/// A table and one of its columns.
pub type Column = (String, String);

struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "accounts", sql: include_str!("migrations/0001_accounts.sql") },
    Migration { version: 2, name: "plans", sql: include_str!("migrations/0002_plans.sql") },
];

/// Brings the database to this version, inside the transaction.
pub(super) async fn up(tx: &mut Tx, engine: Engine, clock: &dyn Clock) -> Result<(), StoreError> {
    if engine == Engine::Postgres {
        // Several replicas may start at once; the second waits here and then finds nothing to do.
        sqlx::raw_sql("SELECT pg_advisory_xact_lock(7236511)").execute(&mut *tx).await?;
    }
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS migration (version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, \
         applied BIGINT NOT NULL)",
    )
    .execute(&mut *tx)
    .await?;
    let rows = sqlx::query("SELECT version, checksum FROM migration ORDER BY version").fetch_all(&mut *tx).await?;
    if rows.len() > MIGRATIONS.len() {
        return Err(StoreError::Version("it is newer than this program"));
    }
    for (row, migration) in rows.iter().zip(MIGRATIONS) {
        let known = (row.try_get::<i64, _>(0)?, row.try_get::<String, _>(1)?);
        if known != (migration.version, checksum(migration)) {
            return Err(StoreError::Version("a migration that already ran was edited"));
        }
    }
    for migration in &MIGRATIONS[rows.len()..] {
        sqlx::raw_sql(migration.sql).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO migration (version, name, checksum, applied) VALUES ($1, $2, $3, $4)")
            .bind(migration.version)
            .bind(migration.name)
            .bind(checksum(migration))
            .bind(clock.now().as_millis())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

fn checksum(migration: &Migration) -> String {
    chance::encode_hex(ring::digest::digest(&ring::digest::SHA256, migration.sql.as_bytes()).as_ref())
}

/// Every column of every table.
pub(super) async fn columns(tx: &mut Tx, engine: Engine) -> Result<Vec<Column>, StoreError> {
    let sql = match engine {
        Engine::Sqlite => {
            "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
             AND m.name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
        }
        Engine::Postgres => {
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns \
             WHERE table_schema = 'public' ORDER BY 1, 2"
        }
    };
    let rows = sqlx::query(sql).fetch_all(tx).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

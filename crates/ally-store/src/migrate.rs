//! Numbered migrations: applied once, remembered with a checksum, never edited.

use crate::StoreError;
use ally_types::register::{Basis, Entry, Kept, Place};
use rusqlite::{Connection, params};

/// One step of the schema. A released migration is never edited; a change is a new one.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// 1, 2, 3 … without a gap.
    pub number: u32,
    /// What it is about, for a person who looks into the database.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// What is wrong with a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The database was written by a newer version.
    #[error("the database was written by a newer version of Ally")]
    Newer,
    /// It was applied with another text than the one of this binary.
    #[error("it was edited after it was applied")]
    Edited,
    /// The numbers of this binary have a gap or start elsewhere than at 1.
    #[error("the numbers of the migrations have a gap")]
    Gap,
    /// Its statements failed; nothing was changed.
    #[error("its statements failed, and nothing was changed")]
    Failed,
}

/// The register's entry for the table this crate keeps in every database.
pub const fn migrations_entry(store: &'static str) -> Entry {
    Entry {
        place: Place::Columns { store, table: "migrations", columns: &["number", "name", "checksum"] },
        what: "which version of the database's structure is in use",
        category: "system.operations",
        purpose: "upgrading without losing anything",
        basis: Basis::Contract,
        kept: Kept::WithAccount,
        recipients: &[],
        personal: false,
    }
}

/// Compares what the database says with what this binary brings, and applies what is missing in one transaction.
pub(crate) fn run(connection: &Connection, migrations: &[Migration]) -> Result<(), StoreError> {
    if let Some(gap) = (1..).zip(migrations).find(|(number, migration)| migration.number != *number) {
        return Err(StoreError::Migration { number: gap.0, fault: Fault::Gap });
    }
    let applied = applied(connection)?;
    for (number, checksum) in applied.as_deref().unwrap_or_default() {
        let known = migrations.iter().find(|migration| migration.number == *number);
        let fault = match known {
            None => Fault::Newer,
            Some(migration) if fingerprint(migration.sql) != *checksum => Fault::Edited,
            Some(_) => continue,
        };
        return Err(StoreError::Migration { number: *number, fault });
    }
    let due = &migrations[applied.as_ref().map_or(0, Vec::len)..];
    if due.is_empty() {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = apply(connection, due, applied.is_none());
    let ended = connection.execute_batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" });
    done.and(ended.map_err(StoreError::from))
}

/// What was applied, in one query; `None` in a new database, which has no such table.
fn applied(connection: &Connection) -> Result<Option<Vec<(u32, i64)>>, StoreError> {
    let mut statement = match connection.prepare("SELECT number, checksum FROM migrations ORDER BY number") {
        Ok(statement) => statement,
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::Unknown) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Some(rows.collect::<Result<_, _>>()?))
}

fn apply(connection: &Connection, due: &[Migration], is_new: bool) -> Result<(), StoreError> {
    if is_new {
        connection.execute_batch(
            "CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT",
        )?;
    }
    for migration in due {
        connection.execute_batch(migration.sql).map_err(|error| match StoreError::from(error) {
            StoreError::DiskFull => StoreError::DiskFull,
            _ => StoreError::Migration { number: migration.number, fault: Fault::Failed },
        })?;
        connection.execute(
            "INSERT INTO migrations (number, name, checksum) VALUES (?1, ?2, ?3)",
            params![migration.number, migration.name, fingerprint(migration.sql)],
        )?;
    }
    Ok(())
}

/// FNV-1a, 64 bits. It guards against an accident, not an attacker: whoever can write the file can write the checksum.
fn fingerprint(sql: &str) -> i64 {
    let hash = sql
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash.cast_signed()
}

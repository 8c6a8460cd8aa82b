//! The SQL of instructions.

use super::Instructions;
use crate::fault::Done;
use ally_store::{Tx, cells, params};
use ally_types::{AccountId, FolderId, Timestamp};
use rusqlite::Row;

/// So many versions of each are kept.
pub const MOST_VERSIONS: u32 = 50;

/// Keeps a new version.
pub fn insert(tx: &Tx, folder: Option<FolderId>, new: &Instructions, account: AccountId, now: Timestamp) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO instructions (folder, name, tone, rules, account, at, integrity, confidentiality)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        folder.map(|folder| folder.to_string()),
        new.name.expose(),
        new.tone.expose(),
        new.rules.expose(),
        account.to_string(),
        now.as_millis(),
        new.label.integrity.as_str(),
        new.label.confidentiality.as_str(),
    ])?;
    // What nobody can see any more is not kept.
    tx.prepare_cached(
        "DELETE FROM instructions WHERE folder IS ?1 AND number NOT IN
         (SELECT number FROM instructions WHERE folder IS ?1 ORDER BY number DESC LIMIT ?2)",
    )?
    .execute(params![folder.map(|folder| folder.to_string()), MOST_VERSIONS])?;
    Ok(())
}

/// Forgets every version but the one that counts.
pub fn forget(tx: &Tx, folder: Option<FolderId>) -> Done<()> {
    tx.prepare_cached(
        "DELETE FROM instructions WHERE folder IS ?1 AND number <
         (SELECT MAX(number) FROM instructions WHERE folder IS ?1)",
    )?
    .execute([folder.map(|folder| folder.to_string())])?;
    Ok(())
}

/// The version that counts.
pub fn newest(tx: &Tx, folder: Option<FolderId>) -> Done<Option<Instructions>> {
    Ok(versions(tx, folder, 1)?.pop())
}

/// The last versions, newest first.
pub fn versions(tx: &Tx, folder: Option<FolderId>, limit: u32) -> Done<Vec<Instructions>> {
    Ok(tx
        .prepare_cached(
            "SELECT name, tone, rules, at, integrity, confidentiality FROM instructions
             WHERE folder IS ?1 ORDER BY number DESC LIMIT ?2",
        )?
        .query_map(params![folder.map(|folder| folder.to_string()), limit], read)?
        .collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Instructions> {
    Ok(Instructions {
        name: row.get::<_, String>("name")?.into(),
        tone: row.get::<_, String>("tone")?.into(),
        rules: row.get::<_, String>("rules")?.into(),
        changed: Some(cells::time(row, "at")?),
        label: cells::label(row)?,
    })
}

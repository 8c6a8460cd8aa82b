//! The SQL of folders.

use super::Folder;
use crate::fault::Done;
use ally_store::{OptionalExtension, Tx, cells, params};
use ally_types::{AccountId, Content, FolderId, Label, Timestamp};
use rusqlite::Row;

const COLUMNS: &str = "SELECT id, name, position, created, deleted FROM folders";

/// Keeps a new folder, behind all others.
pub fn insert(tx: &Tx, id: FolderId, name: &Content, account: AccountId, now: Timestamp) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO folders (id, name, position, created, account, integrity, confidentiality)
         VALUES (?1, ?2, (SELECT COALESCE(MAX(position) + 1, 0) FROM folders), ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        id.to_string(),
        name.expose(),
        now.as_millis(),
        account.to_string(),
        Label::USER.integrity.as_str(),
        Label::USER.confidentiality.as_str(),
    ])?;
    Ok(())
}

/// A folder, deleted or not.
pub fn get(tx: &Tx, id: FolderId) -> Done<Option<Folder>> {
    Ok(tx.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?.query_row([id.to_string()], read).optional()?)
}

/// A folder that was not deleted.
pub fn live(tx: &Tx, id: FolderId) -> Done<Option<Folder>> {
    Ok(get(tx, id)?.filter(|folder| folder.deleted.is_none()))
}

/// All folders, in their order.
pub fn all(tx: &Tx) -> Done<Vec<Folder>> {
    Ok(tx
        .prepare_cached(&format!("{COLUMNS} WHERE deleted IS NULL ORDER BY position, id"))?
        .query_map([], read)?
        .collect::<Result<_, _>>()?)
}

/// How many there are.
pub fn count(tx: &Tx) -> Done<u32> {
    Ok(tx.prepare_cached("SELECT COUNT(*) FROM folders WHERE deleted IS NULL")?.query_row([], |row| row.get(0))?)
}

/// Gives a folder another name.
pub fn set_name(tx: &Tx, id: FolderId, name: &Content) -> Done<()> {
    tx.prepare_cached("UPDATE folders SET name = ?2 WHERE id = ?1")?.execute(params![id.to_string(), name.expose()])?;
    Ok(())
}

/// Puts folders in this order.
pub fn set_order(tx: &Tx, order: &[FolderId]) -> Done<()> {
    for (position, id) in (0_u32..).zip(order) {
        tx.prepare_cached("UPDATE folders SET position = ?2 WHERE id = ?1")?
            .execute(params![id.to_string(), position])?;
    }
    Ok(())
}

/// Takes a folder from sight, or brings it back.
pub fn set_deleted(tx: &Tx, id: FolderId, at: Option<Timestamp>) -> Done<()> {
    tx.prepare_cached("UPDATE folders SET deleted = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), at.map(Timestamp::as_millis)])?;
    Ok(())
}

/// When the folder that waits longest was deleted.
pub fn oldest_deletion(tx: &Tx) -> Done<Option<Timestamp>> {
    let millis: Option<i64> = tx.prepare_cached("SELECT MIN(deleted) FROM folders")?.query_row([], |row| row.get(0))?;
    Ok(millis.map(Timestamp::from_millis))
}

/// Removes for good what was deleted at or before a moment. Answers whether there was anything.
pub fn remove_deleted_before(tx: &Tx, moment: Timestamp) -> Done<bool> {
    let removed = tx.prepare_cached("DELETE FROM folders WHERE deleted <= ?1")?.execute([moment.as_millis()])?;
    Ok(removed > 0)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Folder> {
    Ok(Folder {
        id: cells::id(row, "id")?,
        name: row.get::<_, String>("name")?.into(),
        position: row.get("position")?,
        created: cells::time(row, "created")?,
        deleted: cells::maybe_time(row, "deleted")?,
    })
}

//! The SQL of memory files and their versions.

use super::Change;
use super::disk::Stat;
use super::path::NotePath;
use crate::fault::Done;
use ally_store::{OptionalExtension, Tx, cells, params};
use ally_types::{Content, Label, RunId, Timestamp, VersionId};
use rusqlite::Row;

/// A file as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Which.
    pub path: NotePath,
    /// Its text.
    pub text: Content,
    /// The version that this is.
    pub version: VersionId,
    /// When it was last changed.
    pub updated: Timestamp,
    /// What it was on disk when we last looked.
    pub stat: Stat,
    /// Where it comes from and how private it is.
    pub label: Label,
}

/// A version in the history of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// Its place in the history of everything.
    pub number: i64,
    /// The whole text; `None` if the file did not exist.
    pub text: Option<Content>,
    /// Who made it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// The run that made it.
    pub run: Option<RunId>,
    /// When.
    pub at: Timestamp,
}

/// A version that is not on disk yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Its id.
    pub id: VersionId,
    /// Its place in the history of everything.
    pub number: i64,
    /// Which file.
    pub path: NotePath,
    /// What it shall say; `None` if it shall go.
    pub text: Option<Content>,
    /// What it said before.
    pub base: Option<Content>,
}

/// Until our text is on disk, no real file looks like this.
const NOT_THERE: Stat = Stat { size: -1, modified: 0, inode: 0 };

const FILES: &str = "SELECT f.path, v.text, f.version, f.updated, f.size, f.modified, f.inode, f.integrity, \
                     f.confidentiality FROM memory_files f JOIN memory_versions v ON v.id = f.version";

/// One file.
pub fn file(tx: &Tx, path: &NotePath) -> Done<Option<File>> {
    Ok(tx.prepare_cached(&format!("{FILES} WHERE f.path = ?1"))?.query_row([path.as_str()], read_file).optional()?)
}

/// All files, by path.
pub fn files(tx: &Tx) -> Done<Vec<File>> {
    Ok(tx.prepare_cached(&format!("{FILES} ORDER BY f.path"))?.query_map([], read_file)?.collect::<Result<_, _>>()?)
}

/// Keeps a version as the present one; it is not on disk yet.
pub fn insert_version(tx: &Tx, id: VersionId, change: &Change, text: Option<&Content>, now: Timestamp) -> Done<()> {
    let (integrity, confidentiality) = (change.label.integrity.as_str(), change.label.confidentiality.as_str());
    tx.prepare_cached(
        "INSERT INTO memory_versions (id, number, path, text, author, reason, run, account, at, applied, integrity,
           confidentiality)
         VALUES (?1, (SELECT COALESCE(MAX(number), 0) + 1 FROM memory_versions), ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10)",
    )?
    .execute(params![
        id.to_string(),
        change.path.as_str(),
        text.map(Content::expose),
        change.author.as_str(),
        change.reason,
        change.run.map(|run| run.to_string()),
        change.account.map(|account| account.to_string()),
        now.as_millis(),
        integrity,
        confidentiality,
    ])?;
    if text.is_none() {
        tx.prepare_cached("DELETE FROM memory_files WHERE path = ?1")?.execute([change.path.as_str()])?;
        return Ok(());
    }
    tx.prepare_cached(
        "INSERT INTO memory_files (path, version, size, modified, inode, updated, integrity, confidentiality)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (path) DO UPDATE SET version = excluded.version, size = excluded.size,
           modified = excluded.modified, inode = excluded.inode, updated = excluded.updated,
           integrity = excluded.integrity, confidentiality = excluded.confidentiality",
    )?
    .execute(params![
        change.path.as_str(),
        id.to_string(),
        NOT_THERE.size,
        NOT_THERE.modified,
        NOT_THERE.inode,
        now.as_millis(),
        integrity,
        confidentiality,
    ])?;
    Ok(())
}

/// Versions that are not on disk yet, oldest first.
pub fn unapplied(tx: &Tx) -> Done<Vec<Pending>> {
    let mut query = tx.prepare_cached(
        "SELECT v.id, v.number, v.path, v.text,
                (SELECT b.text FROM memory_versions b WHERE b.path = v.path AND b.number < v.number AND b.applied < 2
                 ORDER BY b.number DESC LIMIT 1) AS base
         FROM memory_versions v WHERE v.applied = 0 ORDER BY v.number",
    )?;
    Ok(query
        .query_map([], |row| {
            Ok(Pending {
                id: cells::id(row, "id")?,
                number: row.get("number")?,
                path: path(row)?,
                text: row.get::<_, Option<String>>("text")?.map(Content::new),
                base: row.get::<_, Option<String>>("base")?.map(Content::new),
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// Whether a version of this file is not on disk yet.
pub fn is_pending(tx: &Tx, path: &NotePath) -> Done<bool> {
    Ok(tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM memory_versions WHERE path = ?1 AND applied = 0)")?
        .query_row([path.as_str()], |row| row.get(0))?)
}

/// The file says what the version says; or the version was put aside because an outside change came first or
/// the file cannot be written.
pub fn mark_applied(tx: &Tx, version: &Pending, stat: Option<&Stat>, is_aside: bool) -> Done<()> {
    tx.prepare_cached("UPDATE memory_versions SET applied = ?2 WHERE number = ?1")?
        .execute(params![version.number, if is_aside { 2 } else { 1 }])?;
    if is_aside { Ok(()) } else { set_stat(tx, &version.path, stat) }
}

/// What is on disk is what the rows say now.
pub fn settle_outside(tx: &Tx, path: &NotePath, stat: Option<&Stat>) -> Done<()> {
    tx.prepare_cached("UPDATE memory_versions SET applied = 1 WHERE path = ?1 AND applied = 0")?
        .execute([path.as_str()])?;
    set_stat(tx, path, stat)
}

/// The history of a file, newest first.
pub fn versions(tx: &Tx, path: &NotePath) -> Done<Vec<Version>> {
    Ok(tx
        .prepare_cached(
            "SELECT id, number, text, author, reason, run, at FROM memory_versions WHERE path = ?1 ORDER BY number DESC",
        )?
        .query_map([path.as_str()], |row| {
            Ok(Version {
                id: cells::id(row, "id")?,
                number: row.get("number")?,
                text: row.get::<_, Option<String>>("text")?.map(Content::new),
                author: row.get("author")?,
                reason: row.get("reason")?,
                run: cells::maybe_id(row, "run")?,
                at: cells::time(row, "at")?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

fn set_stat(tx: &Tx, path: &NotePath, stat: Option<&Stat>) -> Done<()> {
    let stat = stat.unwrap_or(&NOT_THERE);
    tx.prepare_cached("UPDATE memory_files SET size = ?2, modified = ?3, inode = ?4 WHERE path = ?1")?
        .execute(params![path.as_str(), stat.size, stat.modified, stat.inode])?;
    Ok(())
}

fn read_file(row: &Row<'_>) -> rusqlite::Result<File> {
    Ok(File {
        path: path(row)?,
        text: row.get::<_, Option<String>>("text")?.unwrap_or_default().into(),
        version: cells::id(row, "version")?,
        updated: cells::time(row, "updated")?,
        stat: Stat { size: row.get("size")?, modified: row.get("modified")?, inode: row.get("inode")? },
        label: cells::label(row)?,
    })
}

fn path(row: &Row<'_>) -> rusqlite::Result<NotePath> {
    NotePath::stored(row.get_ref("path")?.as_str()?)
        .ok_or_else(|| rusqlite::Error::InvalidColumnType(0, "path".to_owned(), rusqlite::types::Type::Text))
}

//! Waits: approvals, timers, questions, events and sub-runs are one table of durable rows with a deadline and a default.

use crate::words::words;
use ally_store::{OptionalExtension, StoreError, Tx, cells, params, rusqlite};
use ally_types::{Content, Label, RunId, Timestamp, WaitId};
use serde::Serialize;

words! {
    /// What a run waits for.
    WaitKind {
        /// A person allows a step or does not.
        Approval = "approval",
        /// A moment.
        Timer = "timer",
        /// A person's answer.
        Question = "question",
        /// Something from outside.
        Event = "event",
        /// Another run.
        SubRun = "sub_run",
        /// A person says whether a step happened; the answer is an [`UnknownAnswer`].
        Unknown = "unknown",
    }
}

words! {
    /// What a person says about a step of which nobody knows whether it happened.
    UnknownAnswer {
        /// It happened: go on.
        Happened = "happened",
        /// It did not happen: do it.
        DidNotHappen = "did_not_happen",
        /// Leave it out and go on.
        Skip = "skip",
        /// Stop the run.
        Stop = "stop",
    }
}

/// A wait that a run opens.
#[derive(Debug, Clone)]
pub struct NewWait {
    /// Names it within the run, like the path of a step.
    pub step: String,
    /// What for.
    pub kind: WaitKind,
    /// Until when.
    pub due: Option<Timestamp>,
    /// JSON: what counts as the answer when the time is over; `null` if there is none.
    pub on_expiry: Option<Content>,
    /// JSON: the question, the exact effect, what a person needs to know.
    pub body: Content,
    /// Where the body comes from and how private it is.
    pub label: Label,
}

/// A wait as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// Its id.
    pub id: WaitId,
    /// Which run waits.
    pub run: RunId,
    /// Its name within the run.
    pub step: String,
    /// What for.
    pub kind: WaitKind,
    /// Since when.
    pub opened: Timestamp,
    /// Until when.
    pub due: Option<Timestamp>,
    /// JSON: what counts as the answer when the time is over.
    pub on_expiry: Option<Content>,
    /// JSON: the question.
    pub body: Content,
    /// Where the body comes from and how private it is.
    pub label: Label,
    /// How it was resolved; `None` while it is open.
    pub resolution: Option<Resolution>,
}

/// How a wait was resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resolution {
    /// By whom: an account, `clock` when the time was over, `ended` when the run ended first.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// JSON: the answer.
    pub body: Content,
}

/// What became of an attempt to resolve a wait. One wins; the others are told who did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// This was the first answer, and it counts.
    Won(Wait),
    /// It was resolved before; nothing was changed.
    Already(Wait),
    /// There is no such wait.
    NotFound,
}

/// Who resolves a wait whose time is over.
pub const BY_CLOCK: &str = "clock";
/// Who resolves the waits of a run that ends.
pub const BY_END: &str = "ended";

/// The columns that [`read`] reads, for questions that only one feature asks.
pub const COLUMNS: &str = "id, run, step, kind, opened, due, on_expiry, body, integrity, confidentiality, resolved, \
                       resolved_by, resolution";

/// The wait with this id.
pub fn find(tx: &Tx, id: WaitId) -> Result<Option<Wait>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM waits WHERE id = ?1");
    Ok(tx.prepare_cached(&sql)?.query_row([id.to_string()], read).optional()?)
}

/// The open waits of a run, in the order in which they were opened.
pub fn open_of(tx: &Tx, run: RunId) -> Result<Vec<Wait>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM waits WHERE run = ?1 AND resolved IS NULL ORDER BY opened, id");
    all(tx, &sql, params![run.to_string()])
}

/// All waits of a run, open or not.
pub fn of(tx: &Tx, run: RunId) -> Result<Vec<Wait>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM waits WHERE run = ?1 ORDER BY opened, id");
    all(tx, &sql, params![run.to_string()])
}

/// The wait that a run opened under this name.
pub(crate) fn named(tx: &Tx, run: RunId, step: &str) -> Result<Option<Wait>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM waits WHERE run = ?1 AND step = ?2 ORDER BY opened DESC, id DESC LIMIT 1");
    Ok(tx.prepare_cached(&sql)?.query_row([run.to_string(), step.to_owned()], read).optional()?)
}

/// The earliest deadline of any open wait: when somebody must be awake.
pub fn next_alarm(tx: &Tx) -> Result<Option<Timestamp>, StoreError> {
    let mut statement =
        tx.prepare_cached("SELECT due FROM waits WHERE resolved IS NULL AND due IS NOT NULL ORDER BY due LIMIT 1")?;
    Ok(statement.query_row([], |row| cells::time(row, "due")).optional()?)
}

/// Open waits whose time is over, the earliest first, at most `limit`.
pub(crate) fn due_before(tx: &Tx, now: Timestamp, limit: u32) -> Result<Vec<Wait>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM waits WHERE resolved IS NULL AND due <= ?1 ORDER BY due LIMIT ?2");
    all(tx, &sql, params![now.as_millis(), limit])
}

pub(crate) fn insert(tx: &Tx, id: WaitId, run: RunId, wait: &NewWait, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO waits (id, run, step, kind, opened, due, on_expiry, body, integrity, confidentiality)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        id.to_string(),
        run.to_string(),
        wait.step,
        wait.kind.as_str(),
        now.as_millis(),
        wait.due.map(Timestamp::as_millis),
        wait.on_expiry.as_ref().map(Content::expose),
        wait.body.expose(),
        wait.label.integrity.as_str(),
        wait.label.confidentiality.as_str(),
    ])?;
    Ok(())
}

/// Compare and set: false if somebody else was first.
pub(crate) fn close(tx: &Tx, id: WaitId, resolution: &Resolution) -> Result<bool, StoreError> {
    let changed = tx
        .prepare_cached(
            "UPDATE waits SET resolved = ?2, resolved_by = ?3, resolution = ?4 WHERE id = ?1 AND resolved IS NULL",
        )?
        .execute(params![id.to_string(), resolution.at.as_millis(), resolution.by, resolution.body.expose()])?;
    Ok(changed == 1)
}

fn all(tx: &Tx, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Wait>, StoreError> {
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(values, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Reads [`COLUMNS`].
pub fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Wait> {
    let resolution = match cells::maybe_time(row, "resolved")? {
        Some(at) => {
            let body = row.get::<_, Option<String>>("resolution")?.unwrap_or_else(|| "null".to_owned());
            Some(Resolution { by: row.get("resolved_by")?, at, body: Content::new(body) })
        }
        None => None,
    };
    Ok(Wait {
        id: cells::id(row, "id")?,
        run: cells::id(row, "run")?,
        step: row.get("step")?,
        kind: cells::id(row, "kind")?,
        opened: cells::time(row, "opened")?,
        due: cells::maybe_time(row, "due")?,
        on_expiry: row.get::<_, Option<String>>("on_expiry")?.map(Content::new),
        body: Content::new(row.get::<_, String>("body")?),
        label: cells::label(row)?,
        resolution,
    })
}

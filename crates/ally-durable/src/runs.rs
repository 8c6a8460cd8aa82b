//! The run table: one row for each run, with its state.

use crate::state::State;
use ally_store::{OptionalExtension, StoreError, Tx, cells, params, rusqlite};
use ally_types::{Content, Label, RunId, Timestamp};

/// What a run is made of.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id, drawn by the caller.
    pub id: RunId,
    /// Which executor does it.
    pub kind: &'static str,
    /// What it belongs to, for lists and for deletion: the chat, the workflow.
    pub subject: String,
    /// The run that asked for it.
    pub parent: Option<RunId>,
    /// At most one run has this key: a schedule's occurrence, a client's `Idempotency-Key`.
    pub key: Option<String>,
    /// JSON for the executor.
    pub input: Content,
    /// Where the input comes from and how private it is.
    pub label: Label,
}

/// A run as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: RunId,
    /// Which executor does it.
    pub kind: String,
    /// What it belongs to.
    pub subject: String,
    /// The run that asked for it.
    pub parent: Option<RunId>,
    /// Where it stands.
    pub state: State,
    /// How often it was taken up from the top: 1 after the first start, more after interruptions.
    pub attempts: u32,
    /// The process that made it or took it up last.
    pub epoch: u64,
    /// When somebody asked to stop.
    pub cancel_requested: Option<Timestamp>,
    /// JSON for the executor.
    pub input: Content,
    /// Where the input comes from and how private it is.
    pub label: Label,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it was taken up first.
    pub started: Option<Timestamp>,
}

const COLUMNS: &str = "id, kind, subject, parent, state, reason, state_at, attempts, epoch, cancel_requested, input, \
                       integrity, confidentiality, created, started";

/// The run with this id.
pub fn find(tx: &Tx, id: RunId) -> Result<Option<Row>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
    Ok(tx.prepare_cached(&sql)?.query_row([id.to_string()], read).optional()?)
}

/// The run with this idempotency key.
pub fn with_key(tx: &Tx, key: &str) -> Result<Option<Row>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE idempotency_key = ?1");
    Ok(tx.prepare_cached(&sql)?.query_row([key], read).optional()?)
}

/// The runs of a chat or a workflow, oldest first.
pub fn of_subject(tx: &Tx, subject: &str) -> Result<Vec<Row>, StoreError> {
    all(tx, &format!("SELECT {COLUMNS} FROM runs WHERE subject = ?1 ORDER BY created, id"), params![subject])
}

/// The runs that nobody waits with and that have not ended: what a process that starts must take up. One query over a
/// partial index, however many runs wait or have ended.
pub fn recoverable(tx: &Tx) -> Result<Vec<Row>, StoreError> {
    all(tx, &format!("SELECT {COLUMNS} FROM runs WHERE state IN ('queued', 'running') ORDER BY created, id"), params![])
}

/// Deletes the ended runs of a subject with their journal and waits. Answers how many are left because they are open.
pub fn delete_ended_of_subject(tx: &Tx, subject: &str) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM runs WHERE subject = ?1 AND state IN ('succeeded', 'failed', 'cancelled')",
        params![subject],
    )?;
    let left: i64 = tx.query_row("SELECT count(*) FROM runs WHERE subject = ?1", params![subject], |row| row.get(0))?;
    Ok(left.cast_unsigned())
}

fn all(tx: &Tx, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Row>, StoreError> {
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(values, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let epoch = row.get::<_, i64>("epoch")?.cast_unsigned();
    Ok(Row {
        id: cells::id(row, "id")?,
        kind: row.get("kind")?,
        subject: row.get("subject")?,
        parent: cells::maybe_id(row, "parent")?,
        state: read_state(row, epoch)?,
        attempts: row.get("attempts")?,
        epoch,
        cancel_requested: cells::maybe_time(row, "cancel_requested")?,
        input: Content::new(row.get::<_, String>("input")?),
        label: cells::label(row)?,
        created: cells::time(row, "created")?,
        started: cells::maybe_time(row, "started")?,
    })
}

fn read_state(row: &rusqlite::Row<'_>, epoch: u64) -> rusqlite::Result<State> {
    let (reason, at) = (row.get("reason")?, cells::time(row, "state_at")?);
    let word = row.get_ref("state")?.as_str()?;
    State::from_columns(word, reason, at, epoch)
        .ok_or_else(|| rusqlite::Error::InvalidColumnType(0, "state".to_owned(), rusqlite::types::Type::Text))
}

/// The few columns that decide whether a process may still act for a run.
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) epoch: u64,
    pub(crate) attempts: u32,
}

/// Where a run stands, read in the transaction that wants to change it.
pub(crate) fn standing(tx: &Tx, id: &str) -> Result<Option<Standing>, StoreError> {
    let mut statement = tx.prepare_cached("SELECT state, reason, state_at, epoch, attempts FROM runs WHERE id = ?1")?;
    let found = statement.query_row([id], |row| {
        let epoch = row.get::<_, i64>("epoch")?.cast_unsigned();
        Ok(Standing { state: read_state(row, epoch)?, epoch, attempts: row.get("attempts")? })
    });
    Ok(found.optional()?)
}

pub(crate) fn insert(tx: &Tx, run: &NewRun, epoch: u64, now: Timestamp) -> Result<Row, StoreError> {
    tx.prepare_cached(
        "INSERT INTO runs (id, kind, subject, parent, idempotency_key, state, state_at, attempts, epoch, input, integrity,
                           confidentiality, created)
         VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, 0, ?7, ?8, ?9, ?10, ?6)",
    )?
    .execute(params![
        run.id.to_string(),
        run.kind,
        run.subject,
        run.parent.map(|parent| parent.to_string()),
        run.key,
        now.as_millis(),
        epoch.cast_signed(),
        run.input.expose(),
        run.label.integrity.as_str(),
        run.label.confidentiality.as_str(),
    ])?;
    Ok(Row {
        id: run.id,
        kind: run.kind.to_owned(),
        subject: run.subject.clone(),
        parent: run.parent,
        state: State::Queued,
        attempts: 0,
        epoch,
        cancel_requested: None,
        input: run.input.clone(),
        label: run.label,
        created: now,
        started: None,
    })
}

/// Writes a state that was reached by one of the moves of [`State`].
pub(crate) fn set_state(tx: &Tx, id: RunId, state: &State, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE runs SET state = ?2, reason = ?3, state_at = ?4 WHERE id = ?1")?.execute(params![
        id.to_string(),
        state.as_str(),
        state.reason(),
        now.as_millis()
    ])?;
    Ok(())
}

/// Writes that a process has taken the run up.
pub(crate) fn set_claimed(tx: &Tx, id: RunId, epoch: u64, attempts: u32, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE runs SET state = 'running', reason = NULL, state_at = ?2, epoch = ?3, attempts = ?4,
                         started = coalesce(started, ?2) WHERE id = ?1",
    )?
    .execute(params![id.to_string(), now.as_millis(), epoch.cast_signed(), attempts])?;
    Ok(())
}

pub(crate) fn set_cancel_requested(tx: &Tx, id: RunId, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE runs SET cancel_requested = coalesce(cancel_requested, ?2) WHERE id = ?1")?
        .execute(params![id.to_string(), now.as_millis()])?;
    Ok(())
}

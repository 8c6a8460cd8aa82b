//! The journal: everything a run did, in order, only ever added to. It is what the person sees as the timeline.

use crate::step::Effect;
use crate::words::words;
use ally_store::{StoreError, Tx, cells, params, rusqlite};
use ally_types::{Content, Label, RunId, Timestamp};
use serde::Serialize;

/// The format of the rows that this version writes. Rows of every earlier format can still be read.
pub const FORMAT: u32 = 1;

words! {
    /// What a row of the journal tells.
    Kind {
        /// The run was asked for.
        Created = "created",
        /// The run was taken up, for the first time or again.
        Started = "started",
        /// A step is about to be done.
        Intent = "intent",
        /// A step was done.
        Outcome = "outcome",
        /// A step failed, and we know so.
        Error = "error",
        /// A person said to go on without a step.
        Skipped = "skipped",
        /// Nobody can know whether a step was done.
        Unknown = "unknown",
        /// A person said that it was not done and shall be done.
        Repeat = "repeat",
        /// The run waits.
        WaitOpened = "wait_opened",
        /// What it waited for has come, or the time is over.
        WaitClosed = "wait_closed",
        /// Somebody asked to stop.
        CancelRequested = "cancel_requested",
        /// Something worth telling.
        Note = "note",
        /// The end, as wanted.
        Succeeded = "succeeded",
        /// The end, not as wanted.
        Failed = "failed",
        /// The end, because somebody asked to stop.
        Cancelled = "cancelled",
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Which run.
    pub run: RunId,
    /// 1, 2, 3 … without a gap.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: Kind,
    /// Which step, if it is about one.
    pub step: Option<String>,
    /// What kind of effect the step has.
    pub effect: Option<Effect>,
    /// Which attempt of the step, or of the run where no step is meant.
    pub attempt: u32,
    /// JSON: the request, the outcome, the question, the answer, the reason.
    pub body: Option<Content>,
    /// Where the body comes from and how private it is.
    pub label: Label,
}

/// The rows of a run after `seq` (0 for all), in order.
pub fn of(tx: &Tx, run: RunId, after: u64) -> Result<Vec<Entry>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT run, seq, at, kind, step, effect, attempt, body, integrity, confidentiality
         FROM journal WHERE run = ?1 AND seq > ?2 ORDER BY seq",
    )?;
    let rows = statement.query_map(params![run.to_string(), after.cast_signed()], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        run: cells::id(row, "run")?,
        seq: row.get::<_, i64>("seq")?.cast_unsigned(),
        at: cells::time(row, "at")?,
        kind: cells::id(row, "kind")?,
        step: row.get("step")?,
        effect: cells::maybe_id(row, "effect")?,
        attempt: row.get("attempt")?,
        body: row.get::<_, Option<String>>("body")?.map(Content::new),
        label: cells::label(row)?,
    })
}

/// Adds a row; `entry.seq` is set to its number.
pub(crate) fn append(tx: &Tx, entry: &mut Entry) -> Result<(), StoreError> {
    let seq: i64 = tx
        .prepare_cached(
            "INSERT INTO journal (run, seq, format, at, kind, step, effect, attempt, body, integrity, confidentiality)
             VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM journal WHERE run = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,
                     ?10)
             RETURNING seq",
        )?
        .query_row(
            params![
                entry.run.to_string(),
                FORMAT,
                entry.at.as_millis(),
                entry.kind.as_str(),
                entry.step,
                entry.effect.map(Effect::as_str),
                entry.attempt,
                entry.body.as_ref().map(Content::expose),
                entry.label.integrity.as_str(),
                entry.label.confidentiality.as_str(),
            ],
            |row| row.get(0),
        )?;
    entry.seq = seq.cast_unsigned();
    Ok(())
}

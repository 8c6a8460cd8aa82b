//! The doors of runs.

use super::{RunStatus, not_found};
use crate::app::App;
use crate::door::Path;
use crate::fault::Fault;
use crate::owner::Owner;
use crate::page::Items;
use ally_durable::{State as Standing, journal};
use ally_http::answer::Accepted;
use ally_http::{Answer, Json};
use ally_types::{ChatId, Problem, RunId, Timestamp};
use axum::extract::State;
use serde::Serialize;

/// A run.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Run {
    /// Its id.
    id: RunId,
    /// What kind of run: `turn`.
    kind: String,
    /// The chat it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    chat: Option<ChatId>,
    /// Where it stands.
    status: RunStatus,
    /// Why it failed, as a stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How often it was taken up.
    attempts: u32,
    /// When it was asked for.
    created: Timestamp,
    /// When it was first taken up.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: Option<Timestamp>,
}

/// One line of what was done.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct JournalEntry {
    /// 1, 2, 3 …
    seq: u64,
    /// When.
    at: Timestamp,
    /// What: `created`, `started`, `intent`, `outcome`, `error`, `succeeded` …
    kind: &'static str,
    /// The step it is about, `1/model` or `1/tool/1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// What kind of effect the step has.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'static str>,
    /// Which attempt.
    attempt: u32,
    /// The request, the outcome, the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<serde_json::Value>,
}

/// One run.
#[utoipa::path(get, path = "/api/v1/runs/{run}", tag = "runs", operation_id = "get_run",
    params(("run" = RunId, Path)), responses((status = 200, body = Run), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Owner, Path(run): Path<RunId>) -> Answer<Json<Run>> {
    Ok(Json(find(&app, run).await?))
}

/// What a run has done, in order.
#[utoipa::path(get, path = "/api/v1/runs/{run}/journal", tag = "runs", operation_id = "get_run_journal",
    params(("run" = RunId, Path)), responses((status = 200, body = Items<JournalEntry>), (status = 404, body = Problem)))]
pub async fn journal(State(app): State<App>, _: Owner, Path(run): Path<RunId>) -> Answer<Json<Items<JournalEntry>>> {
    find(&app, run).await?;
    let entries = app.store().read(move |tx| journal::of(tx, run, 0).map_err(Fault::from)).await?;
    Ok(Json(Items::all(entries.into_iter().map(JournalEntry::from))))
}

/// Stops a run. What it has written is kept.
#[utoipa::path(post, path = "/api/v1/runs/{run}/cancel", tag = "runs", operation_id = "cancel_run",
    params(("run" = RunId, Path)), responses((status = 202, body = Run), (status = 404, body = Problem)))]
pub async fn cancel(State(app): State<App>, _: Owner, Path(run): Path<RunId>) -> Answer<Accepted<Run>> {
    let inner = app.clone();
    app.store().write(move |tx| super::cancel(tx, &inner, run)).await?;
    Ok(Accepted(find(&app, run).await?))
}

async fn find(app: &App, run: RunId) -> Answer<Run> {
    let row = app.store().read(move |tx| ally_durable::runs::find(tx, run).map_err(Fault::from)).await?;
    Ok(row.map(Run::from).ok_or_else(not_found)?)
}

impl From<ally_durable::runs::Row> for Run {
    fn from(row: ally_durable::runs::Row) -> Self {
        let finished = match row.state {
            Standing::Succeeded { at } | Standing::Failed { at, .. } | Standing::Cancelled { at } => Some(at),
            _ => None,
        };
        Self {
            id: row.id,
            kind: row.kind,
            chat: row.subject.parse().ok(),
            status: RunStatus::from(&row.state),
            reason: row.state.reason().map(str::to_owned),
            attempts: row.attempts,
            created: row.created,
            started: row.started,
            finished,
        }
    }
}

impl From<journal::Entry> for JournalEntry {
    fn from(entry: journal::Entry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at,
            kind: entry.kind.as_str(),
            step: entry.step,
            effect: entry.effect.map(ally_durable::Effect::as_str),
            attempt: entry.attempt,
            body: entry.body.and_then(|body| serde_json::from_str(body.expose()).ok()),
        }
    }
}

//! The doors of approval requests. Looking at one decides nothing.

use super::{Approval, Choice, Decide, Decided, store};
use crate::app::App;
use crate::door::{Path, Query};
use crate::fault::Fault;
use crate::owner::Owner;
use crate::page::Items;
use crate::{approvals, idempotency};
use ally_http::{Answer, Json};
use ally_types::{Content, Problem, Timestamp, WaitId};
use axum::extract::State;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

/// Which requests are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// All of them.
    #[default]
    All,
    /// Those that nobody has answered.
    Waiting,
    /// Those that no longer wait.
    Decided,
}

/// Which page of the requests.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Which of them.
    #[serde(default)]
    #[param(inline)]
    status: Wanted,
    /// Where to begin: `next` of the page before.
    cursor: Option<String>,
    /// At most so many items, 1 to 100.
    limit: Option<u32>,
}

/// An answer to a request.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ApprovalAnswer {
    /// Yes or no.
    decision: Choice,
    /// The lines to agree to; all of them when left out.
    lines: Option<Vec<String>>,
    /// Other arguments, when exactly one line is agreed to.
    edited_input: Option<Value>,
    /// What your assistant shall know about it, at most 2,000 bytes.
    reason: Option<Content>,
}

/// The approval requests, newest first.
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals", operation_id = "list_approvals", params(Page),
    responses((status = 200, body = Items<Approval>)))]
pub async fn list(State(app): State<App>, _: Owner, Query(page): Query<Page>) -> Answer<Json<Items<Approval>>> {
    let limit = page.limit.unwrap_or(50).clamp(1, 100);
    let before = page.cursor.as_deref().map(|cursor| read_cursor(cursor).ok_or_else(bad_cursor)).transpose()?;
    let mut items = app.store().read(move |tx| store::listed(tx, page.status, before, limit + 1)).await?;
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| has_more).map(|last| format!("{}.{}", last.opened.as_millis(), last.id));
    Ok(Json(Items { items, next }))
}

/// One approval request.
#[utoipa::path(get, path = "/api/v1/approvals/{approval}", tag = "approvals", operation_id = "get_approval",
    params(("approval" = WaitId, Path)), responses((status = 200, body = Approval), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Owner, Path(id): Path<WaitId>) -> Answer<Json<Approval>> {
    let found = app.store().read(move |tx| {
        let (wait, card) = store::find(tx, id)?.ok_or_else(approvals::not_found)?;
        crate::chats::store::live(tx, card.chat)?.ok_or_else(approvals::not_found)?;
        store::titled(tx, Approval::of(&wait, &card))
    });
    Ok(Json(found.await?))
}

/// Answers an approval request. The first answer counts; a second one is told who was first, and changes nothing.
#[utoipa::path(post, path = "/api/v1/approvals/{approval}", tag = "approvals", operation_id = "decide_approval",
    params(("approval" = WaitId, Path), ("idempotency-key" = Option<String>, Header)), request_body = ApprovalAnswer,
    responses((status = 200, body = Approval), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub async fn decide(
    State(app): State<App>,
    owner: Owner,
    Path(id): Path<WaitId>,
    headers: HeaderMap,
    Json(answer): Json<ApprovalAnswer>,
) -> Answer<Json<Approval>> {
    let ApprovalAnswer { decision, lines, edited_input, reason } = answer;
    let decide = Decide { decision, lines, edited_input, reason, idempotency_key: idempotency::key(&headers)? };
    let inner = app.clone();
    let decided = app.store().write(move |tx| approvals::decide(tx, &inner, owner, id, &decide)).await?;
    match decided {
        Decided::Counted(approval) => Ok(Json(approval)),
        Decided::Void => Err(Fault::from(approvals::void()).into()),
    }
}

fn read_cursor(cursor: &str) -> Option<(Timestamp, WaitId)> {
    let (at, id) = cursor.split_once('.')?;
    Some((Timestamp::from_millis(at.parse().ok()?), id.parse().ok()?))
}

fn bad_cursor() -> Problem {
    Problem::new(400, "bad_cursor", "This list cannot go on from there.").at("cursor").next("Load the list again.")
}

//! The door: the administrator sees who has an account, and gives out plans.

use super::{month_of, store};
use crate::door::Administrator;
use crate::platform::App;
use crate::sessions::revocations::Revocation;
use ally_http::{Answer, Json};
use ally_types::{AccountId, Problem, Timestamp};
use axum::extract::{Path, Query, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// So many on a page.
const PAGE: usize = 100;

/// Where a page begins.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Behind {
    /// `next` of the page before.
    cursor: Option<AccountId>,
}

/// Somebody with an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Member {
    /// The account.
    pub id: AccountId,
    /// The e-mail address, as it was typed.
    pub email: String,
    /// What the person wants to be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the account administers the installation.
    pub administrator: bool,
    /// The plan; absent for the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Tokens used on the installation's account since the first of this month, UTC.
    pub tokens_this_month: i64,
    /// Since when there is the account.
    pub created: Timestamp,
}

/// A page of people.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberPage {
    /// In the order in which they came.
    pub items: Vec<Member>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<AccountId>,
    /// Tokens of everybody since the first of this month, UTC.
    pub tokens_this_month: i64,
    /// The names of all plans.
    pub plans: Vec<String>,
    /// The usual plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual_plan: Option<String>,
}

/// The people of the installation, with totals of their usage.
#[utoipa::path(
    get, path = "/api/v1/installation/people", tag = "installation", operation_id = "list_people", params(Behind),
    responses(
        (status = 200, body = MemberPage), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 429, body = Problem),
    )
)]
pub(crate) async fn get_people(
    State(app): State<Arc<App>>,
    _: Administrator,
    Query(behind): Query<Behind>,
) -> Answer<Json<MemberPage>> {
    let since = month_of(app.clock.now());
    let after = behind.cursor.map(|id| id.to_string()).unwrap_or_default();
    let mut tx = app.store.read().await?;
    let mut rows = store::after(&mut tx, &after, since, i64::try_from(PAGE + 1).unwrap_or(i64::MAX)).await?;
    let has_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| has_more).map(|row| row.id);
    let items = rows.into_iter().map(|row| Member {
        id: row.id,
        email: row.email,
        name: row.name,
        administrator: row.administrator,
        plan: row.plan,
        tokens_this_month: row.tokens,
        created: row.created,
    });
    Ok(Json(MemberPage {
        items: items.collect(),
        next,
        tokens_this_month: store::total(&mut tx, since).await?,
        plans: app.plans.names.clone(),
        usual_plan: app.plans.default.clone(),
    }))
}

/// What may be changed of somebody's account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    /// The plan; `null` is the usual one.
    pub plan: Option<String>,
}

/// Gives somebody a plan. It counts from the next call of a model on.
#[utoipa::path(
    patch, path = "/api/v1/installation/people/{id}", tag = "installation", operation_id = "change_person",
    params(("id" = AccountId, Path,)), request_body = MemberChange,
    responses(
        (status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem),
    )
)]
pub(crate) async fn patch_person(
    State(app): State<Arc<App>>,
    _: Administrator,
    Path(id): Path<String>,
    Json(change): Json<MemberChange>,
) -> Answer<StatusCode> {
    if change.plan.as_ref().is_some_and(|plan| !app.plans.names.contains(plan)) {
        return Err(Problem::new(422, "plan_not_found", "There is no such plan.")
            .next("Choose one that stands in the configuration.")
            .at("plan")
            .into());
    }
    let mut tx = app.store.write().await?;
    let is_there = match id.parse() {
        Ok(id) => store::set_plan(&mut tx, id, change.plan.as_deref()).await?,
        Err(_) => false,
    };
    tx.commit().await?;
    if !is_there {
        return Err(Problem::not_found("account_not_found", "There is no such account.").into());
    }
    app.revocations.tell(Revocation::Plans);
    Ok(StatusCode::NO_CONTENT)
}

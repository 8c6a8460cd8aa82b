//! The door for the gateway: who has which plan, and how many tokens were used.

use super::store;
use crate::platform::App;
use ally_http::{Answer, Json};
use ally_types::ServerId;
use axum::extract::{Query, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// So many on a page.
const PAGE: usize = 1000;

#[derive(Deserialize)]
pub(crate) struct Behind {
    #[serde(default)]
    after: String,
}

#[derive(Serialize)]
pub(crate) struct Page {
    items: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<ServerId>,
}

#[derive(Serialize)]
pub(crate) struct Item {
    server: ServerId,
    plan: String,
}

/// `GET /internal/plans`: servers whose plan is not the usual one.
pub(crate) async fn get_plans(State(app): State<Arc<App>>, Query(behind): Query<Behind>) -> Answer<Json<Page>> {
    let most = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let mut tx = app.store.read().await?;
    let rows = store::plans(&mut tx, &behind.after, most).await?;
    let next = rows.last().filter(|_| rows.len() == PAGE).map(|(server, _)| *server);
    let items = rows.into_iter().map(|(server, plan)| Item { server, plan });
    Ok(Json(Page { items: items.collect(), next }))
}

#[derive(Deserialize)]
pub(crate) struct Totals {
    items: Vec<Total>,
}

#[derive(Deserialize)]
struct Total {
    server: ServerId,
    day: i64,
    tokens: i64,
}

/// `POST /internal/totals`: sums of days. Answered once they are kept.
pub(crate) async fn post_totals(State(app): State<Arc<App>>, Json(totals): Json<Totals>) -> Answer<StatusCode> {
    let mut tx = app.store.write().await?;
    for total in totals.items {
        store::note(&mut tx, total.server, total.day, total.tokens).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

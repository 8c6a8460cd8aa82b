//! The door for the gateway: what a session is worth, and the stream of those that ended.

use super::revocations::Revocation;
use super::{Look, look_at, store};
use crate::accounts;
use crate::platform::App;
use ally_http::{Answer, Json, answer};
use ally_types::{AccountId, Problem, ServerId, SessionId};
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::sync::Arc;

/// What the gateway is told of a session.
#[derive(Serialize)]
pub(crate) struct Standing {
    account: AccountId,
    server: ServerId,
    administrator: bool,
    authenticated_at: i64,
    valid: bool,
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    /// The id of the token that was used, so that a replaced one can stop counting.
    #[serde(default)]
    jti: Option<String>,
}

/// Refuses what was passed on from a browser: the gateway names the peer of such a request, and of its own it does not.
/// It does not pass on these paths in the first place; this is the second lock.
pub(crate) async fn only_gateway(request: Request, next: Next) -> Response {
    if request.headers().contains_key("x-ally-peer") {
        return answer::no_such_route().await.into_response();
    }
    next.run(request).await
}

/// `GET /internal/sessions/{sid}`
pub(crate) async fn get_session(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<Json<Standing>> {
    let unknown = || Problem::not_found("session_not_found", "There is no such session.");
    let id: SessionId = id.parse().map_err(|_| unknown())?;
    let mut tx = app.store.write().await?;
    let look = look_at(&mut tx, &app, id, asked.jti.as_deref()).await?;
    let row = store::by_id(&mut tx, id).await?.ok_or_else(unknown)?;
    let account = accounts::store::by_id(&mut tx, row.account).await?.ok_or_else(unknown)?.account;
    tx.commit().await?;
    if matches!(look, Look::Stolen) {
        app.revocations.tell(Revocation::Revoked { session: id });
    }
    Ok(Json(Standing {
        account: account.id,
        server: account.server,
        administrator: account.administrator,
        authenticated_at: row.authenticated_at,
        valid: matches!(look, Look::Live(_)),
    }))
}

/// `GET /internal/revocations`: held open, one JSON line each.
pub(crate) async fn get_revocations(State(app): State<Arc<App>>) -> Response {
    let lines = app.revocations.listen().map(Ok::<_, Infallible>);
    let mut response = Body::from_stream(lines).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}

//! The door: what the sign-up page asks for, and the administrator's choice.

use super::{SignUp, is_fresh, sign_up_of, store};
use crate::door::Administrator;
use crate::platform::App;
use crate::security::{self, Event, Peer};
use ally_http::{Answer, Json};
use ally_types::Problem;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Who may sign up, as the sign-up page sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// The first account: it will administer the installation.
    First,
    /// Nobody new.
    Closed,
    /// Whoever has an invitation.
    Invite,
    /// Everybody.
    Open,
}

/// What the sign-up page has to ask.
#[derive(Debug, Serialize, ToSchema)]
pub struct Options {
    /// Who may sign up.
    pub sign_up: Door,
    /// Whether the code from the terminal is needed.
    pub needs_code: bool,
    /// Whether the privacy page and the terms have to be accepted.
    pub asks_acceptance: bool,
    /// Whether the person has to say that she is 18 or older.
    pub asks_adult: bool,
}

/// What the sign-up page has to ask.
#[utoipa::path(
    get, path = "/api/v1/auth/options", tag = "auth", operation_id = "get_auth_options", security(()),
    responses((status = 200, body = Options), (status = 429, body = Problem))
)]
pub(crate) async fn get_options(State(app): State<Arc<App>>) -> Answer<Json<Options>> {
    let mut tx = app.store.read().await?;
    let first = is_fresh(&mut tx).await?;
    let sign_up = match sign_up_of(&mut tx, &app).await? {
        _ if first => Door::First,
        SignUp::Closed => Door::Closed,
        SignUp::Invite => Door::Invite,
        SignUp::Open => Door::Open,
    };
    let needs_code = first && !app.loopback;
    let asks_acceptance = !(first && app.loopback);
    Ok(Json(Options { sign_up, needs_code, asks_acceptance, asks_adult: true }))
}

/// The settings of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Installation {
    /// Who may sign up.
    pub sign_up: SignUp,
}

/// The settings of the installation.
#[utoipa::path(
    get, path = "/api/v1/installation", tag = "installation", operation_id = "get_installation",
    responses(
        (status = 200, body = Installation), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 429, body = Problem),
    )
)]
pub(crate) async fn get_installation(State(app): State<Arc<App>>, _: Administrator) -> Answer<Json<Installation>> {
    let mut tx = app.store.read().await?;
    Ok(Json(Installation { sign_up: sign_up_of(&mut tx, &app).await? }))
}

/// Opens or closes sign-up.
#[utoipa::path(
    patch, path = "/api/v1/installation", tag = "installation", operation_id = "change_installation",
    request_body = Installation,
    responses(
        (status = 200, body = Installation), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem),
    )
)]
pub(crate) async fn patch_installation(
    State(app): State<Arc<App>>,
    Administrator(me): Administrator,
    peer: Peer,
    Json(wanted): Json<Installation>,
) -> Answer<Json<Installation>> {
    let mut tx = app.store.write().await?;
    store::set_sign_up(&mut tx, wanted.sign_up, app.clock.now()).await?;
    security::note(&mut tx, &app, Event::SignUpChanged, Some(me.live.account.account.id), &peer).await?;
    tx.commit().await?;
    Ok(Json(wanted))
}

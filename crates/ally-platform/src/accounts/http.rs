//! The door: signing up, and the routes of one's own account.

use super::{Account, AccountChange, SignUpBody, name, sign_up, store, timezone};
use crate::door::{Agent, SignedIn, WithCookie};
use crate::limits::Class;
use crate::platform::App;
use crate::security::{self, Event, Peer};
use crate::sessions::revocations::Revocation;
use crate::{passwords, sessions};
use ally_http::{Answer, Created, Json};
use ally_types::{Problem, Secret};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Makes an account and signs it in.
#[utoipa::path(
    post, path = "/api/v1/auth/sign-up", tag = "auth", operation_id = "sign_up", security(()), request_body = SignUpBody,
    responses(
        (status = 201, body = Account), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem),
    )
)]
pub(crate) async fn post_sign_up(
    State(app): State<Arc<App>>,
    peer: Peer,
    Agent(agent): Agent,
    Json(body): Json<SignUpBody>,
) -> Answer<Response> {
    app.limits.account(&app, Class::SignUp, &super::Email::normal_of(&body.email))?;
    let (account, token) = sign_up(&app, body, agent, &peer).await?;
    Ok(WithCookie::set(&app, &token, Created(account)).into_response())
}

/// One's own account. A token older than a day is replaced on the way.
#[utoipa::path(
    get, path = "/api/v1/account", tag = "account", operation_id = "get_account",
    responses((status = 200, body = Account), (status = 401, body = Problem), (status = 429, body = Problem))
)]
pub(crate) async fn get_account(State(app): State<Arc<App>>, me: SignedIn) -> Answer<Response> {
    let mut tx = app.store.write().await?;
    let successor = sessions::renew(&mut tx, &app, &me.live, &me.claims).await?;
    tx.commit().await?;
    let account = Json(me.live.account.account.clone());
    Ok(match successor {
        Some(token) => WithCookie::set(&app, &token, account).into_response(),
        None => account.into_response(),
    })
}

/// Changes the name or the time zone.
#[utoipa::path(
    patch, path = "/api/v1/account", tag = "account", operation_id = "change_account", request_body = AccountChange,
    responses(
        (status = 200, body = Account), (status = 401, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem),
    )
)]
pub(crate) async fn patch_account(
    State(app): State<Arc<App>>,
    me: SignedIn,
    Json(change): Json<AccountChange>,
) -> Answer<Json<Account>> {
    let mut account = me.live.account.account.clone();
    let mut tx = app.store.write().await?;
    if let Some(wanted) = change.name {
        account.name = name(wanted.as_deref())?;
        store::rename(&mut tx, account.id, account.name.as_deref()).await?;
    }
    if let Some(wanted) = change.timezone {
        account.timezone = timezone(wanted.as_deref())?;
        store::move_to(&mut tx, account.id, account.timezone.as_deref()).await?;
    }
    tx.commit().await?;
    Ok(Json(account))
}

/// The password now and the one to come.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The password that counts until now.
    pub current: Secret,
    /// The password that shall count: at least 12 characters.
    pub new: Secret,
}

/// Changes the password. Every session ends; this browser gets a new one.
#[utoipa::path(
    post, path = "/api/v1/account/password", tag = "account", operation_id = "change_password",
    request_body = PasswordChange,
    responses(
        (status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem),
    )
)]
pub(crate) async fn post_password(
    State(app): State<Arc<App>>,
    me: SignedIn,
    peer: Peer,
    Agent(agent): Agent,
    Json(change): Json<PasswordChange>,
) -> Answer<Response> {
    let row = &me.live.account;
    // The same bucket as signing in, so that a stolen session is no faster way to guess.
    app.limits.account(&app, Class::SignIn, &row.email)?;
    let kept = {
        let mut tx = app.store.read().await?;
        passwords::store::of(&mut tx, row.account.id).await?
    };
    if !app.hasher.verify(&change.current, kept.as_ref()).await? {
        return Err(wrong_password().into());
    }
    let about = [row.email.as_str(), row.account.name.as_deref().unwrap_or_default()];
    passwords::check_new(&change.new, &about, "new")?;
    let hash = app.hasher.hash(&change.new).await?;
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    // The check took its time. Whoever knew the password until a moment ago may not take the account back by it.
    let is_current = match &kept {
        Some(kept) => passwords::store::is_still(&mut tx, row.account.id, kept).await?,
        None => false,
    };
    if !is_current {
        return Err(wrong_password().into());
    }
    passwords::store::put(&mut tx, row.account.id, &hash, now).await?;
    let ended = sessions::store::living(&mut tx, row.account.id, now).await?;
    for session in &ended {
        sessions::store::revoke(&mut tx, session.id, now).await?;
    }
    let (_, token) = sessions::open(&mut tx, &app, &row.account, agent).await?;
    security::note(&mut tx, &app, Event::PasswordChanged, Some(row.account.id), &peer).await?;
    tx.commit().await?;
    for session in ended {
        app.revocations.tell(Revocation::Revoked { session: session.id });
    }
    Ok(WithCookie::set(&app, &token, StatusCode::NO_CONTENT).into_response())
}

fn wrong_password() -> Problem {
    Problem::new(403, "wrong_password", "The current password is not right.")
        .next("Type the password you signed in with.")
        .at("current")
}

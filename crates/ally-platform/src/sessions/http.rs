//! The door: signing in and out, and the list of one's devices.

use super::revocations::Revocation;
use super::store;
use crate::accounts::{self, Account, Email};
use crate::door::{Agent, SignedIn, WithCookie, claims_of};
use crate::limits::Class;
use crate::passwords;
use crate::platform::App;
use crate::security::{self, Event, Peer};
use ally_http::{Answer, Json};
use ally_types::{Problem, Secret, SessionId, Timestamp};
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInBody {
    /// Her e-mail address.
    pub email: String,
    /// Her password.
    pub password: Secret,
}

/// Signs in. An unknown address and a wrong password are answered alike, after the same work.
#[utoipa::path(
    post, path = "/api/v1/auth/sign-in", tag = "auth", operation_id = "sign_in", security(()), request_body = SignInBody,
    responses(
        (status = 200, body = Account), (status = 401, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem),
    )
)]
pub(crate) async fn post_sign_in(
    State(app): State<Arc<App>>,
    peer: Peer,
    Agent(agent): Agent,
    headers: HeaderMap,
    Json(body): Json<SignInBody>,
) -> Answer<Response> {
    let email = Email::normal_of(&body.email);
    app.limits.account(&app, Class::SignIn, &email)?;
    let (found, kept) = {
        let mut tx = app.store.read().await?;
        // PostgreSQL cannot even be asked for a text with a zero byte; no address has one.
        let found = if email.contains('\0') { None } else { accounts::store::by_email(&mut tx, &email).await? };
        let kept = match &found {
            Some(row) => passwords::store::of(&mut tx, row.account.id).await?,
            None => None,
        };
        (found, kept)
    };
    let is_right = app.hasher.verify(&body.password, kept.as_ref()).await?;
    let known = found.as_ref().map(|row| row.account.id);
    let (true, Some(row)) = (is_right, found) else {
        let mut tx = app.store.write().await?;
        security::note(&mut tx, &app, Event::SignInRefused, known, &peer).await?;
        tx.commit().await?;
        return Err(wrong_credentials().into());
    };
    let fresh = match &kept {
        Some(kept) if app.hasher.is_outdated(kept) => Some(app.hasher.hash(&body.password).await?),
        _ => None,
    };
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    // The check took its time; a password that was changed meanwhile opens nothing any more.
    let is_current = match &kept {
        Some(kept) => passwords::store::is_still(&mut tx, row.account.id, kept).await?,
        None => false,
    };
    if !is_current {
        return Err(wrong_credentials().into());
    }
    if let Some(fresh) = fresh {
        passwords::store::put(&mut tx, row.account.id, &fresh, now).await?;
    }
    // Whoever signs in anew in a browser leaves nothing behind of the session it held.
    let left = claims_of(&app, &headers).map(|claims| claims.sid);
    let has_left = match left {
        Some(left) => store::revoke(&mut tx, left, now).await?,
        None => false,
    };
    let (_, token) = super::open(&mut tx, &app, &row.account, agent).await?;
    security::note(&mut tx, &app, Event::SignedIn, Some(row.account.id), &peer).await?;
    tx.commit().await?;
    if let (true, Some(session)) = (has_left, left) {
        app.revocations.tell(Revocation::Revoked { session });
    }
    Ok(WithCookie::set(&app, &token, Json(row.account)).into_response())
}

fn wrong_credentials() -> Problem {
    Problem::new(401, "wrong_credentials", "This e-mail address and password do not go together.")
        .next("Check both and try again.")
}

/// Signs out: the token itself stops counting, and the browser forgets what it kept.
#[utoipa::path(
    post, path = "/api/v1/auth/sign-out", tag = "auth", operation_id = "sign_out",
    responses((status = 204), (status = 401, body = Problem), (status = 429, body = Problem))
)]
pub(crate) async fn post_sign_out(State(app): State<Arc<App>>, me: SignedIn, peer: Peer) -> Answer<Response> {
    let (id, account) = (me.live.session.id, me.live.account.account.id);
    let mut tx = app.store.write().await?;
    store::revoke(&mut tx, id, app.clock.now()).await?;
    security::note(&mut tx, &app, Event::SignedOut, Some(account), &peer).await?;
    tx.commit().await?;
    app.revocations.tell(Revocation::Revoked { session: id });
    let mut response = WithCookie::clear(&app, StatusCode::NO_CONTENT).into_response();
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}

/// One signed-in browser, phone or terminal.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// When it was signed in.
    pub created: Timestamp,
    /// When it was last used, to the hour.
    pub last_used: Timestamp,
    /// What kind of program it is, `Firefox on Linux`.
    pub agent: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// All sessions of an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    /// Newest first.
    pub items: Vec<Session>,
}

/// Where one is signed in.
#[utoipa::path(
    get, path = "/api/v1/account/sessions", tag = "account", operation_id = "list_sessions",
    responses((status = 200, body = SessionList), (status = 401, body = Problem), (status = 429, body = Problem))
)]
pub(crate) async fn get_sessions(State(app): State<Arc<App>>, me: SignedIn) -> Answer<Json<SessionList>> {
    let mut tx = app.store.read().await?;
    let living = store::living(&mut tx, me.live.account.account.id, app.clock.now()).await?;
    let items = living.into_iter().map(|row| Session {
        current: row.id == me.live.session.id,
        id: row.id,
        created: row.created,
        last_used: row.last_used,
        agent: row.agent,
    });
    Ok(Json(SessionList { items: items.collect() }))
}

/// Ends one session.
#[utoipa::path(
    delete, path = "/api/v1/account/sessions/{id}", tag = "account", operation_id = "end_session",
    params(("id" = SessionId, Path,)),
    responses(
        (status = 204), (status = 401, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem),
    )
)]
pub(crate) async fn delete_session(
    State(app): State<Arc<App>>,
    me: SignedIn,
    peer: Peer,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let account = me.live.account.account.id;
    let mut tx = app.store.write().await?;
    let row = match id.parse() {
        Ok(id) => store::by_id(&mut tx, id).await?,
        Err(_) => None,
    };
    let row = row.filter(|row| row.account == account && row.revoked.is_none());
    let Some(row) = row else {
        return Err(Problem::not_found("session_not_found", "There is no such session any more.").into());
    };
    store::revoke(&mut tx, row.id, app.clock.now()).await?;
    security::note(&mut tx, &app, Event::SessionEnded, Some(account), &peer).await?;
    tx.commit().await?;
    app.revocations.tell(Revocation::Revoked { session: row.id });
    Ok(StatusCode::NO_CONTENT)
}

/// Ends every session but the one that asks.
#[utoipa::path(
    post, path = "/api/v1/account/sessions/revoke-others", tag = "account", operation_id = "end_other_sessions",
    responses((status = 204), (status = 401, body = Problem), (status = 429, body = Problem))
)]
pub(crate) async fn post_revoke_others(State(app): State<Arc<App>>, me: SignedIn, peer: Peer) -> Answer<StatusCode> {
    let (account, now) = (me.live.account.account.id, app.clock.now());
    let mut tx = app.store.write().await?;
    let mut others = store::living(&mut tx, account, now).await?;
    others.retain(|row| row.id != me.live.session.id);
    for row in &others {
        store::revoke(&mut tx, row.id, now).await?;
    }
    security::note(&mut tx, &app, Event::SessionEnded, Some(account), &peer).await?;
    tx.commit().await?;
    for row in others {
        app.revocations.tell(Revocation::Revoked { session: row.id });
    }
    Ok(StatusCode::NO_CONTENT)
}

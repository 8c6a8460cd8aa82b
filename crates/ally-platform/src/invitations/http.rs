//! The door: the administrator makes, lists and takes back invitations; whoever holds one may ask whether it counts.

use super::{LIFETIME_MILLIS, digest, store};
use crate::door::Administrator;
use crate::platform::App;
use crate::security::{self, Event, Peer};
use ally_http::{Answer, Created, Json};
use ally_types::{InvitationId, Problem, Secret, Timestamp, chance};
use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// An invitation, shown once: the link holds its token.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewInvitation {
    /// Its id.
    pub id: InvitationId,
    /// The link to hand over.
    pub url: String,
    /// Until when it counts.
    pub expires: Timestamp,
}

/// Makes an invitation.
#[utoipa::path(
    post, path = "/api/v1/invitations", tag = "installation", operation_id = "make_invitation",
    responses(
        (status = 201, body = NewInvitation), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 429, body = Problem),
    )
)]
pub(crate) async fn post_invitation(
    State(app): State<Arc<App>>,
    Administrator(me): Administrator,
    peer: Peer,
) -> Answer<Created<NewInvitation>> {
    let (now, by) = (app.clock.now(), me.live.account.account.id);
    let token = chance::hex::<16>(app.chance.as_ref());
    let id = InvitationId::new(app.clock.as_ref(), app.chance.as_ref());
    let row = store::Row { id, created: now, expires: now.plus_millis(LIFETIME_MILLIS), used: None };
    let mut tx = app.store.write().await?;
    store::insert(&mut tx, &row, &digest(&token), by).await?;
    security::note(&mut tx, &app, Event::InvitationMade, Some(by), &peer).await?;
    tx.commit().await?;
    // What stands after `#` stays in the browser: no server, proxy or log ever gets it.
    let url = format!("{}/app/sign-up#invitation={token}", app.origin);
    Ok(Created(NewInvitation { id, url, expires: row.expires }))
}

/// An invitation in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it counts.
    pub expires: Timestamp,
    /// When it was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<Timestamp>,
}

/// All invitations.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationList {
    /// Newest first.
    pub items: Vec<Invitation>,
}

/// Lists the invitations.
#[utoipa::path(
    get, path = "/api/v1/invitations", tag = "installation", operation_id = "list_invitations",
    responses(
        (status = 200, body = InvitationList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 429, body = Problem),
    )
)]
pub(crate) async fn get_invitations(State(app): State<Arc<App>>, _: Administrator) -> Answer<Json<InvitationList>> {
    let mut tx = app.store.read().await?;
    let rows = store::all(&mut tx).await?.into_iter();
    let items = rows.map(|row| Invitation { id: row.id, created: row.created, expires: row.expires, used: row.used });
    Ok(Json(InvitationList { items: items.collect() }))
}

/// Takes back an invitation that nobody used.
#[utoipa::path(
    delete, path = "/api/v1/invitations/{id}", tag = "installation", operation_id = "delete_invitation",
    params(("id" = InvitationId, Path,)),
    responses(
        (status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 429, body = Problem),
    )
)]
pub(crate) async fn delete_invitation(
    State(app): State<Arc<App>>,
    _: Administrator,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let mut tx = app.store.write().await?;
    let is_gone = match id.parse() {
        Ok(id) => store::delete(&mut tx, id).await?,
        Err(_) => false,
    };
    tx.commit().await?;
    if is_gone { Ok(StatusCode::NO_CONTENT) } else { Err(unknown().into()) }
}

/// That an invitation counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Standing {
    /// Always true; an invitation that does not count is not found.
    pub valid: bool,
}

/// The invitation that somebody holds. It is asked for in a body, because addresses are kept: by browsers, by proxies,
/// by logs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeldInvitation {
    /// Its token, from the link: what stands after `#invitation=`.
    pub invitation: Secret,
}

/// Whether an invitation counts. Asking does not use it.
#[utoipa::path(
    post, path = "/api/v1/auth/invitations/check", tag = "auth", operation_id = "check_invitation", security(()),
    request_body = HeldInvitation,
    responses(
        (status = 200, body = Standing), (status = 404, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem),
    )
)]
pub(crate) async fn post_check(
    State(app): State<Arc<App>>,
    Json(held): Json<HeldInvitation>,
) -> Answer<Json<Standing>> {
    let mut tx = app.store.read().await?;
    if store::is_open(&mut tx, &digest(held.invitation.expose()), app.clock.now()).await? {
        return Ok(Json(Standing { valid: true }));
    }
    Err(unknown().into())
}

fn unknown() -> Problem {
    Problem::new(404, "invitation_not_found", "This invitation was used already, has expired, or never existed.")
        .next("Ask for a new invitation link.")
}

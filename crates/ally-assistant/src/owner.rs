//! Who is asking. Every request passes here before any route is looked at, so no door can forget it.

use crate::app::App;
use ally_http::Rejection;
use ally_types::identity::Identity;
use ally_types::{AccountId, Problem};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;

/// The person whose server this is, as the gateway has vouched for this one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The account that acts.
    pub account: AccountId,
}

/// Verifies the identity token of a request; without a good one nothing behind it is reached.
pub(crate) async fn required(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let identity: Identity = match app.verifier().verify(&parts) {
        Ok(identity) => identity,
        Err(rejection) => return rejection.into_response(),
    };
    parts.extensions.insert(Owner { account: identity.account });
    next.run(Request::from_parts(parts, body)).await
}

impl FromRequestParts<App> for Owner {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Rejection> {
        parts.extensions.get::<Self>().copied().ok_or_else(|| Rejection::from(Problem::signed_out()))
    }
}

//! What all doors share: who is signed in, what kind of browser asks, and cookies on the way out.

use crate::limits::Class;
use crate::platform::App;
use crate::security::{self, Event, Peer};
use crate::sessions::revocations::Revocation;
use crate::sessions::{self, Live, Look, agent};
use ally_http::session::{Claims, LIFETIME_SECONDS};
use ally_http::{Cookie, Rejection, answer, origin};
use ally_types::Problem;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use std::sync::Arc;

/// Whoever is signed in, with a session that was looked at for this very request.
pub(crate) struct SignedIn {
    pub(crate) claims: Claims,
    pub(crate) live: Box<Live>,
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Rejection> {
        let claims = claims_of(app, &parts.headers).ok_or_else(Problem::signed_out)?;
        let mut tx = app.store.write().await?;
        let look = sessions::look(&mut tx, app, &claims).await?;
        if matches!(look, Look::Stolen) {
            let peer = Peer::of(&parts.headers);
            security::note(&mut tx, app, Event::ReplacedTokenUsed, Some(claims.sub), &peer).await?;
        }
        tx.commit().await?;
        match look {
            Look::Live(live) => {
                app.limits.account(app, Class::Ordinary, &live.account.email)?;
                Ok(Self { claims, live })
            }
            Look::Ended => Err(Problem::signed_out().into()),
            Look::Stolen => {
                app.revocations.tell(Revocation::Revoked { session: claims.sid });
                Err(Problem::signed_out().into())
            }
        }
    }
}

/// The administrator of the installation.
pub(crate) struct Administrator(pub(crate) SignedIn);

impl FromRequestParts<Arc<App>> for Administrator {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Rejection> {
        let me = SignedIn::from_request_parts(parts, app).await?;
        if me.live.account.account.administrator {
            return Ok(Self(me));
        }
        Err(Problem::new(403, "not_administrator", "Only the administrator of this installation may do this.")
            .next("Ask the person who set Ally up.")
            .into())
    }
}

/// The family of the browser.
pub(crate) struct Agent(pub(crate) &'static str);

impl FromRequestParts<Arc<App>> for Agent {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Self::Rejection> {
        let said = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self(agent::family(said.unwrap_or_default())))
    }
}

impl FromRequestParts<Arc<App>> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

/// What the session cookie says, if its signature and times hold. Whether the session lives is another question.
pub(crate) fn claims_of(app: &App, headers: &HeaderMap) -> Option<Claims> {
    let token = Cookie::Session.read(app.transport, headers)?;
    app.tokens.verify(app.clock.as_ref(), token).ok()
}

/// An answer that sets or clears the session cookie.
pub(crate) struct WithCookie<T> {
    cookie: HeaderValue,
    answer: T,
}

impl<T> WithCookie<T> {
    /// Hands the browser a token.
    pub(crate) fn set(app: &App, token: &str, answer: T) -> Self {
        Self { cookie: Cookie::Session.set(app.transport, token, LIFETIME_SECONDS), answer }
    }

    /// Takes the token back.
    pub(crate) fn clear(app: &App, answer: T) -> Self {
        Self { cookie: Cookie::Session.clear(app.transport), answer }
    }
}

impl<T: IntoResponse> IntoResponse for WithCookie<T> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        response.headers_mut().insert(header::SET_COOKIE, self.cookie);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Refuses what a page of another site caused. A program that is no browser and sends no cookie may sign in.
pub(crate) async fn same_origin(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_browser = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    let has_cookie = Cookie::Session.read(app.transport, headers).is_some();
    // Reading is left alone: a link from elsewhere may lead here, and no `GET` changes anything.
    if !request.method().is_safe()
        && (has_cookie || is_browser)
        && let Err(refused) = origin::check(request.method(), headers, &app.origin)
    {
        return refused.into_response();
    }
    next.run(request).await
}

/// Lets a request that changes something run to its end even when the person goes away in the middle: what was
/// committed must also be told to the gateway and the worker.
pub(crate) async fn to_its_end(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(_) => answer::render(&Problem::internal()),
    }
}

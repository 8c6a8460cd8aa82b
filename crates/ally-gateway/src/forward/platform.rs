//! To the platform: accounts, sign-in and plain pages. The cookie goes along, and where the request came from.

use super::{bounded, end_answer_headers, end_connection_headers, too_large, was_too_large};
use crate::gateway::Gateway;
use crate::peer::{self, Peer};
use crate::sessions::platform_unreachable;
use ally_http::answer::{Answer, Rejection};
use ally_http::origin;
use ally_http::socket::CallError;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use std::time::Duration;
use tokio::time::timeout;

/// Hashing a password may have to wait for its turn.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// Passes a request on and streams the answer back.
pub async fn forward(State(gateway): State<Gateway>, request: Request<Body>) -> Answer<Response> {
    let (mut parts, body) = request.into_parts();
    check_origin(&gateway, &parts)?;
    let peer = peer::client(parts.extensions.get::<Peer>().copied(), &parts.headers, &gateway.trusted_proxies);
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
    end_connection_headers(&mut parts.headers);
    if let Ok(peer) = HeaderValue::from_str(&peer) {
        parts.headers.insert(peer::HEADER, peer);
    }
    let body = bounded(body, gateway.limits.account_body).await?;
    let may_repeat = parts.method.is_safe() && http_body::Body::is_end_stream(&body);
    let mut sent = send(&gateway, &parts, &path, body).await;
    if may_repeat && matches!(sent, Err(Some(CallError::Broken(_)))) {
        sent = send(&gateway, &parts, &path, Body::empty()).await;
    }
    let response = sent.map_err(|error| match error {
        Some(CallError::Broken(error)) if was_too_large(&error) => Rejection::from(too_large()),
        _ => Rejection::from(platform_unreachable()),
    })?;
    let mut response = response.map(Body::new);
    end_answer_headers(response.headers_mut());
    Ok(response)
}

async fn send(
    gateway: &Gateway,
    parts: &Parts,
    path: &str,
    body: Body,
) -> Result<http::Response<Incoming>, Option<CallError>> {
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = path.parse().map_err(|_| None)?;
    *request.headers_mut() = parts.headers.clone();
    match timeout(ANSWERS_WITHIN, gateway.platform.call((), request)).await {
        Ok(answered) => answered.map_err(Some),
        Err(_) => Err(None),
    }
}

/// A page of another site may not sign anybody in, out or up. A program that is no browser and brings no cookie has
/// nothing that could be abused, and may leave `Origin` out.
fn check_origin(gateway: &Gateway, parts: &Parts) -> Result<(), Rejection> {
    let is_browser = [header::COOKIE.as_str(), header::ORIGIN.as_str(), "sec-fetch-site"]
        .iter()
        .any(|name| parts.headers.contains_key(*name));
    if parts.method.is_safe() || !is_browser {
        return Ok(());
    }
    origin::check(&parts.method, &parts.headers, gateway.origin())
}

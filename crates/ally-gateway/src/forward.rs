//! Passing requests on: which headers go along, and how large a body may be. Bodies stream and are never looked at.

pub mod people;
pub mod platform;

use ally_http::answer::Rejection;
use ally_types::Problem;
use axum::body::Body;
use http::{HeaderMap, HeaderName, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use std::error::Error;
use std::time::Duration;

/// Headers of one connection, which end here (RFC 9110 section 7.6.1), and those that HTTP writes anew.
const OF_THE_CONNECTION: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "content-length",
    "host",
];

/// What proxies say of the client; the gateway says it in its own header.
const HEARSAY: &[&str] = &["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// Removes what belongs to this connection only, also what `Connection` names, and hearsay.
pub fn end_connection_headers(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        // Nobody may ask us to drop what we add ourselves.
        .filter_map(|name| name.trim().parse().ok().filter(|name: &HeaderName| !name.as_str().starts_with("x-ally-")))
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in OF_THE_CONNECTION.iter().chain(HEARSAY) {
        headers.remove(*name);
    }
}

/// Removes from an answer what belongs to one connection, and our own headers.
pub fn end_answer_headers(headers: &mut HeaderMap) {
    end_connection_headers(headers);
    let ours: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("x-ally-")).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

/// So much of a body that is too large is read and thrown away, so that its sender hears the answer.
const MOST_DRAINED: usize = 32 << 20;

/// So long may that take.
const DRAINED_WITHIN: Duration = Duration::from_secs(10);

/// Refuses a body that says it is too large, and cuts one that turns out to be. A browser that is still sending when
/// the connection closes would show a broken connection instead of the answer, so the refused body is read first.
pub async fn bounded(body: Body, most: usize) -> Result<Body, Rejection> {
    if body.size_hint().lower() > most as u64 {
        drain(body).await;
        return Err(Rejection::from(too_large()));
    }
    if body.is_end_stream() {
        return Ok(Body::empty());
    }
    Ok(Body::new(Limited::new(body, most)))
}

/// Reads a body and throws it away, so that its sender hears the answer; neither without end nor for ever.
pub async fn drain(body: Body) {
    let mut rest = Limited::new(body, MOST_DRAINED);
    let drained = async { while matches!(rest.frame().await, Some(Ok(_))) {} };
    let _ = tokio::time::timeout(DRAINED_WITHIN, drained).await;
}

/// The body is larger than this route takes.
pub fn too_large() -> Problem {
    Problem::new(413, "too_large", "This is too large to be sent at once.").next("Send less, or in several parts.")
}

/// Whether a call broke because the body was cut by [`bounded`].
pub fn was_too_large(error: &hyper::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

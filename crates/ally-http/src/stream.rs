//! Event streams (`text/event-stream`): how an event is written, and the answer that carries them.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, header};
use std::convert::Infallible;

/// The comment that an assistant ends a stream with when it goes to sleep. The gateway keeps the browser's side open.
pub const PARKED: &str = ": parked\n\n";

/// The comment that begins each stream to a browser, so that its head passes through every proxy at once; only the
/// gateway sends it.
pub const OPEN: &str = ": open\n\n";

/// The comment that keeps a connection open through proxies; only the gateway sends it.
pub const KEEP_ALIVE: &str = ": keep-alive\n\n";

/// Writes one event. `data` must be one line, as JSON without line breaks is; `id` our own id.
pub fn event(id: Option<&str>, data: &str) -> Bytes {
    debug_assert!(!data.contains('\n'), "an event's data is one line");
    let mut text = String::with_capacity(data.len() + 64);
    if let Some(id) = id {
        text.push_str("id: ");
        text.push_str(id);
        text.push('\n');
    }
    text.push_str("data: ");
    text.push_str(data);
    text.push_str("\n\n");
    Bytes::from(text)
}

/// An answer that streams what is written into it, unbuffered.
pub fn response(events: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    use futures_util::StreamExt as _;
    let mut response = Body::from_stream(events.map(Ok::<_, Infallible>)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

//! Plain HTTP: the request goes on as one that the gateway writes itself, the answer comes back the same way.
//!
//! Nothing of the caller's framing survives: lengths, transfer codings and the headers of its connection end here, and
//! are written anew for what really follows. What two programs could read differently is therefore read once.

use super::call::{Call, Ended, Metered};
use super::refusal::Refusal;
use super::target::HTTP;
use crate::door::BoxedIo;
use crate::forward::end_answer_headers;
use ally_http::Cookie;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::sync::Arc;

/// Bytes of the head of an answer.
const LARGEST_HEAD: usize = 64 << 10;

/// Lines of the head of an answer.
const MOST_HEADERS: usize = 100;

/// Sends the request over the connection and streams the answer back. A redirect is an answer like any other: whoever
/// follows it asks again, and is checked again.
pub async fn send(io: BoxedIo, call: &Arc<Call>, request: Request) -> Result<Response, Refusal> {
    let is_head = request.method() == Method::HEAD;
    let request = ours(call, request)?;
    let metered = TokioIo::new(Metered::new(io, Arc::clone(call)));
    let mut settings = http1::Builder::new();
    settings.max_headers(MOST_HEADERS).max_buf_size(LARGEST_HEAD);
    let (mut sender, connection) = settings.handshake(metered).await.map_err(|_| Refusal::Broken)?;
    let lasting = Arc::clone(call);
    // Ends with the connection: when the answer is read to its end, or nobody waits for it any more.
    tokio::spawn(async move {
        tokio::select! {
            _ = connection => {}
            why = lasting.over() => lasting.end(why),
        }
    });
    let answered = sender.send_request(request).await.map_err(|_| broken(call))?;
    theirs(call, answered.map(Body::new), is_head)
}

fn broken(call: &Call) -> Refusal {
    match call.ended() {
        Some(Ended::Idle | Ended::Overdue) => Refusal::TooSlow,
        Some(Ended::SentTooMuch) => Refusal::SentTooMuch,
        Some(Ended::ReceivedTooMuch) => Refusal::ReceivedTooMuch,
        Some(Ended::Withdrawn) => Refusal::NotAllowed,
        None => Refusal::Broken,
    }
}

/// The request as the destination sees it: only what belongs to it, and nothing about who asks.
fn ours(call: &Call, request: Request) -> Result<Request, Refusal> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    parts.uri = if path.starts_with('/') { path.parse() } else { format!("/{path}").parse::<Uri>() }
        .map_err(|_| Refusal::Broken)?;
    parts.version = Version::HTTP_11;
    parts.extensions = http::Extensions::new();
    strip(&mut parts.headers);
    let target = call.target();
    let host = target.to_string();
    let host = if target.port == HTTP { host.strip_suffix(":80").unwrap_or(&host) } else { &host };
    parts.headers.insert(header::HOST, HeaderValue::from_str(host).map_err(|_| Refusal::Broken)?);
    Ok(Request::from_parts(parts, body))
}

/// The answer as the caller sees it.
fn theirs(call: &Call, answer: http::Response<Body>, is_head: bool) -> Result<Response, Refusal> {
    let (mut parts, body) = answer.into_parts();
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        // Nobody asked for that: the request to do so ended here.
        return Err(Refusal::Broken);
    }
    let length = parts.headers.get(header::CONTENT_LENGTH).cloned();
    let bytes = length.as_ref().and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if !is_head && bytes.is_some_and(|bytes| bytes > call.limits().received) {
        return Err(Refusal::ReceivedTooMuch);
    }
    strip(&mut parts.headers);
    if let Some(length) = length.filter(|_| is_head) {
        parts.headers.insert(header::CONTENT_LENGTH, length);
    }
    parts.extensions = http::Extensions::new();
    // One call for each connection, so that nothing can slip from one into the next.
    parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(Response::from_parts(parts, body))
}

/// Removes what belongs to one connection, what is between a caller and its proxy, what only we say, and a session
/// cookie of ours, should one ever get here.
fn strip(headers: &mut HeaderMap) {
    end_answer_headers(headers);
    let proxys: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("proxy-")).cloned().collect();
    for name in proxys {
        headers.remove(name);
    }
    let lines = headers.get_all(header::COOKIE).iter();
    let holds_ours = lines.map(HeaderValue::as_bytes).any(|line| {
        Cookie::ALL.iter().any(|cookie| {
            let name = cookie.base_name().as_bytes();
            line.windows(name.len()).any(|part| part == name)
        })
    });
    if holds_ours {
        headers.remove(header::COOKIE);
    }
}

//! To the person's own assistant, over a fresh connection for each request, with an identity for that request only.

use super::{bounded, end_connection_headers, too_large, was_too_large};
use crate::door::BoxedIo;
use crate::gateway::Gateway;
use crate::sessions::Visitor;
use crate::streams::tail::{Question, Tail};
use ally_http::answer::{Answer, Rejection};
use ally_http::socket::{CallError, call_over};
use ally_types::identity::{HEADER, Identity, LONGEST_SECONDS};
use ally_types::{Problem, ServerId, log};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// What an assistant may answer with. Anything else could be taken for a page or a script of ours.
const KINDS: &[&str] = &[
    "application/json",
    "application/problem+json",
    "text/csv",
    EVENTS,
    // Files that a person attached. Pictures that hold no script, and what a browser only stores.
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/octet-stream",
];

const EVENTS: &str = "text/event-stream";

/// Where files are handed in: they are larger than anything else that is sent, and may take longer.
const UPLOADS: &str = "/api/v1/attachments";

/// What an assistant may say in its head. It may not set cookies, and the security headers are ours.
const PASSING: &[&str] = &[
    "content-type",
    "content-disposition",
    "content-encoding",
    "cache-control",
    "etag",
    "last-modified",
    "retry-after",
    "vary",
    "x-accel-buffering",
    "accept-ranges",
    "content-range",
];

/// Passes a request on and streams the answer back.
pub async fn forward(State(gateway): State<Gateway>, visitor: Visitor, request: Request<Body>) -> Answer<Response> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned());
    end_connection_headers(&mut parts.headers);
    let cookies = only_cookies(&mut parts.headers);
    parts.headers.remove(header::AUTHORIZATION);
    let is_upload = parts.method == Method::POST && parts.uri.path() == UPLOADS;
    let limits = &gateway.limits;
    let (most, within) =
        if is_upload { (limits.upload, limits.upload_within) } else { (limits.body, limits.answer_within) };
    let body = bounded(body, most).await?;
    let question = Question { path, headers: parts.headers, may_repeat: parts.method.is_safe() };
    let response = send(&gateway, &visitor, parts.method, &question, body, within).await?;
    if !is_of_known_kind(&response) {
        log::warn("an assistant answered with a kind that does not pass", &[("server", &visitor.server)]);
        return Err(Rejection::from(strange()));
    }
    let (head, body) = response.into_parts();
    let mut answer = Response::builder().status(head.status).body(()).map_err(|_| Rejection::from(broken()))?;
    for name in PASSING {
        for value in head.headers.get_all(*name) {
            answer.headers_mut().append(*name, value.clone());
        }
    }
    if head.status != StatusCode::OK || !is_event_stream(&head.headers) {
        return Ok(answer.map(|()| Body::new(body)));
    }
    let place = gateway.streams.enter(&visitor)?;
    if gateway.known.heard() != visitor.as_of {
        // Something was revoked since the session was checked; perhaps this one, before its stream could be found.
        gateway.visitor(&cookies).await?;
    }
    let tail = Tail::new(gateway.clone(), visitor, place, question, body);
    Ok(answer.map(|()| tail.into_body()))
}

/// Takes the cookies out: an assistant never sees one.
fn only_cookies(headers: &mut HeaderMap) -> HeaderMap {
    let cookies = headers.get_all(header::COOKIE).iter().cloned();
    let taken = cookies.map(|cookie| (header::COOKIE, cookie)).collect();
    headers.remove(header::COOKIE);
    taken
}

async fn send(
    gateway: &Gateway,
    visitor: &Visitor,
    method: Method,
    question: &Question,
    body: Body,
    within: Duration,
) -> Result<http::Response<Incoming>, Rejection> {
    let may_repeat = method.is_safe() && http_body::Body::is_end_stream(&body);
    let mut request = Request::new(body);
    *request.headers_mut() = question.headers.clone();
    sign(gateway, visitor, &method, &question.path, &mut request);
    let first = once(gateway, visitor.server, request, within).await;
    match first {
        Err(Failed::Broken) if may_repeat => {
            let mut request = Request::new(Body::empty());
            *request.headers_mut() = question.headers.clone();
            sign(gateway, visitor, &method, &question.path, &mut request);
            Ok(once(gateway, visitor.server, request, within).await?)
        }
        other => Ok(other?),
    }
}

/// Gives the request its method, its path, and the identity that is valid for them and for a minute.
pub(crate) fn sign(gateway: &Gateway, visitor: &Visitor, method: &Method, path: &str, request: &mut Request<Body>) {
    let identity = Identity {
        server: visitor.server,
        account: visitor.account,
        session: visitor.session,
        administrator: visitor.administrator,
        authenticated_at: visitor.authenticated_at,
        method: method.as_str().to_owned(),
        path: path.to_owned(),
        expires_at: gateway.clock.now().as_seconds() + LONGEST_SECONDS,
    };
    *request.method_mut() = method.clone();
    if let Ok(uri) = path.parse() {
        *request.uri_mut() = uri;
    }
    if let Ok(token) = HeaderValue::from_str(&gateway.signer.sign(&identity)) {
        request.headers_mut().insert(HEADER, token);
    }
}

/// Whether an answer is a stream of events.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    kind_of(headers).is_some_and(|kind| kind.eq_ignore_ascii_case(EVENTS))
}

/// The one content type, without its parameters.
fn kind_of(headers: &HeaderMap) -> Option<&str> {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return None };
    kind.to_str().ok()?.split(';').next().map(str::trim)
}

/// Only an answer without a body may leave out what it is.
fn is_of_known_kind(response: &http::Response<Incoming>) -> bool {
    if !response.headers().contains_key(header::CONTENT_TYPE) {
        return http_body::Body::is_end_stream(response.body());
    }
    kind_of(response.headers()).is_some_and(|kind| KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known)))
}

fn strange() -> Problem {
    Problem::new(502, "strange_answer", "Your assistant answered with something that Ally does not pass on.")
        .next("Try again. If it stays like this, tell whoever runs this installation.")
}

enum Failed {
    NotMade,
    NotThere,
    TooLarge,
    Broken,
    Slow,
}

impl From<Failed> for Rejection {
    fn from(failed: Failed) -> Self {
        Self::from(match failed {
            Failed::NotMade => Problem::new(503, "space_not_ready", "Your private space is still being prepared.")
                .next("Wait a few seconds, then try again.")
                .retry_after(2),
            Failed::NotThere => Problem::new(503, "space_unreachable", "Your private space does not answer right now.")
                .next("Try again in a few seconds. Whoever runs this installation may have to start its host.")
                .retry_after(5),
            Failed::TooLarge => too_large(),
            Failed::Broken => broken(),
            Failed::Slow => Problem::new(504, "assistant_slow", "Your assistant did not answer in time.")
                .next("Try again; what it had already accepted is kept.")
                .retry_after(5),
        })
    }
}

fn broken() -> Problem {
    Problem::new(502, "assistant_restarted", "Your assistant restarted while this was being sent.")
        .next("Send it again. If it had already been accepted, it is not done twice.")
        .retry_after(1)
}

async fn once(
    gateway: &Gateway,
    server: ServerId,
    request: Request<Body>,
    within: Duration,
) -> Result<http::Response<Incoming>, Failed> {
    let connection = connect(gateway, server).await?;
    match timeout(within, call_over(connection, request)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(CallError::Connect(_))) => Err(Failed::NotThere),
        Ok(Err(CallError::Broken(error))) if was_too_large(&error) => Err(Failed::TooLarge),
        Ok(Err(CallError::Broken(_))) => {
            log::warn("an assistant's connection broke before it answered", &[("server", &server)]);
            Err(Failed::Broken)
        }
        Err(_) => Err(Failed::Slow),
    }
}

/// Opens a connection. A server that was ordered a moment ago is waited for, and so is one whose host is just coming
/// back: until the host has said that the server is there, its socket is missing or a dead one of the host before.
async fn connect(gateway: &Gateway, server: ServerId) -> Result<BoxedIo, Failed> {
    let missing = match gateway.people.open(server).await {
        Ok(connection) => return Ok(connection),
        Err(error) => error,
    };
    let is_coming = match missing.kind() {
        io::ErrorKind::NotFound => true,
        io::ErrorKind::ConnectionRefused => !gateway.servers.state(server).is_made,
        _ => false,
    };
    if !is_coming {
        log::warn("an assistant cannot be reached", &[("server", &server), ("error", &missing.kind())]);
        return Err(Failed::NotThere);
    }
    let deadline = Instant::now() + gateway.limits.made_within;
    let mut states = gateway.servers.watch(server);
    let made = timeout_at(deadline, states.wait_for(|state| state.is_made)).await;
    if !matches!(made, Ok(Ok(_))) {
        return Err(Failed::NotMade);
    }
    drop(made);
    gateway.people.open(server).await.map_err(|_| Failed::NotMade)
}

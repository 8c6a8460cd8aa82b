//! The request log: method, route template, status, bytes and milliseconds. Never a path, a query or a body.

use crate::answer;
use ally_types::log::{self, Level, Loggable};
use ally_types::{Problem, RequestId, SystemChance, SystemClock};
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// The header that carries a request's id between roles.
pub const REQUEST_HEADER: &str = "x-ally-request";

/// The route template of a request, or a fixed word when no route matched.
pub struct Template(pub String);

impl Loggable for Template {
    fn write(&self, line: &mut String) {
        line.push_str(&self.0);
    }
}

/// A method name: a closed list, so that an invented one is not repeated.
struct Method(http::Method);

impl Loggable for Method {
    fn write(&self, line: &mut String) {
        line.push_str(match self.0.as_str() {
            known @ ("GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS") => known,
            _ => "OTHER",
        });
    }
}

/// The kind of a problem; our own words only.
struct Kind(std::borrow::Cow<'static, str>);

impl Loggable for Kind {
    fn write(&self, line: &mut String) {
        line.push_str(if self.0.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            &self.0
        } else {
            "other"
        });
    }
}

/// Middleware for `route_layer`: gives the request an id, answers problems with it, and writes one line when the
/// body has been sent.
pub async fn requests(request: Request, next: Next) -> Response {
    logged(request, next, Level::Info).await
}

/// The same for a role behind the gateway, which has its own line for each of these requests: what went well is said only
/// when somebody wants to know everything.
pub async fn requests_behind(request: Request, next: Next) -> Response {
    logged(request, next, Level::Debug).await
}

async fn logged(mut request: Request, next: Next, level: Level) -> Response {
    let begun = Instant::now();
    let id = request
        .headers()
        .get(REQUEST_HEADER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .unwrap_or_else(|| RequestId::new(&SystemClock, &SystemChance));
    request.extensions_mut().insert(id);
    let method = Method(request.method().clone());
    let template = request.extensions().get::<MatchedPath>().map_or("(no route)", MatchedPath::as_str).to_owned();
    let mut response = next.run(request).await;
    let problem = response.extensions().get::<Problem>().cloned();
    let kind = problem.as_ref().map(|problem| Kind(problem.kind.clone()));
    if let Some(problem) = problem {
        response = answer::render(&answer::with_request(problem, id));
    }
    let status = response.status().as_u16();
    response.map(|body| {
        Body::new(Counted {
            inner: body,
            bytes: 0,
            line: Some(Line { level, begun, id, method, template: Template(template), status, kind }),
        })
    })
}

struct Line {
    /// Of a line about something that went well.
    level: Level,
    begun: Instant,
    id: RequestId,
    method: Method,
    template: Template,
    status: u16,
    kind: Option<Kind>,
}

/// A body that counts what passes and writes the line when it ends, also when the reader goes away.
struct Counted {
    inner: Body,
    bytes: u64,
    line: Option<Line>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.bytes += data.len() as u64;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(line) = self.line.take() else { return };
        let level = if line.status >= 500 { Level::Warn } else { line.level };
        let millis = u64::try_from(line.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        log::line(
            level,
            "request",
            &[
                ("method", &line.method),
                ("route", &line.template),
                ("status", &line.status),
                ("bytes", &self.bytes),
                ("ms", &millis),
                ("problem", &line.kind),
                ("request", &line.id),
            ],
        );
    }
}

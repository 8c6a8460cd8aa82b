//! The one place where a problem becomes an HTTP answer.

use ally_types::{Problem, RequestId};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

/// What a door answers: a value, or a problem.
pub type Answer<T> = Result<T, Rejection>;

/// A problem on its way to the person.
#[derive(Debug, Clone)]
pub struct Rejection(pub Box<Problem>);

impl<P: Into<Problem>> From<P> for Rejection {
    fn from(problem: P) -> Self {
        Self(Box::new(problem.into()))
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        render(&self.0)
    }
}

/// Writes a problem as `application/problem+json`, never cached, with `Retry-After` where it has one.
/// The problem also stands in the response's extensions, so that the request log can name its kind.
pub fn render(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.extensions_mut().insert(problem.clone());
    response
}

/// Adds the request id to a problem, so that a person can quote it.
#[must_use]
pub fn with_request(mut problem: Problem, request: RequestId) -> Problem {
    problem.request = Some(request);
    problem
}

/// 201 with the object that was made.
pub struct Created<T>(pub T);

impl<T: serde::Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, crate::Json(self.0)).into_response()
    }
}

/// 202 with what was accepted.
pub struct Accepted<T>(pub T);

impl<T: serde::Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, crate::Json(self.0)).into_response()
    }
}

/// For a path that no route has.
pub async fn no_such_route() -> Rejection {
    Rejection::from(Problem::not_found("route_not_found", "There is nothing at this address."))
}

/// For a method that the route does not have.
pub async fn no_such_method() -> Rejection {
    Rejection::from(
        Problem::new(405, "method_not_allowed", "This address does not answer to this method.")
            .next("See the API description at /api/openapi.json."),
    )
}

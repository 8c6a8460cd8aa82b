//! JSON in and out. What is wrong with a body is said without repeating the body.

use crate::Rejection;
use ally_types::Problem;
use axum::extract::{FromRequest, Request, rejection::JsonRejection};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A JSON body, `Cache-Control: no-store` on the way out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Rejection> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(Rejection::from(explain(&rejection))),
        }
    }
}

impl<T: DeserializeOwned> Json<T> {
    /// What a body says that was read already.
    ///
    /// # Errors
    /// The same as of a body that is read here.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Rejection> {
        match axum::Json::<T>::from_bytes(bytes) {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(Rejection::from(explain(&rejection))),
        }
    }
}

fn explain(rejection: &JsonRejection) -> Problem {
    match rejection {
        JsonRejection::JsonSyntaxError(_) => Problem::new(400, "malformed_json", "The body is not valid JSON.")
            .next("Check the brackets, quotes and commas."),
        JsonRejection::JsonDataError(_) => {
            Problem::new(422, "wrong_shape", "The body is JSON, but a field is missing or has the wrong type.")
                .next("Compare it with the API description at /api/openapi.json.")
        }
        JsonRejection::MissingJsonContentType(_) => Problem::new(415, "not_json", "The body must be JSON.")
            .next("Send it with `Content-Type: application/json`."),
        JsonRejection::BytesRejection(_) if rejection.status().as_u16() == 413 => {
            Problem::new(413, "too_large", "This is too large.").next("Send less at once.")
        }
        _ => Problem::new(400, "unreadable", "The body could not be read.").next("Send it again."),
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let mut response = body.into_response();
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Err(_) => crate::answer::render(&Problem::internal()),
        }
    }
}

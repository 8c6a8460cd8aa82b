//! A panic in a handler ends one request with a problem; the process and every other request go on.

use crate::answer;
use ally_types::{Problem, log};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;

/// The layer around all handlers. What the panic says is dropped: it may hold what a person wrote.
pub async fn caught(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            log::error("a handler panicked", &[]);
            answer::render(&Problem::internal())
        }
    }
}

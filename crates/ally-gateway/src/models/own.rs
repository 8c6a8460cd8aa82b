//! The doors through which a person pastes a key of her own and takes it away again. Her server keeps the key; here it
//! passes by, and what it was is noted.

use super::admin::PastedKey;
use super::http::key_malformed;
use crate::forward::people::forward;
use crate::gateway::Gateway;
use crate::sessions::Visitor;
use ally_http::answer::{Answer, Rejection};
use ally_types::{Problem, Secret};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::Request;
use http_body_util::{BodyExt as _, Limited};
use tokio::time::timeout;

/// No key is longer, with what is around it.
const LONGEST: usize = 8 << 10;

/// Notes the key and passes it on. Only a person's browser comes this way: it needs her session and our own page.
pub async fn put(State(gateway): State<Gateway>, visitor: Visitor, request: Request<Body>) -> Answer<Response> {
    let (head, body) = request.into_parts();
    let body = timeout(gateway.limits.body_within, Limited::new(body, LONGEST).collect()).await;
    let body = body.ok().and_then(Result::ok).ok_or_else(|| Rejection::from(key_malformed()))?.to_bytes();
    // What is no key is for her server to refuse.
    let pasted = serde_json::from_slice::<PastedKey>(&body).ok();
    let key = pasted.map(|pasted| Secret::new(pasted.key.expose().trim()));
    let keys = &gateway.models.own_keys;
    let server = visitor.server;
    let mut is_new = false;
    if let Some(key) = &key {
        // Before it is passed on: her server has it tried out by us.
        is_new = keys.add(server, key, gateway.clock.now()).await.map_err(Problem::from)?;
    }
    let answer = forward(State(gateway.clone()), visitor, Request::from_parts(head, Body::from(body))).await?;
    if let Some(key) = &key {
        if answer.status().is_success() {
            keys.keep_only(server, key).await.map_err(Problem::from)?;
        } else if is_new && answer.status().is_client_error() {
            // It was refused. After any other failure her server may have kept it.
            keys.remove(server, key).await.map_err(Problem::from)?;
        }
    }
    Ok(answer)
}

/// Passes it on, and takes no key of hers from then on.
pub async fn delete(State(gateway): State<Gateway>, visitor: Visitor, request: Request<Body>) -> Answer<Response> {
    // First, and whatever her server says then: it is not up to her server whether a key that she took away still opens
    // something. If it fails after this, she pastes the key again or takes it away once more.
    gateway.models.own_keys.remove_all(visitor.server).await.map_err(Problem::from)?;
    forward(State(gateway), visitor, request).await
}

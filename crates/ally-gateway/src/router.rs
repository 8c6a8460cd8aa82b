//! The table of contents: which path is answered by whom.

use crate::gateway::Gateway;
use crate::{assets, assistant, edge, egress, forward, health, models};
use ally_http::{answer, log, panics};
use ally_types::ServerId;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, delete, get, post, put};
use axum::{Extension, Router};

/// Nouns under `/api/v1` that the platform answers.
pub const PLATFORM: &[&str] = &["auth", "account", "invitations", "installation"];

/// Nouns under `/api/v1` that the person's assistant answers. Any other noun goes there too; these are listed so that
/// the log can name them.
pub const ASSISTANT: &[&str] = &["attachments", "chats", "memory", "messages", "provider", "runs", "space", "usage"];

/// Plain pages that the platform writes.
pub const PAGES: &[&str] = &["/", "/legal/{*rest}", "/changelog", "/docs", "/docs/{*rest}", "/public.css"];

/// What the gateway answers itself to somebody who is signed in.
pub const OWN: &[(&str, &str)] = &[
    ("POST", "/api/v1/assistant/stop"),
    ("PUT", "/api/v1/provider/local"),
    ("DELETE", "/api/v1/provider/local"),
    ("PUT", "/api/v1/provider/installation"),
    ("DELETE", "/api/v1/provider/installation"),
    ("GET", "/api/v1/limits"),
    ("POST", "/api/v1/limits/dismiss"),
    ("GET", "/api/v1/egress"),
    ("GET", "/api/v1/egress/hosts"),
    ("POST", "/api/v1/egress/hosts"),
    ("DELETE", "/api/v1/egress/hosts/{host}"),
];

/// The routes for browsers.
pub(crate) fn edge(gateway: Gateway) -> Router {
    let mut router = Router::new()
        // this gateway
        .route("/healthz", get(health::healthz))
        .route("/api/openapi.json", get(health::openapi))
        .route("/api/v1/assistant/stop", post(assistant::stop))
        .route("/api/v1/provider/local", put(models::admin::put_local).delete(models::admin::delete_local))
        .route("/api/v1/provider/installation", put(models::admin::put_key).delete(models::admin::delete_key))
        .route("/api/v1/limits", get(models::limits::get))
        .route("/api/v1/limits/dismiss", post(models::limits::dismiss))
        .route("/api/v1/egress", get(egress::http::list))
        .route("/api/v1/egress/hosts", get(egress::http::hosts).post(egress::http::add))
        .route("/api/v1/egress/hosts/{host}", delete(egress::http::remove))
        // the app
        .route("/app", get(assets::index))
        .route("/app/", get(assets::index))
        .route("/app/{*rest}", get(assets::index))
        .route("/assets/{*rest}", get(assets::asset));
    for page in PAGES {
        router = router.route(page, get(forward::platform::forward));
    }
    for noun in PLATFORM {
        router = router
            .route(&format!("/api/v1/{noun}"), any(forward::platform::forward))
            .route(&format!("/api/v1/{noun}/{{*rest}}"), any(forward::platform::forward));
    }
    for noun in ASSISTANT {
        let whole = match *noun {
            // The gateway notes which key a person connects.
            "provider" => any(forward::people::forward).put(models::own::put).delete(models::own::delete),
            _ => any(forward::people::forward),
        };
        router = router
            .route(&format!("/api/v1/{noun}"), whole)
            .route(&format!("/api/v1/{noun}/{{*rest}}"), any(forward::people::forward));
    }
    router
        .route("/api/v1/{*rest}", any(forward::people::forward))
        .fallback(assets::other)
        .method_not_allowed_fallback(answer::no_such_method)
        .layer(from_fn(panics::caught))
        .layer(from_fn_with_state(gateway.clone(), edge::refuse_strange))
        .layer(from_fn(log::requests))
        .layer(from_fn(edge::pages_for_people))
        .merge(probe(&gateway))
        .layer(from_fn_with_state(gateway.clone(), edge::headers))
        .with_state(gateway)
}

/// Asked again and again while everything starts; "not yet" is no line in the log.
fn probe(gateway: &Gateway) -> Router<Gateway> {
    Router::new()
        .route("/readyz", get(health::readyz))
        .method_not_allowed_fallback(answer::no_such_method)
        .layer(from_fn(panics::caught))
        .layer(from_fn_with_state(gateway.clone(), edge::refuse_strange))
}

/// The routes for the outbound calls of one server. Whose socket it is, says who is asking.
pub(crate) fn outbound(gateway: Gateway, server: ServerId) -> Router {
    let own = Router::new()
        .route("/model", post(models::http::call))
        .route("/provider", get(models::http::provider))
        .route("/provider/test", post(models::http::test))
        .fallback(answer::no_such_route)
        .method_not_allowed_fallback(answer::no_such_method)
        .layer(DefaultBodyLimit::max(gateway.limits.model_body))
        .layer(from_fn(panics::caught))
        .layer(from_fn(log::requests_behind))
        .layer(from_fn_with_state(gateway.clone(), egress::broker::no_flood))
        .with_state(gateway.clone());
    // What goes to the outside is taken out before any path is looked at: it is a path of somebody else.
    Router::new()
        .fallback_service(own)
        .layer(from_fn_with_state(gateway, egress::broker::first))
        .layer(Extension(models::http::Caller(server)))
        .layer(from_fn(panics::caught))
}

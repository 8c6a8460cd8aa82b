//! What an administrator may choose in the browser: a model server, or a key for everybody on this installation.

use super::Shown;
use super::http::in_words;
use super::installation::Local;
use crate::edge::is_loopback;
use crate::egress::providers;
use crate::gateway::Gateway;
use crate::sessions::Visitor;
use ally_http::Json;
use ally_http::answer::{Answer, Rejection};
use ally_llm::{Provider, anthropic};
use ally_types::{Problem, Secret};
use axum::extract::State;
use serde::Deserialize;

/// A model server and one of its models.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct ChosenLocal {
    /// Its address, `http://127.0.0.1:11434`.
    url: String,
    /// One of its models; its first one when empty.
    #[serde(default)]
    model: String,
}

/// A key for Anthropic.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct PastedKey {
    /// The key.
    pub(super) key: Secret,
}

/// Connects a model server for everybody on this installation.
#[utoipa::path(put, path = "/api/v1/provider/local", tag = "provider", request_body = ChosenLocal, responses(
    (status = 200, body = Shown),
    (status = 403, description = "Not an administrator.", body = Problem),
    (status = 422, description = "The address or the model does not fit.", body = Problem),
))]
pub async fn put_local(
    State(gateway): State<Gateway>,
    visitor: Visitor,
    Json(chosen): Json<ChosenLocal>,
) -> Answer<Json<Shown>> {
    visitor.must_be_administrator()?;
    let url = chosen.url.trim().trim_end_matches('/');
    check_address(&gateway, url)?;
    let models = gateway.models.list(url).await.filter(|models| !models.is_empty()).ok_or_else(|| {
        Rejection::from(
            Problem::new(422, "local_model_unreachable", "No model server answers at this address.")
                .next("Start it, load a model, then try again.")
                .at("url"),
        )
    })?;
    let wanted = chosen.model.trim();
    let model = models.into_iter().find(|model| wanted.is_empty() || model.name == wanted).ok_or_else(|| {
        Rejection::from(
            Problem::new(422, "model_not_found", "The model server does not have this model.")
                .next("Choose one of its models.")
                .at("model"),
        )
    })?;
    gateway
        .models
        .installation
        .set_local(Some(Local { url: url.to_owned(), model: model.name, window: model.window }))
        .map_err(Problem::from)?;
    Ok(Json(gateway.models.shown().await))
}

/// Disconnects the model server.
#[utoipa::path(delete, path = "/api/v1/provider/local", tag = "provider", responses(
    (status = 200, body = Shown),
    (status = 403, description = "Not an administrator.", body = Problem),
))]
pub async fn delete_local(State(gateway): State<Gateway>, visitor: Visitor) -> Answer<Json<Shown>> {
    visitor.must_be_administrator()?;
    gateway.models.installation.set_local(None).map_err(Problem::from)?;
    Ok(Json(gateway.models.shown().await))
}

/// Connects Anthropic for everybody on this installation. The key is tested, then sealed.
#[utoipa::path(put, path = "/api/v1/provider/installation", tag = "provider", request_body = PastedKey, responses(
    (status = 200, body = Shown),
    (status = 403, description = "Not an administrator.", body = Problem),
    (status = 422, description = "The key was refused.", body = Problem),
))]
pub async fn put_key(
    State(gateway): State<Gateway>,
    visitor: Visitor,
    Json(pasted): Json<PastedKey>,
) -> Answer<Json<Shown>> {
    visitor.must_be_administrator()?;
    let key = Secret::new(pasted.key.expose().trim());
    let (provider, _counted) = providers::count(&gateway, visitor.server, gateway.models.anthropic(key.clone()));
    let Provider::Anthropic(config) = provider else {
        return Err(Rejection::from(Problem::internal()));
    };
    let model = anthropic::default_model(&gateway.models.client, &config).await.map_err(in_words)?;
    gateway.models.installation.set_key(Some((&key, model))).map_err(Problem::from)?;
    Ok(Json(gateway.models.shown().await))
}

/// Forgets the installation's key.
#[utoipa::path(delete, path = "/api/v1/provider/installation", tag = "provider", responses(
    (status = 200, body = Shown),
    (status = 403, description = "Not an administrator.", body = Problem),
))]
pub async fn delete_key(State(gateway): State<Gateway>, visitor: Visitor) -> Answer<Json<Shown>> {
    visitor.must_be_administrator()?;
    gateway.models.installation.set_key(None).map_err(Problem::from)?;
    Ok(Json(gateway.models.shown().await))
}

/// Only this machine may be called, or the address that the operator configured: the gateway stands inside a network
/// whose other machines are nobody's business here.
fn check_address(gateway: &Gateway, url: &str) -> Result<(), Rejection> {
    if gateway.models.local_model_url.as_deref().is_some_and(|ours| ours.trim_end_matches('/') == url) {
        return Ok(());
    }
    let uri: Option<http::Uri> = url.parse().ok();
    let fits = uri.is_some_and(|uri| {
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        matches!(uri.scheme_str(), Some("http" | "https")) && !has_user && uri.host().is_some_and(is_loopback)
    });
    if fits {
        return Ok(());
    }
    Err(Rejection::from(
        Problem::new(422, "local_model_address", "A model server must run on this machine.")
            .next("Use an address such as http://127.0.0.1:11434, or set ALLY_LOCAL_MODEL_URL for another machine.")
            .at("url"),
    ))
}

//! The doors of the AI provider.

use super::Provider;
use crate::app::App;
use crate::owner::Owner;
use ally_http::{Answer, Json};
use ally_types::{Problem, Secret};
use axum::extract::State;
use serde::Deserialize;

/// A key to use from now on.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewKey {
    /// The key, as the provider shows it.
    key: Secret,
}

/// Which AI provider answers.
#[utoipa::path(get, path = "/api/v1/provider", tag = "provider", operation_id = "get_provider",
    responses((status = 200, body = Provider)))]
pub async fn get(State(app): State<App>, _: Owner) -> Answer<Json<Provider>> {
    Ok(Json(super::current(&app).await?))
}

/// Connects the person's own key. It is tried out at once, kept sealed on this server, and never shown again.
#[utoipa::path(put, path = "/api/v1/provider", tag = "provider", operation_id = "set_provider_key",
    request_body = NewKey, responses((status = 200, body = Provider), (status = 422, body = Problem)))]
pub async fn put(State(app): State<App>, owner: Owner, Json(new): Json<NewKey>) -> Answer<Json<Provider>> {
    super::set_key(&app, owner, new.key).await?;
    Ok(Json(super::current(&app).await?))
}

/// Forgets the person's own key.
#[utoipa::path(delete, path = "/api/v1/provider", tag = "provider", operation_id = "forget_provider_key",
    responses((status = 200, body = Provider)))]
pub async fn delete(State(app): State<App>, _: Owner) -> Answer<Json<Provider>> {
    super::forget_key(&app).await?;
    Ok(Json(super::current(&app).await?))
}

//! The person's own space: what stands around it, for Settings.

use crate::app::App;
use crate::owner::Owner;
use ally_http::{Answer, Json};
use ally_types::{ServerId, Timestamp};
use axum::extract::State;
use serde::Serialize;

/// The space.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Space {
    /// Which server this is.
    server: ServerId,
    /// What separates it from everybody else, as short names.
    walls: Vec<String>,
    /// The version of Ally.
    version: &'static str,
    /// When this process started.
    started: Timestamp,
}

/// The person's own space.
#[utoipa::path(get, path = "/api/v1/space", tag = "space", operation_id = "get_space",
    responses((status = 200, body = Space)))]
pub async fn get(State(app): State<App>, _: Owner) -> Answer<Json<Space>> {
    Ok(Json(Space {
        server: app.server(),
        walls: app.walls().split_whitespace().map(str::to_owned).collect(),
        version: env!("CARGO_PKG_VERSION"),
        started: app.started(),
    }))
}

//! The person's own space: what stands around it, for Settings.

pub(crate) mod full;
pub mod walls;

use crate::app::App;
use crate::owner::Owner;
use ally_http::{Answer, Json};
use ally_sandbox::{Level, Wall};
use ally_types::{ServerId, Timestamp};
use axum::extract::State;
use serde::Serialize;

/// The space.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Space {
    /// Which server this is.
    server: ServerId,
    /// How high the walls are, as a short name.
    level: &'static str,
    /// What separates it from everybody else, as short names.
    walls: Vec<String>,
    /// What the highest level has beside these.
    missing: Vec<Missing>,
    /// The version of Ally.
    version: &'static str,
    /// When this process started.
    started: Timestamp,
}

/// A wall that does not stand here.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Missing {
    /// Its short name.
    wall: &'static str,
    /// Why, in a sentence, where that is known.
    #[schema(required)]
    why: Option<String>,
}

/// The person's own space.
#[utoipa::path(get, path = "/api/v1/space", tag = "space", operation_id = "get_space",
    responses((status = 200, body = Space)))]
pub async fn get(State(app): State<App>, _: Owner) -> Answer<Json<Space>> {
    let walls: Vec<String> = app.walls().split_whitespace().map(str::to_owned).collect();
    Ok(Json(Space {
        server: app.server(),
        level: Level::of_walls(&walls).name(),
        missing: Wall::missing(&walls).into_iter().map(|wall| Missing { wall, why: app.why(wall) }).collect(),
        walls,
        version: env!("CARGO_PKG_VERSION"),
        started: app.started(),
    }))
}

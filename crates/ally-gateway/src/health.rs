//! Whether the gateway is up, whether all parts that it needs are, and the description of the interface.

use crate::gateway::Gateway;
use crate::peer::Peer;
use crate::servers::Around;
use crate::sessions::platform_unreachable;
use ally_http::Json;
use ally_http::answer::{Answer, Rejection};
use ally_sandbox::{Level, Wall};
use ally_types::{Problem, log};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use serde::Serialize;

/// That the gateway is up.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Health {
    /// Always `ok`; otherwise there is no answer.
    status: &'static str,
    /// The version of Ally.
    version: &'static str,
    /// What stands around people's assistants, once the host has said it. Only for whoever asks from this machine itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    walls: Option<Walls>,
}

/// What stands around people's assistants.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Walls {
    /// The short name of the level.
    level: &'static str,
    /// The walls that the highest level has beside those here.
    missing: Vec<NotHere>,
}

/// A wall that does not stand here.
#[derive(Serialize, utoipa::ToSchema)]
pub struct NotHere {
    /// Its short name.
    wall: &'static str,
    /// Why, in a sentence, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Headers with which proxies say for whom they ask.
const FORWARDED: &[&str] = &["forwarded", "x-forwarded-for", "x-real-ip"];

/// Whoever wants to break in learns nothing of the walls: only this machine itself is told, and no proxy on it.
fn is_told_of_walls(request: &Request) -> bool {
    let peer = request.extensions().get::<Peer>();
    let is_here = peer.is_some_and(|Peer(address)| address.to_canonical().is_loopback());
    is_here && !FORWARDED.iter().any(|name| request.headers().contains_key(*name))
}

fn ok(gateway: &Gateway, request: &Request) -> Json<Health> {
    let walls = gateway.servers.walls().filter(|_| is_told_of_walls(request));
    let walls = walls.map(|Around { walls, mut why }| Walls {
        level: Level::of_walls(&walls).name(),
        missing: Wall::missing(&walls).into_iter().map(|wall| NotHere { wall, why: why.remove(wall) }).collect(),
    });
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION"), walls })
}

/// Answers as long as the gateway runs.
#[utoipa::path(get, path = "/healthz", tag = "service", responses((status = 200, body = Health)))]
pub async fn healthz(State(gateway): State<Gateway>, request: Request) -> Json<Health> {
    ok(&gateway, &request)
}

/// Answers 200 when people can sign in and reach their assistants.
#[utoipa::path(get, path = "/readyz", tag = "service", responses(
    (status = 200, body = Health),
    (status = 503, description = "A part is missing.", body = Problem),
))]
pub async fn readyz(State(gateway): State<Gateway>, request: Request) -> Answer<Json<Health>> {
    if !gateway.known.is_fed() {
        log::debug("asked before the platform was there", &[]);
        return Err(Rejection::from(platform_unreachable()));
    }
    if !gateway.servers.is_linked() {
        return Err(Rejection::from(
            Problem::new(503, "host_unreachable", "The host that runs people's assistants cannot be reached.")
                .next("See the log of the host.")
                .retry_after(2),
        ));
    }
    Ok(ok(&gateway, &request))
}

/// The description of all routes, as OpenAPI.
pub async fn openapi(State(gateway): State<Gateway>) -> Response {
    let mut response = gateway.openapi.clone().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

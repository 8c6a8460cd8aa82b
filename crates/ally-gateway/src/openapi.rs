//! The description of the routes that the gateway answers itself.

use crate::{assistant, egress, health, models};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(
    health::healthz,
    health::readyz,
    assistant::stop,
    models::admin::put_local,
    models::admin::delete_local,
    models::admin::put_key,
    models::admin::delete_key,
    models::limits::get,
    models::limits::dismiss,
    egress::http::list,
    egress::http::hosts,
    egress::http::add,
    egress::http::remove,
))]
struct Own;

/// The gateway's own routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Own::openapi()
}

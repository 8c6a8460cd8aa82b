//! The table of contents: every route of an assistant.

use crate::app::App;
use crate::{chats, events, idle, memory, messages, owner, provider, runs, space, usage};
use ally_http::{answer, log};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Largest body of a request.
const LARGEST_BODY: usize = 1024 * 1024;

fn table() -> OpenApiRouter<App> {
    let info = InfoBuilder::new().title("Ally").version(env!("CARGO_PKG_VERSION")).build();
    OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info).build())
        .routes(routes!(chats::http::create, chats::http::list))
        .routes(routes!(chats::http::get, chats::http::rename, chats::http::delete))
        .routes(routes!(chats::http::restore))
        .routes(routes!(messages::http::send, messages::http::list))
        .routes(routes!(messages::http::answer))
        .routes(routes!(events::http::watch))
        .routes(routes!(runs::http::get))
        .routes(routes!(runs::http::journal))
        .routes(routes!(runs::http::cancel))
        .routes(routes!(memory::http::list))
        .route("/api/v1/memory/files/{*path}", get(memory::http::get).post(memory::http::post))
        .routes(routes!(memory::http::search))
        .routes(routes!(provider::http::get, provider::http::put, provider::http::delete))
        .routes(routes!(usage::http::list))
        .routes(routes!(space::get))
}

/// The routes over an app. Nothing is reached without the gateway's token, not even the answer that a route is missing.
pub(crate) fn router(app: App) -> Router {
    let (table, _) = table().split_for_parts();
    table
        .method_not_allowed_fallback(answer::no_such_method)
        .fallback(answer::no_such_route)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(app.clone(), owner::required))
        .layer(from_fn_with_state(app.clone(), idle::counted))
        .layer(from_fn(log::requests))
        .with_state(app)
}

/// The description of all routes.
pub fn openapi() -> OpenApi {
    let mut api = table().split_for_parts().1;
    api.merge(memory_files().split_for_parts().1);
    api
}

/// The three addresses below `memory/files`. The path of a file may hold slashes, so the router takes in everything
/// behind it at once and the doors look at its end; the description names them apart.
fn memory_files() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(memory::http::read))
        .routes(routes!(memory::http::versions))
        .routes(routes!(memory::http::restore))
}

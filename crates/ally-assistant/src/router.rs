//! The table of contents: every route of an assistant.

use crate::app::App;
use crate::{
    approvals, attachments, chats, events, feedback, folders, idle, imports, instructions, memory, messages, owner,
    provider, runs, search, space, turns, usage,
};
use ally_http::{answer, log, panics};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Largest body of a request.
const LARGEST_BODY: usize = 1024 * 1024;

/// Makes the router and its description from one list. They are two because the description costs more than a tenth of
/// a wake, and a sleeping assistant that is called has no use for it.
macro_rules! table {
    ($($path:literal => $($method:ident $($door:ident)::+),+;)+) => {
        fn served() -> Router<App> {
            Router::new()$(.route($path, MethodRouter::new()$(.$method($($door)::+))+))+
        }

        fn described() -> OpenApiRouter<App> {
            OpenApiRouter::default()$(.routes(routes!($($($door)::+),+)))+
        }
    };
}

table! {
    "/api/v1/attachments" => post attachments::http::attach;
    "/api/v1/attachments/{attachment}" => get attachments::http::get, delete attachments::http::remove;
    "/api/v1/chats" => get chats::http::list, post chats::http::create;
    "/api/v1/chats/{chat}" => get chats::http::get, patch chats::http::change, delete chats::http::delete;
    "/api/v1/chats/{chat}/restore" => post chats::http::restore;
    "/api/v1/chats/{chat}/messages" => get messages::http::list, post messages::http::send;
    "/api/v1/chats/{chat}/path" => put messages::http::show;
    "/api/v1/chats/{chat}/context" => get turns::context::http::get;
    "/api/v1/chats/{chat}/events" => get events::http::watch;
    "/api/v1/folders" => get folders::http::list, post folders::http::create;
    "/api/v1/folders/{folder}" => patch folders::http::change, delete folders::http::delete;
    "/api/v1/folders/{folder}/restore" => post folders::http::restore;
    "/api/v1/folders/{folder}/instructions" => put instructions::http::put_folder;
    "/api/v1/instructions" => get instructions::http::get, put instructions::http::put;
    "/api/v1/instructions/versions" => get instructions::http::versions, delete instructions::http::forget;
    "/api/v1/instructions/preview" => get instructions::http::preview;
    "/api/v1/search" => post search::http::search;
    "/api/v1/messages/{message}/answer" => post messages::http::answer;
    "/api/v1/messages/{message}/feedback" => put feedback::http::put, delete feedback::http::delete;
    "/api/v1/messages/{message}/edit" => post messages::http::edit;
    "/api/v1/messages/{message}/regenerate" => post messages::http::regenerate;
    "/api/v1/imports" => get imports::http::list, post imports::http::begin;
    "/api/v1/imports/{import}" => get imports::http::get, delete imports::http::remove;
    "/api/v1/imports/{import}/parts" => put imports::http::part;
    "/api/v1/imports/{import}/chats" => get imports::http::chats;
    "/api/v1/imports/{import}/start" => post imports::http::start;
    "/api/v1/runs/{run}" => get runs::http::get;
    "/api/v1/runs/{run}/journal" => get runs::http::journal;
    "/api/v1/runs/{run}/cancel" => post runs::http::cancel;
    "/api/v1/approvals" => get approvals::http::list;
    "/api/v1/approvals/{approval}" => get approvals::http::get, post approvals::http::decide;
    "/api/v1/memory/files" => get memory::http::list;
    "/api/v1/memory/search" => post memory::http::search;
    "/api/v1/provider" => get provider::http::get, put provider::http::put, delete provider::http::delete;
    "/api/v1/usage" => get usage::http::list;
    "/api/v1/usage/csv" => get usage::http::csv;
    "/api/v1/space" => get space::get;
    "/api/v1/space/walls/test" => post space::walls::test;
}

/// The three addresses below `memory/files`, as the description names them. The path of a file may hold slashes, so the
/// router takes in everything behind it at once and the doors look at its end.
fn memory_files() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(memory::http::read))
        .routes(routes!(memory::http::versions))
        .routes(routes!(memory::http::restore))
}

/// The routes over an app. Nothing is reached without the gateway's token, not even the answer that a route is missing.
pub(crate) fn router(app: App) -> Router {
    served()
        .route("/api/v1/memory/files/{*path}", get(memory::http::get).post(memory::http::post))
        .method_not_allowed_fallback(answer::no_such_method)
        .fallback(answer::no_such_route)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(panics::caught))
        .layer(from_fn_with_state(app.clone(), space::full::refused))
        .layer(from_fn_with_state(app.clone(), owner::required))
        .layer(from_fn_with_state(app.clone(), idle::counted))
        .layer(from_fn(log::requests_behind))
        .with_state(app)
}

/// The description of all routes.
pub fn openapi() -> OpenApi {
    let info = InfoBuilder::new().title("Ally").version(env!("CARGO_PKG_VERSION")).build();
    let mut api = OpenApiBuilder::new().info(info).build();
    api.merge(described().split_for_parts().1);
    api.merge(memory_files().split_for_parts().1);
    api
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_door_is_described_at_the_address_where_it_is_served() {
        let source = include_str!("router.rs");
        let mut served: Vec<_> = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" =>"))
            .map(|(at, _)| at)
            .collect();
        let described = described().split_for_parts().1;
        let described: Vec<_> = described.paths.paths.keys().map(String::as_str).collect();
        served.sort_unstable();
        assert_eq!(described, served);
    }
}

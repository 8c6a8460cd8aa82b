//! The table of contents: one line per route, grouped by noun.

use crate::platform::App;
use crate::sessions::internal;
use crate::{accounts, door, installation, invitations, limits, pages, people, sessions};
use ally_http::{answer, panics};
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// No body of a route here is longer than a form.
const LONGEST_BODY: usize = 4 * 1024;

fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        // auth
        .routes(routes!(installation::http::get_options))
        .routes(routes!(accounts::http::post_sign_up))
        .routes(routes!(sessions::http::post_sign_in))
        .routes(routes!(sessions::http::post_sign_out))
        .routes(routes!(invitations::http::post_check))
        // account
        .routes(routes!(accounts::http::get_account, accounts::http::patch_account))
        .routes(routes!(accounts::http::post_password))
        .routes(routes!(sessions::http::get_sessions))
        .routes(routes!(sessions::http::delete_session))
        .routes(routes!(sessions::http::post_revoke_others))
        // installation
        .routes(routes!(installation::http::get_installation, installation::http::patch_installation))
        .routes(routes!(people::http::get_people))
        .routes(routes!(people::http::patch_person))
        .routes(routes!(invitations::http::get_invitations, invitations::http::post_invitation))
        .routes(routes!(invitations::http::delete_invitation))
}

/// The description of all routes under `/api/v1` that the platform answers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().into_openapi()
}

/// All routes of the platform.
pub(crate) fn all(app: &Arc<App>) -> axum::Router {
    let (api, _) = api().split_for_parts();
    let api = api
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .route_layer(from_fn(door::to_its_end))
        .route_layer(from_fn_with_state(Arc::clone(app), door::same_origin))
        .route_layer(from_fn_with_state(Arc::clone(app), limits::limited));
    let internal = axum::Router::new()
        .route("/internal/sessions/{sid}", get(internal::get_session))
        .route("/internal/revocations", get(internal::get_revocations))
        .route("/internal/plans", get(people::internal::get_plans))
        .route("/internal/totals", post(people::internal::post_totals))
        .route_layer(from_fn(internal::only_gateway));
    axum::Router::new()
        .merge(api)
        .merge(internal)
        .merge(pages::routes())
        .method_not_allowed_fallback(answer::no_such_method)
        .fallback(pages::missing)
        .layer(from_fn(panics::caught))
        .with_state(Arc::clone(app))
}

//! The doors of imports.

use super::{Import, ImportChat};
use crate::app::App;
use crate::door::{Path, Query};
use crate::idempotency;
use crate::imports::{self, store};
use crate::owner::Owner;
use crate::page::Items;
use ally_http::answer::Accepted;
use ally_http::{Answer, Created, Json};
use ally_types::{ImportId, Problem};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// A file that comes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewImport {
    /// How many bytes it has.
    #[serde(default)]
    #[schema(required)]
    size: u64,
}

/// Where a piece belongs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct At {
    /// How many bytes of the file come before it.
    #[serde(default)]
    offset: u64,
}

/// Which chats are wanted.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Selection {
    /// The numbers of those that stay out.
    #[serde(default)]
    except: Vec<u32>,
}

/// Where a list begins and how long it is.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Where to begin: `next` of the page before.
    cursor: Option<u32>,
    /// At most so many items, 1 to 500.
    limit: Option<u32>,
}

/// All imports, newest first.
#[utoipa::path(get, path = "/api/v1/imports", tag = "imports", operation_id = "list_imports",
    responses((status = 200, body = Items<Import>)))]
pub async fn list(State(app): State<App>, _: Owner) -> Answer<Json<Items<Import>>> {
    Ok(Json(Items::all(app.store().read(store::all).await?)))
}

/// Begins an import; its file comes in pieces.
#[utoipa::path(post, path = "/api/v1/imports", tag = "imports", operation_id = "begin_import",
    params(("idempotency-key" = Option<String>, Header)), request_body = NewImport,
    responses((status = 201, body = Import), (status = 413, body = Problem), (status = 507, body = Problem)))]
pub async fn begin(
    State(app): State<App>,
    owner: Owner,
    headers: HeaderMap,
    Json(new): Json<NewImport>,
) -> Answer<Created<Import>> {
    let key = idempotency::key(&headers)?;
    Ok(Created(imports::begin(&app, owner, new.size, key).await?))
}

/// One import: how far it has come, and what is in its file.
#[utoipa::path(get, path = "/api/v1/imports/{import}", tag = "imports", operation_id = "get_import",
    params(("import" = ImportId, Path)), responses((status = 200, body = Import), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Owner, Path(import): Path<ImportId>) -> Answer<Json<Import>> {
    Ok(Json(app.store().read(move |tx| imports::live(tx, import)).await?))
}

/// Takes in a piece of the file, at most 1 MB, behind those before it. With the last one the file is looked through.
#[utoipa::path(put, path = "/api/v1/imports/{import}/parts", tag = "imports", operation_id = "send_import_part",
    params(("import" = ImportId, Path), At),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 200, body = Import), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 507, body = Problem)))]
pub async fn part(
    State(app): State<App>,
    _: Owner,
    Path(import): Path<ImportId>,
    Query(at): Query<At>,
    piece: Result<Bytes, BytesRejection>,
) -> Answer<Json<Import>> {
    let piece = piece.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(413, "too_large", "This piece is larger than 1 MB.").next("Send smaller pieces.")
        }
        _ => Problem::new(400, "unreadable", "The body could not be read.").next("Send it again."),
    })?;
    Ok(Json(imports::receive(&app, import, at.offset, &piece).await?))
}

/// The chats in the file that are not taken over yet, in its order.
#[utoipa::path(get, path = "/api/v1/imports/{import}/chats", tag = "imports", operation_id = "list_import_chats",
    params(("import" = ImportId, Path), Wanted),
    responses((status = 200, body = Items<ImportChat>), (status = 404, body = Problem)))]
pub async fn chats(
    State(app): State<App>,
    _: Owner,
    Path(import): Path<ImportId>,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<Items<ImportChat>>> {
    let (behind, limit) = (wanted.cursor.unwrap_or(0), wanted.limit.unwrap_or(100).clamp(1, 500));
    let read = app.store().read(move |tx| {
        imports::live(tx, import)?;
        store::found(tx, import, behind, limit + 1)
    });
    let mut items = read.await?;
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| has_more).map(|last| last.number.to_string());
    Ok(Json(Items { items, next }))
}

/// Has the chats made; a conversation that was imported before is left out.
#[utoipa::path(post, path = "/api/v1/imports/{import}/start", tag = "imports", operation_id = "start_import",
    params(("import" = ImportId, Path)), request_body = Selection,
    responses((status = 202, body = Import), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub async fn start(
    State(app): State<App>,
    _: Owner,
    Path(import): Path<ImportId>,
    Json(choice): Json<Selection>,
) -> Answer<Accepted<Import>> {
    let inner = app.clone();
    Ok(Accepted(app.store().write(move |tx| imports::start(tx, &inner, import, &choice.except)).await?))
}

/// Takes an import away for good: its file, and every chat that came with it, with what was said in them since.
#[utoipa::path(delete, path = "/api/v1/imports/{import}", tag = "imports", operation_id = "remove_import",
    params(("import" = ImportId, Path)), responses((status = 204), (status = 404, body = Problem)))]
pub async fn remove(State(app): State<App>, _: Owner, Path(import): Path<ImportId>) -> Answer<StatusCode> {
    imports::remove(&app, import).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! The doors of memory: the person reads, looks back, undoes and searches.

use super::path::NotePath;
use super::store;
use crate::app::App;
use crate::door::Path;
use crate::owner::Owner;
use crate::page::Items;
use crate::search::{self, Hit, Query};
use ally_http::{Answer, Json};
use ally_types::{Content, Problem, RunId, Timestamp, VersionId};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// A memory file in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FileEntry {
    /// Relative to `/memories`.
    path: Content,
    /// Size in bytes.
    size: usize,
    /// When it was last changed.
    updated: Timestamp,
}

/// A memory file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MemoryFile {
    /// Relative to `/memories`.
    path: Content,
    /// The whole text.
    text: Content,
    /// The version that this is.
    version: VersionId,
    /// When it was last changed.
    updated: Timestamp,
}

/// A version of a memory file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VersionEntry {
    /// Its id.
    id: VersionId,
    /// When it was made.
    at: Timestamp,
    /// Who made it: `person`, `assistant` or `outside`.
    author: String,
    /// Why.
    reason: String,
    /// The run that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
    /// Whether the file was deleted by it.
    is_deleted: bool,
}

/// Which version a file shall go back to.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Restore {
    /// The version; `null` is the state before the first one: no file.
    version: Option<VersionId>,
}

/// What to look for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Search {
    /// The words.
    q: Content,
    /// At most so many hits, 1 to 50.
    limit: Option<u32>,
}

/// All memory files.
#[utoipa::path(get, path = "/api/v1/memory/files", tag = "memory", operation_id = "list_memory_files",
    responses((status = 200, body = Items<FileEntry>)))]
pub async fn list(State(app): State<App>, _: Owner) -> Answer<Json<Items<FileEntry>>> {
    let files = app.memory().sit(&app).await?.list(&app).await?;
    Ok(Json(Items::all(files.into_iter().map(|file| FileEntry {
        path: file.path.as_str().into(),
        size: file.text.len(),
        updated: file.updated,
    }))))
}

/// One memory file, such as `people/ana.md`. Slashes in the path stand as they are.
#[utoipa::path(get, path = "/api/v1/memory/files/{path}", tag = "memory", operation_id = "read_memory_file",
    params(("path" = String, Path)),
    responses((status = 200, body = MemoryFile), (status = 404, body = Problem)))]
pub async fn read(State(app): State<App>, _: Owner, Path(path): Path<String>) -> Answer<Response> {
    let path = NotePath::parse(&path).ok_or_else(super::not_found)?;
    let file = app.memory().sit(&app).await?.read(&app, &path).await?.ok_or_else(super::not_found)?;
    Ok(Json(MemoryFile::from(file)).into_response())
}

/// The history of a memory file, newest first.
#[utoipa::path(get, path = "/api/v1/memory/files/{path}/versions", tag = "memory",
    operation_id = "list_memory_versions", params(("path" = String, Path)),
    responses((status = 200, body = Items<VersionEntry>), (status = 404, body = Problem)))]
pub async fn versions(State(app): State<App>, _: Owner, Path(path): Path<String>) -> Answer<Json<Items<VersionEntry>>> {
    let path = NotePath::parse(&path).ok_or_else(super::not_found)?;
    app.memory().sit(&app).await?.look_at(&app, &path).await?;
    let versions = app.store().read(move |tx| store::versions(tx, &path)).await?;
    if versions.is_empty() {
        return Err(super::not_found().into());
    }
    Ok(Json(Items::all(versions.into_iter().map(VersionEntry::from))))
}

/// Brings back an earlier version: undo.
#[utoipa::path(post, path = "/api/v1/memory/files/{path}/restore", tag = "memory",
    operation_id = "restore_memory_file", params(("path" = String, Path)), request_body = Restore,
    responses((status = 200, body = MemoryFile), (status = 204, description = "The file is gone again"),
        (status = 404, body = Problem)))]
pub async fn restore(
    State(app): State<App>,
    owner: Owner,
    Path(path): Path<String>,
    Json(wanted): Json<Restore>,
) -> Answer<Response> {
    let path = NotePath::parse(&path).ok_or_else(super::not_found)?;
    Ok(match super::restore(&app, owner.account, path, wanted.version).await? {
        Some(file) => Json(MemoryFile::from(file)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Takes in every `GET` below `memory/files`.
pub async fn get(state: State<App>, owner: Owner, Path(path): Path<String>) -> Answer<Response> {
    match path.strip_suffix("/versions") {
        Some(path) => Ok(versions(state, owner, Path(path.to_owned())).await?.into_response()),
        None => read(state, owner, Path(path)).await,
    }
}

/// Takes in every `POST` below `memory/files`.
pub async fn post(
    state: State<App>,
    owner: Owner,
    Path(path): Path<String>,
    wanted: Json<Restore>,
) -> Answer<Response> {
    let path = path.strip_suffix("/restore").ok_or_else(super::not_found)?.to_owned();
    restore(state, owner, Path(path), wanted).await
}

/// Searches notes and past messages. The words travel in the body, so that they stand in no log.
#[utoipa::path(post, path = "/api/v1/memory/search", tag = "memory", operation_id = "search_memory",
    request_body = Search, responses((status = 200, body = Items<Hit>)))]
pub async fn search(State(app): State<App>, _: Owner, Json(wanted): Json<Search>) -> Answer<Json<Items<Hit>>> {
    drop(app.memory().sit(&app).await?);
    let limit = wanted.limit.unwrap_or(10).clamp(1, 50);
    let hits =
        app.store().read(move |tx| search::find(tx, &Query { text: wanted.q.expose(), limit, asked_by: None })).await?;
    Ok(Json(Items::all(hits)))
}

impl From<store::File> for MemoryFile {
    fn from(file: store::File) -> Self {
        Self { path: file.path.as_str().into(), text: file.text, version: file.version, updated: file.updated }
    }
}

impl From<store::Version> for VersionEntry {
    fn from(version: store::Version) -> Self {
        Self {
            id: version.id,
            at: version.at,
            is_deleted: version.text.is_none(),
            author: version.author,
            reason: version.reason,
            run: version.run,
        }
    }
}

//! The doors of folders.

use super::{Folder, store};
use crate::app::App;
use crate::door::Path;
use crate::folders;
use crate::owner::Owner;
use crate::page::Items;
use ally_http::{Answer, Created, Json};
use ally_types::{Content, FolderId, Problem};
use axum::extract::State;
use serde::Deserialize;

/// A folder to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewFolder {
    /// Its name, 1 to 60 characters.
    name: Content,
}

/// What to change of a folder; what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct FolderPatch {
    /// The new name, 1 to 60 characters.
    name: Option<Content>,
    /// The new place, from 0; the others make room.
    position: Option<u32>,
}

/// All folders, in the person's order.
#[utoipa::path(get, path = "/api/v1/folders", tag = "chats", operation_id = "list_folders",
    responses((status = 200, body = Items<Folder>)))]
pub async fn list(State(app): State<App>, _: Owner) -> Answer<Json<Items<Folder>>> {
    Ok(Json(Items::all(app.store().read(store::all).await?)))
}

/// Makes a folder, behind all others.
#[utoipa::path(post, path = "/api/v1/folders", tag = "chats", operation_id = "create_folder",
    request_body = NewFolder, responses((status = 201, body = Folder), (status = 409, body = Problem)))]
pub async fn create(State(app): State<App>, owner: Owner, Json(new): Json<NewFolder>) -> Answer<Created<Folder>> {
    let inner = app.clone();
    Ok(Created(app.store().write(move |tx| folders::create(tx, &inner, owner, &new.name)).await?))
}

/// Names or moves a folder.
#[utoipa::path(patch, path = "/api/v1/folders/{folder}", tag = "chats", operation_id = "change_folder",
    params(("folder" = FolderId, Path)), request_body = FolderPatch,
    responses((status = 200, body = Folder), (status = 404, body = Problem)))]
pub async fn change(
    State(app): State<App>,
    _: Owner,
    Path(folder): Path<FolderId>,
    Json(patch): Json<FolderPatch>,
) -> Answer<Json<Folder>> {
    let changed = app.store().write(move |tx| folders::change(tx, folder, patch.name.as_ref(), patch.position));
    Ok(Json(changed.await?))
}

/// Deletes a folder; its chats are kept. For ten minutes it can be restored.
#[utoipa::path(delete, path = "/api/v1/folders/{folder}", tag = "chats", operation_id = "delete_folder",
    params(("folder" = FolderId, Path)), responses((status = 200, body = Folder), (status = 404, body = Problem)))]
pub async fn delete(State(app): State<App>, _: Owner, Path(folder): Path<FolderId>) -> Answer<Json<Folder>> {
    let inner = app.clone();
    let deleted = app.store().write(move |tx| folders::delete(tx, &inner, folder)).await?;
    app.look_at_alarms();
    Ok(Json(deleted))
}

/// Brings a deleted folder back, with the chats that lay in it.
#[utoipa::path(post, path = "/api/v1/folders/{folder}/restore", tag = "chats", operation_id = "restore_folder",
    params(("folder" = FolderId, Path)), responses((status = 200, body = Folder), (status = 404, body = Problem)))]
pub async fn restore(State(app): State<App>, _: Owner, Path(folder): Path<FolderId>) -> Answer<Json<Folder>> {
    let inner = app.clone();
    Ok(Json(app.store().write(move |tx| folders::restore(tx, &inner, folder)).await?))
}

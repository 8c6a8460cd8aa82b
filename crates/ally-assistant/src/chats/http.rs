//! The doors of chats.

use super::store::{self, Listed, Lying, Place};
use super::{Change, Chat};
use crate::app::App;
use crate::door::{Path, Query, present};
use crate::owner::Owner;
use crate::page::Items;
use crate::{chats, idempotency};
use ally_http::{Answer, Created, Json};
use ally_llm::Effort;
use ally_types::{ChatId, Content, FolderId, Problem, Timestamp};
use axum::extract::State;
use http::HeaderMap;
use serde::Deserialize;

/// A chat to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewChat {
    /// Its title; without one it gets the first sentence that is said.
    title: Option<Content>,
    /// How long the model may think; `normal` when not said.
    #[serde(default)]
    effort: Effort,
    /// Whether it is in no list, no search and no memory, and gone when it is closed.
    temporary: Option<bool>,
}

/// What to change of a chat; what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ChatPatch {
    /// The new title, 1 to 120 characters.
    title: Option<Content>,
    /// How long the model may think, from the next answer on.
    effort: Option<Effort>,
    /// Whether it stands above the others.
    pinned: Option<bool>,
    /// Whether it is put away.
    archived: Option<bool>,
    /// The folder to lay it in; `null` takes it out.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<FolderId>)]
    folder: Option<Option<FolderId>>,
}

/// Which chats are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Those that were put away; without it, the others.
    archived: Option<bool>,
    /// Only those in this folder; `none` stands for those in no folder.
    folder: Option<String>,
    /// Where to begin: `next` of the page before.
    cursor: Option<String>,
    /// At most so many items, 1 to 100.
    limit: Option<u32>,
}

/// Makes a chat.
#[utoipa::path(post, path = "/api/v1/chats", tag = "chats", operation_id = "create_chat",
    params(("idempotency-key" = Option<String>, Header)), request_body = NewChat,
    responses((status = 201, body = Chat)))]
pub async fn create(
    State(app): State<App>,
    owner: Owner,
    headers: HeaderMap,
    Json(new): Json<NewChat>,
) -> Answer<Created<Chat>> {
    let idempotency_key = idempotency::key(&headers)?;
    let NewChat { title, effort, temporary } = new;
    let new = chats::NewChat { title, effort, temporary: temporary.unwrap_or_default(), idempotency_key };
    let inner = app.clone();
    let chat = app.store().write(move |tx| chats::create(tx, &inner, owner, &new)).await?;
    app.look_at_alarms();
    Ok(Created(chat))
}

/// The chats: the pinned ones, then the last used first.
#[utoipa::path(get, path = "/api/v1/chats", tag = "chats", operation_id = "list_chats", params(Wanted),
    responses((status = 200, body = Items<Chat>)))]
pub async fn list(State(app): State<App>, _: Owner, Query(wanted): Query<Wanted>) -> Answer<Json<Items<Chat>>> {
    let limit = wanted.limit.unwrap_or(50).clamp(1, 100);
    let behind = wanted.cursor.as_deref().map(|cursor| read_cursor(cursor).ok_or_else(bad_cursor)).transpose()?;
    let lying = match wanted.folder.as_deref() {
        None => Lying::Anywhere,
        Some("none") => Lying::Loose,
        Some(folder) => Lying::In(folder.parse().map_err(|_| crate::folders::not_found())?),
    };
    let listed = Listed { archived: wanted.archived.unwrap_or_default(), lying };
    let mut items = app.store().read(move |tx| store::listed(tx, listed, behind, limit + 1)).await?;
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| has_more);
    let next = next.map(|last| format!("{}.{}.{}", u8::from(last.pinned), last.updated.as_millis(), last.id));
    Ok(Json(Items { items, next }))
}

/// One chat.
#[utoipa::path(get, path = "/api/v1/chats/{chat}", tag = "chats", operation_id = "get_chat",
    params(("chat" = ChatId, Path)), responses((status = 200, body = Chat), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Owner, Path(chat): Path<ChatId>) -> Answer<Json<Chat>> {
    Ok(Json(app.store().read(move |tx| store::live(tx, chat)).await?.ok_or_else(chats::not_found)?))
}

/// Names, pins, puts away or moves a chat.
#[utoipa::path(patch, path = "/api/v1/chats/{chat}", tag = "chats", operation_id = "change_chat",
    params(("chat" = ChatId, Path)), request_body = ChatPatch,
    responses((status = 200, body = Chat), (status = 404, body = Problem)))]
pub async fn change(
    State(app): State<App>,
    _: Owner,
    Path(chat): Path<ChatId>,
    Json(patch): Json<ChatPatch>,
) -> Answer<Json<Chat>> {
    let ChatPatch { title, effort, pinned, archived, folder } = patch;
    let (inner, change) = (app.clone(), Change { title, effort, pinned, archived, folder });
    Ok(Json(app.store().write(move |tx| chats::change(tx, &inner, chat, &change)).await?))
}

/// Deletes a chat. For ten minutes it can be restored; after that it is gone for good. A temporary one is gone at once.
#[utoipa::path(delete, path = "/api/v1/chats/{chat}", tag = "chats", operation_id = "delete_chat",
    params(("chat" = ChatId, Path)), responses((status = 200, body = Chat), (status = 404, body = Problem)))]
pub async fn delete(State(app): State<App>, _: Owner, Path(chat): Path<ChatId>) -> Answer<Json<Chat>> {
    let inner = app.clone();
    let deleted = app.store().write(move |tx| chats::delete(tx, &inner, chat)).await?;
    if deleted.temporary && chats::closed(&app, chat).await.is_err() {
        ally_types::log::warn("a temporary chat could not be taken away yet", &[]);
    }
    app.look_at_alarms();
    Ok(Json(deleted))
}

/// Brings a deleted chat back.
#[utoipa::path(post, path = "/api/v1/chats/{chat}/restore", tag = "chats", operation_id = "restore_chat",
    params(("chat" = ChatId, Path)), responses((status = 200, body = Chat), (status = 404, body = Problem)))]
pub async fn restore(State(app): State<App>, _: Owner, Path(chat): Path<ChatId>) -> Answer<Json<Chat>> {
    let inner = app.clone();
    Ok(Json(app.store().write(move |tx| chats::restore(tx, &inner, chat)).await?))
}

fn read_cursor(cursor: &str) -> Option<Place> {
    let mut parts = cursor.splitn(3, '.');
    let pinned = parts.next()? == "1";
    let updated = Timestamp::from_millis(parts.next()?.parse().ok()?);
    Some(Place { pinned, updated, id: parts.next()?.parse().ok()? })
}

fn bad_cursor() -> Problem {
    Problem::new(400, "bad_cursor", "This list cannot go on from there.").at("cursor").next("Load the list again.")
}

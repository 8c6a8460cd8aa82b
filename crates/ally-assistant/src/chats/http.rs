//! The doors of chats.

use super::{Chat, store};
use crate::app::App;
use crate::door::{Path, Query};
use crate::owner::Owner;
use crate::page::{Items, Wanted};
use crate::{chats, idempotency};
use ally_http::{Answer, Created, Json};
use ally_llm::Effort;
use ally_types::{ChatId, Content, Problem, Timestamp};
use axum::extract::State;
use http::HeaderMap;
use serde::Deserialize;

/// A chat to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewChat {
    /// Its title; without one it gets the first words that are said.
    title: Option<Content>,
    /// How long the model may think; `normal` when not said.
    #[serde(default)]
    effort: Effort,
}

/// What to change of a chat.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ChatPatch {
    /// The new title, 1 to 120 characters.
    title: Option<Content>,
    /// How long the model may think, from the next answer on.
    effort: Option<Effort>,
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
    let key = idempotency::key(&headers)?;
    let inner = app.clone();
    let chat =
        app.store().write(move |tx| chats::create(tx, &inner, owner, new.title, new.effort, key.as_deref())).await?;
    Ok(Created(chat))
}

/// The chats, the last used first.
#[utoipa::path(get, path = "/api/v1/chats", tag = "chats", operation_id = "list_chats", params(Wanted),
    responses((status = 200, body = Items<Chat>)))]
pub async fn list(State(app): State<App>, _: Owner, Query(wanted): Query<Wanted>) -> Answer<Json<Items<Chat>>> {
    let limit = wanted.limit();
    let behind = wanted.cursor.as_deref().map(|cursor| read_cursor(cursor).ok_or_else(bad_cursor)).transpose()?;
    let mut items = app.store().read(move |tx| store::newest(tx, behind, limit + 1)).await?;
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| has_more).map(|last| format!("{}.{}", last.updated.as_millis(), last.id));
    Ok(Json(Items { items, next }))
}

/// One chat.
#[utoipa::path(get, path = "/api/v1/chats/{chat}", tag = "chats", operation_id = "get_chat",
    params(("chat" = ChatId, Path)), responses((status = 200, body = Chat), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Owner, Path(chat): Path<ChatId>) -> Answer<Json<Chat>> {
    Ok(Json(app.store().read(move |tx| store::live(tx, chat)).await?.ok_or_else(chats::not_found)?))
}

/// Changes what is said of a chat.
#[utoipa::path(patch, path = "/api/v1/chats/{chat}", tag = "chats", operation_id = "change_chat",
    params(("chat" = ChatId, Path)), request_body = ChatPatch,
    responses((status = 200, body = Chat), (status = 404, body = Problem)))]
pub async fn change(
    State(app): State<App>,
    _: Owner,
    Path(chat): Path<ChatId>,
    Json(patch): Json<ChatPatch>,
) -> Answer<Json<Chat>> {
    let inner = app.clone();
    let changed = app.store().write(move |tx| {
        if let Some(effort) = patch.effort {
            chats::set_effort(tx, &inner, chat, effort)?;
        }
        match &patch.title {
            Some(title) => chats::rename(tx, &inner, chat, title),
            None => store::live(tx, chat)?.ok_or_else(|| chats::not_found().into()),
        }
    });
    Ok(Json(changed.await?))
}

/// Deletes a chat. For ten minutes it can be restored; after that it is gone for good.
#[utoipa::path(delete, path = "/api/v1/chats/{chat}", tag = "chats", operation_id = "delete_chat",
    params(("chat" = ChatId, Path)), responses((status = 200, body = Chat), (status = 404, body = Problem)))]
pub async fn delete(State(app): State<App>, _: Owner, Path(chat): Path<ChatId>) -> Answer<Json<Chat>> {
    let inner = app.clone();
    let deleted = app.store().write(move |tx| chats::delete(tx, &inner, chat)).await?;
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

fn read_cursor(cursor: &str) -> Option<(Timestamp, ChatId)> {
    let (millis, id) = cursor.split_once('.')?;
    Some((Timestamp::from_millis(millis.parse().ok()?), id.parse().ok()?))
}

fn bad_cursor() -> Problem {
    Problem::new(400, "bad_cursor", "This list cannot go on from there.").at("cursor").next("Load the list again.")
}

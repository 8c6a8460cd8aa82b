//! The doors of messages.

use super::{Message, again, path, store};
use crate::app::App;
use crate::chats::{self, NewMessage, Sent};
use crate::door::{Path, Query};
use crate::fault::Done;
use crate::owner::Owner;
use crate::page::Items;
use crate::{idempotency, provider};
use ally_http::answer::Accepted;
use ally_http::{Answer, Json};
use ally_types::{AttachmentId, ChatId, Content, MessageId, Problem};
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// What the person says.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Say {
    /// The words, at most 200,000 bytes; with files there may be none.
    text: Content,
    /// The files that go along, at most 20. When a message is put into other words, leaving this out keeps its files.
    attachments: Option<Vec<AttachmentId>>,
    /// Where the person is, as an IANA time zone.
    timezone: Option<String>,
}

impl Say {
    fn with(self, headers: &HeaderMap) -> Done<NewMessage> {
        let Self { text, attachments, timezone } = self;
        Ok(NewMessage { text, attachments, timezone, idempotency_key: idempotency::key(headers)? })
    }
}

/// Which message is to be shown.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ChosenVersion {
    /// One of the versions of a message.
    message: MessageId,
}

/// Which messages are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Before {
    /// Only messages before this one.
    before: Option<MessageId>,
    /// At most so many, 1 to 100.
    limit: Option<u32>,
}

/// Sends a message. It is kept, and its answer will come, when this has answered.
#[utoipa::path(post, path = "/api/v1/chats/{chat}/messages", tag = "chats", operation_id = "send_message",
    params(("chat" = ChatId, Path), ("idempotency-key" = Option<String>, Header)), request_body = Say,
    responses((status = 202, body = Sent), (status = 404, body = Problem), (status = 413, body = Problem)))]
pub async fn send(
    State(app): State<App>,
    owner: Owner,
    Path(chat): Path<ChatId>,
    headers: HeaderMap,
    Json(say): Json<Say>,
) -> Answer<Accepted<Sent>> {
    let new = say.with(&headers)?;
    let inner = app.clone();
    let sent = app.store().write(move |tx| chats::send(tx, &inner, owner, chat, &new)).await?;
    // It is kept. The question to the model leaves first, for that is what she waits for.
    tokio::task::yield_now().await;
    Ok(Accepted(sent))
}

/// The messages of a chat, oldest first, the newest page first.
#[utoipa::path(get, path = "/api/v1/chats/{chat}/messages", tag = "chats", operation_id = "list_messages",
    params(("chat" = ChatId, Path), Before),
    responses((status = 200, body = Items<Message>), (status = 404, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    _: Owner,
    Path(chat): Path<ChatId>,
    Query(wanted): Query<Before>,
) -> Answer<Json<Items<Message>>> {
    let limit = wanted.limit.unwrap_or(50).clamp(1, 100);
    let hub = app.hub().clone();
    let page = app
        .store()
        .read(move |tx| {
            chats::store::live(tx, chat)?.ok_or_else(chats::not_found)?;
            let before = match wanted.before {
                Some(id) => store::position(tx, chat, id)?.ok_or_else(chats::message_not_found)?,
                None => i64::MAX,
            };
            let (stored, has_more) = store::page(tx, chat, before, limit)?;
            let items: Vec<_> =
                stored.iter().map(|stored| hub.live(chat, stored.id).unwrap_or_else(|| stored.view())).collect();
            let next = if has_more { items.first().map(|first| first.id.to_string()) } else { None };
            Ok::<_, crate::fault::Fault>(Items { items, next })
        })
        .await?;
    Ok(Json(page))
}

/// Answers a message that could not be answered before, or goes on with an answer that broke off.
#[utoipa::path(post, path = "/api/v1/messages/{message}/answer", tag = "chats", operation_id = "answer_message",
    params(("message" = MessageId, Path)),
    responses((status = 202, body = Sent), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn answer(State(app): State<App>, owner: Owner, Path(message): Path<MessageId>) -> Answer<Accepted<Sent>> {
    provider::must_be_connected(&app, message).await?;
    let inner = app.clone();
    let sent = app.store().write(move |tx| chats::answer_again(tx, &inner, owner, message)).await?;
    Ok(Accepted(sent))
}

/// Asks a question in other words: a version of it with an answer of its own. The old one stays, with all behind it.
#[utoipa::path(post, path = "/api/v1/messages/{message}/edit", tag = "chats", operation_id = "edit_message",
    params(("message" = MessageId, Path), ("idempotency-key" = Option<String>, Header)), request_body = Say,
    responses((status = 202, body = Sent), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn edit(
    State(app): State<App>,
    owner: Owner,
    Path(message): Path<MessageId>,
    headers: HeaderMap,
    Json(say): Json<Say>,
) -> Answer<Accepted<Sent>> {
    let new = say.with(&headers)?;
    let inner = app.clone();
    Ok(Accepted(app.store().write(move |tx| again::edit(tx, &inner, owner, message, &new)).await?))
}

/// Has an answer written once more: a version beside the one that is there.
#[utoipa::path(post, path = "/api/v1/messages/{message}/regenerate", tag = "chats", operation_id = "regenerate_message",
    params(("message" = MessageId, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 202, body = Sent), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn regenerate(
    State(app): State<App>,
    owner: Owner,
    Path(message): Path<MessageId>,
    headers: HeaderMap,
) -> Answer<Accepted<Sent>> {
    let key = idempotency::key(&headers)?;
    let inner = app.clone();
    Ok(Accepted(app.store().write(move |tx| again::regenerate(tx, &inner, owner, message, key.as_deref())).await?))
}

/// Shows a version of a message, and behind it what was last shown there.
#[utoipa::path(put, path = "/api/v1/chats/{chat}/path", tag = "chats", operation_id = "show_version",
    params(("chat" = ChatId, Path)), request_body = ChosenVersion,
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn show(
    State(app): State<App>,
    _: Owner,
    Path(chat): Path<ChatId>,
    Json(chosen): Json<ChosenVersion>,
) -> Answer<StatusCode> {
    let inner = app.clone();
    app.store()
        .write(move |tx| {
            chats::store::live(tx, chat)?.ok_or_else(chats::not_found)?;
            path::show(tx, &inner, chat, chosen.message)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

//! The doors of thumbs.

use super::{Feedback, Rating};
use crate::app::App;
use crate::door::Path;
use crate::feedback;
use crate::owner::Owner;
use ally_http::{Answer, Json};
use ally_types::{Content, MessageId, Problem};
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;

/// What the person thinks of an answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Thumb {
    /// Which way it points.
    rating: Rating,
    /// Why, in her own words; at most 2,000 characters.
    note: Option<Content>,
}

/// Says what you think of an answer. It stays in your own space for twelve months, without the answer.
#[utoipa::path(put, path = "/api/v1/messages/{message}/feedback", tag = "chats", operation_id = "rate_message",
    params(("message" = MessageId, Path)), request_body = Thumb,
    responses((status = 200, body = Feedback), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn put(
    State(app): State<App>,
    owner: Owner,
    Path(message): Path<MessageId>,
    Json(thumb): Json<Thumb>,
) -> Answer<Json<Feedback>> {
    let inner = app.clone();
    let give = move |tx: &_| feedback::give(tx, &inner, owner, message, thumb.rating, thumb.note.as_ref());
    let given = app.store().write(give).await?;
    app.look_at_alarms();
    Ok(Json(given))
}

/// Takes it back.
#[utoipa::path(delete, path = "/api/v1/messages/{message}/feedback", tag = "chats", operation_id = "unrate_message",
    params(("message" = MessageId, Path)), responses((status = 204), (status = 404, body = Problem)))]
pub async fn delete(State(app): State<App>, _: Owner, Path(message): Path<MessageId>) -> Answer<StatusCode> {
    let inner = app.clone();
    app.store().write(move |tx| feedback::take_back(tx, &inner, message)).await?;
    Ok(StatusCode::NO_CONTENT)
}

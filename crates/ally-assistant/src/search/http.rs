//! The door of search over all chats.

use super::found::{self, Found, Wanted};
use crate::app::App;
use crate::messages::Role;
use crate::owner::Owner;
use crate::page::Items;
use ally_http::{Answer, Json};
use ally_types::{ChatId, Content, Problem, Timestamp};
use axum::extract::State;
use serde::Deserialize;

/// So far one can page.
const DEEPEST: u32 = 1000;

/// What to look for in the chats.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ChatSearch {
    /// The words; the last one may be unfinished.
    q: Content,
    /// Only in this chat.
    chat: Option<ChatId>,
    /// Only said by this one.
    role: Option<Role>,
    /// Only said at this moment or after it.
    from: Option<Timestamp>,
    /// Only said before this moment.
    to: Option<Timestamp>,
    /// Where to begin: `next` of the page before.
    cursor: Option<String>,
    /// At most so many, 1 to 50.
    limit: Option<u32>,
}

/// Searches what was said in all chats, also in those that were put away. The words travel in the body, so that they
/// stand in no log.
#[utoipa::path(post, path = "/api/v1/search", tag = "chats", operation_id = "search_chats",
    request_body = ChatSearch, responses((status = 200, body = Items<Found>), (status = 400, body = Problem)))]
pub async fn search(State(app): State<App>, _: Owner, Json(asked): Json<ChatSearch>) -> Answer<Json<Items<Found>>> {
    let limit = asked.limit.unwrap_or(20).clamp(1, 50);
    let skip = asked.cursor.as_deref().map_or(Some(0), |cursor| cursor.parse().ok().filter(|skip| *skip <= DEEPEST));
    let skip: u32 = skip.ok_or_else(|| {
        Problem::new(400, "bad_cursor", "This list cannot go on from there.").at("cursor").next("Search again.")
    })?;
    let wanted = Wanted { text: asked.q, chat: asked.chat, role: asked.role, from: asked.from, to: asked.to };
    let mut items = app.store().read(move |tx| found::messages(tx, &wanted, skip, limit + 1)).await?;
    let has_more = items.len() > limit as usize && skip + limit <= DEEPEST;
    items.truncate(limit as usize);
    Ok(Json(Items { items, next: has_more.then(|| (skip + limit).to_string()) }))
}

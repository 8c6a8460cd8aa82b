//! The door to how full a chat is and what was summarised.

use super::{Gauge, History, store};
use crate::app::App;
use crate::door::Path;
use crate::owner::Owner;
use crate::{chats, messages};
use ally_http::{Answer, Json};
use ally_types::{ChatId, Content, MessageId, Problem, SummaryId, Timestamp};
use axum::extract::State;
use serde::Serialize;

/// What of a chat the next question brings along.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Context {
    /// How full the model's window is.
    pub gauge: Gauge,
    /// What stands for the older messages, oldest first; the last one counts.
    pub summaries: Vec<Summary>,
}

/// What stands for the beginning of a chat.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Summary {
    /// Its id.
    pub id: SummaryId,
    /// The last message that it stands for; it is shown behind this one.
    pub last: MessageId,
    /// All messages that it stands for, oldest first; `[3]` in the text is the third of them.
    pub messages: Vec<MessageId>,
    /// What it says.
    pub text: Content,
    /// When it was made.
    pub created: Timestamp,
}

/// How full a chat is, and what was summarised.
#[utoipa::path(get, path = "/api/v1/chats/{chat}/context", tag = "chats", operation_id = "get_context",
    params(("chat" = ChatId, Path)), responses((status = 200, body = Context), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Owner, Path(chat): Path<ChatId>) -> Answer<Json<Context>> {
    let read = app.store().read(move |tx| {
        chats::store::live(tx, chat)?.ok_or_else(chats::not_found)?;
        let gauge = match messages::path::end(tx, chat)? {
            Some(newest) => History::until(tx, chat, newest)?.gauge(),
            None => Gauge { used: 0, limit: super::window(&[]) },
        };
        Ok::<_, crate::fault::Fault>((gauge, store::all(tx, chat)?))
    });
    let (gauge, summaries) = read.await?;
    let shown = summaries.into_iter().map(|store::Summary { id, last, messages, text, created, .. }| Summary {
        id,
        last,
        messages,
        text,
        created,
    });
    Ok(Json(Context { gauge, summaries: shown.collect() }))
}

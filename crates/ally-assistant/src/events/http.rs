//! The door to a chat's events.

use super::hub::{Next, event_id, read_event_id};
use super::{Event, Hub};
use crate::app::App;
use crate::door::Path;
use crate::fault::Done;
use crate::owner::Owner;
use crate::{chats, messages};
use ally_http::Answer;
use ally_types::ChatId;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use std::collections::VecDeque;
use tokio::sync::watch;

/// How many of the newest messages are sent whole to a reader who is new, and to one who was away.
const NEW_READER: u32 = 2;
const WAS_AWAY: u32 = 20;

/// The events of a chat, as they happen. `Last-Event-ID` goes on where a reader stopped.
#[utoipa::path(
    get, path = "/api/v1/chats/{chat}/events", tag = "chats", operation_id = "watch_chat",
    params(("chat" = ChatId, Path), ("last-event-id" = Option<String>, Header)),
    responses((status = 200, description = "Event stream; each `data` is one of these", body = Event, content_type = "text/event-stream"))
)]
pub async fn watch(State(app): State<App>, _: Owner, Path(chat): Path<ChatId>, headers: HeaderMap) -> Answer<Response> {
    let last = headers.get("last-event-id").and_then(|id| read_event_id(id.to_str().ok()?));
    let has_id = headers.contains_key("last-event-id");
    app.store().read(move |tx| chats::store::live(tx, chat)).await?.ok_or_else(chats::not_found)?;
    let reader = match last {
        Some((epoch, number)) if app.hub().can_continue(chat, epoch, number) => {
            let (_, _, bell) = app.hub().attach(chat);
            Reader { app, chat, cursor: number, bell, waiting: VecDeque::new(), is_over: false }
        }
        _ => Reader::with_whole_messages(app, chat, if has_id { WAS_AWAY } else { NEW_READER }).await?,
    };
    Ok(ally_http::stream::response(futures_util::stream::unfold(reader, Reader::next)))
}

/// One open stream.
struct Reader {
    app: App,
    chat: ChatId,
    cursor: u64,
    bell: watch::Receiver<()>,
    waiting: VecDeque<Bytes>,
    is_over: bool,
}

impl Reader {
    async fn with_whole_messages(app: App, chat: ChatId, newest: u32) -> Done<Self> {
        let (waiting, cursor, bell) = whole_messages(&app, chat, newest).await?;
        Ok(Self { app, chat, cursor, bell, waiting: waiting.into(), is_over: false })
    }

    async fn next(mut self) -> Option<(Bytes, Self)> {
        loop {
            if let Some(bytes) = self.waiting.pop_front() {
                return Some((bytes, self));
            }
            if self.is_over {
                return None;
            }
            self.bell.mark_unchanged();
            match self.app.hub().after(self.chat, self.cursor) {
                Next::Events(events, last) => {
                    self.waiting.extend(events);
                    self.cursor = last;
                }
                Next::Passed => match whole_messages(&self.app, self.chat, WAS_AWAY).await {
                    Ok((waiting, cursor, _)) => {
                        self.waiting.extend(waiting);
                        self.cursor = cursor;
                    }
                    Err(_) => return None,
                },
                Next::Parked => {
                    self.waiting.push_back(Bytes::from_static(ally_http::stream::PARKED.as_bytes()));
                    self.is_over = true;
                }
                Next::Nothing => self.bell.changed().await.ok()?,
            }
        }
    }
}

type Whole = (Vec<Bytes>, u64, watch::Receiver<()>);

/// The newest messages of a chat, those in progress as they are at this moment, and the event number that they include.
/// Hub and database are read together: events of commits are published under the lock that the read holds.
async fn whole_messages(app: &App, chat: ChatId, newest: u32) -> Done<Whole> {
    let hub = app.hub().clone();
    app.store()
        .read(move |tx| {
            let (stored, _) = messages::store::page(tx, chat, i64::MAX, newest)?;
            let (cursor, mut live, bell) = hub.attach(chat);
            // An answer that goes on in a version that is not shown is nobody's business here.
            for at in (0..live.len()).rev() {
                if !messages::path::is_shown(tx, live[at].0.id)? {
                    live.swap_remove(at);
                }
            }
            let mut whole: Vec<_> = stored
                .iter()
                .map(|stored| match live.iter().position(|(message, _)| message.id == stored.id) {
                    Some(at) => live.swap_remove(at),
                    None => (stored.view(), 1),
                })
                .collect();
            whole.append(&mut live);
            whole.sort_by_key(|(message, _)| message.id);
            let events = whole.into_iter().map(|(message, attempt)| write(&hub, cursor, message, attempt)).collect();
            Ok((events, cursor, bell))
        })
        .await
}

fn write(hub: &Hub, number: u64, message: messages::Message, attempt: u32) -> Bytes {
    let id = event_id(message.run, hub.epoch(), number);
    let data = serde_json::to_string(&Event::MessageSnapshot { message, attempt }).unwrap_or_default();
    ally_http::stream::event(Some(&id), &data)
}

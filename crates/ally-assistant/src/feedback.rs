//! Thumbs: what the person thinks of an answer. Nothing of the answer is kept with it, and only she sees it.

pub mod http;
pub mod store;

use crate::app::App;
use crate::chats;
use crate::events::Event;
use crate::fault::Done;
use crate::messages::{self, Author, Role};
use crate::owner::Owner;
use ally_store::Tx;
use ally_types::{Content, MessageId, Problem, Timestamp};
use serde::{Deserialize, Serialize};

/// Longest note, in characters.
const LONGEST_NOTE: usize = 2000;
/// How long it is kept.
pub const KEPT_DAYS: u32 = 365;

/// Which way the thumb points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    /// The answer was good.
    Up,
    /// It was not.
    Down,
}

/// What the person thinks of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Feedback {
    /// Which way the thumb points.
    pub rating: Rating,
    /// Why, in her own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Content>,
    /// When she said so.
    pub at: Timestamp,
}

impl Rating {
    /// The word kept in a column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// Reads the word back.
    pub fn from_stored(word: &str) -> Self {
        if word == "up" { Self::Up } else { Self::Down }
    }
}

/// Keeps what the person thinks of an answer, instead of what she thought before.
pub fn give(tx: &Tx, app: &App, owner: Owner, id: MessageId, rating: Rating, note: Option<&Content>) -> Done<Feedback> {
    let answer = messages::again::live(tx, id)?;
    if answer.role != Role::Assistant || !answer.status.is_over() {
        return Err(Problem::new(409, "not_an_answer", "Only a finished answer can be rated.")
            .next("Wait until it is written.")
            .into());
    }
    let note = note.map(|note| note.expose().trim()).filter(|note| !note.is_empty());
    if note.is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        return Err(Problem::new(422, "note_too_long", "A note has at most 2,000 characters.")
            .at("note")
            .next("Make it shorter. Nothing was changed.")
            .into());
    }
    let model = match &answer.author {
        Author::Model { model, .. } => model.as_str(),
        Author::Imported { service, model } => model.as_deref().unwrap_or(service.as_str()),
        Author::Builtin => "builtin",
        Author::Ally | Author::Person => "ally",
    };
    let given = Feedback { rating, note: note.map(Content::new), at: app.clock().now() };
    store::put(tx, id, owner.account, model, &given)?;
    tell(tx, app, id)?;
    Ok(given)
}

/// Takes it back. Where there is none, nothing happens.
pub fn take_back(tx: &Tx, app: &App, id: MessageId) -> Done<()> {
    messages::again::live(tx, id)?;
    if store::remove(tx, id)? {
        tell(tx, app, id)?;
    }
    Ok(())
}

/// Everybody who watches sees the thumb.
fn tell(tx: &Tx, app: &App, id: MessageId) -> Done<()> {
    let message = messages::store::get(tx, id)?.ok_or_else(chats::message_not_found)?.view();
    let hub = app.hub().clone();
    tx.after_commit(move || {
        hub.publish(message.chat, message.run, &Event::MessageSnapshot { message, attempt: 1 });
    });
    Ok(())
}

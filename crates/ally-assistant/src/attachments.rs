//! Files that a person attaches to a message: what is taken in, what goes along with a message, what is taken away.
//!
//! The row comes first, then the bytes, then the row says that they are there. What is taken away goes the other way: the
//! row says so, then the bytes go, then the row. So no file is ever left that no row knows.

pub mod disk;
pub mod http;
mod kind;
pub mod limits;
mod pdf;
mod picture;
pub mod receive;
pub mod store;

use crate::app::App;
use crate::fault::{Done, Fault};
use crate::owner::Owner;
use ally_llm::FileKind;
use ally_store::Tx;
use ally_types::{AttachmentId, ChatId, Content, Label, MessageId, Problem};
use serde::Serialize;

/// A file that was attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// Its name.
    pub name: Content,
    /// What it is, by its bytes: `image/png`, `image/jpeg`, `image/gif`, `image/webp`, `application/pdf` or `text/plain`.
    pub media_type: &'static str,
    /// Size in bytes, as it is kept.
    pub size: u64,
    /// Width of a picture as it is looked at, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height of a picture as it is looked at, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// How many pages a PDF seems to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// Where it comes from and how private it is.
    #[serde(skip)]
    pub label: Label,
}

impl Attachment {
    /// What a model is given. The pages of a PDF that hides them are guessed by its size.
    pub fn kind(&self) -> FileKind {
        match kind::format(self.media_type) {
            Some(format) => {
                FileKind::Image { format, width: self.width.unwrap_or(0), height: self.height.unwrap_or(0) }
            }
            None if self.media_type == kind::PDF => {
                let guess = u32::try_from(self.size / limits::USUAL_PAGE).unwrap_or(u32::MAX);
                FileKind::Pdf { pages: self.pages.unwrap_or(guess.clamp(1, limits::MOST_GUESSED)) }
            }
            None => FileKind::Text,
        }
    }
}

/// Which files go along with a message.
pub struct Along<'a> {
    /// The files, in order.
    pub ids: &'a [AttachmentId],
    /// The message whose version this is; its files may be used again.
    pub of: Option<MessageId>,
}

/// What is to be sent together, checked: all of it is there, hers, not sent yet, and not too much for one question.
pub fn checked(tx: &Tx, owner: Owner, along: &Along<'_>) -> Done<Vec<Attachment>> {
    let known = along.of.map(|message| store::of_message(tx, message)).transpose()?.unwrap_or_default();
    let mut files = Vec::with_capacity(along.ids.len().min(limits::MOST_FILES));
    for (at, id) in along.ids.iter().enumerate() {
        if at >= limits::MOST_FILES {
            return Err(limits::too_many_files().into());
        }
        if along.ids[..at].contains(id) {
            continue;
        }
        let found = store::whole(tx, *id)?.filter(|found| found.account == owner.account).ok_or_else(not_found)?;
        if found.chat.is_some() && !known.iter().any(|file| file.id == *id) {
            return Err(already_sent());
        }
        files.push(found.file);
    }
    limits::check_together(&files)?;
    Ok(files)
}

/// Binds the files to a message, in the transaction that takes it in.
pub fn bind(tx: &Tx, chat: ChatId, message: MessageId, files: &[Attachment]) -> Done<()> {
    for (position, file) in (1..).zip(files) {
        store::set_sent(tx, file.id, chat)?;
        store::insert_link(tx, message, position, file.id)?;
    }
    Ok(())
}

/// Takes away a file that was not sent.
pub async fn remove(app: &App, owner: Owner, id: AttachmentId) -> Done<()> {
    app.store()
        .write(move |tx| {
            let found = store::whole(tx, id)?.filter(|found| found.account == owner.account).ok_or_else(not_found)?;
            if found.chat.is_some() {
                return Err(Problem::new(409, "attachment_sent", "This file belongs to a message.")
                    .next("Delete the chat; its files go with it.")
                    .into());
            }
            store::set_expired(tx, id)
        })
        .await?;
    if app.purge().await.is_err() {
        ally_types::log::warn("a file could not be taken away yet", &[]);
    }
    Ok(())
}

/// Takes away what has expired: the bytes, then the rows. Says whether there was something.
pub async fn sweep(app: &App) -> Done<bool> {
    let now = app.clock().now();
    let next = app.store().read(store::next_to_expire).await?;
    if next.is_none_or(|next| next > now) {
        return Ok(false);
    }
    let expired = app.store().write(move |tx| store::take_expired(tx, now)).await?;
    disk::remove(app.attachments(), &expired)?;
    app.store().write(move |tx| expired.iter().try_for_each(|id| store::remove(tx, *id))).await?;
    Ok(true)
}

/// There is no such file, or it is somebody else's.
pub fn not_found() -> Problem {
    Problem::not_found("attachment_not_found", "This file is not there any more.")
        .at("attachments")
        .next("Attach it again. Files that are not sent within a day are removed.")
}

fn already_sent() -> Fault {
    Problem::new(409, "attachment_sent", "This file was sent with another message.")
        .at("attachments")
        .next("Attach it again.")
        .into()
}

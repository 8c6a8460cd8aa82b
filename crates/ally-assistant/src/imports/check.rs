//! Looks through a file and keeps what is in it: titles, times and counts. Nothing is taken over.

use super::broken::Broken;
use super::executor::{Worked, told};
use super::reader::Reader;
use super::shapes::{self, Conversation};
use super::splitter::Element;
use super::{ImportChat, Preview, Service, State, path, store, take};
use crate::app::App;
use crate::fault::Done;
use ally_durable::{Ending, Error, Run};
use ally_store::{Tx, files};
use ally_types::ImportId;

/// So many conversations are kept in one transaction.
const BATCH: usize = 200;

/// What is known of one conversation.
struct Found {
    service: Service,
    source: String,
    chat: ImportChat,
    left: super::Left,
}

/// Looks through the whole file.
pub async fn all(app: &App, run: &Run, id: ImportId) -> Result<Worked, Error> {
    let looked = if app.is_space_full() { Ok(Some(Broken::Full)) } else { look(app, run, id).await };
    let broken = match looked {
        Ok(None) => return Ok(Worked { ending: Ending::Succeeded, state: State::Ready, problem: None }),
        Ok(Some(broken)) => broken,
        Err(error) => return Err(error),
    };
    // The file goes before anybody hears that it is of no use.
    files::remove(&path(app, id)?)?;
    run.write(move |tx| Ok(store::forget_preview(tx, id)?)).await?;
    let ending = Ending::Failed { reason: broken.as_str() };
    Ok(Worked { ending, state: State::Failed, problem: Some(broken) })
}

/// Answers what is wrong with the file, if something is.
async fn look(app: &App, run: &Run, id: ImportId) -> Result<Option<Broken>, Error> {
    run.write(move |tx| Ok(store::forget_preview(tx, id)?)).await?;
    let mut reader = match Reader::open(&path(app, id)?) {
        Ok(reader) => reader,
        Err(fault) => return told(fault).map(Some),
    };
    let (mut has_any, mut is_readable) = (false, false);
    loop {
        let (mut batch, mut preview, mut is_over) = (Vec::new(), Preview::default(), false);
        while batch.len() < BATCH {
            if run.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if run.is_draining() {
                return Err(Error::Suspended);
            }
            match reader.next() {
                Ok(Some((number, element))) => batch.extend(one(app, number, &element, &mut preview)),
                Ok(None) => {
                    is_over = true;
                    break;
                }
                Err(fault) => return told(fault).map(Some),
            }
            has_any = true;
            // A large file takes a while; others may have something to ask meanwhile.
            tokio::task::yield_now().await;
        }
        is_readable |= !batch.is_empty() || preview.empty > 0;
        run.write(move |tx| Ok(keep(tx, id, &batch, preview)?)).await?;
        if is_over {
            break;
        }
    }
    Ok(match (has_any, is_readable) {
        (_, true) => None,
        (true, false) => Some(Broken::Shape),
        (false, false) => Some(Broken::Empty),
    })
}

fn one(app: &App, number: u32, element: &Element, preview: &mut Preview) -> Option<Found> {
    let conversation = match element {
        Element::Whole(json) => shapes::read(json),
        Element::TooLarge => None,
    };
    let Some(conversation) = conversation else {
        preview.unreadable += 1;
        return None;
    };
    preview.service = Some(conversation.service);
    if conversation.said.is_empty() {
        preview.empty += 1;
        return None;
    }
    Some(found(app, number, conversation))
}

fn found(app: &App, number: u32, from: Conversation) -> Found {
    let (created, updated) = take::times(app, &from);
    let messages = u32::try_from(from.said.len()).unwrap_or(u32::MAX);
    let chat = ImportChat { number, title: take::title(&from), messages, known: false, created, updated };
    Found { service: from.service, source: from.source, chat, left: from.left }
}

fn keep(tx: &Tx, id: ImportId, batch: &[Found], mut preview: Preview) -> Done<()> {
    for found in batch {
        let known = store::is_known(tx, found.service, &found.source)?;
        let chat = ImportChat { known, ..found.chat.clone() };
        if !store::insert_found(tx, id, &found.source, &chat)? {
            continue;
        }
        if known {
            preview.known += 1;
            continue;
        }
        preview.chats += 1;
        preview.messages += u64::from(chat.messages);
        preview.oldest = Some(preview.oldest.map_or(chat.created, |oldest| oldest.min(chat.created)));
        preview.newest = Some(preview.newest.map_or(chat.updated, |newest| newest.max(chat.updated)));
        preview.left.files += found.left.files;
        preview.left.voice += found.left.voice;
        preview.left.steps += found.left.steps;
    }
    store::add_preview(tx, id, &preview)
}

//! Makes chats of the conversations in a file. Each one goes from the list of those that wait in the transaction that
//! makes its chat, so whoever comes after a crash goes on with the rest.

use super::broken::Broken;
use super::executor::{Worked, told};
use super::reader::Reader;
use super::shapes::{self, Conversation};
use super::splitter::Element;
use super::{Import, State, path, store};
use crate::app::App;
use crate::chats::{self, Moment};
use crate::fault::Done;
use crate::messages::Role;
use ally_durable::{Ending, Error, Run};
use ally_store::{Tx, files};
use ally_types::{ChatId, Content, MessageId, Timestamp};
use std::collections::HashSet;

/// So much is taken over in one transaction.
const BATCH: usize = 20;
const BATCH_BYTES: usize = 256 * 1024;

/// Takes over everything that waits.
pub async fn all(app: &App, run: &Run, import: &Import) -> Result<Worked, Error> {
    let stopped = |problem: Broken| {
        let ending = Ending::Failed { reason: problem.as_str() };
        Worked { ending, state: State::Ready, problem: Some(problem) }
    };
    if app.is_space_full() {
        return Ok(stopped(Broken::Full));
    }
    let id = import.id;
    let waiting: HashSet<u32> = app.store().read(move |tx| store::waiting(tx, id)).await?.into_iter().collect();
    if !waiting.is_empty() {
        let mut reader = match Reader::open(&path(app, id)?) {
            Ok(reader) => reader,
            Err(fault) => return Ok(stopped(told(fault)?)),
        };
        loop {
            if run.is_cancelled() {
                return Ok(Worked { ending: Ending::Cancelled, state: State::Ready, problem: None });
            }
            if run.is_draining() {
                return Err(Error::Suspended);
            }
            let batch = match next_batch(&mut reader, &waiting).await {
                Ok(batch) if batch.is_empty() => break,
                Ok(batch) => batch,
                Err(fault) => return Ok(stopped(told(fault)?)),
            };
            let (inner, import) = (app.clone(), import.clone());
            run.write(move |tx| Ok(take(tx, &inner, &import, &batch)?)).await?;
        }
    }
    // The file goes first: a process that dies here finds nothing that waits, and needs no file.
    files::remove(&path(app, id)?)?;
    run.write(move |tx| Ok(store::forget_chats(tx, id)?)).await?;
    Ok(Worked { ending: Ending::Succeeded, state: State::Done, problem: None })
}

async fn next_batch(reader: &mut Reader, waiting: &HashSet<u32>) -> Done<Vec<(u32, Conversation)>> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < BATCH && bytes < BATCH_BYTES {
        let Some((number, element)) = reader.next()? else { break };
        if let (Element::Whole(json), true) = (&element, waiting.contains(&number))
            && let Some(conversation) = shapes::read(json)
        {
            bytes += json.len();
            batch.push((number, conversation));
        }
        // A large file takes a while; others may have something to ask meanwhile.
        tokio::task::yield_now().await;
    }
    Ok(batch)
}

fn take(tx: &Tx, app: &App, import: &Import, batch: &[(u32, Conversation)]) -> Done<()> {
    if store::get(tx, import.id)?.is_none_or(|found| found.state != State::Running) {
        return Ok(());
    }
    let mut taken = 0;
    for (number, from) in batch {
        if store::no_longer_waits(tx, import.id, *number)? && !store::is_known(tx, from.service, &from.source)? {
            one(tx, app, import, from)?;
            taken += 1;
        }
    }
    store::add_taken(tx, import.id, taken)
}

fn one(tx: &Tx, app: &App, import: &Import, from: &Conversation) -> Done<()> {
    let times = times(app, from);
    let (account, title) = (import.account, title(from));
    let chat = ChatId::new(&Moment(times.0), app.chance());
    store::insert_chat(tx, &store::NewChat { id: chat, import: import.id, title: &title, from, times, account })?;
    let mut at = times.0.as_millis();
    // For each message its id, and the question that it is or belongs to.
    let mut known: Vec<(MessageId, Option<MessageId>)> = Vec::with_capacity(from.said.len());
    for (position, said) in (1..).zip(&from.said) {
        // Ids sort as the messages stand, whatever their times say.
        at = said.at.min(times.1.as_millis()).max(at + 1);
        let moment = Timestamp::from_millis(at);
        let id = MessageId::new(&Moment(moment), app.chance());
        let before = said.parent.and_then(|parent| known.get(parent));
        let question = if said.role == Role::User { Some(id) } else { before.and_then(|before| before.1) };
        let parent = before.map(|before| before.0);
        let service = from.service;
        let new = store::NewMessage { id, chat, position, parent, question, service, said, at: moment, account };
        store::insert_message(tx, &new)?;
        known.push((id, question));
    }
    Ok(())
}

/// When a conversation was begun and when something was last said in it, as far as that can be: not in the future.
pub fn times(app: &App, from: &Conversation) -> (Timestamp, Timestamp) {
    let now = app.clock().now();
    let known = |millis: i64| if millis > 0 { Timestamp::from_millis(millis).min(now) } else { now };
    let created = known(from.created);
    (created, known(from.updated).max(created))
}

/// The title there, in one line; without one, the first sentence.
pub fn title(from: &Conversation) -> Content {
    let line = from.title.expose().split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|letter| !letter.is_control()).take(chats::LONGEST_TITLE).collect();
    if line.is_empty() {
        chats::title::of(from.said.first().map_or("", |said| said.text.expose()))
    } else {
        line.into()
    }
}

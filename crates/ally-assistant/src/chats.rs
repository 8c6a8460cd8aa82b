//! What can happen to a chat.

pub mod http;
pub mod store;
pub(crate) mod title;

use crate::app::App;
use crate::attachments::{Along, Attachment};
use crate::events::Event;
use crate::fault::Done;
use crate::messages::{self, Message, Status};
use crate::owner::Owner;
use crate::turns::context::summarise;
use crate::{attachments, feedback, folders, idempotency, imports, runs, search, turns};
use ally_llm::Effort;
use ally_store::Tx;
use ally_types::{AttachmentId, ChatId, Clock, Content, FolderId, MessageId, Problem, RunId, Timestamp};
use serde::Serialize;
use std::time::Duration;

/// Longest text of one message, in bytes.
pub const LONGEST_MESSAGE: usize = 200_000;
/// Longest title, in characters.
pub const LONGEST_TITLE: usize = 120;
/// How long a temporary chat stays when nobody closes it and nothing is said in it.
pub const LONGEST_ALONE_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// How long a deleted chat can be brought back.
pub const UNDO_MILLIS: i64 = 10 * 60 * 1000;

/// So many chats are taken away in one transaction.
const AT_ONCE: u32 = 50;

/// How long somebody who closes a temporary chat waits for it to be gone.
const LONGEST_CLOSE: Duration = Duration::from_secs(5);

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// Its title: given by the person, or the first sentence of the first message.
    pub title: Content,
    /// Whether it stands above the others.
    pub pinned: bool,
    /// Whether it was put away; it is still found, and comes back when something is said in it.
    pub archived: bool,
    /// Whether it is in no list, no search and no memory, and gone when it is closed or left alone for a day.
    pub temporary: bool,
    /// The folder it lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<FolderId>,
    /// Where it was held before it was imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported_from: Option<imports::Service>,
    /// When it was made.
    pub created: Timestamp,
    /// When something was last said.
    pub updated: Timestamp,
    /// How long the model may think in it.
    pub effort: Effort,
    /// When it was deleted; it can be restored for ten minutes after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Timestamp>,
}

/// A message that was taken in.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Sent {
    /// The message.
    pub message: Message,
    /// The place of its answer.
    pub answer: Message,
    /// The run that writes the answer.
    pub run: RunId,
}

/// What somebody says.
pub struct NewMessage {
    /// The words.
    pub text: Content,
    /// The files that go along; of a version of a message, `None` keeps those that it has.
    pub attachments: Option<Vec<AttachmentId>>,
    /// Where the person is, as an IANA zone.
    pub timezone: Option<String>,
    /// The client's name for this act, so that repeating it changes nothing.
    pub idempotency_key: Option<String>,
}

/// A chat to make.
pub struct NewChat {
    /// Its title, if the person gives it one.
    pub title: Option<Content>,
    /// How long the model may think.
    pub effort: Effort,
    /// Whether nothing of it is kept.
    pub temporary: bool,
    /// The client's name for this act, so that repeating it changes nothing.
    pub idempotency_key: Option<String>,
}

/// Makes a chat.
pub fn create(tx: &Tx, app: &App, owner: Owner, new: &NewChat) -> Done<Chat> {
    let title = new.title.as_ref().map(checked_title).transpose()?;
    let kind = if new.temporary { "temporary" } else { "" };
    let print = idempotency::fingerprint(&[title.as_ref().map_or("", Content::expose), kind]);
    let key = new.idempotency_key.as_deref();
    let claim = idempotency::Claim { account: owner.account, door: "chats", key, fingerprint: &print };
    if let Some(made) = idempotency::look_up(tx, &claim)? {
        return made
            .parse()
            .ok()
            .map(|id| store::live(tx, id))
            .transpose()?
            .flatten()
            .ok_or_else(|| not_found().into());
    }
    let id = ChatId::new(app.clock(), app.chance());
    let now = app.clock().now();
    let fresh = store::Fresh { id, title: title.as_ref(), effort: new.effort, temporary: new.temporary };
    store::insert(tx, &fresh, owner.account, now)?;
    idempotency::keep(tx, &claim, &id.to_string(), now)?;
    store::live(tx, id)?.ok_or_else(|| not_found().into())
}

/// What to change of a chat; what is not named stays.
pub struct Change {
    /// The new title.
    pub title: Option<Content>,
    /// How long the model may think, from the next answer on.
    pub effort: Option<Effort>,
    /// Whether it stands above the others.
    pub pinned: Option<bool>,
    /// Whether it is put away.
    pub archived: Option<bool>,
    /// The folder to lay it in; the inner `None` takes it out.
    pub folder: Option<Option<FolderId>>,
}

/// Names, pins, puts away or moves a chat.
pub fn change(tx: &Tx, app: &App, id: ChatId, change: &Change) -> Done<Chat> {
    let title = change.title.as_ref().map(checked_title).transpose()?;
    store::live(tx, id)?.ok_or_else(not_found)?;
    if let Some(title) = &title {
        store::set_title(tx, id, title, true)?;
    }
    if let Some(effort) = change.effort {
        store::set_effort(tx, id, effort)?;
    }
    if let Some(is_pinned) = change.pinned {
        store::set_pinned(tx, id, is_pinned)?;
    }
    if let Some(is_archived) = change.archived {
        store::set_archived(tx, id, is_archived)?;
    }
    if let Some(folder) = change.folder {
        if let Some(folder) = folder {
            folders::store::live(tx, folder)?.ok_or_else(|| folders::not_found().at("folder"))?;
        }
        store::set_folder(tx, id, folder)?;
    }
    changed(tx, app, id)
}

/// Deletes a chat, for now only from sight: [`restore`] brings it back until [`purge`] takes it away. A temporary one
/// does not come back.
pub fn delete(tx: &Tx, app: &App, id: ChatId) -> Done<Chat> {
    store::live(tx, id)?.ok_or_else(not_found)?;
    store::set_deleted(tx, id, Some(app.clock().now()))?;
    for run in turns::unfinished(tx, id)?.into_iter().chain(summarise::unfinished(tx, id)?) {
        runs::cancel(tx, app, run)?;
    }
    changed(tx, app, id)
}

/// Takes a chat from sight as if it had been deleted at a moment, and tells whoever looks at it.
pub(crate) fn take_from_sight(tx: &Tx, app: &App, id: ChatId, at: Timestamp) -> Done<()> {
    store::set_deleted(tx, id, Some(at))?;
    if app.hub().is_watched(id) {
        changed(tx, app, id)?;
    }
    Ok(())
}

/// Undoes [`delete`].
pub fn restore(tx: &Tx, app: &App, id: ChatId) -> Done<Chat> {
    let found = store::get(tx, id)?.ok_or_else(not_found)?;
    let is_due = |deleted: Timestamp| found.temporary || app.clock().now().millis_since(deleted) >= UNDO_MILLIS;
    if found.deleted.is_some_and(is_due) {
        // The purge may be a moment late; the promise is not.
        return Err(not_found().into());
    }
    store::set_deleted(tx, id, None)?;
    changed(tx, app, id)
}

/// Takes away what was deleted long enough ago, with all that belongs to it. A chat in which a run is not over yet stays
/// due, so that nothing is written behind it.
pub fn purge(tx: &Tx, now: Timestamp) -> Done<Purged> {
    let mut purged = Purged::default();
    let due = store::due(tx, now, AT_ONCE)?;
    purged.is_cut = due.len() == AT_ONCE as usize;
    for id in due {
        if !turns::unfinished(tx, id)?.is_empty() || !summarise::unfinished(tx, id)?.is_empty() {
            continue;
        }
        search::forget_chat(tx, id)?;
        runs::forget_chat(tx, id)?;
        store::remove(tx, id)?;
        purged.chats.push(id);
    }
    purged.has_more = folders::store::remove_deleted_before(tx, now.plus_millis(-UNDO_MILLIS))?;
    purged.has_more |= feedback::store::forget_old(tx, now)?;
    idempotency::forget_old(tx, now)?;
    Ok(purged)
}

/// What was taken away for good.
#[derive(Debug, Default)]
pub struct Purged {
    /// These chats.
    pub chats: Vec<ChatId>,
    /// Whether something else went too.
    pub has_more: bool,
    /// Whether as many were looked at as are taken away at once.
    pub is_cut: bool,
}

/// Waits until a temporary chat that was deleted is gone from the disk: what is being written in it ends first. What
/// takes longer is done by who keeps the house.
pub async fn closed(app: &App, id: ChatId) -> Done<()> {
    let mut line = app.line_bell();
    let gone = async {
        loop {
            line.mark_unchanged();
            app.purge().await?;
            if app.store().read(move |tx| store::get(tx, id)).await?.is_none() {
                return Ok(());
            }
            let _ = line.changed().await;
        }
    };
    tokio::time::timeout(LONGEST_CLOSE, gone).await.unwrap_or(Ok(()))
}

/// When there is next something to take away.
pub fn next_purge(tx: &Tx) -> Done<Option<Timestamp>> {
    let folder = folders::store::oldest_deletion(tx)?.map(|deleted| deleted.plus_millis(UNDO_MILLIS));
    let due = store::next_due(tx)?.into_iter().chain(folder);
    let due = due.chain(imports::next_due(tx)?);
    let feedback = feedback::store::next_to_forget(tx)?;
    let attachment = attachments::store::next_to_expire(tx)?;
    Ok(due.chain(feedback).chain(idempotency::next_to_forget(tx)?).chain(attachment).min())
}

/// Takes in a message: the message, the place of its answer, and the run that will write it, in one transaction.
/// Every door uses this one. While a turn of this chat is running, the message waits its turn.
pub fn send(tx: &Tx, app: &App, owner: Owner, chat: ChatId, new: &NewMessage) -> Done<Sent> {
    let ids = new.attachments.as_deref().unwrap_or_default();
    let text = checked_text(&new.text, ids)?;
    let found = store::live(tx, chat)?.ok_or_else(not_found)?;
    let print = said_print(&chat.to_string(), text, new.attachments.as_deref());
    let key = new.idempotency_key.as_deref();
    let claim = idempotency::Claim { account: owner.account, door: "messages", key, fingerprint: &print };
    if let Some(made) = idempotency::look_up(tx, &claim)? {
        return made.parse().ok().map(|id| sent(tx, id)).transpose()?.flatten().ok_or_else(|| not_found().into());
    }
    let files = attachments::checked(tx, owner, &Along { ids, of: None })?;
    if found.title.is_empty() {
        let title = match files.first().filter(|_| text.trim().is_empty()) {
            Some(file) => shortened(file.name.expose()),
            None => title::of(text),
        };
        store::set_title(tx, chat, &title, false)?;
    }
    let parent = messages::path::end(tx, chat)?;
    let asked = ask(tx, app, owner, Asking { chat, parent, text, files: &files, timezone: new.timezone.as_deref() })?;
    idempotency::keep(tx, &claim, &asked.question.to_string(), app.clock().now())?;
    admit(tx, app, &asked.turn, asked.question, asked.is_first_in_line)
}

/// A question on its way into a chat.
pub(crate) struct Asking<'a> {
    /// Where.
    pub chat: ChatId,
    /// Behind which message.
    pub parent: Option<MessageId>,
    /// The words.
    pub text: &'a str,
    /// The files.
    pub files: &'a [Attachment],
    /// Where the person is.
    pub timezone: Option<&'a str>,
}

/// A question that was kept and whose turn waits to be admitted.
pub(crate) struct Asked {
    /// The question.
    pub question: MessageId,
    /// The turn that will answer it.
    pub turn: runs::NewTurn,
    /// Whether no turn of this chat is before it.
    pub is_first_in_line: bool,
}

/// Keeps a question and the place of its answer.
pub(crate) fn ask(tx: &Tx, app: &App, owner: Owner, asking: Asking<'_>) -> Done<Asked> {
    let Asking { chat, parent, text, files, timezone } = asking;
    let is_first_in_line = turns::in_line(tx, chat)?.is_empty();
    let at = store::next_moment(tx, chat, app.clock().now())?;
    let run = RunId::new(app.clock(), app.chance());
    let question = MessageId::new(&Moment(at), app.chance());
    let (status, answers) =
        if is_first_in_line { (Status::Complete, Status::Streaming) } else { (Status::Queued, Status::Queued) };
    let text: Content = text.into();
    let timezone = timezone.filter(|zone| jiff::tz::TimeZone::get(zone).is_ok());
    let account = owner.account;
    messages::store::insert_question(
        tx,
        &messages::store::NewQuestion { id: question, chat, parent, run, text: &text, timezone, account, at, status },
    )?;
    let later = at.plus_millis(1);
    let answer = MessageId::new(&Moment(later), app.chance());
    messages::store::insert_answer(tx, answer, question, chat, run, answers, later)?;
    attachments::bind(tx, chat, question, files)?;
    store::bring_up(tx, chat, at)?;
    Ok(Asked { question, turn: runs::NewTurn { run, chat, answer, account, done: 0 }, is_first_in_line })
}

/// Runs the answer to a question again, or on from its last whole step: "Answer it now", "Try again".
pub fn answer_again(tx: &Tx, app: &App, owner: Owner, question: MessageId) -> Done<Sent> {
    let answer = messages::store::answer_to(tx, question)?.ok_or_else(message_not_found)?;
    let answer = messages::store::get(tx, answer)?.ok_or_else(message_not_found)?;
    store::live(tx, answer.chat)?.ok_or_else(not_found)?;
    if !answer.status.is_over() {
        return sent(tx, question)?.ok_or_else(|| message_not_found().into());
    }
    if answer.status == Status::Complete && !answer.needs_model {
        return Err(Problem::new(409, "already_answered", "This message has its answer.")
            .next("Write a new message to go on.")
            .into());
    }
    let is_first_in_line = turns::in_line(tx, answer.chat)?.is_empty();
    let run = RunId::new(app.clock(), app.chance());
    messages::store::reopen(tx, answer.id, run, Status::Queued)?;
    messages::store::set_run(tx, question, run)?;
    turns::drop_unfinished_step(tx, &answer)?;
    let done = turns::whole_steps(&answer);
    let turn = runs::NewTurn { run, chat: answer.chat, answer: answer.id, account: owner.account, done };
    admit(tx, app, &turn, question, is_first_in_line)
}

/// Makes the run of a turn, which begins at once if nothing is before it, and tells everybody who watches.
pub(crate) fn admit(
    tx: &Tx,
    app: &App,
    turn: &runs::NewTurn,
    question: MessageId,
    is_first_in_line: bool,
) -> Done<Sent> {
    let chat = turn.chat;
    changed(tx, app, chat)?;
    if is_first_in_line {
        let (message, answer) = turns::begin::at_once(tx, app, turn, question)?;
        return Ok(Sent { message, answer, run: turn.run });
    }
    runs::start(tx, app, turn)?;
    let sent = sent(tx, question)?.ok_or_else(message_not_found)?;
    let (hub, told) = (app.hub().clone(), sent.clone());
    tx.after_commit(move || {
        for message in [told.message, told.answer] {
            hub.publish(chat, Some(told.run), &Event::MessageSnapshot { message, attempt: 1 });
        }
    });
    Ok(sent)
}

/// What was taken in with a question.
pub(crate) fn sent(tx: &Tx, question: MessageId) -> Done<Option<Sent>> {
    let message = messages::store::get(tx, question)?;
    let answer =
        messages::store::answer_to(tx, question)?.map(|id| messages::store::get(tx, id)).transpose()?.flatten();
    Ok(message
        .zip(answer)
        .and_then(|(message, answer)| Some(Sent { run: answer.run?, message: message.view(), answer: answer.view() })))
}

fn changed(tx: &Tx, app: &App, id: ChatId) -> Done<Chat> {
    let chat = store::get(tx, id)?.ok_or_else(not_found)?;
    let (hub, told) = (app.hub().clone(), chat.clone());
    tx.after_commit(move || hub.publish(id, None, &Event::ChatChanged { chat: told }));
    Ok(chat)
}

fn checked_title(title: &Content) -> Done<Content> {
    let title = title.expose().trim();
    if title.is_empty() || title.chars().count() > LONGEST_TITLE {
        return Err(Problem::new(422, "title_length", "A title has 1 to 120 characters.")
            .at("title")
            .next("Choose a shorter title.")
            .into());
    }
    Ok(title.into())
}

/// A digest of what is said with files.
pub(crate) fn said_print(place: &str, text: &str, attachments: Option<&[AttachmentId]>) -> String {
    let ids: Vec<String> = attachments.unwrap_or_default().iter().map(ToString::to_string).collect();
    let mut parts = vec![place, text];
    // An empty list says something else than none.
    parts.extend(attachments.filter(|_| ids.is_empty()).map(|_| ""));
    parts.extend(ids.iter().map(String::as_str));
    idempotency::fingerprint(&parts)
}

/// The beginning of a name that is too long for a title.
fn shortened(name: &str) -> Content {
    name.chars().take(LONGEST_TITLE).collect::<String>().into()
}

pub(crate) fn checked_text<'a>(text: &'a Content, files: &[AttachmentId]) -> Done<&'a str> {
    if text.len() > LONGEST_MESSAGE {
        return Err(Problem::new(413, "message_too_long", "This message is longer than 200,000 bytes.")
            .at("text")
            .next("Send it in parts. Nothing was sent yet.")
            .into());
    }
    if text.expose().trim().is_empty() && files.is_empty() {
        return Err(Problem::new(422, "message_empty", "There is nothing in this message.")
            .at("text")
            .next("Write something, then send it.")
            .into());
    }
    Ok(text.expose())
}

/// There is no such chat, or it was deleted.
pub fn not_found() -> Problem {
    Problem::not_found("chat_not_found", "There is no such chat.")
}

/// There is no such message.
pub fn message_not_found() -> Problem {
    Problem::not_found("message_not_found", "There is no such message.")
}

/// A clock that says one moment, for ids that must sort behind those before them.
pub(crate) struct Moment(pub Timestamp);

impl Clock for Moment {
    fn now(&self) -> Timestamp {
        self.0
    }
}

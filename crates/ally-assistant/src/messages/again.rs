//! Saying something in other words, and having an answer written again: each makes a version, and keeps the old one.

use super::{Role, Status, path, store};
use crate::app::App;
use crate::attachments::Along;
use crate::chats::{self, Asked, Asking, Moment, NewMessage, Sent};
use crate::fault::Done;
use crate::owner::Owner;
use crate::{attachments, idempotency, runs, turns};
use ally_store::Tx;
use ally_types::{MessageId, Problem, RunId};

/// Asks a question in other words: a version beside it, with an answer of its own. What is still being written behind
/// the old one is stopped, and kept.
pub fn edit(tx: &Tx, app: &App, owner: Owner, id: MessageId, new: &NewMessage) -> Done<Sent> {
    let old = live(tx, id)?;
    if old.role != Role::User {
        return Err(Problem::new(409, "not_a_question", "Only what you wrote yourself can be edited.")
            .next("Have the answer written again instead.")
            .into());
    }
    let kept: Vec<_> = old.attachments.iter().map(|file| file.id).collect();
    let ids = new.attachments.as_deref().unwrap_or(&kept);
    let text = chats::checked_text(&new.text, ids)?;
    let print = chats::said_print(&id.to_string(), text, new.attachments.as_deref());
    let key = new.idempotency_key.as_deref();
    let claim = idempotency::Claim { account: owner.account, door: "edits", key, fingerprint: &print };
    if let Some(made) = idempotency::look_up(tx, &claim)? {
        return made.parse().ok().map(|id| chats::sent(tx, id)).transpose()?.flatten().ok_or_else(gone);
    }
    let files = attachments::checked(tx, owner, &Along { ids, of: Some(id) })?;
    for run in path::unfinished_from(tx, id)? {
        runs::cancel(tx, app, run)?;
    }
    let timezone = new.timezone.as_deref().or(old.timezone.as_deref());
    let asked =
        chats::ask(tx, app, owner, Asking { chat: old.chat, parent: old.parent, text, files: &files, timezone })?;
    begin(tx, app, &asked, &claim)
}

/// Has a question answered once more: a version beside the answer that is there.
pub fn regenerate(tx: &Tx, app: &App, owner: Owner, id: MessageId, key: Option<&str>) -> Done<Sent> {
    let old = live(tx, id)?;
    let Some(question) = old.question else {
        return Err(Problem::new(409, "not_an_answer", "Only an answer can be written again.")
            .next("Edit your message instead.")
            .into());
    };
    let print = idempotency::fingerprint(&[&id.to_string()]);
    let claim = idempotency::Claim { account: owner.account, door: "regenerate", key, fingerprint: &print };
    if let Some(made) = idempotency::look_up(tx, &claim)? {
        return made.parse().ok().map(|id| chats::sent(tx, id)).transpose()?.flatten().ok_or_else(gone);
    }
    if !old.status.is_over() {
        return Err(Problem::new(409, "still_answering", "This answer is still being written.")
            .next("Stop it, or wait until it is whole.")
            .into());
    }
    let is_first_in_line = turns::in_line(tx, old.chat)?.is_empty();
    let at = chats::store::next_moment(tx, old.chat, app.clock().now())?;
    let run = RunId::new(app.clock(), app.chance());
    let answer = MessageId::new(&Moment(at), app.chance());
    store::insert_answer(tx, answer, question, old.chat, run, Status::Queued, at)?;
    store::set_run(tx, question, run)?;
    chats::store::touch(tx, old.chat, at)?;
    let turn = runs::NewTurn { run, chat: old.chat, answer, account: owner.account, done: 0 };
    begin(tx, app, &Asked { question, turn, is_first_in_line }, &claim)
}

/// Shows the new version and has its turn run.
fn begin(tx: &Tx, app: &App, asked: &Asked, claim: &idempotency::Claim<'_>) -> Done<Sent> {
    path::show(tx, app, asked.turn.chat, asked.turn.answer)?;
    idempotency::keep(tx, claim, &asked.question.to_string(), app.clock().now())?;
    chats::admit(tx, app, &asked.turn, asked.question, asked.is_first_in_line)
}

/// A message in a chat that was not deleted.
pub fn live(tx: &Tx, id: MessageId) -> Done<store::Stored> {
    let found = store::get(tx, id)?.ok_or_else(chats::message_not_found)?;
    chats::store::live(tx, found.chat)?.ok_or_else(chats::message_not_found)?;
    Ok(found)
}

fn gone() -> crate::fault::Fault {
    chats::message_not_found().into()
}

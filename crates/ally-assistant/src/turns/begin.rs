//! How a turn begins, and what it asks a model.

use super::context::{self, Gauge, History};
use super::{MOST_STEPS, Next, next, prompt};
use crate::app::App;
use crate::events::Event;
use crate::fault::Done;
use crate::gateway::HeldQuestion;
use crate::messages::{Message, Status, store};
use crate::runs::NewTurn;
use crate::{chats, provider, runs};
use ally_durable::{Effect, Error, Step};
use ally_llm::Request;
use ally_store::Tx;
use ally_types::{Label, MessageId, Problem, RunId};
use serde_json::json;

/// What the transaction that took a question in has read anyway, for the first step of its turn.
pub(super) struct Prepared {
    pub step: u32,
    pub asked: Asked,
    pub timezone: String,
    /// The question, sent already but not asked: that is done when all of this is on the disk.
    pub held: Option<HeldQuestion>,
}

/// A turn that nothing stands before begins in the transaction that takes its question in, with the intent of its first
/// model call: what is committed there is all that must be on the disk before the call may leave, so it costs one sync
/// and not two. Where another step comes first, or memory has to be looked at first, the turn finds its way by itself.
pub fn at_once(tx: &Tx, app: &App, turn: &NewTurn, question: MessageId) -> Done<(Message, Message)> {
    store::set_status(tx, turn.answer, Status::Streaming)?;
    store::set_status(tx, question, Status::Complete)?;
    let history = History::until(tx, turn.chat, turn.answer)?;
    let rows = &history.rows;
    let asked = rows.iter().rfind(|row| row.id == question).ok_or_else(chats::message_not_found)?;
    let answer = rows.last().ok_or_else(chats::message_not_found)?;
    let told = (asked.view(), answer.view());
    let standing = prompt::standing_of_rows(tx, app, turn.chat)?;
    match (next(answer), standing) {
        (Next::Model(step), Some(standing)) if step <= turn.done + MOST_STEPS => {
            let timezone = asked.timezone.clone().unwrap_or_else(|| "UTC".to_owned());
            let asked = Asked::of(app, &history, &standing, &timezone);
            let first = asked.intent(step).map_err(|_| Problem::internal())?;
            // Meanwhile the gateway reads it. If nothing comes of the transaction, it was never asked.
            let held = provider::own_key_of_rows(tx, app)
                .ok()
                .and_then(|key| app.gateway().hold(&asked.request, key.as_ref()));
            runs::start_with(tx, app, turn, first, Some(Box::new(Prepared { step, asked, timezone, held })))?;
        }
        _ => runs::start(tx, app, turn)?,
    }
    // Behind the run, so that its first call leaves before anybody who watches is served.
    tell_begun(tx, app, turn.run, told.clone());
    Ok(told)
}

/// Everybody who watches hears that a turn has begun.
fn tell_begun(tx: &Tx, app: &App, run: RunId, (question, answer): (Message, Message)) {
    let hub = app.hub().clone();
    tx.after_commit(move || {
        hub.watch(answer.clone(), 1);
        hub.publish(answer.chat, Some(run), &Event::RunStarted { run, question, answer });
    });
}

/// A turn that waited begins: its question is taken out of the queue, its answer is being written.
pub fn after_waiting(tx: &Tx, app: &App, run: RunId) -> Done<()> {
    let answer = store::answer_of_run(tx, run)?.ok_or_else(chats::message_not_found)?;
    store::set_status(tx, answer, Status::Streaming)?;
    let answer = store::get(tx, answer)?.ok_or_else(chats::message_not_found)?;
    let question = answer.question.ok_or_else(chats::message_not_found)?;
    store::set_status(tx, question, Status::Complete)?;
    let question = store::get(tx, question)?.ok_or_else(chats::message_not_found)?;
    tell_begun(tx, app, run, (question.view(), answer.view()));
    Ok(())
}

/// What is asked in a step, and the join of what it is made from.
pub(super) struct Asked {
    pub request: Request,
    pub label: Label,
    pub gauge: Gauge,
}

impl Asked {
    pub fn of(app: &App, history: &History, standing: &prompt::Standing, timezone: &str) -> Self {
        let History { rows, effort, .. } = history;
        let messages = history.messages();
        let asked_at = rows.iter().rev().nth(1).map_or_else(|| app.clock().now(), |question| question.created);
        let pseudonym = prompt::pseudonym(app);
        let given = prompt::Given { messages, standing, asked_at, timezone, pseudonym, effort: *effort };
        let request = prompt::request(given);
        Self { gauge: context::gauge(&request, rows), request, label: history.label(standing).join(Label::TRUSTED) }
    }

    /// The step as it stands in the journal before the call leaves.
    pub fn intent(&self, step: u32) -> Result<Step, Error> {
        let told = json!({ "messages": self.request.messages.len() });
        Step::new(format!("{step}/model"), Effect::Model, self.label, &told)
    }
}

//! Resolving waits: the first answer counts, everybody else is told who gave it.

use crate::book::Line;
use crate::drive::Start;
use crate::engine::Engine;
use crate::error::Error;
use crate::journal::Kind;
use crate::runs;
use crate::state::Ending;
use crate::step::{Effect, Outcome, Status, Ticket};
use crate::waits::{self, Resolution, Resolved, UnknownAnswer, Wait, WaitKind};
use ally_store::Tx;
use ally_types::{Content, Label, Problem, WaitId};

impl Engine {
    /// Answers a wait in the caller's transaction; the run goes on after the commit. `answer` is JSON; the answer to a
    /// [`WaitKind::Unknown`] is an [`UnknownAnswer`].
    pub fn resolve(&self, tx: &Tx, id: WaitId, by: &str, answer: &Content) -> Result<Resolved, Error> {
        let Some(wait) = waits::find(tx, id)? else { return Ok(Resolved::NotFound) };
        self.close(tx, wait, by, answer, Label::USER)
    }

    /// The time is over: the default counts.
    pub(crate) fn expire(&self, tx: &Tx, wait: &Wait) -> Result<Resolved, Error> {
        let answer = wait.on_expiry.clone().unwrap_or_else(|| Content::from("null"));
        self.close(tx, wait.clone(), waits::BY_CLOCK, &answer, Label::TRUSTED)
    }

    fn close(&self, tx: &Tx, wait: Wait, by: &str, answer: &Content, label: Label) -> Result<Resolved, Error> {
        if wait.resolution.is_some() {
            return Ok(Resolved::Already(wait));
        }
        let about_step = match wait.kind {
            WaitKind::Unknown => Some(read_unknown(answer)?),
            _ => None,
        };
        let book = &self.0.book;
        let resolution = Resolution { by: by.to_owned(), at: book.now(), body: answer.clone() };
        if !waits::close(tx, wait.id, &resolution)? {
            return Ok(waits::find(tx, wait.id)?.map_or(Resolved::NotFound, Resolved::Already));
        }
        let Some(row) = runs::find(tx, wait.run)? else { return Ok(Resolved::NotFound) };
        let line = Line::of_step(Kind::WaitClosed, &wait.step, None, row.attempts);
        book.append(tx, wait.run, line.with(answer.clone(), label))?;
        if about_step == Some(UnknownAnswer::Stop) {
            self.end(tx, &row, Ending::Cancelled)?;
            return Ok(Resolved::Won(Wait { resolution: Some(resolution), ..wait }));
        }
        if let Some(answer) = about_step {
            self.settle_unknown(tx, &wait, answer)?;
        }
        if let Ok(state) = row.state.wake() {
            runs::set_state(tx, wait.run, &state, book.now())?;
        }
        let (engine, run) = (self.clone(), wait.run);
        tx.after_commit(move || {
            engine.0.book.timer.notify_one();
            engine.launch(Start::Resume(run));
        });
        Ok(Resolved::Won(Wait { resolution: Some(resolution), ..wait }))
    }

    /// Writes what a person said about a step into its history, where the executor will find it.
    fn settle_unknown(&self, tx: &Tx, wait: &Wait, answer: UnknownAnswer) -> Result<(), Error> {
        let status = match answer {
            UnknownAnswer::Happened => Status::Done,
            UnknownAnswer::Skip | UnknownAnswer::Stop => Status::Skipped,
            UnknownAnswer::DidNotHappen => {
                let line = Line::of_step(Kind::Repeat, &wait.step, Some(Effect::Once), 0);
                return Ok(self.0.book.append(tx, wait.run, line)?);
            }
        };
        let ticket =
            Ticket { run: wait.run, path: wait.step.clone(), effect: Effect::Once, attempt: 0, is_in_doubt: true };
        let outcome = Outcome { status, body: Content::from("null"), label: Label::USER };
        Ok(self.0.book.append_outcome(tx, &ticket, &outcome)?)
    }
}

fn read_unknown(answer: &Content) -> Result<UnknownAnswer, Error> {
    serde_json::from_str(answer.expose()).map_err(|_| {
        Problem::new(422, "answer_unknown", "This is not an answer to this question.")
            .next("Choose one of: happened, did_not_happen, skip, stop.")
            .at("answer")
            .into()
    })
}

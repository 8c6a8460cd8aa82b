//! A turn: from a question to the end of its answer, as a run that survives a restart.
//!
//! What comes next is read from the rows each time: tools that have no result, else another step of the model, else the
//! end. So it does not matter where the process died. A chat's turns are run one after the other.

pub mod act;
pub mod ask;
pub mod begin;
mod call;
pub mod context;
mod gone;
pub mod prompt;
pub mod transcript;
pub mod trouble;

use crate::app::{App, Weak};
use crate::events::Event;
use crate::fault::{Done, Fault};
use crate::gateway::HeldQuestion;
use crate::messages::store::{Block, Piece, Stored, ToolCall, ToolResult};
use crate::messages::{Author, Message, Part, Status, store};
use crate::runs::{RunStatus, TurnInput};
use crate::{chats, gateway, memory, provider, search, usage};
use ally_durable::{Begun, Ending, Error, Executor, Finished, Outcome, Run, Ticket};
use ally_llm::{Failure, FailureKind, Stop};
use ally_store::{StoreError, Tx, cells, params};
use ally_types::{ChatId, Content, Label, MessageId, Problem, RunId};
use ask::{End, Heard};
use begin::{Asked, Prepared};
use context::{Gauge, History};
use gone::Patience;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// The kind of these runs.
pub const KIND: &str = "turn";

/// Most steps of a model in one turn.
const MOST_STEPS: u32 = 12;
/// Most tokens in one turn, read and written, those of a cache included: as much as twelve steps of half a window.
const MOST_TOKENS: i64 = 1_000_000;
/// Longest turn.
const LONGEST: Duration = Duration::from_secs(600);

/// What is said when a model is needed and there is none.
const NEEDS_MODEL: &str = "I need an AI model for this. Saved.";

/// Runs turns.
pub struct Turns(pub(crate) Weak);

/// A turn at work.
pub struct Turn {
    app: App,
    run: Run,
    chat: ChatId,
    answer: MessageId,
    /// So many steps the answer had when this turn began; its limits count from there.
    done: u32,
    timezone: String,
}

/// How an answer ends. It stands in the outcome of the step that ended it, for the case that the process dies between
/// the two.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Close {
    status: Status,
    problem: Option<Problem>,
    needs_model: bool,
}

/// What comes next.
#[derive(Debug, PartialEq)]
enum Next {
    /// These calls of a step have no result; the number of each is its place in the step, from 1.
    Tools(u32, Vec<(usize, ToolCall)>),
    /// This step of the model.
    Model(u32),
    /// The answer is whole.
    End,
}

impl Executor for Turns {
    fn run(&self, run: Run) -> ally_durable::Work {
        let app = self.0.upgrade();
        Box::pin(async move {
            let Some(app) = app else { return Err(Error::NotYours) };
            let input: TurnInput = serde_json::from_str(run.row().input.expose()).map_err(|_| Problem::internal())?;
            let TurnInput { answer, chat, done, .. } = input;
            let turn = Turn { app, run, chat, answer, done, timezone: "UTC".to_owned() };
            turn.drive().await
        })
    }

    fn ended(&self, tx: &Tx, run: &ally_durable::runs::Row, ending: Ending) -> Result<(), StoreError> {
        let Some(app) = self.0.upgrade() else { return Ok(()) };
        let input: Option<TurnInput> = serde_json::from_str(run.input.expose()).ok();
        let Some(input) = input else { return Ok(()) };
        let close = match ending {
            Ending::Cancelled => Close::stopped(),
            Ending::Succeeded => Close::whole(),
            Ending::Failed { .. } => Close::broken(trouble::interrupted_too_often()),
        };
        match settle(tx, &app, run.id, input.answer, close, ending) {
            Err(Fault::Store(error)) => Err(error),
            Err(Fault::Problem(_)) | Ok(()) => Ok(()),
        }
    }
}

/// The runs of a chat whose answers are not over, in the order in which they were asked for.
pub fn unfinished(tx: &Tx, chat: ChatId) -> Done<Vec<RunId>> {
    Ok(tx
        .prepare_cached(
            "SELECT run FROM messages WHERE chat = ?1 AND role = 'assistant' AND status IN ('queued', 'streaming')
             AND run IS NOT NULL ORDER BY position",
        )?
        .query_map([chat.to_string()], |row| cells::id(row, "run"))?
        .collect::<Result<_, _>>()?)
}

/// Those of them that hold the others up. A turn that waits for the person does not: they may talk on meanwhile, and
/// once they have answered, it goes on beside whatever is being said then.
pub fn in_line(tx: &Tx, chat: ChatId) -> Done<Vec<RunId>> {
    Ok(tx
        .prepare_cached(
            "SELECT m.run FROM messages m LEFT JOIN runs r ON r.id = m.run
             WHERE m.chat = ?1 AND m.role = 'assistant' AND m.status IN ('queued', 'streaming') AND m.run IS NOT NULL
               AND COALESCE(r.state, 'queued') <> 'waiting' ORDER BY m.position",
        )?
        .query_map([chat.to_string()], |row| cells::id(row, "run"))?
        .collect::<Result<_, _>>()?)
}

/// How many steps of an answer stay when it is asked for again.
pub fn whole_steps(answer: &Stored) -> u32 {
    match next(answer) {
        Next::Model(step) => step - 1,
        Next::Tools(step, _) => step,
        Next::End => answer.blocks.last().map_or(0, |block| block.step - 1),
    }
}

/// Takes away what was said in a step that is to be asked for again.
pub fn drop_unfinished_step(tx: &Tx, answer: &Stored) -> Done<()> {
    let Some(last) = answer.blocks.last().map(|block| block.step) else { return Ok(()) };
    let of_last = || answer.blocks.iter().filter(|block| block.step == last);
    if of_last().all(|block| !matches!(block.piece, Piece::Call(_))) {
        tx.prepare_cached("DELETE FROM blocks WHERE message = ?1 AND step = ?2")?
            .execute(params![answer.id.to_string(), last])?;
    }
    Ok(())
}

impl Turn {
    async fn drive(mut self) -> Result<Finished, Error> {
        match self.steps().await {
            Err(Error::Cancelled) => self.close(Ending::Cancelled, Close::stopped()).await,
            Err(Error::Store(StoreError::DiskFull)) => {
                self.say_disk_full();
                Err(Error::Store(StoreError::DiskFull))
            }
            other => other,
        }
    }

    async fn steps(&mut self) -> Result<Finished, Error> {
        let prepared = self.run.take_prepared::<Prepared>();
        if prepared.is_none() {
            self.wait_in_line().await?;
        }
        let deadline = Instant::now() + LONGEST;
        if let Some(Prepared { step, asked, timezone, held }) = prepared {
            self.go_on()?;
            self.timezone = timezone;
            if let Some(finished) = self.model(step, asked, held, deadline).await? {
                return Ok(finished);
            }
        }
        loop {
            self.go_on()?;
            let history = self.history().await?;
            let Some(answer) = history.rows.last() else { return Err(Error::NotYours) };
            match next(answer) {
                Next::End => return self.close(Ending::Succeeded, Close::whole()).await,
                Next::Tools(step, calls) => {
                    let standing = prompt::standing(&self.app, self.chat).await.unwrap_or_default();
                    let by = match answer.author {
                        Author::Builtin => memory::Author::BuiltIn,
                        _ => memory::Author::Assistant,
                    };
                    let (label, done) = (history.label(&standing), self.done);
                    let read = history.rows.iter().map(|row| row.id).collect();
                    let wanted = act::Wanted { step, answer, done, calls: &calls, read, label, by };
                    if act::act(self, &wanted).await? == act::Acted::Expired {
                        let problem = trouble::nobody_answered();
                        return self.close(failed(&problem), Close::broken(problem)).await;
                    }
                }
                Next::Model(step) if step > self.done + MOST_STEPS => {
                    let problem = trouble::too_many_steps();
                    return self.close(failed(&problem), Close::broken(problem)).await;
                }
                Next::Model(_) if Instant::now() > deadline => {
                    let problem = trouble::too_slow();
                    return self.close(failed(&problem), Close::broken(problem)).await;
                }
                Next::Model(_) if self.used().await? >= MOST_TOKENS => {
                    let problem = trouble::too_many_tokens();
                    return self.close(failed(&problem), Close::broken(problem)).await;
                }
                Next::Model(step) => {
                    let standing = prompt::standing(&self.app, self.chat).await.unwrap_or_default();
                    let asked = Asked::of(&self.app, &history, &standing, &self.timezone);
                    if let Some(finished) = self.model(step, asked, None, deadline).await? {
                        return Ok(finished);
                    }
                }
            }
        }
    }

    /// Waits until every turn before this one is over, then begins; or goes on where a dead process stopped.
    async fn wait_in_line(&mut self) -> Result<(), Error> {
        let mut bell = self.app.line_bell();
        let (chat, id, run) = (self.chat, self.answer, self.run.id());
        loop {
            bell.mark_unchanged();
            let line = self.app.store().read(move |tx| in_line(tx, chat)).await?;
            if !line.contains(&run) {
                return Err(Error::NotYours);
            }
            if line.first() == Some(&run) {
                break;
            }
            self.go_on()?;
            tokio::select! {
                _ = bell.changed() => {}
                () = self.run.cancelled() => return Err(Error::Cancelled),
            }
        }
        let stored = self.app.store().read(move |tx| store::get(tx, id)).await?.ok_or(Error::NotYours)?;
        if let Some(question) = stored.question {
            let asked = self.app.store().read(move |tx| store::get(tx, question)).await?;
            self.timezone = asked.and_then(|asked| asked.timezone).unwrap_or_else(|| "UTC".to_owned());
        }
        if stored.status == Status::Queued {
            let app = self.app.clone();
            return self.run.write(move |tx| Ok(begin::after_waiting(tx, &app, run)?)).await;
        }
        if self.app.hub().live(chat, id).is_none() {
            self.app.hub().snapshot(run, self.again(&stored), self.run.attempt());
        }
        Ok(())
    }

    /// A process that wants to end finishes the step it is at; the rest is done by the next one.
    fn go_on(&self) -> Result<(), Error> {
        if self.run.is_draining() { Err(Error::Suspended) } else { Ok(()) }
    }

    /// The answer as it stands when its unfinished step is asked for again.
    fn again(&self, stored: &Stored) -> Message {
        Stored { text: Content::default(), ..stored.clone() }.view()
    }

    /// The tokens of this turn so far.
    async fn used(&self) -> Done<i64> {
        let (answer, run) = (self.answer, self.run.id());
        self.app.store().read(move |tx| usage::store::of_turn(tx, answer, run)).await
    }

    async fn history(&self) -> Done<History> {
        let (chat, id) = (self.chat, self.answer);
        self.app.store().read(move |tx| History::until(tx, chat, id)).await
    }

    /// One step of the model. Answers the end of the turn, if it ends with it.
    async fn model(
        &self,
        step: u32,
        asked: Asked,
        mut held: Option<HeldQuestion>,
        deadline: Instant,
    ) -> Result<Option<Finished>, Error> {
        let mut patience = Patience::default();
        loop {
            let ticket = match self.run.begin(vec![asked.intent(step)?]).await?.pop() {
                Some(Begun::Go(ticket) | Begun::LookUp(ticket)) => ticket,
                // An earlier version kept the outcome by itself, and its process died before the end that it says.
                Some(Begun::Done(outcome)) => {
                    let close = outcome.read().unwrap_or_else(Close::whole);
                    return Ok(Some(self.close(close.ending(), close).await?));
                }
                None => return Err(Error::NotYours),
            };
            if ticket.attempt() > 1 {
                self.start_over(ticket.attempt()).await?;
            }
            let heard = ask::ask(self, &asked.request, held.take(), deadline).await;
            if let Some(heard) = self.unless_gone(heard, ticket.attempt(), &mut patience, deadline).await? {
                return self.keep(step, ticket, heard, asked.label, asked.gauge).await;
            }
        }
    }

    /// A step is asked for again after its process or the gateway died: what the reader has seen of it is taken back.
    async fn start_over(&self, attempt: u32) -> Result<(), Error> {
        let id = self.answer;
        let stored = self.app.store().read(move |tx| store::get(tx, id)).await?.ok_or(Error::NotYours)?;
        self.app.hub().snapshot(self.run.id(), self.again(&stored), attempt);
        Ok(())
    }

    /// Keeps what a step came to, with its outcome in the journal, and with the end of the turn if it ends here: they are
    /// one transaction, so nobody sees the one without the other.
    async fn keep(
        &self,
        step: u32,
        ticket: Ticket,
        heard: Heard,
        label: Label,
        gauge: Gauge,
    ) -> Result<Option<Finished>, Error> {
        let Heard { pieces, author, calls, end } = heard;
        let close = match end {
            End::Broken(failure) if failure.kind == FailureKind::Limit => {
                let seconds = failure.retry_after.map(i64::from);
                let resets = seconds.map(|seconds| self.app.clock().now().plus_millis(1000 * seconds));
                Some(Close::broken(trouble::limit_reached(failure, resets, &self.timezone)))
            }
            _ => closing(&pieces, self.provider(author.as_ref(), end).await.as_deref(), end),
        };
        let is_whole = matches!(end, End::Whole(stop) if stop != Stop::Refused && stop != Stop::NeedsModel);
        let outcome = match is_whole {
            true => Outcome::done(label, &close),
            false => Outcome::failed(label, &close),
        };
        let is_spoken = matches!(author, Some(Author::Model { .. }));
        let needs_model = close.as_ref().is_some_and(|close| close.needs_model);
        let author = if needs_model { Some(Author::Ally) } else { author };
        let (app, run, chat, answer) = (self.app.clone(), self.run.id(), self.chat, self.answer);
        let keep = move |tx: &Tx, app: &App| {
            let now = app.clock().now();
            for call in &calls {
                usage::store::insert(tx, run, chat, Some(answer), call, now)?;
            }
            if let Some(author) = &author {
                store::set_author(tx, answer, author)?;
            }
            if is_whole {
                store::set_text(tx, answer, "")?;
                keep_pieces(tx, app, &At { run, chat, answer, step, label }, pieces)?;
            } else {
                let text = if needs_model { NEEDS_MODEL.to_owned() } else { said(&pieces) };
                store::set_text(tx, answer, &text)?;
                store::set_label(tx, answer, label)?;
            }
            tell_usage(tx, app, run, answer)
        };
        let Some(close) = close else {
            self.run.settle(ticket, outcome, move |tx| keep(tx, &app)).await?;
            return Ok(None);
        };
        let ending = close.ending();
        let finished = self.run.settle_and_finish(ticket, outcome, ending, move |tx| {
            keep(tx, &app)?;
            settle(tx, &app, run, answer, close, ending)?;
            if ending == Ending::Succeeded && is_spoken {
                if gauge.is_full() {
                    context::summarise::start(tx, &app, run, chat, answer)?;
                }
                tx.after_commit(move || app.hub().publish(chat, Some(run), &Event::Context { gauge, summary: None }));
            }
            Ok(())
        });
        finished.await.map(Some)
    }

    /// Whose fault a failure is, for its sentence. One that failed before it began has not said who it is.
    async fn provider(&self, author: Option<&Author>, end: End) -> Option<String> {
        match (author, end) {
            (Some(Author::Model { provider, .. }), _) => Some(provider.clone()),
            (None, End::Broken(_)) => provider::current(&self.app).await.ok()?.provider,
            _ => None,
        }
    }

    async fn close(&self, ending: Ending, close: Close) -> Result<Finished, Error> {
        let (app, run, answer) = (self.app.clone(), self.run.id(), self.answer);
        self.run.finish(ending, move |tx| Ok(settle(tx, &app, run, answer, close, ending)?)).await
    }

    /// Nothing can be written, so only those who watch are told. The run goes on by itself when there is room again.
    fn say_disk_full(&self) {
        let problem = Problem::disk_full();
        self.app.hub().publish(self.chat, Some(self.run.id()), &Event::Error { problem });
    }
}

impl Close {
    fn ending(&self) -> Ending {
        match (&self.status, &self.problem) {
            (Status::Stopped, _) => Ending::Cancelled,
            (_, Some(problem)) => failed(problem),
            (_, None) => Ending::Succeeded,
        }
    }

    fn whole() -> Self {
        Self { status: Status::Complete, problem: None, needs_model: false }
    }

    fn stopped() -> Self {
        Self { status: Status::Stopped, ..Self::whole() }
    }

    fn broken(problem: Problem) -> Self {
        Self { status: Status::Interrupted, problem: Some(problem), ..Self::whole() }
    }

    fn needs_model() -> Self {
        Self { needs_model: true, ..Self::whole() }
    }
}

fn failed(problem: &Problem) -> Ending {
    Ending::Failed {
        reason: match problem.kind {
            std::borrow::Cow::Borrowed(kind) => kind,
            std::borrow::Cow::Owned(_) => "failed",
        },
    }
}

/// What comes next for an answer, from its rows alone.
fn next(answer: &Stored) -> Next {
    let Some(step) = answer.blocks.last().map(|block| block.step) else { return Next::Model(1) };
    let of_step = answer.blocks.iter().filter(|block| block.step == step);
    let calls = of_step.filter_map(|block| if let Piece::Call(call) = &block.piece { Some(call) } else { None });
    let numbered = (1..).zip(calls);
    let is_open = |(_, call): &(usize, &ToolCall)| answer.result_of(&call.call).is_none();
    let open: Vec<_> = numbered.clone().filter(is_open).map(|(number, call)| (number, call.clone())).collect();
    if !open.is_empty() {
        return Next::Tools(step, open);
    }
    if numbered.count() > 0 { Next::Model(step + 1) } else { Next::End }
}

/// All text of these pieces.
fn said(pieces: &[Piece]) -> String {
    pieces.iter().filter_map(|piece| if let Piece::Text(text) = piece { Some(text.expose()) } else { None }).collect()
}

/// How a turn ends after a step, if it does.
fn closing(pieces: &[Piece], provider: Option<&str>, end: End) -> Option<Close> {
    let has_calls = pieces.iter().any(|piece| matches!(piece, Piece::Call(_)));
    match end {
        End::Cancelled => Some(Close::stopped()),
        End::TooSlow => Some(Close::broken(trouble::too_slow())),
        End::Gone if said(pieces).is_empty() => Some(Close::broken(gateway::unreachable())),
        End::Gone => Some(Close::broken(trouble::sentence(Failure::of(FailureKind::Truncated), provider))),
        End::Whole(Stop::NeedsModel) => Some(Close::needs_model()),
        End::Broken(failure) if failure.kind == FailureKind::NoProvider => Some(Close::needs_model()),
        End::Broken(failure) if failure.kind == FailureKind::Cancelled => Some(Close::stopped()),
        End::Broken(failure) if failure.kind == FailureKind::Stalled && said(pieces).is_empty() => {
            Some(Close::broken(trouble::silent(provider)))
        }
        End::Broken(failure) => Some(Close::broken(trouble::sentence(failure, provider))),
        End::Whole(Stop::Refused) => Some(Close::broken(trouble::declined())),
        End::Whole(_) if has_calls => None,
        End::Whole(Stop::MaxTokens) => Some(Close::broken(trouble::too_long())),
        End::Whole(_) if said(pieces).trim().is_empty() => Some(Close::broken(trouble::nothing_said())),
        End::Whole(_) => Some(Close::whole()),
    }
}

/// Where blocks are kept.
struct At {
    run: RunId,
    chat: ChatId,
    answer: MessageId,
    step: u32,
    label: Label,
}

/// Keeps the blocks of a whole step and tells of its calls.
fn keep_pieces(tx: &Tx, app: &App, at: &At, pieces: Vec<Piece>) -> Done<()> {
    let At { run, chat, answer, step, label } = *at;
    for piece in pieces {
        let piece = match piece {
            Piece::Call(call) => {
                let call = call::proper(tx, chat, call)?;
                let (hub, told) = (app.hub().clone(), call.clone());
                tx.after_commit(move || {
                    let ToolCall { call, tool, input } = told;
                    let event = Event::ToolCalled {
                        message: answer,
                        call: call.clone(),
                        tool: tool.clone(),
                        input: input.clone(),
                    };
                    hub.change(chat, run, answer, &event, |live| {
                        let status = crate::messages::CallStatus::Running;
                        live.parts.push(Part::Tool { call, tool, input, status, summary: None, file: None });
                    });
                });
                Piece::Call(call)
            }
            other => other,
        };
        store::insert_block(tx, answer, &Block { step, piece, label })?;
    }
    Ok(())
}

fn tell_usage(tx: &Tx, app: &App, run: RunId, answer: MessageId) -> Result<(), Error> {
    let Some(stored) = store::get(tx, answer)? else { return Ok(()) };
    let Some(usage) = stored.usage else { return Ok(()) };
    let (hub, chat) = (app.hub().clone(), stored.chat);
    tx.after_commit(move || {
        let event = Event::Usage { message: answer, usage };
        hub.change(chat, run, answer, &event, |live| live.usage = Some(usage));
    });
    Ok(())
}

/// Ends an answer: every open call gets its result, the text is kept and can be found, everybody who watches is told.
fn settle(tx: &Tx, app: &App, run: RunId, answer: MessageId, close: Close, ending: Ending) -> Done<()> {
    let Some(stored) = store::get(tx, answer)? else { return Ok(()) };
    if stored.run != Some(run) || stored.status.is_over() {
        return Ok(());
    }
    let now = app.clock().now();
    if let Next::Tools(_, calls) = next(&stored) {
        let text = if close.status == Status::Stopped { act::STOPPED } else { "Not run: the turn ended before it." };
        for (_, call) in calls {
            let result = ToolResult {
                call: call.call,
                ok: false,
                text: text.into(),
                summary: text.into(),
                file: None,
                rule: "",
                label: Label::TRUSTED,
            };
            store::insert_result(tx, answer, &result, now)?;
        }
    }
    if let Some(question) = stored.question {
        store::set_status(tx, question, Status::Complete)?;
        search::index_question(tx, question)?;
    }
    // What a built-in command answers repeats notes and says what it did: nothing that a search should find again.
    let is_built_in = stored.author == Author::Builtin;
    let said = stored.view().text;
    let status = match close.status {
        Status::Interrupted if said.is_empty() && stored.blocks.is_empty() => Status::Failed,
        status => status,
    };
    store::end(tx, answer, status, close.problem.as_ref(), close.needs_model)?;
    if !close.needs_model && !is_built_in {
        search::index_message(tx, answer, said.expose())?;
    }
    chats::store::touch(tx, stored.chat, now)?;
    let Some(ended) = store::get(tx, answer)? else { return Ok(()) };
    let (app, view) = (app.clone(), ended.view());
    tx.after_commit(move || {
        let status = match ending {
            Ending::Succeeded => RunStatus::Succeeded,
            Ending::Failed { .. } => RunStatus::Failed,
            Ending::Cancelled => RunStatus::Cancelled,
        };
        let chat = view.chat;
        app.hub().completed(run, view);
        app.hub().publish(chat, Some(run), &Event::RunFinished { run, status });
        app.ring_line();
    });
    Ok(())
}

//! Running the tools that a step asked for. Every call passes one place where it is decided, is journaled before it is
//! done, and gets its one result in the transaction that changes something.
//!
//! What may be done by itself is done first. The rest is put before the person as one request, for which the run waits.

use super::Turn;
use crate::approvals::card::{Answer, Card, CardLine};
use crate::approvals::past::{Past, Verdict};
use crate::approvals::{self, Approval, LONGEST_WAIT_MILLIS};
use crate::events::Event;
use crate::fault::{Done, Fault};
use crate::memory;
use crate::messages::store::{self, Piece, Stored, ToolCall, ToolResult};
use crate::messages::{CallStatus, Part};
use crate::tools::{self, Action, Asking, Planned};
use ally_durable::{Begun, Effect, Error, NewWait, Outcome, Step, Ticket, WaitKind};
use ally_monitor::{Call, Decision, Rule, Sink, Touches};
use ally_types::{Content, Integrity, Label, MessageId, Problem, WaitId};
use serde_json::json;

/// What is told about a call that the person stopped before it began.
pub const STOPPED: &str = "Not run: the person stopped it.";
/// Calls that are not done, beside those that the monitor refuses: what the model is told, and what the person.
const SAID_NO: (&str, &str) = ("Not run: the person said no.", "Not done: you said no");
const SAID_NO_BEFORE: (&str, &str) = (
    "Not run: the person already said no to exactly this. Do not ask for it again.",
    "Not done: you said no to exactly this before",
);
const ASKED_ENOUGH: (&str, &str) = (
    "Not run: the person was asked three times in this turn, which is the most. Say what is left to do; they can ask for \
     it in a new message.",
    "Not done: it has asked three times already",
);
const NOBODY_ANSWERED: (&str, &str) = (
    "Not run: the person was asked and did not answer within seven days.",
    "Not done: nobody answered within seven days",
);
const HAS_CHANGED: (&str, &str) = (
    "Not run: what this does has changed since the person was asked. Ask again if it is still wanted.",
    "Not done: it has changed since you were asked",
);

/// The calls of one step that have no result.
pub struct Wanted<'a> {
    /// Which step.
    pub step: u32,
    /// The answer that they stand in.
    pub answer: &'a Stored,
    /// So many steps the answer had when this turn began.
    pub done: u32,
    /// The calls with their places in the step, from 1.
    pub calls: &'a [(usize, ToolCall)],
    /// The messages that the turn has read.
    pub read: Vec<MessageId>,
    /// The join of everything it has read.
    pub label: Label,
    /// Whose hand changes memory.
    pub by: memory::Author,
}

/// A call on its way.
struct Begin {
    number: usize,
    call: ToolCall,
    /// The rule that decided, or that asked.
    rule: Rule,
    /// The request in which the person agreed to it.
    approval: Option<WaitId>,
    /// What is answered without doing anything.
    refusal: Option<Planned>,
    /// What the model is told before the result.
    note: Option<String>,
}

/// What is to be done about a call.
enum Judged {
    /// It is done now, or answered now.
    Begin(Begin),
    /// The person is asked, or has been asked and has not answered.
    Ask(CardLine),
}

/// What came of the calls of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// The model may be told.
    On,
    /// The person was asked and did not answer in time. Nobody is there for whom a model should be asked.
    Expired,
}

/// Runs the calls of one step, in their order, and waits for the person where they must be asked. Comes back early when
/// the person stops the run.
pub async fn act(turn: &Turn, wanted: &Wanted<'_>) -> Result<Acted, Error> {
    let run = turn.run.id();
    let past = turn.app.store().read(move |tx| Past::of(tx, run)).await?;
    let calls: Vec<_> = wanted.calls.iter().map(|(_, call)| call.call.as_str()).collect();
    let mut acted = Acted::On;
    for approval in past.expired(&calls) {
        approvals::publish_decided(&turn.app, approval);
        acted = Acted::Expired;
    }
    let (mut begins, mut lines) = (Vec::new(), Vec::new());
    for (number, call) in wanted.calls {
        match judge(wanted, &past, *number, call) {
            Judged::Begin(begin) => begins.push(begin),
            Judged::Ask(line) => lines.push(line),
        }
    }
    perform(turn, wanted, begins).await?;
    if !lines.is_empty() {
        ask(turn, wanted, &past, lines).await?;
    }
    Ok(acted)
}

/// What is to be done about a call: what the person said about it if they were asked, else what the monitor says.
fn judge(wanted: &Wanted<'_>, past: &Past, number: usize, call: &ToolCall) -> Judged {
    let begin = |rule| Begin { number, call: call.clone(), rule, approval: None, refusal: None, note: None };
    let asked = |rule: &str| begin(rule.parse().unwrap_or(Rule::LeavesOrDestroys));
    match past.verdict(&call.call) {
        None => {
            let decision = authorize(wanted, call, times_before(wanted, past, call));
            let line = || CardLine::new(&call.call, &call.tool, &call.input, decision);
            let begin = begin(decision.rule());
            match decision {
                Decision::Allow { .. } => Judged::Begin(begin),
                Decision::Refuse { why, .. } => begin.refused_because(why),
                Decision::Ask { .. } if past.was_denied(&line().fingerprint) => begin.refused(SAID_NO_BEFORE),
                Decision::Ask { .. } if past.is_enough() => begin.refused(ASKED_ENOUGH),
                Decision::Ask { .. } => Judged::Ask(line()),
            }
        }
        Some(Verdict::Open(line)) => Judged::Ask(line),
        Some(Verdict::Denied { rule, reason }) => {
            let told = format!("{}{}", SAID_NO.0, in_their_words(reason.as_ref()));
            asked(&rule).refused((&told, SAID_NO.1))
        }
        Some(Verdict::Expired { rule }) => asked(&rule).refused(NOBODY_ANSWERED),
        Some(Verdict::Void { rule } | Verdict::Allowed { is_as_asked: false, rule, .. }) => {
            asked(&rule).refused(HAS_CHANGED)
        }
        Some(Verdict::Allowed { approval, input, is_edited, rule, reason, .. }) => {
            let call = ToolCall { input, ..call.clone() };
            if let Decision::Refuse { why, .. } = authorize(wanted, &call, 0) {
                return asked(&rule).refused_because(why);
            }
            let edited = is_edited.then(|| format!("The person changed the arguments to: {}\n", call.input));
            let words = in_their_words(reason.as_ref());
            let note = format!("{}{}", edited.unwrap_or_default(), words.trim_start());
            let note = Some(note.trim_end().to_owned()).filter(|note| !note.is_empty());
            Judged::Begin(Begin { call, approval: Some(approval), note, ..asked(&rule) })
        }
    }
}

/// The one place where it is decided whether a call may be done.
fn authorize(wanted: &Wanted<'_>, call: &ToolCall, times_before: usize) -> Decision {
    let action = action(call);
    let asked = Call { touches: action.touches, ..Call::new(&call.tool, action.sink, wanted.label) };
    ally_monitor::authorize(&asked.again(times_before))
}

/// What kind of action a call asks for. A tool that does not exist changes nothing; its call is answered with an error.
fn action(call: &ToolCall) -> Action {
    let nothing = Action { effect: Effect::Read, sink: Sink::Read, touches: Touches::Other };
    tools::named(&call.tool).map_or(nothing, |tool| tool.action(&call.input))
}

/// How often the turn has asked for exactly this before, since the person last let it go on.
fn times_before(wanted: &Wanted<'_>, past: &Past, call: &ToolCall) -> usize {
    let mut times = 0;
    for block in wanted.answer.blocks.iter().filter(|block| block.step > wanted.done) {
        let Piece::Call(other) = &block.piece else { continue };
        if other.call == call.call {
            break;
        }
        if other.tool == call.tool && other.input == call.input {
            times = if past.was_allowed(&other.call) { 0 } else { times + 1 };
        }
    }
    times
}

/// Puts what may not be done by itself before the person. The run waits; once they have answered, it begins the step
/// anew and finds the answer.
async fn ask(turn: &Turn, wanted: &Wanted<'_>, past: &Past, mut lines: Vec<CardLine>) -> Result<(), Error> {
    let read = wanted.read.clone();
    let sources = turn.app.store().read(move |tx| approvals::store::outside_sources(tx, &read)).await?;
    for line in &mut lines {
        line.came_from(&sources);
    }
    let card = Card { chat: turn.chat, message: turn.answer, timezone: turn.timezone.clone(), lines };
    let wait = NewWait {
        step: past.step(),
        kind: WaitKind::Approval,
        due: Some(turn.app.clock().now().plus_millis(LONGEST_WAIT_MILLIS)),
        on_expiry: Some(Answer::Reject { reason: None }.written()),
        body: Content::new(json!(card).to_string()),
        label: wanted.label,
    };
    let app = turn.app.clone();
    let opened = turn.run.wait_and(wait, move |tx, wait| {
        approvals::tell_requested(tx, &app, Approval::of(wait, &card));
        Ok(())
    });
    opened.await.map(drop)
}

/// Does what may be done, and answers what may not.
async fn perform(turn: &Turn, wanted: &Wanted<'_>, begins: Vec<Begin>) -> Result<(), Error> {
    let steps = begins.iter().map(|begin| begin.step(wanted)).collect::<Result<_, _>>()?;
    let begun = turn.run.begin(steps).await?;
    for (begin, begun) in begins.into_iter().zip(begun) {
        if turn.run.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match begun {
            Begun::Go(ticket) | Begun::LookUp(ticket) => run(turn, begin, ticket, wanted).await?,
            // An outcome without its result cannot be: they are one transaction.
            Begun::Done(_) => return Err(Problem::internal().into()),
        }
    }
    Ok(())
}

async fn run(turn: &Turn, begin: Begin, ticket: Ticket, wanted: &Wanted<'_>) -> Result<(), Error> {
    let (call, rule) = (begin.call.call.clone(), begin.rule.as_str());
    let mut planned = plan(turn, begin, wanted).await;
    let label = planned.label.join(wanted.label);
    let changes = planned.changes.take();
    let (desk, changes) = changes.map_or((None, Vec::new()), |(desk, changes)| (Some(desk), changes));
    let outcome = if planned.ok {
        Outcome::done(label, &json!({ "summary": planned.summary }))
    } else {
        Outcome::failed(label, &json!({ "summary": planned.summary }))
    };
    let (app, run, chat, answer) = (turn.app.clone(), turn.run.id(), turn.chat, turn.answer);
    turn.run
        .settle(ticket, outcome, move |tx| {
            let mut file = None;
            for change in &changes {
                file = Some(memory::commit(tx, &app, change)?);
            }
            let Planned { ok, text, summary, .. } = planned;
            let result = ToolResult { call, ok, text, summary, file, rule, label };
            store::insert_result(tx, answer, &result, app.clock().now())?;
            tell(tx, &app, run, chat, answer, result);
            Ok(())
        })
        .await?;
    if let Some(desk) = desk
        && desk.apply(&turn.app).await.is_err()
    {
        // It is kept in the database, and brought to its file when memory is next used.
        ally_types::log::warn("a memory file could not be written yet", &[("run", &run)]);
    }
    Ok(())
}

/// Publishes a result after its commit.
fn tell(
    tx: &ally_store::Tx,
    app: &crate::app::App,
    run: ally_types::RunId,
    chat: ally_types::ChatId,
    answer: MessageId,
    result: ToolResult,
) {
    let hub = app.hub().clone();
    tx.after_commit(move || {
        let ToolResult { call, ok, summary, file, .. } = result;
        let event = Event::ToolFinished {
            message: answer,
            call: call.clone(),
            ok,
            summary: summary.clone(),
            file: file.clone(),
        };
        hub.change(chat, run, answer, &event, |live| {
            for part in &mut live.parts {
                if let Part::Tool { call: of, status, summary: said, file: changed, .. } = part
                    && *of == call
                {
                    *status = if ok { CallStatus::Ok } else { CallStatus::Failed };
                    *said = Some(summary.clone());
                    changed.clone_from(&file);
                }
            }
        });
    });
}

/// What a call comes to. Whatever goes wrong becomes a result, so that the conversation stays whole.
async fn plan(turn: &Turn, begin: Begin, wanted: &Wanted<'_>) -> Planned {
    let label = begin.label(wanted.label);
    let Begin { call, refusal, note, .. } = begin;
    if let Some(refusal) = refusal {
        return refusal;
    }
    let Some(tool) = tools::named(&call.tool) else {
        return Planned::refused(format!("Error: there is no tool named {}.", call.tool));
    };
    if !call.input.is_object() {
        return Planned::refused("Error: the arguments must be a JSON object.");
    }
    let asking = Asking {
        app: turn.app.clone(),
        run: turn.run.id(),
        chat: turn.chat,
        timezone: turn.timezone.clone(),
        label,
        by: wanted.by,
    };
    let planned: Done<Planned> = tool.plan(&asking, &call.input).await;
    let mut planned = planned.unwrap_or_else(|fault: Fault| {
        let problem = Problem::from(fault);
        let next = problem.next_step.as_deref().unwrap_or_default();
        Planned::refused(format!("Error: {} {next}", problem.title))
    });
    if let Some(note) = note {
        planned.text = Content::new(format!("{note}\n{}", planned.text.expose()));
    }
    planned
}

impl Begin {
    /// Nothing is done; the model and the person are told this.
    fn refused(mut self, (told, summary): (&str, &str)) -> Judged {
        self.refusal = Some(Planned { summary: summary.into(), ..Planned::refused(told) });
        Judged::Begin(self)
    }

    fn refused_because(self, why: &str) -> Judged {
        let told = format!("Not run. {why}");
        self.refused((&told, &told))
    }

    /// What a call may write with. Words that the person has read and agreed to are no longer just somebody's from
    /// outside (R8).
    fn label(&self, read: Label) -> Label {
        match (self.approval, self.rule) {
            (Some(_), Rule::MemoryAfterOutside) => Label { integrity: Integrity::Trusted, ..read },
            _ => read,
        }
    }

    /// The step as it stands in the journal before anything is done. What is only answered changes nothing.
    fn step(&self, wanted: &Wanted<'_>) -> Result<Step, Error> {
        let action = action(&self.call);
        let effect = if self.refusal.is_some() { Effect::Read } else { action.effect };
        let mut request = json!({
            "call": self.call.call, "tool": self.call.tool, "input": self.call.input,
            "sink": action.sink.as_str(), "free": self.refusal.is_none() && self.approval.is_none(),
            "rule": self.rule.as_str(),
        });
        if let Some(approval) = self.approval {
            request["approval"] = json!(approval);
        }
        Step::new(format!("{}/tool/{}", wanted.step, self.number), effect, wanted.label, &request)
    }
}

/// What the person said with their answer, behind a space.
fn in_their_words(reason: Option<&Content>) -> String {
    reason.map_or_else(String::new, |reason| format!(" They said: {}", reason.expose().trim()))
}

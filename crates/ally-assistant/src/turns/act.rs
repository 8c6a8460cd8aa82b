//! Running the tools that a step asked for. Every call passes one place where it is decided, is journaled before it is
//! done, and gets its one result in the transaction that changes something.

use super::Turn;
use crate::events::Event;
use crate::fault::{Done, Fault};
use crate::memory;
use crate::messages::store::{self, ToolCall, ToolResult};
use crate::messages::{CallStatus, Part};
use crate::tools::{self, Action, Asking, Planned};
use ally_durable::{Begun, Effect, Error, Outcome, Step, Ticket};
use ally_monitor::{Call, Decision, Sink, Touches};
use ally_types::{Label, Problem};
use serde_json::json;

/// What is told about a call that the person stopped before it began.
pub const STOPPED: &str = "Not run: the person stopped it.";

/// A call on its way.
struct Begin<'a> {
    call: &'a ToolCall,
    decision: Decision,
    step: Step,
}

/// Runs the calls of one step, in their order. Comes back early when the person stops the run.
pub async fn act(
    turn: &Turn,
    step: u32,
    calls: &[(usize, ToolCall)],
    label: Label,
    by: memory::Author,
) -> Result<(), Error> {
    let begins = calls.iter().map(|(number, call)| begin(step, *number, call, label));
    let begins = begins.collect::<Result<Vec<_>, Problem>>()?;
    let begun = turn.run.begin(begins.iter().map(|begin| begin.step.clone()).collect()).await?;
    for (begin, begun) in begins.iter().zip(begun) {
        if turn.run.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match begun {
            Begun::Go(ticket) | Begun::LookUp(ticket) => run(turn, begin, ticket, label, by).await?,
            // An outcome without its result cannot be: they are one transaction.
            Begun::Done(_) => return Err(Problem::internal().into()),
        }
    }
    Ok(())
}

/// The one place where it is decided whether a call may be done.
fn begin(step: u32, number: usize, call: &ToolCall, label: Label) -> Result<Begin<'_>, Problem> {
    let tool = tools::named(&call.tool);
    // A tool that does not exist changes nothing; its call is answered with an error.
    let nothing = Action { effect: Effect::Read, sink: Sink::Read, touches: Touches::Other };
    let action = tool.map_or(nothing, |tool| tool.action(&call.input));
    let asked = Call { touches: action.touches, ..Call::new(&call.tool, action.sink, label) };
    let decision = ally_monitor::authorize(&asked);
    let request = json!({
        "call": call.call, "tool": call.tool, "input": call.input,
        "sink": action.sink.as_str(), "free": decision.is_free(), "rule": decision.rule().as_str(),
    });
    let step = Step::new(format!("{step}/tool/{number}"), action.effect, label, &request)?;
    Ok(Begin { call, decision, step })
}

async fn run(turn: &Turn, begin: &Begin<'_>, ticket: Ticket, label: Label, by: memory::Author) -> Result<(), Error> {
    let mut planned = plan(turn, begin, label, by).await;
    let label = planned.label.join(label);
    let changes = planned.changes.take();
    let (desk, changes) = changes.map_or((None, Vec::new()), |(desk, changes)| (Some(desk), changes));
    let outcome = if planned.ok {
        Outcome::done(label, &json!({ "summary": planned.summary }))
    } else {
        Outcome::failed(label, &json!({ "summary": planned.summary }))
    };
    let (app, run, chat, answer) = (turn.app.clone(), turn.run.id(), turn.chat, turn.answer);
    let (call, rule) = (begin.call.call.clone(), begin.decision.rule().as_str());
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
    answer: ally_types::MessageId,
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
async fn plan(turn: &Turn, begin: &Begin<'_>, label: Label, by: memory::Author) -> Planned {
    if let Decision::Ask { why, .. } | Decision::Refuse { why, .. } = begin.decision {
        return Planned::refused(format!("Not run. {why}"));
    }
    let Some(tool) = tools::named(&begin.call.tool) else {
        return Planned::refused(format!("Error: there is no tool named {}.", begin.call.tool));
    };
    if !begin.call.input.is_object() {
        return Planned::refused("Error: the arguments must be a JSON object.");
    }
    let asking = Asking {
        app: turn.app.clone(),
        run: turn.run.id(),
        chat: turn.chat,
        timezone: turn.timezone.clone(),
        label,
        by,
    };
    let planned: Done<Planned> = tool.plan(&asking, &begin.call.input).await;
    planned.unwrap_or_else(|fault: Fault| {
        let problem = Problem::from(fault);
        let next = problem.next_step.as_deref().unwrap_or_default();
        Planned::refused(format!("Error: {} {next}", problem.title))
    })
}

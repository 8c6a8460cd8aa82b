//! From a message that was sent to the end of its answer.

use super::events::{Approval, Event, Events, Message, Status};
use super::screen::Screen;
use super::server::{Asked, Server};
use super::shown::Shown;
use super::{Fault, Thinking, approval};
use ally_types::{MessageId, RunId};
use serde_json::json;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::signal::unix::Signal;

/// What is waited for.
pub(super) struct Awaited {
    /// The answer.
    pub(super) answer: MessageId,
    /// The run that writes it.
    pub(super) run: RunId,
    /// When it was asked for; unknown when the question is older than this command.
    pub(super) since: Option<Instant>,
}

/// A request to stop that is under way.
type Stopping<'a> = Option<Pin<Box<dyn Future<Output = Result<Vec<u8>, Fault>> + 'a>>>;

/// Shows an answer while it is written. Says whether the question was answered.
///
/// The first Ctrl-C stops the answer, the second one leaves.
pub(super) async fn follow(
    server: &Server,
    screen: &mut Screen,
    interrupts: &mut Signal,
    events: &mut Events,
    awaited: &Awaited,
    thinking: Thinking,
) -> Result<bool, Fault> {
    let mut shown = Shown::new(thinking);
    let cancel = format!("/api/v1/runs/{}/cancel", awaited.run);
    let ask_to_stop = Asked::post(&cancel, json!({}));
    let mut stopping: Stopping<'_> = None;
    let mut is_asked_to_stop = false;
    let mut asked = BTreeSet::new();
    let message = loop {
        tokio::select! {
            biased;
            _ = interrupts.recv() => {
                if is_asked_to_stop {
                    screen.end_line()?;
                    screen.say("The answer goes on at the server. `ally chat` shows it.")?;
                    return Err(Fault::Left);
                }
                is_asked_to_stop = true;
                screen.remark("Stopping. Press Ctrl-C again to leave.")?;
                stopping = Some(Box::pin(server.answered(&ask_to_stop)));
            }
            Some(stopped) = under_way(&mut stopping), if stopping.is_some() => {
                stopping = None;
                // A run that is over cannot be stopped, and need not be.
                if stopped.is_err_and(|fault| !matches!(&fault, Fault::Problem(problem) if problem.status == 409)) {
                    screen.remark("That did not reach the server: the answer goes on. Ctrl-C leaves.")?;
                }
            }
            event = events.next(server) => match event {
                Err(Fault::SignedOut) => server.sign_in().await?,
                Err(Fault::Broken) => {
                    screen.end_line()?;
                    return Err(Fault::said(
                        format!("The connection to {} is lost.", server.origin()),
                        "What was asked is kept, and the answer goes on there. Run `ally chat` to see it.",
                    ));
                }
                event => match show(screen, &mut shown, awaited, event?)? {
                    Some(Seen::Over(message)) => break *message,
                    Some(Seen::Needs(wanted)) if asked.insert(wanted.id) => {
                        screen.end_line()?;
                        if !approval::decide(server, screen, &wanted).await? {
                            return Ok(false);
                        }
                    }
                    _ => {}
                },
            },
        }
    };
    end(server, screen, &shown, awaited.since, &message)
}

async fn under_way(stopping: &mut Stopping<'_>) -> Option<Result<Vec<u8>, Fault>> {
    Some(stopping.as_mut()?.await)
}

/// What an event brings that the loop has to do something about.
enum Seen {
    /// The answer is over.
    Over(Box<Message>),
    /// The person has to decide.
    Needs(Approval),
}

/// Shows an event.
fn show(screen: &mut Screen, shown: &mut Shown, awaited: &Awaited, event: Event) -> Result<Option<Seen>, Fault> {
    let answer = awaited.answer;
    match event {
        Event::Snapshot { message } | Event::Completed { message } if message.id == answer => {
            shown.whole(screen, &message)?;
            if message.status.is_over() {
                return Ok(Some(Seen::Over(Box::new(message))));
            }
            return Ok(message.approvals.into_iter().find(|approval| approval.status == "waiting").map(Seen::Needs));
        }
        Event::Text { message, text } if message == answer => shown.text(screen, text.expose())?,
        Event::Thinking { message, text } if message == answer => shown.thoughts(screen, text.expose())?,
        Event::ToolCalled { message, call, tool } if message == answer => shown.called(screen, &call, &tool)?,
        Event::ToolFinished { message, call, ok, summary } if message == answer => {
            shown.finished(screen, &call, ok, summary.expose())?;
        }
        Event::Waiting { message, reason, seconds } if message == answer => {
            screen.remark(&format!("{reason} Trying again in {seconds} s."))?;
        }
        Event::ApprovalRequested { message, approval } if message == answer => return Ok(Some(Seen::Needs(approval))),
        Event::Error { problem } => screen.problem(&problem)?,
        Event::Lost => screen.remark("The connection broke. Trying again; nothing is lost.")?,
        _ => {}
    }
    Ok(None)
}

/// The last lines below an answer.
fn end(
    server: &Server,
    screen: &mut Screen,
    shown: &Shown,
    since: Option<Instant>,
    message: &Message,
) -> Result<bool, Fault> {
    screen.end_line()?;
    if let Some(problem) = &message.problem {
        screen.problem(problem)?;
    }
    if message.status == Status::Stopped {
        screen.remark("Stopped. What was written is kept.")?;
    }
    if message.needs_model {
        screen.say(&format!("Connect a model in the browser, under Settings: {}", server.origin()))?;
    }
    let receipt = receipt(message, shown.tools(), since.map(|since| since.elapsed()));
    if !receipt.is_empty() {
        screen.remark(&receipt)?;
    }
    Ok(message.status == Status::Complete && !message.needs_model)
}

/// Tools, tokens and time, as far as they are known.
fn receipt(message: &Message, tools: usize, took: Option<Duration>) -> String {
    let mut parts = Vec::new();
    if message.author.kind == "builtin" {
        parts.push("Built-in command · no AI".to_owned());
    }
    match tools {
        0 => {}
        1 => parts.push("1 tool".to_owned()),
        _ => parts.push(format!("{tools} tools")),
    }
    if let Some(usage) = message.usage.filter(|usage| usage.output > 0) {
        let read = usage.input + usage.cache_read + usage.cache_write;
        parts.push(format!("{} tokens read, {} written", thousands(read), thousands(usage.output)));
    }
    if let (Some(took), false) = (took, parts.is_empty()) {
        parts.push(format!("{}.{} s", took.as_secs(), took.subsec_millis() / 100));
    }
    parts.join(" · ")
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_beside_the_answer_is_shown_and_what_is_unknown_is_not() {
        let (mut screen, seen) = super::super::screen::seen::terminal(60);
        let mut shown = Shown::new(Thinking::Hidden);
        let (answer, other) = ("msg_00000000000000000000000000", "msg_00000000000000000000000001");
        let run = "run_00000000000000000000000000".parse().expect("an id");
        let awaited = Awaited { answer: answer.parse().expect("an id"), run, since: None };
        for event in [
            json!({ "type": "text.delta", "message": answer, "text": "So far" }),
            json!({ "type": "text.delta", "message": other, "text": "of another answer" }),
            json!({ "type": "message.waiting", "message": answer, "reason": "It is busy.", "seconds": 2 }),
            json!({ "type": "approval.requested", "message": other, "approval": {
                "id": "wait_00000000000000000000000000", "status": "waiting", "lines": []
            } }),
            json!({ "type": "something.new", "message": answer }),
            json!({ "type": "error", "problem": { "type": "x", "status": 500, "title": "No.", "next_step": "Wait." } }),
        ] {
            let event = serde_json::from_value(event).expect("an event");
            let over = show(&mut screen, &mut shown, &awaited, event).expect("shown");
            assert!(over.is_none());
        }
        assert_eq!(seen.text(), "So far\nIt is busy. Trying again in 2 s.\nNo.\nWait.\n");
    }

    #[test]
    fn the_receipt_says_what_is_known() {
        let message = |more: serde_json::Value| -> Message {
            let mut whole = json!({
                "id": "msg_00000000000000000000000000", "role": "assistant", "status": "complete", "text": "",
                "author": { "kind": "model" },
            });
            whole.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            serde_json::from_value(whole).expect("a message")
        };
        let usage = json!({ "usage": { "input": 1000, "output": 56, "cache_read": 1_234_000, "cache_write": 0 } });
        let took = Some(Duration::from_millis(3290));
        assert_eq!(receipt(&message(usage), 2, took), "2 tools · 1,235,000 tokens read, 56 written · 3.2 s");
        let builtin = message(json!({ "author": { "kind": "builtin" } }));
        assert_eq!(receipt(&builtin, 1, None), "Built-in command · no AI · 1 tool");
        assert_eq!(receipt(&message(json!({})), 0, took), "");
    }
}

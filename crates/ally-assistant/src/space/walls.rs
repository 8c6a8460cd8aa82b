//! "Test my walls": the person's own assistant tries to break out, in ways that harm nobody, and says what happened.

use crate::app::App;
use crate::fault::Fault;
use crate::owner::Owner;
use ally_http::Answer;
use ally_sandbox::attempts::{ALL, Attempt, Outcome};
use ally_types::{Problem, log};
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// What the level is called where everything is one process, as in tests: nothing is sent out of the machine there.
const IN_PROCESS: &str = "in_process";

/// One event of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WallsEvent {
    /// One attempt was made.
    Attempt {
        /// A stable name.
        name: &'static str,
        /// What was tried, for a person.
        words: &'static str,
        /// How it went.
        outcome: WallsOutcome,
        /// With which error the system refused it.
        by: Option<String>,
    },
    /// All were made.
    Finished {
        /// How many there were.
        tried: u32,
        /// How many were refused.
        refused: u32,
        /// How many got through.
        succeeded: u32,
    },
}

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WallsOutcome {
    /// The system said no.
    Refused,
    /// It worked.
    Succeeded,
    /// It could not be tried here.
    Skipped,
}

/// Whether a test is at work.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(Arc<AtomicBool>);

/// The right to be at work; dropping it lets the next one in.
struct Turn(Arc<AtomicBool>);

impl Running {
    fn begin(&self) -> Option<Turn> {
        let was_running = self.0.swap(true, Ordering::AcqRel);
        (!was_running).then(|| Turn(Arc::clone(&self.0)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Tries the walls from inside and tells of each attempt as it ends. Nothing is filled, ended or left behind.
#[utoipa::path(post, path = "/api/v1/space/walls/test", tag = "space", operation_id = "test_walls",
    responses(
        (status = 200, description = "Event stream; each `data` is one of these", body = WallsEvent,
            content_type = "text/event-stream"),
        (status = 409, body = Problem)))]
pub async fn test(State(app): State<App>, _: Owner) -> Answer<Response> {
    let turn = app.walls_test().begin().ok_or_else(busy)?;
    let (tell, told) = mpsc::unbounded_channel();
    // The turn is held by the stream, the work by the thread: a reader who stalls keeps nobody awake.
    let at_work = app.activity().begin();
    let stays = app.walls().split_whitespace().any(|wall| wall == IN_PROCESS);
    // A thread of its own, which ends with the test: what an attempt changes about its caller, where no wall stands,
    // is gone with it. Chats go on meanwhile.
    let started = std::thread::Builder::new().name("walls".to_owned()).spawn(move || {
        let _at_work = at_work;
        run(stays, |event| tell.send(event).is_ok());
    });
    started.map_err(|error| {
        log::error("the walls could not be tested", &[("kind", &error.kind())]);
        Fault::from(Problem::internal())
    })?;
    let events = futures_util::stream::unfold((told, turn), |(mut told, turn)| async move {
        let event = told.recv().await?;
        Some((write(&event), (told, turn)))
    });
    Ok(ally_http::stream::response(events))
}

fn busy() -> Problem {
    Problem::new(409, "test_running", "Your walls are being tested already.")
        .next("Wait until the test has ended; it takes a few seconds.")
}

fn write(event: &WallsEvent) -> Bytes {
    ally_http::stream::event(None, &serde_json::to_string(event).unwrap_or_default())
}

/// Makes the attempts one after the other until nobody listens.
fn run(stays: bool, mut tell: impl FnMut(WallsEvent) -> bool) {
    let (mut tried, mut refused, mut succeeded) = (0, 0, 0);
    for attempt in ALL.iter().filter(|attempt| attempt.is_gentle()) {
        let answer = if stays && attempt.leaves_the_machine() { None } else { attempt.run_gently() };
        let event = told(attempt, answer);
        if let WallsEvent::Attempt { outcome, .. } = &event {
            tried += 1;
            refused += u32::from(*outcome == WallsOutcome::Refused);
            succeeded += u32::from(*outcome == WallsOutcome::Succeeded);
        }
        if !tell(event) {
            return;
        }
    }
    tell(WallsEvent::Finished { tried, refused, succeeded });
}

fn told(attempt: &Attempt, answer: Option<Outcome>) -> WallsEvent {
    let (outcome, by) = match answer {
        Some(Outcome::Refused { by }) => (WallsOutcome::Refused, Some(by)),
        Some(Outcome::Succeeded) => (WallsOutcome::Succeeded, None),
        Some(Outcome::Skipped { .. }) | None => (WallsOutcome::Skipped, None),
    };
    WallsEvent::Attempt { name: attempt.name, words: attempt.words, outcome, by }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_test_at_a_time_and_the_next_when_it_is_over() {
        let running = Running::default();
        let first = running.begin();
        assert!(first.is_some() && running.begin().is_none());
        drop(first);
        assert!(running.begin().is_some());
    }

    #[test]
    fn the_sum_is_what_was_told_and_a_reader_who_left_ends_the_test() {
        let mut events = Vec::new();
        run(true, |event| {
            events.push(event);
            true
        });
        let attempts = events.len() - 1;
        let count = |wanted| {
            let is_it =
                |event: &&WallsEvent| matches!(event, WallsEvent::Attempt { outcome, .. } if *outcome == wanted);
            u32::try_from(events.iter().filter(is_it).count()).expect("few")
        };
        let sum = WallsEvent::Finished {
            tried: u32::try_from(attempts).expect("few"),
            refused: count(WallsOutcome::Refused),
            succeeded: count(WallsOutcome::Succeeded),
        };
        assert_eq!(events.last(), Some(&sum));
        assert!(attempts >= 30, "{attempts}");
        let mut seen = 0;
        run(true, |_| {
            seen += 1;
            false
        });
        assert_eq!(seen, 1);
    }
}

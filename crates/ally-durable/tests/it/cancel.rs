//! Stopping a run: before it begins, inside a step, while it waits, and after its end.

use crate::{Machine, Process, mark};
use ally_durable::journal::Kind;
use ally_durable::{Cancel, Effect, Ending, Error, NewWait, Outcome, Run, Step, WaitKind};
use ally_types::{Content, Label, RunId};
use std::sync::Arc;
use tokio::sync::Notify;

fn cancel(process: &Process, run: RunId) -> Cancel {
    let engine = process.engine.clone();
    process.store.write_now(move |tx| engine.cancel(tx, run)).unwrap()
}

/// Reaches the inside of a step of this class, and waits there to be let go.
fn inside(machine: &Machine, effect: Effect, reached: &Arc<Notify>, leave: &Arc<Notify>) -> Process {
    let (reached, leave) = (reached.clone(), leave.clone());
    machine.start(move |run: Run| {
        let (reached, leave) = (reached.clone(), leave.clone());
        async move {
            let work = |_| async {
                reached.notify_one();
                leave.notified().await;
                Outcome::done(Label::TRUSTED, &"sent")
            };
            run.step(Step::new("a", effect, Label::USER, &1)?, work, |tx, _| mark(tx, "a")).await?;
            run.step(
                Step::new("b", effect, Label::USER, &1)?,
                |_| async { Outcome::done(Label::TRUSTED, &1) },
                |tx, _| mark(tx, "b"),
            )
            .await?;
            run.finish(Ending::Succeeded, |_| Ok(())).await
        }
    })
}

#[test]
fn a_model_call_is_cut_off() {
    let (machine, reached, leave) = (Machine::new(), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut process = inside(&machine, Effect::Model, &reached, &leave);
    let run = process.create();
    process.block_on(reached.notified());
    assert_eq!(cancel(&process, run), Cancel::Signalled);
    assert_eq!(process.until_end(), Kind::Cancelled);
    assert_eq!(process.kinds(run), ["created", "started", "intent", "cancel_requested", "cancelled"]);
}

#[test]
fn an_effect_in_flight_is_waited_for_and_recorded_and_the_next_is_not_begun() {
    let (machine, reached, leave) = (Machine::new(), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut process = inside(&machine, Effect::Once, &reached, &leave);
    let run = process.create();
    process.block_on(reached.notified());
    assert_eq!(cancel(&process, run), Cancel::Signalled);
    leave.notify_one();
    assert_eq!(process.until_end(), Kind::Cancelled);
    assert_eq!(process.marks(), ["a"]);
    assert_eq!(process.kinds(run), ["created", "started", "intent", "cancel_requested", "outcome", "cancelled"]);
}

#[test]
fn a_run_stopped_before_its_first_step_does_nothing() {
    let (machine, reached, leave) = (Machine::new(), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut process = inside(&machine, Effect::Once, &reached, &leave);
    let run = process.create();
    assert_eq!(cancel(&process, run), Cancel::Signalled);
    assert_eq!(process.until_end(), Kind::Cancelled);
    assert!(!process.kinds(run).contains(&"intent"));
}

#[test]
fn a_wish_to_stop_survives_a_crash() {
    let (machine, reached, leave) = (Machine::new(), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let process = inside(&machine, Effect::Once, &reached, &leave);
    let run = process.create();
    process.block_on(reached.notified());
    cancel(&process, run);
    drop(process);
    let mut next = inside(&machine, Effect::Once, &reached, &leave);
    assert_eq!(next.until_end(), Kind::Cancelled);
    assert_eq!(next.row(run).state.as_str(), "cancelled");
}

#[test]
fn a_waiting_run_ends_at_once_and_nothing_waits_for_it_any_longer() {
    let machine = Machine::new();
    let mut process = machine.start(|run: Run| async move {
        let wait = NewWait {
            step: "ask".to_owned(),
            kind: WaitKind::Question,
            due: None,
            on_expiry: None,
            body: Content::from("{}"),
            label: Label::USER,
        };
        run.wait(wait).await?;
        run.finish(Ending::Succeeded, |_| Ok(())).await
    });
    let run = process.create();
    process.until(&[Kind::WaitOpened]);
    process.block_on(async {
        process.engine.running().wait_for(|running| *running == 0).await.unwrap();
    });
    assert_eq!(cancel(&process, run), Cancel::Ended);
    assert!(process.store.read_now(move |tx| ally_durable::waits::open_of(tx, run)).unwrap().is_empty());
    assert!(matches!(cancel(&process, run), Cancel::AlreadyEnded(_)));
    let unknown = RunId::new(machine.clock.as_ref(), &ally_types::SystemChance);
    assert_eq!(cancel(&process, unknown), Cancel::NotFound);
}

#[test]
fn an_executor_may_settle_its_own_end() {
    let machine = Machine::new();
    let reached = Arc::new(Notify::new());
    let signal = reached.clone();
    let mut process = machine.start(move |run: Run| {
        let reached = signal.clone();
        async move {
            let work = |_| async {
                reached.notify_one();
                std::future::pending().await
            };
            match run.step(Step::new("a", Effect::Model, Label::USER, &1)?, work, |_, _| Ok(())).await {
                Err(Error::Cancelled) => run.finish(Ending::Cancelled, |tx| mark(tx, "stopped")).await,
                other => other.and(Err(Error::NotYours)),
            }
        }
    });
    let run = process.create();
    process.block_on(reached.notified());
    cancel(&process, run);
    assert_eq!(process.until_end(), Kind::Cancelled);
    assert_eq!(process.marks(), ["stopped"]);
}

#[test]
fn draining_waits_for_what_is_in_flight_and_begins_nothing_new() {
    let (machine, reached, leave) = (Machine::new(), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let process = inside(&machine, Effect::Once, &reached, &leave);
    let first = process.create();
    process.block_on(reached.notified());
    leave.notify_one();
    process.block_on(process.engine.drain());
    let second = process.create();
    assert_eq!((process.row(first).state.as_str(), process.row(second).state.as_str()), ("succeeded", "queued"));
}

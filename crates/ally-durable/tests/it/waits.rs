//! Waits: one answer counts, a deadline has a default, a restart changes nothing.

use crate::{Machine, Process, mark};
use ally_durable::journal::Kind;
use ally_durable::{Ending, Error, Finished, NewWait, Resolved, Run, WaitKind, waits};
use ally_types::{Clock, Content, Label, RunId, Timestamp};

const HOUR: i64 = 3_600_000;

async fn asks(run: Run, due: Option<Timestamp>) -> Result<Finished, Error> {
    let wait = NewWait {
        step: "ask".to_owned(),
        kind: WaitKind::Approval,
        due,
        on_expiry: Some(Content::from("\"rejected\"")),
        body: Content::from("{\"to\":\"Mira\"}"),
        label: Label::USER,
    };
    let resolution = run.wait(wait).await?;
    let told = format!("{} by {}", resolution.body.expose(), resolution.by);
    run.finish(Ending::Succeeded, move |tx| mark(tx, &told)).await
}

fn start(machine: &Machine) -> Process {
    let due = machine.clock.now().plus_millis(HOUR);
    machine.start(move |run| asks(run, Some(due)))
}

fn open_wait(process: &Process, run: RunId) -> waits::Wait {
    process.store.read_now(move |tx| waits::open_of(tx, run)).unwrap().remove(0)
}

fn answer(process: &Process, wait: ally_types::WaitId, by: &'static str) -> Resolved {
    let engine = process.engine.clone();
    process.store.write_now(move |tx| engine.resolve(tx, wait, by, &Content::from("\"approved\""))).unwrap()
}

#[test]
fn a_run_that_waits_has_no_task_and_goes_on_with_the_answer() {
    let machine = Machine::new();
    let mut process = start(&machine);
    let run = process.create();
    process.until(&[Kind::WaitOpened]);
    process.block_on(async {
        process.engine.running().wait_for(|running| *running == 0).await.unwrap();
    });
    assert_eq!(process.row(run).state.as_str(), "waiting");
    assert!(matches!(answer(&process, open_wait(&process, run).id, "acc_1"), Resolved::Won(_)));
    process.until_end();
    assert_eq!(process.marks(), ["\"approved\" by acc_1"]);
}

#[test]
fn a_wait_survives_a_restart() {
    let machine = Machine::new();
    let mut first = start(&machine);
    let run = first.create();
    first.until(&[Kind::WaitOpened]);
    drop(first);
    let mut second = start(&machine);
    assert_eq!(second.row(run).state.as_str(), "waiting");
    answer(&second, open_wait(&second, run).id, "acc_1");
    second.until_end();
    assert_eq!(second.row(run).attempts, 1, "waiting is no interruption");
}

#[test]
fn two_devices_that_answer_at_once_get_one_winner() {
    let machine = Machine::new();
    let mut process = start(&machine);
    let run = process.create();
    process.until(&[Kind::WaitOpened]);
    let wait = open_wait(&process, run).id;
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = ["phone", "laptop", "watch", "mail"]
            .map(|device| {
                scope.spawn({
                    let process = &process;
                    move || answer_from(process, wait, device)
                })
            })
            .into();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let winners: Vec<_> = results
        .iter()
        .filter_map(|result| match result {
            Resolved::Won(wait) => Some(wait),
            _ => None,
        })
        .collect();
    assert_eq!(winners.len(), 1);
    let winner = winners[0].resolution.as_ref();
    for result in &results {
        if let Resolved::Already(wait) = result {
            assert_eq!(wait.resolution.as_ref(), winner, "the others are told who it was");
        }
    }
    let closed = process.entries(run).iter().filter(|entry| entry.kind == Kind::WaitClosed).count();
    assert_eq!(closed, 1);
}

fn answer_from(process: &Process, wait: ally_types::WaitId, device: &'static str) -> Resolved {
    answer(process, wait, device)
}

#[test]
fn when_the_time_is_over_the_default_counts() {
    let machine = Machine::new();
    let mut process = start(&machine);
    process.create();
    process.until(&[Kind::WaitOpened]);
    let due = machine.clock.now().plus_millis(HOUR);
    assert_eq!(process.store.read_now(waits::next_alarm).unwrap(), Some(due));
    machine.clock.advance_millis(HOUR - 1);
    assert_eq!(process.block_on(process.engine.expire_due()).unwrap(), 0);
    machine.clock.advance_millis(1);
    assert_eq!(process.block_on(process.engine.expire_due()).unwrap(), 1);
    process.until_end();
    assert_eq!(process.marks(), ["\"rejected\" by clock"]);
    assert_eq!(process.store.read_now(waits::next_alarm).unwrap(), None);
}

#[test]
fn a_deadline_that_passed_while_nobody_was_awake_is_kept_at_the_start() {
    let machine = Machine::new();
    let mut first = start(&machine);
    first.create();
    first.until(&[Kind::WaitOpened]);
    drop(first);
    machine.clock.advance_millis(2 * HOUR);
    let mut second = start(&machine);
    assert_eq!(second.until_end(), Kind::Succeeded);
    assert_eq!(second.marks(), ["\"rejected\" by clock"]);
}

#[test]
fn an_answer_to_a_wait_that_does_not_exist_is_told_so() {
    let machine = Machine::new();
    let process = start(&machine);
    let id = ally_types::WaitId::new(machine.clock.as_ref(), &ally_types::SystemChance);
    assert_eq!(answer(&process, id, "acc_1"), Resolved::NotFound);
}

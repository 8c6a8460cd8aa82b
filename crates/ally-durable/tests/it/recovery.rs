//! Taking up what another process left, and giving up after three times.

use crate::{Machine, mark};
use ally_durable::journal::Kind;
use ally_durable::{Effect, Ending, Error, Executor, Finished, Outcome, Run, Step, Work, runs};
use ally_store::{StoreError, Tx};
use ally_types::{Label, Problem};
use std::sync::Arc;
use tokio::sync::Notify;

/// Begins a model call and dies in it, always.
struct Deadly(Arc<Notify>);

impl Executor for Deadly {
    fn run(&self, run: Run) -> Work {
        let reached = self.0.clone();
        Box::pin(async move {
            let step = Step::new("model", Effect::Model, Label::USER, &"hello")?;
            run.step(
                step,
                |_| async {
                    reached.notify_one();
                    std::future::pending::<Outcome>().await
                },
                |_, _| Ok(()),
            )
            .await?;
            run.finish(Ending::Succeeded, |_| Ok(())).await
        })
    }

    fn ended(&self, tx: &Tx, _: &runs::Row, ending: Ending) -> Result<(), StoreError> {
        tx.execute("INSERT INTO marks (text) VALUES (?1)", [format!("{ending:?}")])?;
        Ok(())
    }
}

#[test]
fn a_run_that_kills_its_process_is_given_up_after_three_recoveries() {
    let machine = Machine::new();
    let reached = Arc::new(Notify::new());
    let first = machine.start(Deadly(reached.clone()));
    let run = first.create();
    first.block_on(reached.notified());
    drop(first);
    for recovery in 1..=3 {
        let process = machine.start(Deadly(reached.clone()));
        process.block_on(reached.notified());
        assert_eq!(process.row(run).attempts, 1 + recovery);
    }
    let mut last = machine.start(Deadly(reached));
    assert_eq!(last.until_end(), Kind::Failed);
    assert_eq!(last.row(run).state.reason(), Some("too_many_attempts"));
    assert_eq!(last.marks(), ["Failed { reason: \"too_many_attempts\" }"]);
    let models = last
        .entries(run)
        .iter()
        .filter(|entry| entry.kind == Kind::Intent)
        .map(|entry| entry.attempt)
        .collect::<Vec<_>>();
    assert_eq!(models, [1, 2, 3, 4]);
}

#[test]
fn a_panic_is_an_interruption_and_the_fourth_ends_the_run() {
    let machine = Machine::new();
    let mut process = machine.start(|_| async { panic!("in the executor") });
    let run = process.create();
    assert_eq!(process.until_end(), Kind::Failed);
    assert_eq!(process.kinds(run), ["created", "started", "started", "started", "started", "failed"]);
}

#[test]
fn a_run_that_was_asked_for_but_not_begun_is_begun_by_the_next_process() {
    let machine = Machine::new();
    let first = machine.start(|_| async { Err(Error::NotYours) });
    // Nothing runs, because nobody drives the runtime.
    let run = first.create();
    drop(first);
    let mut second =
        machine.start(|run: Run| async move { run.finish(Ending::Succeeded, |tx| mark(tx, "done")).await });
    assert_eq!((second.until_end(), second.marks()), (Kind::Succeeded, vec!["done".to_owned()]));
    assert!(second.row(run).epoch > 1);
}

#[test]
fn a_problem_ends_the_run_with_its_name_as_the_reason() {
    let machine = Machine::new();
    let mut process = machine.start(|_| async {
        let problem = Problem::new(502, "provider_down", "The model did not answer.");
        Err::<Finished, _>(Error::from(problem))
    });
    let run = process.create();
    assert_eq!(
        (process.until_end(), process.row(run).state.reason().map(str::to_owned)),
        (Kind::Failed, Some("provider_down".to_owned()))
    );
}

#[test]
fn a_run_of_a_kind_that_is_no_longer_known_fails_and_says_so() {
    let machine = Machine::new();
    let mut process = machine.start(|_| async { Err(Error::NotYours) });
    let mut new = crate::new_run(process.clock.as_ref());
    new.kind = "forgotten";
    let (engine, run) = (process.engine.clone(), new.id);
    process.store.write_now(move |tx| engine.create(tx, new)).unwrap();
    assert_eq!(process.until_end(), Kind::Failed);
    assert_eq!(process.row(run).state.reason(), Some("unknown_kind"));
}

#[test]
fn what_must_be_taken_up_is_found_by_an_index() {
    let machine = Machine::new();
    let process = machine.start(|_| async { Err(Error::NotYours) });
    let plan: String = process
        .store
        .read_now(|tx| {
            let sql =
                "EXPLAIN QUERY PLAN SELECT id FROM runs WHERE state IN ('queued', 'running') ORDER BY created, id";
            Ok::<_, StoreError>(tx.query_row(sql, [], |row| row.get("detail"))?)
        })
        .unwrap();
    assert!(plan.contains("runs_unfinished"), "{plan}");
}

#[test]
fn epochs_grow_with_every_process() {
    let machine = Machine::new();
    let first = machine.start(|_| async { Err(Error::NotYours) }).engine.epoch();
    assert!(machine.start(|_| async { Err(Error::NotYours) }).engine.epoch() > first);
}

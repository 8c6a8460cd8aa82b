//! Steps: several at once, outcomes that are kept, and what a run may not do any more.

use crate::{Machine, mark};
use ally_durable::journal::Kind;
use ally_durable::{Begun, Effect, Ending, Error, NewWait, Outcome, Run, Status, Step, WaitKind};
use ally_types::{Content, Label};
use std::sync::{Arc, Mutex};

fn read(path: &str) -> Result<Step, Error> {
    Step::new(path, Effect::Read, Label::USER, &path)
}

#[test]
fn several_steps_are_begun_with_one_commit_and_settled_in_any_order() {
    let machine = Machine::new();
    let mut process = machine.start(|run: Run| async move {
        let mut begun = run.begin(vec![read("a")?, read("b")?, read("c")?]).await?;
        begun.reverse();
        for step in begun {
            let Begun::Go(ticket) = step else { return Err(Error::NotYours) };
            let path = ticket.path().to_owned();
            run.settle(ticket, Outcome::failed(Label::OUTSIDE, &"refused"), move |tx| mark(tx, &path)).await?;
        }
        run.finish(Ending::Succeeded, |_| Ok(())).await
    });
    let run = process.create();
    process.until_end();
    assert_eq!(process.marks(), ["c", "b", "a"]);
    let expected = ["created", "started", "intent", "intent", "intent", "error", "error", "error", "succeeded"];
    assert_eq!(process.kinds(run), expected);
    let error = process.entries(run).into_iter().find(|entry| entry.kind == Kind::Error).unwrap();
    assert_eq!((error.label, error.effect), (Label::OUTSIDE, Some(Effect::Read)));
}

#[test]
fn a_step_that_was_done_answers_from_the_journal() {
    let machine = Machine::new();
    let calls = Arc::new(Mutex::new(0));
    let counted = calls.clone();
    let mut process = machine.start(move |run: Run| {
        let calls = counted.clone();
        async move {
            for _ in 0..3 {
                let work = |_| async {
                    *calls.lock().unwrap() += 1;
                    Outcome::done(Label::TRUSTED, &"once")
                };
                let outcome =
                    run.step(Step::new("a", Effect::Once, Label::USER, &1)?, work, |tx, _| mark(tx, "a")).await?;
                assert_eq!((outcome.status, outcome.read::<String>().as_deref()), (Status::Done, Some("once")));
            }
            run.finish(Ending::Succeeded, |_| Ok(())).await
        }
    });
    process.create();
    assert_eq!(process.until_end(), Kind::Succeeded);
    assert_eq!((*calls.lock().unwrap(), process.marks().len()), (1, 1));
}

#[test]
fn a_second_outcome_for_one_step_is_refused() {
    let machine = Machine::new();
    let mut process = machine.start(|run: Run| async move {
        let Some(Begun::Go(ticket)) = run.begin(vec![read("a")?]).await?.pop() else { return Err(Error::NotYours) };
        run.settle(ticket.clone(), Outcome::done(Label::USER, &1), |_| Ok(())).await?;
        let second = run.settle(ticket, Outcome::done(Label::USER, &2), |_| Ok(())).await;
        assert!(matches!(second, Err(Error::Refused(_))));
        run.finish(Ending::Succeeded, |_| Ok(())).await
    });
    process.create();
    assert_eq!(process.until_end(), Kind::Succeeded);
}

#[test]
fn what_is_derived_from_a_step_and_fails_leaves_no_outcome() {
    let machine = Machine::new();
    let mut process = machine.start(|run: Run| async move {
        let Some(Begun::Go(ticket)) = run.begin(vec![read("a")?]).await?.pop() else { return Err(Error::NotYours) };
        let failed = run.settle(ticket, Outcome::done(Label::USER, &1), |tx| {
            mark(tx, "rolled back")?;
            Err::<(), _>(Error::Cancelled)
        });
        assert_eq!(failed.await, Err(Error::Cancelled));
        run.finish(Ending::Failed { reason: "tired" }, |_| Ok(())).await
    });
    let run = process.create();
    process.until_end();
    assert_eq!(process.kinds(run), ["created", "started", "intent", "failed"]);
    assert!(process.marks().is_empty());
}

#[test]
fn nothing_more_can_be_done_for_a_run_that_has_ended() {
    let machine = Machine::new();
    let mut process = machine.start(|run: Run| async move {
        let finished = run.finish(Ending::Succeeded, |_| Ok(())).await?;
        assert_eq!(run.begin(vec![read("late")?]).await.err(), Some(Error::NotYours));
        assert_eq!(run.write(|tx| mark(tx, "late")).await, Err(Error::NotYours));
        assert!(run.finish(Ending::Cancelled, |_| Ok(())).await.is_err());
        Ok(finished)
    });
    process.create();
    assert_eq!(process.until_end(), Kind::Succeeded);
    assert!(process.marks().is_empty());
}

#[test]
fn a_parked_run_may_record_what_has_happened_but_begin_nothing() {
    let machine = Machine::new();
    let mut process = machine.start(|run: Run| async move {
        let Some(Begun::Go(ticket)) = run.begin(vec![read("beside")?]).await?.pop() else {
            return Err(Error::Suspended);
        };
        let wait = NewWait {
            step: "ask".to_owned(),
            kind: WaitKind::Question,
            due: None,
            on_expiry: None,
            body: Content::from("{}"),
            label: Label::USER,
        };
        let suspended = run.wait(wait).await;
        assert_eq!(suspended, Err(Error::Suspended));
        assert_eq!(run.begin(vec![read("more")?]).await.err(), Some(Error::Suspended));
        run.settle(ticket, Outcome::done(Label::USER, &1), |tx| mark(tx, "recorded")).await?;
        Err(Error::Suspended)
    });
    let run = process.create();
    process.until(&[Kind::Outcome]);
    assert_eq!((process.row(run).state.as_str(), process.marks().len()), ("waiting", 1));
}

#[test]
fn a_key_belongs_to_one_run() {
    let machine = Machine::new();
    let process = machine.start(|_| async { Err(Error::NotYours) });
    let make = |key: &str| {
        let mut new = crate::new_run(process.clock.as_ref());
        new.key = Some(key.to_owned());
        let engine = process.engine.clone();
        process.store.write_now(move |tx| engine.create(tx, new))
    };
    let first = make("schedule 1").unwrap();
    assert_eq!(make("schedule 1").err(), Some(ally_store::StoreError::Unique));
    let found = process.store.read_now(|tx| ally_durable::runs::with_key(tx, "schedule 1")).unwrap();
    assert_eq!(found.map(|row| row.id), Some(first.id));
}

#[test]
fn a_first_step_that_is_begun_with_its_run_costs_no_commit_of_its_own() {
    let machine = Machine::new();
    let mut process = machine.start(|run: Run| async move {
        let ticket = match run.begin(vec![read("a")?]).await?.pop() {
            Some(Begun::Go(ticket)) => ticket,
            _ => return Err(Error::NotYours),
        };
        assert_eq!((ticket.attempt(), ticket.is_in_doubt()), (1, false));
        assert_eq!((run.take_prepared::<u8>(), run.take_prepared::<u8>()), (Some(7), None));
        let done = Outcome::done(Label::TRUSTED, &1);
        run.settle_and_finish(ticket, done, Ending::Succeeded, |tx| mark(tx, "a")).await
    });
    let run = process.create_begun(read("a").unwrap());
    assert_eq!(process.kinds(run), ["created", "started", "intent"], "before the executor has done anything");
    assert_eq!(process.until_end(), Kind::Succeeded);
    assert_eq!(process.kinds(run), ["created", "started", "intent", "outcome", "succeeded"]);
}

#[test]
fn an_executor_that_begins_with_another_step_has_no_ticket_for_the_first_one() {
    let machine = Machine::new();
    let mut process = machine.start(|run: Run| async move {
        for path in ["b", "a"] {
            let Some(Begun::Go(ticket)) = run.begin(vec![read(path)?]).await?.pop() else {
                return Err(Error::NotYours);
            };
            run.settle(ticket, Outcome::done(Label::TRUSTED, &1), move |tx| mark(tx, path)).await?;
        }
        run.finish(Ending::Succeeded, |_| Ok(())).await
    });
    let run = process.create_begun(read("a").unwrap());
    assert_eq!(process.until_end(), Kind::Succeeded);
    let kinds = process.kinds(run);
    let expected = ["created", "started", "intent", "intent", "outcome", "intent", "outcome", "succeeded"];
    assert_eq!(kinds, expected);
    let attempts: Vec<_> = process.entries(run).into_iter().filter(|entry| entry.kind == Kind::Intent).collect();
    assert_eq!(attempts.iter().map(|entry| entry.attempt).collect::<Vec<_>>(), [1, 1, 2]);
}

#[test]
fn a_crash_behind_a_first_step_that_was_begun_with_its_run_leaves_a_question_if_it_must_not_happen_twice() {
    for (effect, answered) in [(Effect::Once, false), (Effect::Model, true)] {
        let machine = Machine::new();
        let step = move || Step::new("a", effect, Label::TRUSTED, &1).unwrap();
        let (reached, has_reached) = std::sync::mpsc::channel();
        let process = machine.start(move |run: Run| {
            let (reached, step) = (reached.clone(), step());
            async move {
                run.begin(vec![step]).await?;
                reached.send(()).unwrap();
                std::future::pending().await
            }
        });
        process.create_begun(step());
        process.block_on(async {
            while has_reached.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
        });
        drop(process);
        let mut process = machine.start(move |run: Run| async move {
            let outcome = run.step(step(), |_| async { Outcome::done(Label::TRUSTED, &1) }, |_, _| Ok(())).await?;
            assert_eq!(outcome.status, Status::Done);
            run.finish(Ending::Succeeded, |_| Ok(())).await
        });
        let last = process.until(&[Kind::WaitOpened, Kind::Succeeded]);
        assert_eq!(last.kind == Kind::Succeeded, answered, "{effect:?}");
    }
}

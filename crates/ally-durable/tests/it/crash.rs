//! A crash at every boundary of a run of three steps, for every class of effect.

use crate::{Machine, Process, mark};
use ally_durable::journal::Kind;
use ally_durable::{Effect, Ending, Error, Finished, Outcome, Run, Step, UnknownAnswer, WaitKind, waits};
use ally_types::{Content, Label, RunId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

const STEPS: usize = 3;
/// Of each step: before it is asked for, before its effect, after its effect, after its outcome. And before the end.
const POINTS: usize = STEPS * 4 + 1;

/// What a run did outside, which no crash takes back, and where the process shall die.
#[derive(Default)]
struct World {
    effects: Mutex<BTreeMap<String, u32>>,
    /// Outcomes that were told to somebody: they must be there for ever.
    acknowledged: Mutex<Vec<(String, u32)>>,
    crash_at: Mutex<Option<usize>>,
    reached: Notify,
}

impl World {
    async fn point(&self, number: usize) {
        if *self.crash_at.lock().unwrap() == Some(number) {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }

    fn happened(&self, key: &str) -> u32 {
        self.effects.lock().unwrap().get(key).copied().unwrap_or(0)
    }

    /// The effect itself; its result is how often it has happened.
    fn act(&self, key: &str) -> u32 {
        let mut effects = self.effects.lock().unwrap();
        let count = effects.entry(key.to_owned()).or_default();
        *count += 1;
        *count
    }
}

async fn three_steps(run: Run, world: Arc<World>, effect: Effect, lazily: bool) -> Result<Finished, Error> {
    for number in 0..STEPS {
        world.point(number * 4).await;
        let step = Step::new(format!("step/{number}"), effect, Label::TRUSTED, &number)?;
        let work = |ticket: ally_durable::Ticket| {
            let world = world.clone();
            async move {
                world.point(number * 4 + 1).await;
                let before = world.happened(&ticket.key());
                let count = if ticket.is_in_doubt() && before > 0 { before } else { world.act(&ticket.key()) };
                world.point(number * 4 + 2).await;
                Outcome::done(Label::TRUSTED, &count)
            }
        };
        let outcome = if lazily {
            run.step_lazily(step, work).await?
        } else {
            run.step(step, work, move |tx, _| mark(tx, &format!("step {number}"))).await?
        };
        if !lazily {
            world.acknowledged.lock().unwrap().push((format!("step/{number}"), outcome.read().unwrap_or(0)));
        }
        world.point(number * 4 + 3).await;
    }
    world.point(STEPS * 4).await;
    run.finish(Ending::Succeeded, |tx| mark(tx, "finished")).await
}

fn start(machine: &Machine, world: &Arc<World>, effect: Effect, lazily: bool) -> Process {
    let world = world.clone();
    machine.start(move |run| three_steps(run, world.clone(), effect, lazily))
}

/// Starts a run, lets the process die at the point, starts another, and says truthfully what happened when asked.
fn crash_and_go_on(effect: Effect, point: usize, lazily: bool) -> (Arc<World>, Process, RunId) {
    let (machine, world) = (Machine::new(), Arc::new(World::default()));
    *world.crash_at.lock().unwrap() = Some(point);
    let first = start(&machine, &world, effect, lazily);
    let run = first.create();
    first.block_on(world.reached.notified());
    drop(first);
    *world.crash_at.lock().unwrap() = None;
    let mut second = start(&machine, &world, effect, lazily);
    if second.until(&[Kind::Succeeded, Kind::Failed, Kind::WaitOpened]).kind == Kind::WaitOpened {
        let wait = second.store.read_now(move |tx| waits::open_of(tx, run)).unwrap().remove(0);
        assert_eq!((wait.kind, second.row(run).state.as_str()), (WaitKind::Unknown, "needs_attention"));
        let happened = world.happened(&format!("{run}:{}", wait.step)) > 0;
        let answer = if happened { UnknownAnswer::Happened } else { UnknownAnswer::DidNotHappen };
        let (engine, answer) = (second.engine.clone(), Content::new(format!("\"{}\"", answer.as_str())));
        second.store.write_now(move |tx| engine.resolve(tx, wait.id, "acc_1", &answer)).unwrap();
        second.until(&[Kind::Succeeded]);
    }
    (world, second, run)
}

fn sweep(effect: Effect, lazily: bool, most: u32) {
    for point in 0..POINTS {
        let (world, process, run) = crash_and_go_on(effect, point, lazily);
        assert_eq!(process.row(run).state.as_str(), "succeeded", "{effect:?} {point}");
        let effects = world.effects.lock().unwrap();
        assert_eq!(effects.len(), STEPS, "{effect:?} {point}: every step was done");
        assert!(effects.values().all(|count| *count <= most), "{effect:?} {point}: {effects:?}");
        let entries = process.entries(run);
        for (path, count) in world.acknowledged.lock().unwrap().iter() {
            let outcomes: Vec<_> = entries
                .iter()
                .filter(|entry| entry.kind == Kind::Outcome && entry.step.as_ref() == Some(path))
                .map(|entry| entry.body.as_ref().unwrap().expose().to_owned())
                .collect();
            // What a person answered for us is recorded without a result.
            assert!(outcomes == [count.to_string()] || outcomes == ["null"], "{effect:?} {point}: {outcomes:?}");
        }
        let numbers: Vec<_> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, (1..=entries.len() as u64).collect::<Vec<_>>(), "the journal has no gap");
    }
}

#[test]
fn a_once_step_is_never_done_twice_wherever_the_process_dies() {
    sweep(Effect::Once, false, 1);
}

#[test]
fn a_once_step_whose_outcome_is_written_later_is_never_done_twice_either() {
    sweep(Effect::Once, true, 1);
}

#[test]
fn a_verifiable_step_is_looked_up_and_never_done_twice() {
    sweep(Effect::Verifiable, false, 1);
}

#[test]
fn an_idempotent_step_is_repeated_at_most_once_with_the_same_key() {
    sweep(Effect::Idempotent, false, 2);
}

#[test]
fn reads_and_model_calls_run_again() {
    sweep(Effect::Read, false, 2);
    sweep(Effect::Model, false, 2);
}

#[test]
fn what_was_derived_from_a_step_is_there_exactly_once() {
    for point in 0..POINTS {
        let (_, process, _) = crash_and_go_on(Effect::Idempotent, point, false);
        assert_eq!(process.marks(), ["step 0", "step 1", "step 2", "finished"], "crash at {point}");
    }
}

#[test]
fn a_person_can_skip_an_unknown_step_or_stop_the_run() {
    for (answer, ending) in [(UnknownAnswer::Skip, Kind::Succeeded), (UnknownAnswer::Stop, Kind::Cancelled)] {
        let (machine, world) = (Machine::new(), Arc::new(World::default()));
        *world.crash_at.lock().unwrap() = Some(1);
        let first = start(&machine, &world, Effect::Once, false);
        let run = first.create();
        first.block_on(world.reached.notified());
        drop(first);
        *world.crash_at.lock().unwrap() = None;
        let mut second = start(&machine, &world, Effect::Once, false);
        second.until(&[Kind::WaitOpened]);
        let wait = second.store.read_now(move |tx| waits::open_of(tx, run)).unwrap().remove(0);
        let (engine, wrong) = (second.engine.clone(), Content::from("\"perhaps\""));
        let refused = second.store.write_now(move |tx| engine.resolve(tx, wait.id, "acc_1", &wrong));
        assert!(matches!(refused, Err(Error::Problem(problem)) if problem.status == 422));
        let (engine, answer) = (second.engine.clone(), Content::new(format!("\"{}\"", answer.as_str())));
        second.store.write_now(move |tx| engine.resolve(tx, wait.id, "acc_1", &answer)).unwrap();
        assert_eq!(second.until_end(), ending);
        assert_eq!(world.happened(&format!("{run}:step/0")), 0);
    }
}

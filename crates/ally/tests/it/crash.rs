//! The crash sweep (DESIGN section 13): a chat turn with a tool call is killed at every disk operation in turn, and
//! after each crash the assistant is started again over what is left. Once with a tool that may run by itself, once with
//! one that the person is asked about.
//!
//! Held to: no acknowledged message is lost, no step happens twice, the run ends, and every request that reaches the
//! model is one that a strict provider accepts. Two modes: `kill` (the process dies) and `power` (what was not synced
//! is undone as well). The control ignores syncs, as `synchronous=NORMAL` would for the log: it must lose messages.

use crate::crash_bench::{Bench, Mode, Survivor, Turns};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_is_killed_anywhere_ends_as_if_nothing_had_happened() {
    sweep(Mode::Kill, Turns::Free).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_survives_power_loss_anywhere() {
    sweep(Mode::Power, Turns::Free).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_agreed_to_is_done_once_wherever_it_is_killed() {
    sweep(Mode::Kill, Turns::Asking).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_and_its_answer_survive_power_loss_anywhere() {
    sweep(Mode::Power, Turns::Asking).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweep_sees_what_a_disk_that_lies_would_lose() {
    let bench = Bench::new(Turns::Free).await;
    let operations = bench.count().await;
    let mut lost = 0;
    for at in 1..=operations {
        let survivor = bench.crash(Mode::PowerIgnoringSyncs, at).await;
        lost += u32::from(survivor.is_some_and(|survivor| survivor.acknowledged && !survivor.question_is_there));
    }
    assert!(lost > 0, "ignoring every sync must lose an acknowledged message somewhere in {operations} operations");
}

async fn sweep(mode: Mode, turns: Turns) {
    let bench = Bench::new(turns).await;
    let operations = bench.count().await;
    assert!(operations > 20, "a turn makes more than {operations} disk operations");
    let (mut crashed, mut acknowledged, mut agreed) = (0, 0, 0);
    for at in 1..=operations {
        let Some(survivor) = bench.crash(mode, at).await else { continue };
        crashed += 1;
        acknowledged += u32::from(survivor.acknowledged);
        agreed += u32::from(survivor.agreed);
        check(&survivor, mode, at);
    }
    assert!(crashed >= 20 && acknowledged >= 5, "{crashed} crashes, {acknowledged} after the message was acknowledged");
    assert_eq!(agreed > 0, turns == Turns::Asking, "{agreed} crashes after the person had agreed");
    bench.write_summary(&format!(
        "{mode:?} {turns:?}: {operations} operations, {crashed} crashes, {acknowledged} after the acknowledgement, {agreed} after a yes"
    ));
}

fn check(survivor: &Survivor, mode: Mode, at: u32) {
    let place = format!("{mode:?}, operation {at}: {survivor:?}");
    if survivor.acknowledged {
        assert!(survivor.question_is_there, "an acknowledged message is lost; {place}");
    }
    if survivor.question_is_there {
        assert_eq!(survivor.answer_status.as_deref(), Some("complete"), "the turn does not end; {place}");
        assert_eq!(survivor.file.as_deref(), Some("- green tea\n"), "the file is not as the tool left it; {place}");
        assert_eq!(survivor.versions, 1, "the tool ran more or less than once; {place}");
    }
    assert!(!(survivor.agreed && survivor.asked_again), "a yes was forgotten; {place}");
    assert_eq!(survivor.refused_requests, 0, "a request was not valid; {place}");
    assert_eq!(survivor.follow_up.as_deref(), Some("complete"), "the conversation does not go on; {place}");
}

//! The crash sweep (DESIGN section 13): a chat turn with a tool call is killed at every disk operation in turn, and
//! after each crash the assistant is started again over what is left.
//!
//! Held to: no acknowledged message is lost, no step happens twice, the run ends, and every request that reaches the
//! model is one that a strict provider accepts. Two modes: `kill` (the process dies) and `power` (what was not synced
//! is undone as well). The control ignores syncs, as `synchronous=NORMAL` would for the log: it must lose messages.

use crate::crash_bench::{Bench, Mode, Survivor};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_is_killed_anywhere_ends_as_if_nothing_had_happened() {
    sweep(Mode::Kill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_survives_power_loss_anywhere() {
    sweep(Mode::Power).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweep_sees_what_a_disk_that_lies_would_lose() {
    let bench = Bench::new().await;
    let operations = bench.count().await;
    let mut lost = 0;
    for at in 1..=operations {
        let survivor = bench.crash(Mode::PowerIgnoringSyncs, at).await;
        lost += u32::from(survivor.is_some_and(|survivor| survivor.acknowledged && !survivor.question_is_there));
    }
    assert!(lost > 0, "ignoring every sync must lose an acknowledged message somewhere in {operations} operations");
}

async fn sweep(mode: Mode) {
    let bench = Bench::new().await;
    let operations = bench.count().await;
    assert!(operations > 20, "a turn makes more than {operations} disk operations");
    let (mut crashed, mut acknowledged) = (0, 0);
    for at in 1..=operations {
        let Some(survivor) = bench.crash(mode, at).await else { continue };
        crashed += 1;
        acknowledged += u32::from(survivor.acknowledged);
        check(&survivor, mode, at);
    }
    assert!(crashed >= 20 && acknowledged >= 5, "{crashed} crashes, {acknowledged} after the message was acknowledged");
    bench.write_summary(&format!(
        "{mode:?}: {operations} operations, {crashed} crashes, {acknowledged} after the acknowledgement"
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
    assert_eq!(survivor.refused_requests, 0, "a request was not valid; {place}");
    assert_eq!(survivor.follow_up.as_deref(), Some("complete"), "the conversation does not go on; {place}");
}

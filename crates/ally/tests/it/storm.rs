//! Crowds on the real product: everybody at once, one by one, and nobody at all. `make bench-crowd` does it with
//! thousands and prints the numbers.

#[expect(dead_code, reason = "the benchmark prints more than tests look at")]
#[path = "../../benches/crowd/processes.rs"]
pub mod processes;
#[expect(dead_code, reason = "the benchmark prints more than tests look at")]
#[path = "../../benches/crowd/world.rs"]
mod world;

use crate::browser::PATIENCE;
use crate::installation::Setup;
use processes::{Use, children, roles};
use std::time::Instant;
use world::{Crowd, Kind, Visit};

fn impatient() -> Setup {
    Setup::default().with("ALLY_IDLE_EXIT_SECONDS", "1")
}

fn answered(visits: &[Visit], kind: Kind) -> usize {
    visits.iter().filter(|visit| visit.is_answered() && visit.kind == kind).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_who_sleep_and_are_called_in_the_same_moment_are_all_answered() {
    let crowd = Crowd::new(60, impatient).await;
    let first = crowd.visits(0..60, 60).await;
    assert_eq!(answered(&first, Kind::New), 60, "{first:?}");
    crowd.all_asleep().await;
    let storm = crowd.visits(0..60, 60).await;
    assert_eq!(answered(&storm, Kind::Asleep), 60, "{storm:?}");
    crowd.all_asleep().await;
    assert!(crowd.installation.assistants().is_empty());
    let log = crowd.installation.stop();
    assert!(!log.contains("could not"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_registered_people_come_and_go_twice_and_nobody_is_turned_away() {
    let crowd = Crowd::new(300, impatient).await;
    let (mut at, mut visits) = (0, Vec::new());
    // Each time other people, and some of those who were there a moment ago.
    while at < 600 {
        visits.extend(crowd.visits(at % 300..at % 300 + 20, 5).await);
        at += 15;
        if at % 300 > 280 {
            at += 300 - at % 300;
        }
    }
    let failed: Vec<&Visit> = visits.iter().filter(|visit| !visit.is_answered()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(answered(&visits, Kind::New) >= 280);
    crowd.all_asleep().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_idle_needs_no_processor_while_others_come_and_go() {
    let crowd = Crowd::new(100, || Setup::default().with("ALLY_IDLE_EXIT_SECONDS", "600")).await;
    crowd.visits(0..4, 4).await;
    let roles = roles(&crowd.data);
    let host = roles.iter().find(|role| role.name == "host").unwrap().pid;
    let idle = children(host);
    assert_eq!(idle.len(), 4);
    let switches = || idle.iter().map(|pid| Use::of(*pid).switches).collect::<Vec<u64>>();
    // A machine that is busy with something else may take a while to finish what was begun.
    let deadline = Instant::now() + PATIENCE;
    for others in (4..100).step_by(24).cycle() {
        let before = switches();
        let visits = crowd.visits(others..others + 24, 4).await;
        assert!(visits.iter().all(Visit::is_answered), "{visits:?}");
        let after = switches();
        if before == after {
            break;
        }
        assert!(Instant::now() < deadline, "somebody is never quiet: {before:?} {after:?}");
    }
}

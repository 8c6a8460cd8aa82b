//! Time that stands still until a test moves it: pauses are seen exactly, however slow the machine is.

use crate::world::DEADLINE;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Timers of this test's runtime, and so of a host in it, rest while this lives. What happens outside goes on.
pub struct StandingTime {
    /// With a thread at work, the runtime does not move its time by itself.
    _hold: mpsc::Sender<()>,
}

impl StandingTime {
    pub fn begin() -> Self {
        tokio::time::pause();
        let (hold, held) = mpsc::channel();
        tokio::task::spawn_blocking(move || {
            let _: Result<(), _> = held.recv();
        });
        Self { _hold: hold }
    }

    /// Goes on by so much; what was planned for that time has happened when this answers.
    pub async fn pass(&self, time: Duration) {
        tokio::time::advance(time).await;
        tokio::task::yield_now().await;
    }

    /// Goes on until there is what is looked for. Then time stands again.
    pub async fn pass_until(&self, what: &str, mut look: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !look() {
            assert!(begun.elapsed() < DEADLINE, "{what} did not happen");
            self.pass(Duration::from_millis(10)).await;
        }
    }
}

//! When the gateway goes away in the middle of a step: the turn waits for it, and asks again as a new attempt.
//!
//! A call of a model changes nothing outside, so it may be repeated; what the cut call has used is counted all the same.

use super::Turn;
use super::ask::{End, Heard};
use crate::usage;
use ally_durable::Error;
use ally_types::{chance, log};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// So often one step is asked for, the attempts of processes that died included.
const ATTEMPTS: u32 = 3;
/// So long all waiting for the gateway in one step may take.
const BACK_WITHIN: Duration = Duration::from_secs(60);
/// The longest first pause before it is looked for, in milliseconds; each one after it is up to twice as long.
const FIRST_PAUSE: u64 = 250;
const LONGEST_PAUSE: u64 = 4000;

/// Until when one step waits for the gateway, once it has begun to wait.
#[derive(Default)]
pub(super) struct Patience(Option<Instant>);

impl Turn {
    /// What was heard, if the step ends with it. `None`: the gateway went away and is back, so the step is to be asked
    /// for again. Until then the reader keeps what was said.
    pub(super) async fn unless_gone(
        &self,
        mut heard: Heard,
        attempt: u32,
        patience: &mut Patience,
        deadline: Instant,
    ) -> Result<Option<Heard>, Error> {
        if heard.end != End::Gone || attempt >= ATTEMPTS {
            return Ok(Some(heard));
        }
        let until = (*patience.0.get_or_insert_with(|| Instant::now() + BACK_WITHIN)).min(deadline);
        log::warn(
            "the gateway went away in the middle of an answer",
            &[("run", &self.run.id()), ("attempt", &attempt)],
        );
        let is_back = tokio::select! {
            biased;
            () = self.run.cancelled() => {
                heard.end = End::Cancelled;
                false
            }
            is_back = self.gateway_comes_back(until) => is_back,
        };
        if !is_back {
            return Ok(Some(heard));
        }
        let (app, run, chat, answer) = (self.app.clone(), self.run.id(), self.chat, self.answer);
        let count = move |tx: &ally_store::Tx| {
            let now = app.clock().now();
            for call in &heard.calls {
                usage::store::insert(tx, run, chat, Some(answer), call, now)?;
            }
            Ok(())
        };
        self.run.write(count).await?;
        self.go_on()?;
        Ok(None)
    }

    /// Waits until it answers. Pauses are drawn by lot, so that many assistants do not come back in step.
    async fn gateway_comes_back(&self, until: Instant) -> bool {
        let mut most = FIRST_PAUSE;
        loop {
            let drawn = u64::from(u16::from_be_bytes(chance::bytes(self.app.chance())));
            let pause = Duration::from_millis(most * drawn / u64::from(u16::MAX));
            if Instant::now() + pause >= until {
                sleep_until(until).await;
                return false;
            }
            tokio::time::sleep(pause).await;
            match timeout_at(until, self.app.gateway().provided()).await {
                Ok(Ok(_)) => return true,
                Ok(Err(_)) => most = (most * 2).min(LONGEST_PAUSE),
                Err(_) => return false,
            }
        }
    }
}

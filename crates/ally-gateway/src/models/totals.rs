//! What the platform learns of usage: how many tokens a server used on a day. Numbers only, each the whole sum of its
//! day, so that the same one told twice is still counted once.

use super::counters::Untold;
use super::plans::NotNow;
use crate::gateway::Gateway;
use ally_types::log;
use axum::body::Body;
use http::{Method, Request, header};
use serde_json::json;
use std::time::Duration;

/// So many rows at once.
const MOST: usize = 500;

/// What is settled in this time is told together.
const GATHERS_FOR: Duration = Duration::from_secs(10);

const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

impl Gateway {
    /// Tells the platform what it does not know yet.
    ///
    /// # Errors
    /// The platform did not take it, or it cannot be noted that it did. It is told again.
    pub async fn tell_totals(&self) -> Result<(), NotNow> {
        let counters = &self.models.counters;
        loop {
            let untold = counters.untold(MOST).await.map_err(|_| NotNow)?;
            if untold.is_empty() {
                return Ok(());
            }
            self.tell(&untold).await?;
            counters.told(untold).await.map_err(|_| NotNow)?;
        }
    }

    async fn tell(&self, untold: &[Untold]) -> Result<(), NotNow> {
        let items: Vec<_> = untold
            .iter()
            .map(|row| json!({ "server": row.server, "day": row.period, "tokens": row.settled }))
            .collect();
        let request = Request::builder()
            .method(Method::POST)
            .uri("/internal/totals")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json!({ "items": items }).to_string()))
            .map_err(|_| NotNow)?;
        let answer = self.platform.call((), request).await.map_err(|_| NotNow)?;
        if answer.status().is_success() { Ok(()) } else { Err(NotNow) }
    }

    /// Tells the platform soon after something was settled, for ever. Spawn it. Without calls it does nothing.
    pub async fn tell_totals_for_ever(self) {
        // What an earlier process did not get to.
        self.models.counters.bell.notify_one();
        loop {
            self.models.counters.bell.notified().await;
            tokio::time::sleep(GATHERS_FOR).await;
            self.until_done("the platform does not take the totals yet", Self::tell_totals).await;
        }
    }

    /// Learns who has which plan whenever the platform says that something changed, for ever. Spawn it.
    pub async fn follow_plans(self) {
        loop {
            self.models.plans.bell.notified().await;
            self.until_done("the platform does not say who has which plan", Self::learn_plans).await;
        }
    }

    async fn until_done(&self, otherwise: &'static str, work: impl AsyncFn(&Self) -> Result<(), NotNow>) {
        let mut pause = SHORTEST_PAUSE;
        while work(self).await.is_err() {
            log::warn(otherwise, &[("pause_s", &pause.as_secs())]);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

//! Jobs: work that follows a change, written in the same transaction, done at least once, each under its own key.

mod host;
mod store;

pub use host::HostSocket;

use crate::platform::App;
use crate::store::{StoreError, Tx};
use crate::{accounts, invitations, people, security, sessions};
use ally_types::{ServerId, Timestamp, chance, log};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Where servers are made: the host, or a stand-in.
pub trait Servers: Send + Sync {
    /// Makes the server if it does not exist. Repeating it changes nothing.
    fn ensure(&self, server: ServerId) -> BoxFuture<'_, Result<(), EnsureError>>;
}

/// Why a server was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnsureError {
    /// It may work later.
    Retry,
    /// It will not.
    Never,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Make a server.
    Provision(ServerId),
}

impl Work {
    fn kind(self) -> &'static str {
        match self {
            Self::Provision(_) => "provision",
        }
    }

    fn subject(self) -> String {
        match self {
            Self::Provision(server) => server.to_string(),
        }
    }

    fn read(kind: &str, subject: &str) -> Option<Self> {
        match kind {
            "provision" => subject.parse().ok().map(Self::Provision),
            _ => None,
        }
    }
}

/// A worker that died is given up after this; longer than one try may take.
const LEASE_MILLIS: i64 = 15_000;

/// How many jobs are taken at once.
const BATCH: i32 = 8;

/// Longest pause between two tries.
const LONGEST_PAUSE_MILLIS: i64 = 60_000;

const DAY_MILLIS: i64 = 24 * 3_600_000;

/// Writes a job. The same job twice is one.
pub(crate) async fn add(tx: &mut Tx, app: &App, work: &Work) -> Result<(), StoreError> {
    store::add(tx, work.kind(), &work.subject(), app.clock.now()).await
}

/// Does what is due, and then waits for more, for ever.
pub(crate) async fn work(app: Arc<App>) {
    let retained = AtomicI64::new(i64::MIN);
    loop {
        if let Err(error) = work_due(&app).await {
            log::warn("jobs could not be looked at", &[("full", &matches!(error, StoreError::Full))]);
            tokio::time::sleep(Duration::from_secs(5)).await;
            continue;
        }
        let now = app.clock.now();
        if now.as_millis().saturating_sub(retained.load(Ordering::Relaxed)) >= DAY_MILLIS {
            retained.store(now.as_millis(), Ordering::Relaxed);
            if retain(&app).await.is_err() {
                log::warn("what is over could not be forgotten", &[]);
            }
        }
        let next = match app.store.read().await {
            Ok(mut tx) => store::next_due(&mut tx).await.ok().flatten(),
            Err(_) => None,
        };
        let pause = next.map_or(DAY_MILLIS, |next| next.millis_since(app.clock.now()).clamp(100, DAY_MILLIS));
        tokio::select! {
            () = app.nudge.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(pause.unsigned_abs())) => {}
        }
    }
}

/// Does once everything that is due now; answers how many jobs were done.
pub(crate) async fn work_due(app: &App) -> Result<usize, StoreError> {
    let mut done = 0;
    loop {
        let lease = chance::hex::<8>(app.chance.as_ref());
        let mut tx = app.store.write().await?;
        let taken = store::take(&mut tx, &lease, app.clock.now(), LEASE_MILLIS, BATCH).await?;
        tx.commit().await?;
        if taken.is_empty() {
            return Ok(done);
        }
        for job in taken {
            let result = match Work::read(&job.kind, &job.subject) {
                Some(Work::Provision(server)) => provision(app, server).await,
                None => Err(EnsureError::Never),
            };
            let now = app.clock.now();
            let mut tx = app.store.write().await?;
            match result {
                Ok(()) => {
                    store::done(&mut tx, &job.key, &lease, now).await?;
                    done += 1;
                }
                Err(EnsureError::Retry) => {
                    log::warn("a job will be tried again", &[("attempts", &job.attempts)]);
                    store::again(&mut tx, &job.key, &lease, now.plus_millis(pause_after(job.attempts))).await?;
                }
                Err(EnsureError::Never) => {
                    log::error("a job failed for good", &[("attempts", &job.attempts)]);
                    store::failed(&mut tx, &job.key, &lease).await?;
                }
            }
            tx.commit().await?;
        }
    }
}

async fn provision(app: &App, server: ServerId) -> Result<(), EnsureError> {
    app.servers.ensure(server).await?;
    let noted = async {
        let mut tx = app.store.write().await?;
        accounts::store::server_is_ready(&mut tx, server, app.clock.now()).await?;
        tx.commit().await
    };
    noted.await.map_err(|_| EnsureError::Retry)
}

/// 1, 2, 4 … 60 seconds.
fn pause_after(attempts: i32) -> i64 {
    let doubled = 1_000_i64 << attempts.saturating_sub(1).clamp(0, 6);
    doubled.min(LONGEST_PAUSE_MILLIS)
}

/// Forgets what the register says is over.
pub(crate) async fn retain(app: &App) -> Result<(), StoreError> {
    let before = app.clock.now().plus_millis(-DAY_MILLIS * i64::from(security::KEPT_DAYS));
    let before = Timestamp::from_millis(before.as_millis());
    let mut tx = app.store.write().await?;
    security::forget_before(&mut tx, before).await?;
    sessions::store::forget_before(&mut tx, before).await?;
    invitations::store::forget_before(&mut tx, before).await?;
    people::store::forget_before(&mut tx, people::kept_since(app.clock.now())).await?;
    store::forget_before(&mut tx, before).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_between_tries_grows_to_a_minute() {
        let pauses: Vec<i64> = (1..=9).map(|attempts| pause_after(attempts) / 1000).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}

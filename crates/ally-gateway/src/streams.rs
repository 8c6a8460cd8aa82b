//! Open event streams, found by session, so that a revocation ends them.

pub mod events;
pub mod tail;

use crate::sessions::Visitor;
use ally_http::answer::Rejection;
use ally_types::{AccountId, Problem, SessionId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// All open streams.
pub(crate) struct Streams {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    of: HashMap<SessionId, Vec<Held>>,
}

struct Held {
    number: u64,
    account: AccountId,
    end: Arc<Notify>,
}

/// One open stream's place in the index; leaving is dropping it.
pub(crate) struct Place {
    streams: Arc<Streams>,
    session: SessionId,
    number: u64,
    end: Arc<Notify>,
}

impl Streams {
    /// At most `most` for each session.
    pub fn new(most: usize) -> Self {
        Self { most, open: Mutex::new(Open::default()) }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for one more stream.
    pub fn enter(self: &Arc<Self>, visitor: &Visitor) -> Result<Place, Rejection> {
        let mut open = self.lock();
        let number = open.next;
        open.next += 1;
        let held = open.of.entry(visitor.session).or_default();
        if held.len() >= self.most {
            return Err(Rejection::from(
                Problem::new(429, "too_many_streams", "Ally is open in too many tabs of this browser.")
                    .next("Close some of them.")
                    .retry_after(5),
            ));
        }
        let end = Arc::new(Notify::new());
        held.push(Held { number, account: visitor.account, end: Arc::clone(&end) });
        Ok(Place { streams: Arc::clone(self), session: visitor.session, number, end })
    }

    /// The sessions that have an open stream.
    pub fn sessions(&self) -> Vec<SessionId> {
        self.lock().of.keys().copied().collect()
    }

    /// Ends the streams of a session.
    pub fn close_session(&self, session: SessionId) {
        for held in self.lock().of.get(&session).into_iter().flatten() {
            held.end.notify_one();
        }
    }

    /// Ends the streams of an account.
    pub fn close_account(&self, account: AccountId) {
        for held in self.lock().of.values().flatten().filter(|held| held.account == account) {
            held.end.notify_one();
        }
    }

    /// Ends all streams.
    pub fn close_all(&self) {
        for held in self.lock().of.values().flatten() {
            held.end.notify_one();
        }
    }
}

impl Place {
    /// Waits until somebody ends this stream.
    pub async fn ended(&self) {
        self.end.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        if let Some(held) = open.of.get_mut(&self.session) {
            held.retain(|held| held.number != self.number);
            if held.is_empty() {
                open.of.remove(&self.session);
            }
        }
    }
}

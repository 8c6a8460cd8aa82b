//! Who is at work: requests in flight and runs. When nobody is, the process may fall asleep.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use tokio::sync::watch;

/// Counts who is at work, and how often anything has changed.
pub struct Activity(Arc<watch::Sender<Now>>);

/// The present count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// Requests that are being answered. An open event stream is not one.
    pub in_flight: usize,
    /// Grows with every request.
    pub changes: u64,
}

/// One request being answered.
pub struct AtWork(Arc<watch::Sender<Now>>);

impl Default for Activity {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Now::default())))
    }
}

impl Activity {
    /// Somebody begins to work; dropping the guard ends it.
    pub fn begin(&self) -> AtWork {
        self.0.send_modify(|now| {
            now.in_flight += 1;
            now.changes += 1;
        });
        AtWork(Arc::clone(&self.0))
    }

    /// Tells of every change.
    pub fn watch(&self) -> watch::Receiver<Now> {
        self.0.subscribe()
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.send_modify(|now| {
            now.in_flight -= 1;
            now.changes += 1;
        });
    }
}

/// Counts a request until its answer begins. What comes after that, an event stream, is not work.
pub(crate) async fn counted(State(app): State<crate::app::App>, request: Request, next: Next) -> Response {
    let _at_work = app.activity().begin();
    next.run(request).await
}

//! The way out: a person's outbound socket also takes CONNECT and requests for whole `http://` addresses.
//!
//! `broker.rs` decides and connects, `tunnel.rs` and `plain.rs` carry, `call.rs` measures, `ledger.rs` counts, `list.rs`
//! keeps what each person allows, `http.rs` shows it to her. What an address is, is in `host.rs`, `target.rs` and
//! `address.rs`. Calls to model providers do not pass here, but are counted here: `providers.rs`.

pub mod address;
pub mod broker;
pub mod call;
pub mod host;
pub mod http;
pub mod ledger;
pub mod list;
pub mod outside;
pub mod plain;
pub mod providers;
pub mod refusal;
pub mod target;
pub mod tunnel;

use ally_http::limit::{Limiter, Rate};
use ally_store::Store;
use ally_types::{Clock, ServerId};
use ledger::Ledger;
use list::List;
use outside::Outside;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use target::Target;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

/// So many withdrawals may wait to be heard; whoever missed one asks the list.
const WITHDRAWALS: usize = 64;

/// How much is allowed to go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls of one server at a time. Together with model calls fewer than connections of one server, so that tunnels
    /// cannot shut the model out.
    pub calls: usize,
    /// How often one server may call.
    pub rate: Rate,
    /// How often one server may ask the gateway itself on the same socket: for a model, or what is connected.
    pub questions: Rate,
    /// Names of one server that are being looked up at a time, also when nobody waits for them any more.
    pub lookups: usize,
    /// How long looking up, checking and connecting may take together.
    pub connect_within: Duration,
    /// How long nothing may move.
    pub idle: Duration,
    /// How long one call may last.
    pub total: Duration,
    /// Bytes that one call may send, its head and a tunnel's handshakes included.
    pub sent: u64,
    /// Bytes that one call may receive.
    pub received: u64,
    /// Counts are written after so long at the latest.
    pub written_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: 8,
            // 120 in a minute.
            rate: Rate { burst: 60, refill_millis: 1000 },
            // 50 in a second.
            questions: Rate { burst: 500, refill_millis: 20 },
            lookups: 4,
            connect_within: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            total: Duration::from_secs(3600),
            sent: 64 << 20,
            received: 256 << 20,
            written_within: Duration::from_secs(1),
        }
    }
}

/// The broker and what it keeps.
pub(crate) struct Egress {
    outlet: Outlet,
    limits: Limits,
    rate: Limiter,
    questions: Limiter,
    /// Calls that were refused for being too many, and have no line in the log yet.
    unsaid: Mutex<HashMap<ServerId, u64>>,
    calls: Mutex<HashMap<ServerId, usize>>,
    lookups: Mutex<HashMap<ServerId, Arc<Semaphore>>>,
    /// Told who took a host off her list.
    withdrawals: broadcast::Sender<ServerId>,
    /// The counts.
    pub ledger: Ledger,
    /// The lists.
    pub list: List,
}

/// What the broker is told of the world around it.
#[derive(Clone)]
pub struct Outlet {
    /// The outside world.
    pub outside: Arc<dyn Outside>,
    /// Places in the house that the administrator has named: only exactly those may be called there.
    pub private: Vec<Target>,
    /// Where Ally itself listens; never called, whoever names it.
    pub listen: Option<SocketAddr>,
}

impl Default for Outlet {
    /// The real world, and no exceptions.
    fn default() -> Self {
        Self { outside: Arc::new(outside::System), private: Vec::new(), listen: None }
    }
}

/// What [`Egress::new`] needs.
pub(crate) struct Opening {
    pub outlet: Outlet,
    pub limits: Limits,
    pub clock: Arc<dyn Clock>,
    pub store: Store,
}

impl Egress {
    pub fn new(opening: Opening) -> Self {
        Self {
            outlet: opening.outlet,
            limits: opening.limits,
            rate: Limiter::new(opening.limits.rate),
            questions: Limiter::new(opening.limits.questions),
            unsaid: Mutex::default(),
            calls: Mutex::default(),
            lookups: Mutex::default(),
            withdrawals: broadcast::Sender::new(WITHDRAWALS),
            ledger: Ledger::new(opening.store.clone(), opening.clock, opening.limits.written_within),
            list: List::new(opening.store),
        }
    }

    /// Ends the calls of this server that are not allowed any more.
    pub fn withdraw(&self, server: ServerId) {
        // Nobody may be calling.
        let _ = self.withdrawals.send(server);
    }

    /// Counts one more call of this server; `false` when it has too many.
    fn enter(&self, server: ServerId) -> bool {
        let mut calls = lock(&self.calls);
        let count = calls.entry(server).or_default();
        let may = *count < self.limits.calls;
        *count += usize::from(may);
        may
    }

    fn leave(&self, server: ServerId) {
        let mut calls = lock(&self.calls);
        if let Some(count) = calls.get_mut(&server) {
            *count -= 1;
            if *count == 0 {
                calls.remove(&server);
            }
        }
    }

    /// A place for looking up one name.
    fn ask(&self, server: ServerId) -> Option<OwnedSemaphorePermit> {
        let mut lookups = lock(&self.lookups);
        lookups.retain(|of, places| *of == server || places.available_permits() < self.limits.lookups);
        let places = lookups.entry(server).or_insert_with(|| Arc::new(Semaphore::new(self.limits.lookups)));
        Arc::clone(places).try_acquire_owned().ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

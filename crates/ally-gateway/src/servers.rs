//! What is known about people's servers: made or not, awake or asleep.

pub mod link;

use ally_types::ServerId;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// One server, as far as the host has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// The host made it.
    pub is_made: bool,
    /// Its process is up.
    pub is_awake: bool,
    /// Counts the times it woke.
    pub life: u64,
}

impl State {
    /// The life of the process that has just answered. When the host has not said yet that it woke, the answer came
    /// from the life that the host is about to announce.
    pub const fn answering_life(self) -> u64 {
        if self.is_awake { self.life } else { self.life + 1 }
    }
}

/// What stands around everybody's process.
#[derive(Debug, Clone)]
pub(crate) struct Around {
    /// The short names of the walls.
    pub walls: Vec<String>,
    /// Why others do not stand, by their short names.
    pub why: BTreeMap<String, String>,
}

/// All servers.
#[derive(Debug, Default)]
pub struct Servers {
    states: Mutex<HashMap<ServerId, watch::Sender<State>>>,
    is_unlinked: AtomicBool,
    walls: Mutex<Option<Around>>,
}

impl Servers {
    fn lock(&self) -> MutexGuard<'_, HashMap<ServerId, watch::Sender<State>>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, server: ServerId, change: impl FnOnce(&mut State)) {
        self.lock().entry(server).or_default().send_modify(change);
    }

    /// The server exists and may be called.
    pub fn made(&self, server: ServerId) {
        self.change(server, |state| state.is_made = true);
    }

    /// A process of the server is up.
    pub fn awake(&self, server: ServerId) {
        self.change(server, |state| {
            *state = State { is_made: true, is_awake: true, life: state.life + 1 };
        });
    }

    /// The server's process has ended.
    pub fn asleep(&self, server: ServerId) {
        self.change(server, |state| state.is_awake = false);
    }

    /// The host said which walls stand around everybody's process.
    pub(crate) fn stand_behind(&self, walls: Vec<String>, why: BTreeMap<String, String>) {
        *self.walls.lock().unwrap_or_else(PoisonError::into_inner) = Some(Around { walls, why });
    }

    /// These walls, once the host has said them.
    pub(crate) fn walls(&self) -> Option<Around> {
        self.walls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The host has taken everybody up and said so with its first line.
    pub(crate) fn linked(&self) {
        self.is_unlinked.store(false, Ordering::Release);
    }

    /// The link to the host broke. A host that ends takes every process with it and leaves dead sockets behind; when it
    /// is back, it says again which servers there are and which are awake.
    pub(crate) fn unlinked(&self) {
        self.is_unlinked.store(true, Ordering::Release);
        for state in self.lock().values() {
            state.send_modify(|state| (state.is_made, state.is_awake) = (false, false));
        }
    }

    /// Whether the host can be told something.
    pub(crate) fn is_linked(&self) -> bool {
        !self.is_unlinked.load(Ordering::Acquire)
    }

    /// The server's state now.
    pub fn state(&self, server: ServerId) -> State {
        self.lock().get(&server).map_or_else(State::default, |state| *state.borrow())
    }

    /// The server's state and its changes.
    pub fn watch(&self, server: ServerId) -> watch::Receiver<State> {
        self.lock().entry(server).or_default().subscribe()
    }
}

//! Spawns, confines and limits a process; the only crate with unsafe code.
//!
//! [`Spawn`] starts a program behind [`Walls`]; [`probe`] finds out how high this kernel lets us build them;
//! [`passing`] hands open files from one process to another. What a child does between its birth and its program
//! stands in one list, [`birth`](self), in the order in which it happens.

pub mod attempts;
mod birth;
mod child;
mod inherited;
mod level;
pub mod passing;
mod program;
mod room;
mod spawn;
mod watch;

pub use child::{Child, Exit};
pub use inherited::{inherited, read_boot};
pub use level::{Level, probe};
pub use program::is_dynamic;
pub use room::{Access, Room};
pub use spawn::{CannotSpawn, Identity, Spawn, Step, Walls};
pub use watch::readable;

/// Signals that roles send one another.
pub use rustix::process::Signal;

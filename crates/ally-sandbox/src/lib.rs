//! Spawns, confines and limits a process; the only crate with unsafe code.
//!
//! [`Spawn`] starts a program behind [`Walls`]; the program lays the rest upon itself with [`confine`]; [`Cgroups`] limit
//! what it uses; [`survey`] finds out how high this kernel lets us build all that; [`passing`] hands open files from one process to another. What a child does between its birth and its program
//! stands in one list, [`birth`](self), in the order in which it happens.

pub mod attempts;
mod birth;
mod calls;
mod cgroup;
mod child;
mod clone;
mod confine;
mod inherited;
mod level;
mod names;
mod networks;
pub mod passing;
mod places;
mod program;
mod room;
mod spawn;
mod wall;
mod watch;

pub use calls::Part;
pub use cgroup::{Cgroups, Group, Limits, Place};
pub use child::{Child, Exit};
pub use confine::{CannotConfine, Confinement, confine};
pub use inherited::{inherited, read_boot};
pub use level::{Level, Reached, probe, survey};
pub use names::look_up_names_without_plugins;
pub use networks::Networks;
pub use places::reserve_places;
pub use program::is_dynamic;
pub use room::{Access, Room};
pub use spawn::{CannotSpawn, Ceilings, Identity, Spawn, Step, Walls};
pub use wall::Wall;
pub use watch::readable;

/// Signals that roles send one another.
pub use rustix::process::Signal;

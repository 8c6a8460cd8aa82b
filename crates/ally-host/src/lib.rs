//! The supervisor: owns every person's listening socket, starts her assistant when somebody knocks, keeps alarms.
//!
//! It parses no HTTP and has no database. A person's server is a line in `host/uids`, a directory, a wrapped key and
//! two sockets ([`ensure`]); its process comes and goes ([`life`]). The gateway is told who is awake, the platform
//! asks for new servers.

mod alarms;
mod back_off;
mod boot;
mod claim;
mod control;
mod disk;
mod ensure;
mod gateway;
mod host;
mod ledger;
mod life;
mod limits;
mod lines;
mod pipe;
mod platform;
mod quota;
mod register;
mod socket;
mod uids;
mod wake;

pub use boot::{Boot, Doors};
pub use host::{run, serve};
pub use limits::{Shares, walls_too_low};
pub use register::REGISTER;

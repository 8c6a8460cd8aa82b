//! The host with real processes: a small program stands in for the assistant and does what the tests tell it.

mod alarms;
mod claim;
mod crashes;
mod hostile;
mod life;
mod process;
mod servers;
#[path = "../../../../xtask/src/test/skipped.rs"]
mod skipped;
mod standing_time;
mod starts;
mod walls;
mod world;

//! The host with real processes: a small program stands in for the assistant and does what the tests tell it.

mod claim;
mod life;
mod process;
mod servers;
mod walls;
mod world;

//! The gateway from its doors: a platform and assistants in memory, a clock that stands still.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

mod edge;
mod egress;
mod egress_counts;
mod egress_hosts;
mod egress_limits;
mod egress_oracle;
mod egress_world;
mod host;
mod limits;
mod models;
mod people;
mod sessions;
#[path = "../../../../xtask/src/test/skipped.rs"]
mod skipped;
mod streams;
mod world;

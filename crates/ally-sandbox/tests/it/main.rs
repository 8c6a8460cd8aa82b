//! What a child can and cannot do, tried with real processes, and files that change hands.

mod confine;
mod limits;
mod passing;
mod processes;
#[path = "../../../../xtask/src/test/skipped.rs"]
mod skipped;
mod walls;

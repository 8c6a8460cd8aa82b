//! The adapters, the built-in commands and the stand-in, through their public doors.

mod anthropic;
mod builtin;
mod client;
mod conversation;
mod local;
mod openai_compatible;
mod oracle;
mod register;
mod scripted;
#[path = "../../../../xtask/src/test/skipped.rs"]
mod skipped;
mod stand_in;

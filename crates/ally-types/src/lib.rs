//! Values that cross a boundary: ids, time, secrets, content, problems, labels and the privacy register.
//!
//! Nothing here opens a file or a socket. Every other crate may use this one; it uses none of them.

pub mod chance;
pub mod content;
pub mod host;
pub mod id;
pub mod identity;
pub mod label;
pub mod log;
pub mod problem;
pub mod register;
pub mod seal;
pub mod time;

pub use chance::{Chance, SystemChance};
pub use content::{Content, Sealed, Secret};
pub use id::*;
pub use label::{Confidentiality, Integrity, Label};
pub use problem::Problem;
pub use time::{Clock, SystemClock, Timestamp};

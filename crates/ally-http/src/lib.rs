//! What all routes share: problems, plain pages, cookies, sessions, identity tokens, limits, request log, event streams, sockets.

pub mod answer;
pub mod cookie;
pub mod held;
pub mod identity;
pub mod json;
pub mod limit;
pub mod log;
pub mod origin;
pub mod page;
pub mod panics;
pub mod session;
pub mod socket;
pub mod stream;

pub use answer::{Answer, Created, Rejection};
pub use cookie::Cookie;
pub use json::Json;

//! What the models' calls have used, by day and by chat.

pub mod http;
pub mod store;

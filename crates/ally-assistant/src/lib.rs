//! The server of one person: chats, turns, tools, memory.
//!
//! [`run`] is the process that a host starts; [`open`] is the same without sockets, for tests and for everything in one
//! process. Nothing here listens to anybody but the gateway, whose token every request carries.

mod app;
mod approvals;
pub mod attachments;
pub mod chats;
mod door;
pub mod events;
mod fault;
mod feedback;
pub mod folders;
mod gateway;
mod idempotency;
mod idle;
pub mod imports;
pub mod instructions;
mod lifetime;
pub mod memory;
pub mod messages;
mod owner;
mod page;
pub mod provider;
mod register;
mod router;
pub mod runs;
mod schema;
mod search;
mod space;
mod tools;
mod turns;
pub mod usage;

pub use ally_types::host::AssistantBoot as Boot;
pub use app::Parts;
pub use gateway::{Connect, Outbound};
pub use lifetime::{Assistant, Exit, open, run};
pub use register::REGISTER;
pub use router::openapi;

//! One request shape for several providers of language models, and the built-in commands.
//!
//! An assistant makes a [`Request`]; the gateway gives it to a [`Provider`] and hands back [`Event`]s as they arrive.
//! Blocks keep the provider's order, and what a provider needs to see again (thinking signatures, blocks of a kind
//! we do not know) travels in [`Block::Opaque`] untouched. What a provider says in an error is read, judged and
//! dropped: it may repeat the prompt.

pub mod anthropic;
pub mod builtin;
pub mod event;
pub mod file;
pub mod local;
pub mod meter;
pub mod openai_compatible;
pub mod prices;
pub mod provider;
pub mod register;
pub mod request;
pub mod script;
pub mod scripted;
pub mod sse;
pub mod stand_in;
pub mod windows;
mod wire;

pub use event::{Event, Failure, FailureKind, Stop, Usage};
pub use file::{File, FileKind, ImageType};
pub use meter::Meter;
pub use provider::{Events, Provider};
pub use register::REGISTER;
pub use request::{Block, Effort, Message, Request, Role, ToolSpec};
pub use scripted::Scripted;
pub use wire::Budgets;

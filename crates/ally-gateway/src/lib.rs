//! The edge: routes a person to their server, calls models for them, stores no content.
//!
//! Start at `router.rs`, the table of contents. A request passes `edge.rs` (headers), `sessions.rs` (who is asking)
//! and then `forward.rs` (to an assistant or the platform). Streams of events that outlive a sleeping assistant are in
//! `streams.rs`, the model gateway in `models.rs`, the way out for people's assistants in `egress.rs`.

mod assets;
mod assistant;
mod boot;
mod door;
mod edge;
mod egress;
mod forward;
mod gateway;
mod health;
mod listen;
mod models;
mod openapi;
mod peer;
mod register;
pub mod router;
mod run;
mod servers;
mod sessions;
mod streams;

pub use boot::Boot;
pub use door::{BoxedIo, Door, Io};
pub use egress::address::check as check_address;
pub use egress::host::Host;
pub use egress::outside::{Outside, System};
pub use egress::target::{Target, read_private};
pub use egress::{Limits as EgressLimits, Outlet};
pub use gateway::{Gateway, Limits, Parts};
pub use listen::serve;
pub use models::Reach;
pub use models::counters::{Counters, Row};
pub use models::plans::{Allowance, NotNow, Plans};
pub use openapi::openapi;
pub use peer::Peer;
pub use register::REGISTER;
pub use run::run;
pub use servers::Servers;

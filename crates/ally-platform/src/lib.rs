//! The operator's side: accounts, sign-in, sessions, invitations, public pages; no content.
//!
//! Nothing here knows what a chat is, and nothing here has a type that could hold one.

mod accounts;
mod boot;
mod door;
mod installation;
mod invitations;
mod jobs;
mod limits;
mod pages;
mod passwords;
mod people;
mod platform;
mod register;
mod router;
mod security;
mod sessions;
mod store;

pub use boot::{Boot, run};
pub use installation::SignUp;
pub use jobs::{EnsureError, HostSocket, Servers};
pub use limits::{Limits, Rates};
pub use people::Plans;
pub use platform::{Operator, Parts, Platform, StartError, columns};
pub use register::REGISTER;
pub use router::openapi;
pub use store::{StoreError, Visit, visit};

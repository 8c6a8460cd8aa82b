//! An assistant from its door: forged identity, a gateway that says what it is told to say, a clock that stands still.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

mod approvals;
mod attachments;
mod chats;
mod context;
mod events;
mod exports;
mod fake_gateway;
mod feedback;
mod folders;
mod full;
mod gone;
mod imports;
mod imports_broken;
mod instructions;
mod lifetime;
mod limits;
mod memory;
mod owner;
mod provider;
mod recovery;
mod register;
mod search;
mod space;
mod temporary;
mod tools;
mod turns;
mod usage;
#[path = "../../src/turns/transcript/valid.rs"]
mod valid;
mod versions;
mod world;

//! The whole product, entered by its doors: the real binary, its processes and its files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

mod alarms;
mod app;
mod browser;
mod canaries;
mod chat_command;
mod chats;
mod claude;
mod confinement;
mod crash;
mod crash_bench;
#[path = "../crash/proof.rs"]
mod crash_shim;
mod disk;
mod doctor;
mod egress;
mod eval;
mod faults;
mod first_steps;
mod https;
mod installation;
mod limits;
mod make_run;
mod neighbours;
mod proxies;
mod register;
mod sessions;
#[path = "../../../../xtask/src/test/skipped.rs"]
mod skipped;
mod sleep;
mod static_build;
mod storm;
mod walls;
mod whole;

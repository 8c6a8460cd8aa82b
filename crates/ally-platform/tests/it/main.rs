//! Tests of the platform through its door, on SQLite and on PostgreSQL.

mod accounts;
mod boot;
mod installation;
mod invitations;
mod jobs;
mod limits;
mod pages;
mod passwords;
mod people;
mod postgres;
mod register;
mod routes;
mod sessions;
#[path = "../../../../xtask/src/test/skipped.rs"]
mod skipped;
mod store;
mod world;

//! The parts of the binary, as a library so that the tests of the whole product can use them.

pub mod chat;
pub mod client;
pub mod command;
pub mod config;
pub mod doctor;
pub mod foreign;
pub mod keys;
pub mod layout;
pub mod openapi;
pub mod probe;
pub mod register;
pub mod roles;
pub mod serve;

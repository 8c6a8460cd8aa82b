//! The decisions, as tables and as laws.

mod laws;
mod tables;

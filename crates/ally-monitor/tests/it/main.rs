//! The decisions, as tables and as laws.

mod fingerprints;
mod laws;
mod tables;

//! Decides who may cause what: labels, sinks and the answer to each tool call.
//!
//! The model is treated as if an attacker wrote its output. What protects the person is this decision, made in code
//! outside the model, from facts that our own code established: which sink a tool declares and what the run has read.
//! Nothing here reads a clock, a file or the words of a call, and nothing here guesses.
//!
//! Every effect of every run passes [`authorize`]. The rules that exist are in [`Rule`]; where no rule says that
//! something is free, what leaves or destroys is asked for.

mod call;
mod decision;
mod fingerprint;
mod rules;

pub use call::{Call, Sink, Touches};
pub use decision::{Decision, Rule};
pub use fingerprint::{Exactly, digest};
pub use rules::authorize;

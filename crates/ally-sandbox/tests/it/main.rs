//! What a child can and cannot do, tried with real processes, and files that change hands.

mod passing;
mod walls;

//! The binary: reads configuration, chooses the role, wires the parts.

use std::process::ExitCode;

fn main() -> ExitCode {
    ally::command::run(std::env::args_os().collect())
}

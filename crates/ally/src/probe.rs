//! `ally probe`: tries the walls of this machine with real attacks, and says which of them hold.
//!
//! It makes an installation of its own in a temporary directory: the layout and the keys of `ally serve`, the host of
//! `ally host` in this process, two people. One of them is attacked: files, sockets and a process that belong to its
//! user. The other one attacks: the host starts it exactly as it starts an assistant, with the role `probe` instead,
//! once for every attempt. Before that the same attempt is made by the same program without walls, as the attacked
//! person or as this user; an attempt that fails there proves nothing and does not count.

mod drive;
mod parts;
mod site;
mod table;

use std::process::ExitCode;

/// What the command is told.
#[derive(Debug, clap::Args)]
pub struct Line {
    /// One JSON document a line instead of a table
    #[arg(long)]
    json: bool,
    /// Leave out Landlock and the filter of system calls, to see what the other walls hold by themselves
    #[arg(long)]
    without_filters: bool,
    /// The file descriptor with the boot document, for the parts that the command starts itself
    #[arg(long, hide = true)]
    boot_fd: Option<i32>,
    /// Which of its parts this is
    #[arg(long, hide = true, requires = "boot_fd")]
    part: Option<Part>,
}

/// The parts that run without walls. The attacker behind them is started by the host, which names none.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Part {
    /// Makes one attempt without walls.
    Control,
    /// Is attacked.
    Target,
}

/// Runs the command, or one of its parts.
pub fn run(line: &Line) -> ExitCode {
    match (line.boot_fd, line.part) {
        (Some(boot), None) => parts::attacker(boot, Filters::Up),
        (Some(boot), Some(Part::Control)) => parts::control(boot),
        (Some(boot), Some(Part::Target)) => parts::target(boot),
        (None, _) => drive::run(line.json, if line.without_filters { Filters::LeftOut } else { Filters::Up }),
    }
}

/// The attacker that does without the walls that an assistant puts up itself.
pub fn unfiltered(boot_fd: i32) -> ExitCode {
    parts::attacker(boot_fd, Filters::LeftOut)
}

/// The walls that a process lays upon itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filters {
    /// As in an assistant.
    Up,
    /// Only those that the host builds stand.
    LeftOut,
}

impl Filters {
    /// The role that the host starts.
    const fn role(self) -> &'static str {
        match self {
            Self::Up => "probe",
            Self::LeftOut => "probe-unfiltered",
        }
    }
}

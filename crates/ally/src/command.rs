//! The command line: one binary, its roles and its tools as subcommands.

use crate::config::{Config, Given};
use crate::{chat, doctor, openapi, probe, roles, serve};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// Ally, a personal assistant that acts, in a private space of your own.
#[derive(Debug, Parser)]
#[command(name = "ally", version, disable_help_subcommand = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything on this machine and print the address
    Serve {
        #[command(flatten)]
        given: Given,
    },
    /// Say what is configured, what is missing, and what that disables
    Doctor {
        #[command(flatten)]
        given: Given,
    },
    /// Talk with your assistant in this terminal
    Chat(chat::Line),
    /// Try the walls of this machine with real attacks on a target made for it
    #[command(hide = true)]
    Probe(probe::Line),
    /// Print the description of the HTTP interface (OpenAPI 3.1)
    #[command(hide = true)]
    Openapi,
    /// The supervisor of the assistants, started by `ally serve`
    #[command(hide = true)]
    Host(Boot),
    /// Accounts and sign-in, started by `ally serve`
    #[command(hide = true)]
    Platform(Boot),
    /// The edge, started by `ally serve`
    #[command(hide = true)]
    Gateway(Boot),
    /// The attacker of `ally probe --without-filters`, started by its host
    #[command(hide = true)]
    ProbeUnfiltered(Boot),
    /// The server of one person, started by the host
    #[command(hide = true)]
    Assistant(Boot),
}

/// How a role is told what it needs: nothing secret stands in an argument or in the environment.
#[derive(Debug, clap::Args)]
struct Boot {
    /// The file descriptor with the boot document
    #[arg(long)]
    boot_fd: i32,
}

/// Runs the command line and says how it went.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    // The wake of an assistant is counted in milliseconds; it skips the parser.
    if let [_, role, flag, fd] = arguments.as_slice()
        && role == "assistant"
        && flag == "--boot-fd"
        && let Some(fd) = fd.to_str().and_then(|fd| fd.parse().ok())
    {
        return roles::assistant(fd);
    }
    match Line::try_parse_from(arguments) {
        Ok(line) => dispatch(line.command),
        Err(error) => {
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}

fn dispatch(command: Command) -> ExitCode {
    match command {
        Command::Serve { given } => with_config(given, serve::run),
        Command::Doctor { given } => with_config(given, |config| {
            let report = doctor::report(&config);
            write(&report.text);
            if report.is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }),
        Command::Chat(line) => chat::run(&line),
        Command::Probe(line) => probe::run(&line),
        Command::ProbeUnfiltered(boot) => probe::unfiltered(boot.boot_fd),
        Command::Openapi => {
            write(&openapi::json());
            ExitCode::SUCCESS
        }
        Command::Host(boot) => roles::host(boot.boot_fd),
        Command::Platform(boot) => roles::platform(boot.boot_fd),
        Command::Gateway(boot) => roles::gateway(boot.boot_fd),
        Command::Assistant(boot) => roles::assistant(boot.boot_fd),
    }
}

fn with_config(given: Given, then: impl FnOnce(Config) -> ExitCode) -> ExitCode {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let directory = match std::env::current_dir() {
        Ok(directory) => directory,
        Err(_) => return fail("The current directory is gone.", "Change to a directory that exists."),
    };
    match Config::load(given, &environment, &directory) {
        Ok(config) => then(config),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

/// Writes an answer of the command line; a closed pipe (`ally doctor | head`) is no error.
pub(crate) fn write(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Says what went wrong and what to do, and fails.
pub(crate) fn fail(what: &str, next_step: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{what}\n{next_step}");
    ExitCode::FAILURE
}

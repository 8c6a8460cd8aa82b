//! Each role as a process: read the boot document, start the reactor, run.

use crate::{client, foreign, register};
use ally_sandbox::{Confinement, Part, Wall};
use ally_types::log::{self, Level};
use ally_types::{Chance, Clock, Problem, SystemChance, SystemClock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// A boot document with what every role of `ally serve` needs beside its own part.
#[derive(Serialize, Deserialize)]
pub struct Boot<T> {
    /// How much is logged.
    pub log: Level,
    /// The role's own part.
    pub role: T,
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn chance() -> Arc<dyn Chance> {
    Arc::new(SystemChance)
}

/// Reads the boot document, puts up the walls that belong to it, and hands it to `run` on a reactor with one thread.
fn start<T, F>(
    name: &'static str,
    boot_fd: i32,
    walls: impl FnOnce(&T) -> Option<(Confinement, Vec<Wall>)>,
    run: impl FnOnce(T) -> F,
) -> ExitCode
where
    T: DeserializeOwned,
    F: Future<Output = Result<(), Problem>>,
{
    let boot: Boot<T> = match ally_sandbox::read_boot(boot_fd) {
        Ok(boot) => boot,
        Err(error) => return unreadable(name, &error),
    };
    foreign::install(boot.log);
    raise_open_files();
    ally_sandbox::look_up_names_without_plugins();
    let (confinement, walls) = walls(&boot.role).unzip();
    for wall in walls.into_iter().flatten() {
        // These parts are ours: without one of the walls they still do their work.
        if let Some(Err(error)) = confinement.as_ref().map(|confinement| ally_sandbox::confine(confinement, &[wall])) {
            let values: [(&'static str, &dyn log::Loggable); 3] =
                [("role", &name), ("wall", &wall.name()), ("kind", &error.error.kind())];
            log::warn("a role has a wall less", &values);
        }
    }
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let reactor = reactor.expect("a reactor needs only a few descriptors");
    finish(name, reactor.block_on(run(boot.role)))
}

/// A role holds a few descriptors for each person; the usual soft limit of 1,024 is for programs of another kind, and
/// 10,000 people need more than many a hard limit. `ally serve` as root goes to the kernel's own limit, which its roles
/// inherit.
pub(crate) fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = std::fs::read_to_string("/proc/sys/fs/nr_open").ok().and_then(|text| text.trim().parse().ok());
    let beyond = most.map(|most: u64| Rlimit { current: Some(most), maximum: Some(most) });
    if beyond.is_none_or(|beyond| setrlimit(Resource::Nofile, beyond).is_err()) {
        let limit = getrlimit(Resource::Nofile);
        // Without the right to do so it goes on with what there is.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
}

fn unreadable(name: &'static str, error: &std::io::Error) -> ExitCode {
    log::error("this role is started by `ally serve`", &[("role", &name), ("error", &error.kind())]);
    ExitCode::from(2)
}

fn finish(name: &'static str, ended: Result<(), Problem>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            log::error("role ended", &[("role", &name), ("problem", &Kind(problem))]);
            ExitCode::FAILURE
        }
    }
}

/// A problem's stable name, which holds nothing of a person.
struct Kind(Problem);

impl log::Loggable for Kind {
    fn write(&self, line: &mut String) {
        line.push_str(&self.0.kind);
    }
}

/// The supervisor.
pub fn host(boot_fd: i32) -> ExitCode {
    // It builds the walls of all others, so it has none.
    start("host", boot_fd, |_| None, |boot: ally_host::Boot| ally_host::run(boot, clock(), chance()))
}

/// Accounts and sign-in.
pub fn platform(boot_fd: i32) -> ExitCode {
    start("platform", boot_fd, platform_walls, |boot: ally_platform::Boot| async move {
        let listener = ally_sandbox::inherited(boot.listener_fd).map_err(|_| Problem::internal())?;
        ally_platform::run(boot, listener.into(), register::ALL).await.map_err(|error| match error {
            ally_platform::StartError::Store(_) => {
                Problem::new(500, "database_unavailable", "The database of accounts could not be opened.")
                    .next("Check the disk, and that no newer version of Ally has used it.")
            }
            ally_platform::StartError::Key => {
                Problem::new(500, "key_unreadable", "A key of the boot document is broken.")
            }
            ally_platform::StartError::Socket(_) => Problem::new(500, "socket_broken", "The platform's socket failed."),
        })
    })
}

/// The edge.
pub fn gateway(boot_fd: i32) -> ExitCode {
    start("gateway", boot_fd, gateway_walls, |boot: ally_gateway::Boot| async move {
        let client = client::build().map_err(|_| {
            Problem::new(500, "no_certificates", "The system's root certificates could not be read.")
                .next("Install the package ca-certificates.")
        })?;
        ally_gateway::run(boot, client, crate::openapi::json().into(), clock(), chance()).await
    })
}

/// The server of one person. Its boot document comes from the host and has no envelope.
pub fn assistant(boot_fd: i32) -> ExitCode {
    let boot: ally_types::host::AssistantBoot = match ally_sandbox::read_boot(boot_fd) {
        Ok(boot) => boot,
        Err(error) => return unreadable("assistant", &error),
    };
    foreign::install(boot.log);
    if let Err(problem) = confine_assistant(&boot) {
        return finish("assistant", Err(problem));
    }
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let reactor = reactor.expect("a reactor needs only a few descriptors");
    finish("assistant", reactor.block_on(ally_assistant::run(boot)))
}

/// What glibc reads to look up names, and where certificates are kept.
fn names_and_certificates(mut confinement: Confinement) -> Confinement {
    let link = std::fs::canonicalize("/etc/resolv.conf").ok();
    let resolver = link.as_deref().and_then(Path::parent).map(Path::to_owned);
    let usual = ["/etc", "/usr", "/lib", "/lib64", "/nix/store", "/var/lib/ca-certificates", "/proc/self"];
    for path in usual.into_iter().map(PathBuf::from).chain(resolver) {
        confinement = confinement.read(path);
    }
    confinement
}

fn gateway_walls(boot: &ally_gateway::Boot) -> Option<(Confinement, Vec<Wall>)> {
    let confinement = names_and_certificates(Confinement::new(Part::Gateway)).read_write(&boot.data_dir);
    // Whether the machine was started anew since something was counted.
    let confinement = confinement.read("/proc/sys/kernel/random/boot_id");
    Some((confinement, vec![Wall::Landlock, Wall::Seccomp]))
}

fn platform_walls(boot: &ally_platform::Boot) -> Option<(Confinement, Vec<Wall>)> {
    let confinement = names_and_certificates(Confinement::new(Part::Platform));
    let file = boot.database_url.strip_prefix("sqlite:").map(|rest| rest.trim_start_matches("//"));
    let file = file.map(|rest| Path::new(rest.split('?').next().unwrap_or(rest)));
    let directory = file.and_then(Path::parent).filter(|directory| directory.is_absolute());
    Some(match directory {
        Some(directory) => (confinement.read_write(directory), vec![Wall::Landlock, Wall::Seccomp]),
        // The address of a PostgreSQL may name keys and certificates anywhere.
        None => (confinement, vec![Wall::Seccomp]),
    })
}

/// Puts up the walls that an assistant puts up itself: those of them that its host has found to work here. It must be the
/// first thing that a process does once it has read its boot document.
///
/// # Errors
/// One of them does not stand, though it should. Nobody works without it then.
pub fn confine_assistant(boot: &ally_types::host::AssistantBoot) -> Result<(), Problem> {
    let walls: Vec<Wall> = boot.walls.split_whitespace().filter_map(Wall::from_name).collect();
    let mut confinement = Confinement::new(Part::Assistant).read_write(&boot.data_dir).read("/usr/share/zoneinfo");
    if let Some(out) = boot.outbound.parent() {
        confinement = confinement.call(out);
    }
    ally_sandbox::confine(&confinement, &walls).map_err(|error| {
        log::error("a wall does not stand", &[("wall", &error.wall.name()), ("kind", &error.error.kind())]);
        Problem::new(503, "wall_missing", "A wall around the assistant could not be put up.")
            .next("See the log of the host, and start Ally again.")
    })
}

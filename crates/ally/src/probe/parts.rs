//! The processes that the probe consists of: the attacker, the control, the target.

use super::Filters;
use crate::roles;
use ally_sandbox::attempts::{self, Attempt, Outcome, Target};
use ally_sandbox::{Wall, inherited};
use ally_types::host::{AssistantBoot, FromAssistant};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// Where the control and the target answer.
pub(super) const ANSWER: i32 = 4;
/// While this is open at the other end, the target stands.
pub(super) const LEASE: i32 = 5;

/// One attempt to make.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    /// Its name; without one the attacker only says which walls it stands behind.
    pub(super) attempt: Option<String>,
    /// What it aims at.
    pub(super) target: Target,
}

/// What the attacker says about itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Behind {
    /// The short names of its walls, with a space between.
    pub(super) walls: String,
}

fn exit(worked: io::Result<()>) -> ExitCode {
    if worked.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Started by the host in the place of an assistant, with an assistant's boot document: takes one connection, makes one
/// attempt, answers, ends.
pub(super) fn attacker(boot_fd: i32, filters: Filters) -> ExitCode {
    exit(ally_sandbox::read_boot(boot_fd).and_then(|mut boot: AssistantBoot| {
        match filters {
            // The same as in an assistant, and as early.
            Filters::Up => roles::confine_assistant(&boot).map_err(io::Error::other)?,
            Filters::LeftOut => {
                let filters = [Wall::Landlock.name(), Wall::Seccomp.name()];
                let walls: Vec<_> = boot.walls.split(' ').filter(|wall| !filters.contains(wall)).collect();
                boot.walls = walls.join(" ");
            }
        }
        attack(boot)
    }))
}

fn attack(boot: AssistantBoot) -> io::Result<()> {
    let stream = called(&boot)?;
    let mut text = String::new();
    BufReader::new(&stream).read_line(&mut text)?;
    if text.is_empty() {
        // Somebody only knocked.
        return Ok(());
    }
    let mut task: Task = serde_json::from_str(&text)?;
    task.target.own = boot.data_dir;
    task.target.answer = stream.as_raw_fd();
    let answer = match task.attempt {
        Some(name) => serde_json::to_string(&attempt(&name, &task.target)?)?,
        None => serde_json::to_string(&Behind { walls: boot.walls })?,
    };
    writeln!(&stream, "{answer}")
}

/// As an assistant takes a connection.
fn called(boot: &AssistantBoot) -> io::Result<UnixStream> {
    let reactor = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut control = boot.control_fd.map(inherited).transpose()?.map(File::from);
    let listener = inherited(boot.listener_fd)?;
    let stream = reactor.block_on(async {
        let listener = ally_http::socket::listen(listener.into())?;
        if let Some(control) = &mut control {
            writeln!(control, "{}", serde_json::to_string(&FromAssistant::Ready)?)?;
        }
        listener.accept().await?.0.into_std()
    })?;
    stream.set_nonblocking(false)?;
    // The host takes the end of this pipe for nothing, but a process that dies in an attempt should not look orderly.
    std::mem::forget(control);
    Ok(stream)
}

fn attempt(name: &str, target: &Target) -> io::Result<Outcome> {
    Ok(Attempt::named(name).ok_or(io::ErrorKind::NotFound)?.run(target))
}

/// Makes one attempt where nothing stands in its way.
pub(super) fn control(boot_fd: i32) -> ExitCode {
    let make = || {
        let mut task: Task = ally_sandbox::read_boot(boot_fd)?;
        let mut answer = File::from(inherited(ANSWER)?);
        task.target.answer = answer.as_raw_fd();
        let name = task.attempt.ok_or(io::ErrorKind::InvalidData)?;
        writeln!(answer, "{}", serde_json::to_string(&attempt(&name, &task.target)?)?)
    };
    exit(make())
}

/// Is attacked, until nobody needs it any more.
pub(super) fn target(boot_fd: i32) -> ExitCode {
    let stand = || {
        let standing = attempts::stand(ally_sandbox::read_boot(boot_fd)?)?;
        writeln!(File::from(inherited(ANSWER)?), "{}", serde_json::to_string(&standing.target)?)?;
        standing.until_closed(File::from(inherited(LEASE)?));
        Ok(())
    };
    exit(stand())
}

//! Starting one assistant: its room, its descriptors, its boot document.

use crate::control::Control;
use crate::host::{Host, Server};
use crate::lines::{Lines, Pace};
use crate::quota::Space;
use ally_sandbox::{Access, CannotSpawn, Child, Identity, Room, Spawn, Step, Wall, Walls, is_dynamic};
use ally_types::host::AssistantBoot;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

const OUTPUT: i32 = 1;
const ERRORS: i32 = 2;
const LISTENER: i32 = 3;
const CONTROL: i32 = 4;
const BOOT: i32 = 5;

/// Starts the server's process. It is on its way when this answers; `Ready` on the control pipe says that it is up, and
/// its lines come out of the other.
pub(crate) fn start(
    host: &Host,
    server: &Server,
    epoch: u64,
    space: Space,
    pace: Pace,
) -> Result<(Child, Control, Lines), CannotSpawn> {
    let at_birth = |error| CannotSpawn { step: Step::Birth, error };
    let (lines, log) = Lines::new(pace).map_err(at_birth)?;
    let (spawn, control) = describe(host, server, epoch, space, log).map_err(at_birth)?;
    Ok((spawn.spawn()?, control, lines))
}

fn describe(host: &Host, server: &Server, epoch: u64, space: Space, log: OwnedFd) -> io::Result<(Spawn, Control)> {
    let (data, out) = (host.places.person(server.id), host.places.out(server.id));
    let (seen_data, seen_out, program) = if host.level.has_room() {
        (PathBuf::from("/data"), PathBuf::from("/run/out"), PathBuf::from("/ally"))
    } else {
        (data.clone(), out.clone(), host.boot.program.clone())
    };
    let (control, says) = Control::new()?;
    let boot = serde_json::to_vec(&AssistantBoot {
        server: server.id,
        data_dir: seen_data,
        listener_fd: LISTENER,
        control_fd: Some(CONTROL),
        outbound: seen_out.join("out.sock"),
        key: server.key.to_hex(),
        identity_key: host.boot.identity_key.clone(),
        idle_exit_seconds: host.boot.idle_exit_seconds,
        epoch,
        walls: host.around.reached.names().join(" "),
        why: host.around.reached.why(),
        is_space_full: space.is_full,
        log: host.boot.log,
    })?;
    let (document, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    io::Write::write_all(&mut std::fs::File::from(writer), &boot)?;
    let mut walls = Walls::of(host.level, Room::new());
    if host.level.has_room() {
        walls = Walls::of(host.level, furnish(host, &data, &out)?);
    }
    if host.around.reached.has(Wall::PidNamespace) {
        walls = walls.with_own_processes();
    }
    let spawn = Spawn::new(program)
        .arg(&host.boot.role)
        .arg("--boot-fd")
        .arg(BOOT.to_string())
        .descriptor(log.try_clone()?, OUTPUT)
        .descriptor(log, ERRORS)
        .descriptor(server.inbound().try_clone()?, LISTENER)
        .descriptor(says, CONTROL)
        .descriptor(document, BOOT)
        .identity(if host.level.has_own_user() { Identity::Uid(server.uid) } else { Identity::Same })
        .walls(walls)
        .network(host.around.networks.take())
        .ceilings(host.around.ceilings())
        .place(host.around.place(server.id))
        .dies_with_parent();
    Ok((spawn, control))
}

/// All that a person's process sees: the system, itself, the person's directory, and the directory with the way out. The directory is shown, not the socket, so that a host that starts anew can put a new socket there.
fn furnish(host: &Host, data: &Path, out: &Path) -> io::Result<Room> {
    let program = &host.boot.program;
    let mut room = host.around.room(|| system(program))?;
    // Looked up anew each time: an update may have put a link to it elsewhere.
    room.show(program, Path::new("/ally"), Access::ReadOnly)?;
    room.show(data, Path::new("/data"), Access::ReadWrite)?;
    room.show(out, Path::new("/run/out"), Access::ReadOnly)?;
    room.start_in(Path::new("/data"))?;
    Ok(room)
}

/// The libraries that the program needs, if it needs some, time zones, two devices.
fn system(program: &Path) -> io::Result<Room> {
    let mut room = Room::new();
    if is_dynamic(program)? {
        room.show_system()?;
    } else {
        let zones = Path::new("/usr/share/zoneinfo");
        if zones.is_dir() {
            room.show(zones, zones, Access::ReadOnly)?;
        }
    }
    room.show_device("null")?;
    room.show_device("urandom")?;
    Ok(room)
}

//! The installation that the probe attacks: made for it in a temporary directory, and gone with it.

use super::Filters;
use super::parts::{ANSWER, LEASE};
use crate::keys;
use crate::layout::Layout;
use ally_sandbox::attempts::Target;
use ally_sandbox::{Child, Identity, Spawn, passing};
use ally_types::host::{FromPlatform, ToPlatform};
use ally_types::seal::Key;
use ally_types::{Chance, ServerId, SystemChance, SystemClock, log};
use std::fs::{File, Permissions};
use std::io::{self, BufRead as _, BufReader, PipeWriter};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// The first user id of its people: of no installation, and of nothing that a distribution hands out.
const FIRST_PERSON: u32 = 199_900;

/// What the limits of its people are, where there are limits: small, so that reaching them harms nobody.
pub(super) const MEMORY_MB: usize = 128;
/// The quota of disk.
pub(super) const DISK_MB: usize = 32;
/// How often the disk is measured.
const MEASURE_MILLIS: u64 = 300;
/// Processes and threads.
const PROCESSES: usize = 64;
/// One processor.
const PROCESSOR_PERCENT: u32 = 100;

/// The installation.
pub(super) struct Site {
    directory: PathBuf,
    layout: Layout,
    wrapping_key: Key,
    /// Nobody answers on it: to be called is enough.
    _platform: UnixListener,
    /// The attacker's server and the target's.
    pub(super) people: [ServerId; 2],
}

impl Site {
    /// Makes the directories, keys and sockets that `ally serve` makes.
    pub(super) fn make() -> io::Result<Self> {
        let name: [u8; 6] = ally_types::chance::bytes(&SystemChance as &dyn Chance);
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let directory = std::env::temp_dir().join(format!("ally-probe-{name}"));
        std::fs::create_dir(&directory)?;
        let made = Self::make_in(&directory);
        if made.is_err() {
            let _ = std::fs::remove_dir_all(&directory);
        }
        made
    }

    fn make_in(directory: &Path) -> io::Result<Self> {
        std::fs::set_permissions(directory, Permissions::from_mode(0o711))?;
        let layout = Layout::prepare(&directory.join("data"))?;
        keys::root(&layout.data.join("host/platform.key"), &SystemChance)?;
        let region = keys::root(&layout.data.join("host/region.key"), &SystemChance)?;
        let uids = layout.uids;
        closed_file(&layout.data.join("gateway/counters.db"), uids.map(|uids| uids.gateway))?;
        closed_file(&layout.data.join("platform/platform.db"), uids.map(|uids| uids.platform))?;
        let scratch = directory.join("scratch");
        std::fs::create_dir(&scratch)?;
        std::fs::set_permissions(&scratch, Permissions::from_mode(0o777))?;
        let platform = layout.bind("platform.sock", uids.map(|uids| uids.gateway))?;
        Ok(Self {
            directory: directory.to_owned(),
            wrapping_key: keys::derive(&region, "people"),
            _platform: platform,
            people: [(); 2].map(|()| ServerId::new(&SystemClock, &SystemChance)),
            layout,
        })
    }

    /// The host's boot document. Its doors are open already.
    pub(super) fn host(&self, filters: Filters) -> io::Result<(ally_host::Boot, ally_host::Doors)> {
        let uids = self.layout.uids;
        let listen = |name: &str, only| ally_http::socket::listen(self.layout.bind(name, only)?);
        let doors = ally_host::Doors {
            gateway: listen("host-gateway.sock", uids.map(|uids| uids.gateway))?,
            platform: listen("host-platform.sock", uids.map(|uids| uids.platform))?,
        };
        let boot = ally_host::Boot {
            data_dir: self.layout.data.clone(),
            run_dir: self.layout.run(),
            gateway_listener_fd: 0,
            platform_listener_fd: 0,
            wrapping_key: self.wrapping_key.to_hex(),
            identity_key: self.wrapping_key.to_hex(),
            program: std::env::current_exe()?,
            role: filters.role().to_owned(),
            gateway_uid: uids.map(|uids| uids.gateway),
            // This process asks for servers itself.
            platform_uid: None,
            people_uid_base: uids.map_or(0, |_| FIRST_PERSON),
            idle_exit_seconds: 0,
            require_sandbox: None,
            shares: ally_host::Shares {
                memory_mb: MEMORY_MB as u64,
                disk_mb: DISK_MB as u64,
                measure_millis: MEASURE_MILLIS,
            },
            back_off_millis: 1,
            stays_at_least_millis: 0,
            start_within_millis: 2000,
            log: log::Level::Error,
            stop_within_seconds: 1,
        };
        Ok((boot, doors))
    }

    /// Has the host make the two people.
    pub(super) async fn settle(&self) -> io::Result<()> {
        let stream = ally_http::socket::connect(&self.layout.run().join("host-platform.sock"))?;
        let (sender, mut receiver) = passing::pair(stream);
        for server in self.people {
            sender.send(&FromPlatform::Ensure { server }, None).await?;
            match receiver.receive::<ToPlatform>().await? {
                Some((ToPlatform::Ready { .. }, _)) => {}
                _ => return Err(io::Error::other("the host could not make a person's server")),
            }
        }
        // A host that followed this when it measures or changes the attacker's files would end every attempt.
        std::os::unix::fs::symlink("/", self.files(self.people[0]).join("everything"))
    }

    fn files(&self, server: ServerId) -> PathBuf {
        self.layout.data.join("people").join(server.to_string())
    }

    /// Takes away what an attempt to fill the disk left: it may have been ended in the middle.
    pub(super) fn clean_up(&self) {
        let _ = std::fs::remove_dir_all(self.files(self.people[0]).join("fill"));
    }

    /// The attacker's socket.
    pub(super) fn attacker(&self) -> PathBuf {
        self.layout.run().join(format!("in/{}.sock", self.people[0]))
    }

    /// Whose files and process the target's are.
    pub(super) fn neighbour(&self) -> Identity {
        if self.layout.uids.is_some() { Identity::Uid(FIRST_PERSON + 1) } else { Identity::Same }
    }

    /// A program that is this one, wherever it lies: its directory may be closed to the user who shall run it.
    pub(super) fn program(&self, part: &str) -> io::Result<Spawn> {
        const PROGRAM: i32 = 8;
        let spawn = Spawn::new(format!("/proc/self/fd/{PROGRAM}")).dies_with_parent();
        let spawn = spawn.arg("probe").arg("--boot-fd").arg("3").arg("--part").arg(part);
        Ok(spawn.descriptor(File::open(std::env::current_exe()?)?, PROGRAM))
    }

    /// Puts up the target: the neighbour's database, and a process of that user.
    pub(super) fn target(&self) -> io::Result<Stood> {
        let run = self.layout.run();
        let data = &self.layout.data;
        let neighbour = self.people[1];
        let database = self.files(neighbour).join("ally.db");
        let uid = match self.neighbour() {
            Identity::Uid(uid) => Some(uid),
            Identity::Same => None,
        };
        closed_file(&database, uid)?;
        let secret = Key::new(&SystemChance).to_hex();
        let target = Target {
            own: self.directory.join("scratch"),
            socket: self.files(neighbour).join("own.sock"),
            database,
            key: data.join(format!("host/keys/{neighbour}.key")),
            root_keys: vec![data.join("host/region.key"), data.join("host/platform.key")],
            gateway_file: data.join("gateway/counters.db"),
            platform_file: data.join("platform/platform.db"),
            people: data.join("people"),
            inbound: run.join(format!("in/{neighbour}.sock")),
            outbound: run.join(format!("out/{neighbour}/out.sock")),
            gateway_door: run.join("host-gateway.sock"),
            platform_door: run.join("platform.sock"),
            host_door: run.join("host-platform.sock"),
            memory_mb: MEMORY_MB,
            processes: PROCESSES,
            disk_mb: DISK_MB,
            patience_seconds: 10,
            processor_percent: PROCESSOR_PERCENT,
            hog_seconds: 2,
            secret: secret.clone(),
            ..Target::default()
        };
        let (answer, writer) = io::pipe()?;
        let (lease, held) = io::pipe()?;
        let spawn = self.program("target")?.environment("NEIGHBOUR", &secret).identity(self.neighbour());
        let spawn = spawn.descriptor(document(&target)?, 3).descriptor(writer, ANSWER).descriptor(lease, LEASE);
        let process = spawn.spawn().map_err(io::Error::other)?;
        process.started().map_err(io::Error::other)?;
        let mut text = String::new();
        BufReader::new(answer).read_line(&mut text)?;
        let target = serde_json::from_str(&text).map_err(|_| {
            io::Error::other(
                "the target did not stand; other users must be able to pass through the temporary directory",
            )
        })?;
        Ok(Stood { target, process, _lease: held })
    }
}

/// The target while it stands.
pub(super) struct Stood {
    pub(super) target: Target,
    process: Child,
    _lease: PipeWriter,
}

impl Stood {
    /// Takes it down in order, so that nothing of it stays in the kernel.
    pub(super) async fn leave(self) {
        drop(self._lease);
        let _ = self.process.wait().await;
    }
}

/// A boot document in a pipe.
pub(super) fn document<T: serde::Serialize>(value: &T) -> io::Result<OwnedFd> {
    let (reader, mut writer) = io::pipe()?;
    serde_json::to_writer(&mut writer, value)?;
    Ok(reader.into())
}

fn closed_file(path: &Path, owner: Option<u32>) -> io::Result<()> {
    std::fs::write(path, "what only its owner may read\n")?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    if owner.is_some() { chown(path, owner, owner) } else { Ok(()) }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

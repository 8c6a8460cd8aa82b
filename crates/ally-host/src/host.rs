//! The host itself: what it holds, how it starts and stops, who may call it.

use crate::alarms::{Alarms, WallTimer};
use crate::back_off::BackOff;
use crate::claim::{self, Mode};
use crate::ensure::{self, CannotMake};
use crate::ledger::Ledger;
use crate::life::Life;
use crate::limits::Around;
use crate::uids::Uids;
use crate::{Boot, Doors, disk, gateway, platform};
use ally_sandbox::{Level, inherited};
use ally_types::host::ToGateway;
use ally_types::seal::Key;
use ally_types::{Chance, Clock, Problem, ServerId, log};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

/// How far a gateway may fall behind, beside what it is told when it connects.
const BEHIND: usize = 4096;

/// Runs `ally host` until SIGTERM or SIGINT, with the listeners that the boot document names.
pub async fn run(boot: Boot, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Result<(), Problem> {
    let doors = || {
        io::Result::Ok(Doors { gateway: door(boot.gateway_listener_fd)?, platform: door(boot.platform_listener_fd)? })
    };
    let doors = doors().map_err(broken)?;
    let mut term = signal(SignalKind::terminate()).map_err(broken)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(broken)?;
    let stop = async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    serve(boot, doors, clock, chance, stop).await
}

/// The same with doors that are open already and another reason to stop. Runs on a current-thread runtime: the
/// kernel ends the assistants when the thread that started them ends. Two sockets are open for each person: whoever
/// calls this has raised the limit of open files as far as it may.
pub async fn serve(
    boot: Boot,
    doors: Doors,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    stop: impl Future<Output = ()>,
) -> Result<(), Problem> {
    // While there are few descriptors.
    ally_sandbox::reserve_places();
    let around = Around::look(boot.people_uid_base, boot.shares);
    around.log();
    let level = around.reached.level;
    if let Some(refusal) = around.refusal(boot.require_sandbox) {
        log::error("the walls are lower than required", &[("level", &level.name())]);
        return Err(refusal);
    }
    let mode = if level.has_own_user() { Mode::OwnUsers } else { Mode::OneUser };
    let places = Places::new(&boot);
    let _claim = claim::claim(&places.host, mode).await?;
    let (host, alive) = Host::open(boot, around, places, clock, chance)?;
    let begun = Instant::now();
    let servers = host.wake_up();
    let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    host.make_networks();
    log::info("the host is up", &[("servers", &servers), ("level", &level.name()), ("millis", &millis)]);
    let mut callers = tokio::task::JoinSet::new();
    let mut timer = WallTimer::new();
    let ringing = host.alarms.keep(&*host.clock, &mut timer);
    tokio::pin!(stop, ringing);
    loop {
        tokio::select! {
            () = &mut stop => break,
            () = &mut ringing => {}
            call = doors.gateway.accept() => if let Some(stream) = host.admit(call.map(|call| call.0), host.boot.gateway_uid).await {
                callers.spawn(gateway::answer(Arc::clone(&host), stream));
            },
            call = doors.platform.accept() => if let Some(stream) = host.admit(call.map(|call| call.0), host.boot.platform_uid).await {
                callers.spawn(platform::answer(Arc::clone(&host), stream));
            },
            Some(_) = callers.join_next() => {}
        }
    }
    log::info("the host is told to stop", &[]);
    host.stop(alive).await;
    log::info("the host has stopped", &[]);
    Ok(())
}

/// Paths of the data directory.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) host: PathBuf,
    people: PathBuf,
    run: PathBuf,
}

impl Places {
    fn new(boot: &Boot) -> Self {
        Self { host: boot.data_dir.join("host"), people: boot.data_dir.join("people"), run: boot.run_dir.clone() }
    }

    /// The person's own directory.
    pub(crate) fn person(&self, server: ServerId) -> PathBuf {
        self.people.join(server.to_string())
    }

    /// The socket on which the gateway calls the server.
    pub(crate) fn inbound(&self, server: ServerId) -> PathBuf {
        self.run.join("in").join(format!("{server}.sock"))
    }

    /// The directory of the socket on which the server calls out.
    pub(crate) fn out(&self, server: ServerId) -> PathBuf {
        self.run.join("out").join(server.to_string())
    }
}

/// A line for the gateway, with the file that belongs to it.
pub(crate) struct Told {
    pub(crate) line: ToGateway,
    pub(crate) file: Option<Arc<OwnedFd>>,
}

/// A wish that a process be ended at once.
pub(crate) struct Kill {
    pub(crate) answer: oneshot::Sender<bool>,
}

impl Kill {
    pub(crate) fn nobody_there(self) {
        let _ = self.answer.send(false);
    }

    pub(crate) fn done(self) {
        let _ = self.answer.send(true);
    }
}

/// One person's server.
pub(crate) struct Server {
    pub(crate) id: ServerId,
    pub(crate) uid: u32,
    pub(crate) key: Key,
    inbound: Mutex<Arc<OwnedFd>>,
    pub(crate) outbound: Arc<OwnedFd>,
    pub(crate) commands: mpsc::Sender<Kill>,
    heard: Mutex<Option<mpsc::Receiver<Kill>>>,
}

impl Server {
    pub(crate) fn new(id: ServerId, uid: u32, key: Key, inbound: OwnedFd, outbound: Arc<OwnedFd>) -> Self {
        let (commands, heard) = mpsc::channel(16);
        let inbound = Mutex::new(Arc::new(inbound));
        Self { id, uid, key, inbound, outbound, commands, heard: Mutex::new(Some(heard)) }
    }

    /// The listening socket on which the gateway calls.
    pub(crate) fn inbound(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.inbound.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The gateway calls here from now on.
    pub(crate) fn replace_inbound(&self, socket: OwnedFd) {
        *self.inbound.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(socket);
    }
}

/// Everything that the tasks of the host share.
pub(crate) struct Host {
    pub(crate) boot: Boot,
    pub(crate) around: Around,
    pub(crate) level: Level,
    pub(crate) places: Places,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn Chance>,
    pub(crate) wrapping_key: Key,
    pub(crate) uids: Mutex<Uids>,
    pub(crate) alarms: Arc<Alarms>,
    /// So many may start at once: a crowd that wakes together would otherwise only slow one another down.
    pub(crate) starting: Arc<Semaphore>,
    /// Half of these places, for those for whom nobody waits: thousands of alarms at nine o'clock leave room for who
    /// knocks.
    pub(crate) unhurried: Arc<Semaphore>,
    /// There are descriptors for so many servers.
    most: usize,
    /// One lock for both, so that a gateway hears everything once and in order.
    known: Mutex<Known>,
    making: tokio::sync::Mutex<()>,
    stop: watch::Sender<bool>,
    /// Each life holds one; when all are gone, so are the lives.
    alive: Mutex<Option<mpsc::Sender<()>>>,
}

#[derive(Default)]
struct Known {
    servers: BTreeMap<ServerId, (Arc<Server>, bool)>,
    gateways: Vec<mpsc::Sender<Told>>,
}

impl Host {
    fn open(
        boot: Boot,
        around: Around,
        places: Places,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> Result<(Arc<Self>, mpsc::Receiver<()>), Problem> {
        let wrapping_key = Key::from_hex(&boot.wrapping_key).ok_or_else(Problem::internal)?;
        for path in [&places.people, &places.run, &places.run.join("in"), &places.run.join("out")] {
            disk::directory(path, 0o711).map_err(broken)?;
        }
        let uids = Uids::open(&places.host.join("uids"), boot.people_uid_base).map_err(broken)?;
        let (alive, all_gone) = mpsc::channel(1);
        let host = Self {
            boot,
            level: around.reached.level,
            around,
            places,
            clock,
            chance,
            wrapping_key,
            uids: Mutex::new(uids),
            alarms: Arc::default(),
            starting: Arc::new(Semaphore::new(4 * cores())),
            unhurried: Arc::new(Semaphore::new(2 * cores())),
            most: most_servers(rustix::process::getrlimit(rustix::process::Resource::Nofile).current),
            known: Mutex::default(),
            making: tokio::sync::Mutex::new(()),
            stop: watch::Sender::new(false),
            alive: Mutex::new(Some(alive)),
        };
        Ok((Arc::new(host), all_gone))
    }

    /// Completes and takes up every server there is. One that cannot be taken up does not keep the others from it.
    fn wake_up(self: &Arc<Self>) -> usize {
        let mut servers = self.uids.lock().unwrap_or_else(PoisonError::into_inner).servers();
        self.around.sweep(&servers);
        if servers.len() > self.most {
            // Taking up all of them would leave no descriptor to hear the gateway with: then nobody would be reached.
            let beyond = servers.split_off(self.most);
            log::error("too few open files are allowed for everybody", &[("without_a_server", &beyond.len())]);
        }
        let at_once = servers.len().div_ceil(cores()).max(64);
        // Most of the time goes into the file system, where several threads do not wait for one another.
        std::thread::scope(|scope| {
            let parts = servers.chunks(at_once);
            let threads: Vec<_> = parts
                .map(|part| scope.spawn(|| part.iter().map(|server| ensure::make(self, *server)).collect::<Vec<_>>()))
                .collect();
            for (part, thread) in servers.chunks(at_once).zip(threads) {
                let made = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                for (server, made) in part.iter().zip(made) {
                    match made {
                        Ok((made, ledger)) => self.add(made, ledger),
                        Err(error) => error.log(*server),
                    }
                }
            }
        });
        servers.len()
    }

    fn add(self: &Arc<Self>, server: Server, ledger: Ledger) {
        let server = Arc::new(server);
        let heard = server.heard.lock().unwrap_or_else(PoisonError::into_inner).take();
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (Some(commands), Some(alive)) = (heard, alive) else { return };
        let mut known = self.known();
        known.servers.insert(server.id, (Arc::clone(&server), false));
        known.tell(&ToGateway::Server { server: server.id }, Some(&server.outbound));
        drop(known);
        let life = Life {
            host: Arc::clone(self),
            server,
            ledger,
            commands,
            stop: self.stop.subscribe(),
            back_off: BackOff::new(Duration::from_millis(self.boot.back_off_millis)),
            is_unsaved: false,
            space: crate::quota::Space::default(),
            pace: crate::lines::Pace::default(),
        };
        tokio::spawn(async move {
            life.run().await;
            drop(alive);
        });
    }

    /// Sees to it that whoever wakes next finds an empty network.
    pub(crate) fn make_networks(&self) {
        if self.level.has_own_user() && self.level.has_no_network() {
            let _ = self.around.networks.fill(2 * cores());
        }
    }

    /// Only the role whose door this is may come in.
    async fn admit(&self, call: io::Result<UnixStream>, uid: Option<u32>) -> Option<UnixStream> {
        let wanted = uid.unwrap_or_else(|| rustix::process::geteuid().as_raw());
        match call.and_then(|stream| Ok((stream.peer_cred()?.uid(), stream))) {
            Ok((found, stream)) if found == wanted => Some(stream),
            Ok((found, _)) => {
                log::warn("somebody else was at the door", &[("uid", &found)]);
                None
            }
            Err(error) => {
                log::error("a connection could not be accepted", &[("kind", &error.kind())]);
                // Out of descriptors, most likely: the connection is still there, so do not spin on it.
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
        }
    }

    /// A new listener, which hears of everything there is first. Answers a weak sender for single answers: when the
    /// listener is struck off, the channel ends.
    pub(crate) fn subscribe(&self) -> (mpsc::WeakSender<Told>, mpsc::Receiver<Told>) {
        let mut known = self.known();
        let (tell, to_tell) = mpsc::channel(2 * known.servers.len() + BEHIND);
        let walls = self.around.reached.names().into_iter().map(str::to_owned).collect();
        let why = self.around.reached.why();
        let _ = tell.try_send(Told { line: ToGateway::Walls { walls, why }, file: None });
        for (server, is_awake) in known.servers.values() {
            let there =
                Told { line: ToGateway::Server { server: server.id }, file: Some(Arc::clone(&server.outbound)) };
            let awake = is_awake.then_some(Told { line: ToGateway::Awake { server: server.id }, file: None });
            for told in [Some(there), awake].into_iter().flatten() {
                let _ = tell.try_send(told);
            }
        }
        let weak = tell.downgrade();
        known.gateways.push(tell);
        (weak, to_tell)
    }

    pub(crate) fn server(&self, server: ServerId) -> Option<Arc<Server>> {
        self.known().servers.get(&server).map(|(server, _)| Arc::clone(server))
    }

    pub(crate) fn say_awake(&self, server: &Server) {
        self.known().change(server.id, true);
    }

    pub(crate) fn say_asleep(&self, server: &Server) {
        self.known().change(server.id, false);
    }

    /// Tells every assistant to finish, and waits for them.
    async fn stop(&self, mut alive: mpsc::Receiver<()>) {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.stop.send_replace(true);
        let _ = tokio::time::timeout(self.boot.stop_within() + Duration::from_secs(5), alive.recv()).await;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn change(&mut self, server: ServerId, awake: bool) {
        let Some((_, is_awake)) = self.servers.get_mut(&server) else { return };
        if std::mem::replace(is_awake, awake) != awake {
            let line = if awake { ToGateway::Awake { server } } else { ToGateway::Asleep { server } };
            self.tell(&line, None);
        }
    }

    fn tell(&mut self, line: &ToGateway, file: Option<&Arc<OwnedFd>>) {
        self.gateways.retain(|gateway| gateway.try_send(Told { line: line.clone(), file: file.cloned() }).is_ok());
    }
}

/// Makes the server if it does not exist; one at a time.
pub(crate) async fn ensure(host: &Arc<Host>, server: ServerId) -> Result<(), CannotMake> {
    let _one_at_a_time = host.making.lock().await;
    if host.server(server).is_some() {
        return Ok(());
    }
    if host.known().servers.len() >= host.most {
        return Err(CannotMake::Machine(rustix::io::Errno::MFILE.into()));
    }
    let maker = Arc::clone(host);
    let made = tokio::task::spawn_blocking(move || ensure::make(&maker, server)).await;
    let (made, ledger) = made.map_err(io::Error::other)??;
    host.add(made, ledger);
    log::info("a server was made", &[("server", &server)]);
    Ok(())
}

fn door(number: i32) -> io::Result<UnixListener> {
    let listener = std::os::unix::net::UnixListener::from(inherited(number)?);
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Two sockets for each server; what is left is for those who are awake, at least a quarter up to a thousand.
fn most_servers(descriptors: Option<u64>) -> usize {
    let Some(descriptors) = descriptors.and_then(|descriptors| usize::try_from(descriptors).ok()) else {
        return usize::MAX;
    };
    (descriptors - (descriptors / 4).min(1024)) / 2
}

fn broken(error: io::Error) -> Problem {
    log::error("the host cannot start", &[("kind", &error.kind())]);
    Problem::new(500, "host_cannot_start", "The part of Ally that starts assistants could not start.")
        .next("Check that the data directory can be written and that the disk is not full, then start Ally again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_left_for_those_who_are_awake() {
        let most = [Some(1024), Some(4096), Some(20_000), Some(1 << 20), None].map(most_servers);
        assert_eq!(most, [384, 1536, 9488, 523_776, usize::MAX]);
    }
}

//! A host in a temporary directory, and what gateway, platform and people do with it.

use ally_host::{Boot, Doors};
use ally_sandbox::passing::{self, Receiver, Sender};
use ally_types::host::{FromGateway, FromPlatform, ToGateway, ToPlatform};
use ally_types::{Problem, ServerId, SystemChance, SystemClock};
use std::future::Future;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Nothing here takes as long on a machine that works.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// In milliseconds: no start in a test loses its place because the machine is busy.
const HOUR: u64 = 3_600_000;

pub const UID_BASE: u32 = 262_000;

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Where the program is that stands in for `ally`.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a program");
    test.ancestors().nth(2).expect("a target directory").join("examples/fake_assistant")
}

pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what} did not happen"))
}

/// Looks again and again until there is something.
pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    soon(what, async {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        loop {
            ticks.tick().await;
            if let Some(found) = look() {
                return found;
            }
        }
    })
    .await
}

pub struct World {
    pub home: TempDir,
    pub boot: Boot,
    stop: Option<oneshot::Sender<()>>,
    host: Option<JoinHandle<Result<(), Problem>>>,
}

impl World {
    /// A host on an empty directory.
    pub async fn new() -> Self {
        let mut world = Self::asleep();
        world.start();
        world
    }

    /// An empty directory.
    pub fn asleep() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        // As `ally serve` makes it: where there are no rooms, each person walks through to their own.
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o711)).expect("opens");
        std::fs::create_dir(home.path().join("run")).expect("a directory for sockets");
        let boot = Boot {
            data_dir: home.path().to_owned(),
            run_dir: home.path().join("run"),
            gateway_listener_fd: 3,
            platform_listener_fd: 4,
            wrapping_key: "17".repeat(32),
            identity_key: "18".repeat(32),
            program: program(),
            role: "assistant".to_owned(),
            gateway_uid: None,
            platform_uid: None,
            people_uid_base: UID_BASE,
            idle_exit_seconds: 0,
            require_sandbox: None,
            shares: ally_host::Shares::default(),
            back_off_millis: 200,
            // Here assistants leave when a test says so.
            stays_at_least_millis: 0,
            start_within_millis: HOUR,
            log: ally_types::log::Level::Info,
            stop_within_seconds: 10,
        };
        Self { home, boot, stop: None, host: None }
    }

    pub fn bind(&self, name: &str) -> UnixListener {
        Self::bind_in(&self.boot.run_dir, name)
    }

    fn bind_in(directory: &Path, name: &str) -> UnixListener {
        let path = directory.join(name);
        let _ = std::fs::remove_file(&path);
        UnixListener::bind(path).expect("binds")
    }

    /// Starts a host in this process.
    pub fn start(&mut self) {
        let directory = self.boot.run_dir.clone();
        self.start_with_doors_in(&directory);
    }

    pub fn start_with_doors_in(&mut self, directory: &Path) {
        let [gateway, platform] =
            ["host-gateway.sock", "host-platform.sock"].map(|name| Self::bind_in(directory, name));
        let doors = Doors { gateway, platform };
        let (stop, stopped) = oneshot::channel::<()>();
        let told = async {
            let _ = stopped.await;
        };
        let host = ally_host::serve(self.boot.clone(), doors, Arc::new(SystemClock), Arc::new(SystemChance), told);
        self.host = Some(tokio::spawn(host));
        self.stop = Some(stop);
    }

    /// What the host said when it ended by itself.
    pub async fn refusal(&mut self) -> Problem {
        let host = self.host.take().expect("a host");
        soon("a refusal", host).await.expect("no panic").expect_err("a refusal")
    }

    pub async fn stop(&mut self) {
        drop(self.stop.take());
        let host = self.host.take().expect("a host");
        soon("the host's end", host).await.expect("no panic").expect("an orderly end");
    }

    pub async fn platform(&self) -> (Sender, Receiver) {
        let path = self.boot.run_dir.join("host-platform.sock");
        passing::pair(soon("a connection", UnixStream::connect(path)).await.expect("connects"))
    }

    /// Asks for a server.
    pub async fn ensure(&self, server: ServerId) {
        let (sender, mut receiver) = self.platform().await;
        sender.send(&FromPlatform::Ensure { server }, None).await.expect("sends");
        let answer = soon("an answer", receiver.receive::<ToPlatform>()).await.expect("a line").map(|(line, _)| line);
        assert_eq!(answer, Some(ToPlatform::Ready { server }));
    }

    /// A new person's server.
    pub async fn person(&self) -> ServerId {
        let server = ServerId::new(&SystemClock, &SystemChance);
        self.ensure(server).await;
        server
    }

    pub async fn gateway(&self) -> Gateway {
        let path = self.boot.run_dir.join("host-gateway.sock");
        let (sender, receiver) = passing::pair(UnixStream::connect(path).await.expect("connects"));
        Gateway { sender, receiver }
    }

    pub async fn connect(&self, server: ServerId) -> UnixStream {
        UnixStream::connect(self.boot.run_dir.join("in").join(format!("{server}.sock"))).await.expect("connects")
    }

    /// Says a line to the server and reads what it answers; empty if it died instead.
    pub async fn ask(&self, server: ServerId, line: &str) -> String {
        let mut call = self.connect(server).await;
        call.write_all(format!("{line}\n").as_bytes()).await.expect("writes");
        let mut answer = String::new();
        let _ = soon(line, call.read_to_string(&mut answer)).await;
        answer
    }

    pub async fn who(&self, server: ServerId) -> Who {
        let mut call = self.connect(server).await;
        rustix::net::sockopt::set_socket_passcred(&call, true).expect("is set");
        call.write_all(b"who\n").await.expect("writes");
        let (answer, pid) = soon("who", hear_with_number(&call)).await;
        let numbers: Vec<&str> = answer.split(' ').collect();
        let number = |at: usize| numbers[at].parse().expect("a number");
        assert_eq!(numbers[3], server.to_string());
        assert!(number(0) == pid || number(0) == 1, "it knows its own number, or that it is alone");
        Who { pid, uid: number(1), epoch: number(2) }
    }

    pub fn data(&self, server: ServerId) -> PathBuf {
        self.home.path().join("people").join(server.to_string())
    }
}

/// Reads to the end, and what number the kernel says the writer has here: its own is another one behind walls.
async fn hear_with_number(call: &UnixStream) -> (String, u32) {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
    let (mut text, mut number) = (Vec::new(), 0);
    loop {
        call.readable().await.expect("is readable");
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut chunk = [0; 512];
        let mut into = [std::io::IoSliceMut::new(&mut chunk)];
        let received = call.try_io(tokio::io::Interest::READABLE, || {
            Ok(rustix::net::recvmsg(call, &mut into, &mut control, RecvFlags::empty())?)
        });
        let read = match received {
            Ok(received) => received.bytes,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => panic!("{error}"),
        };
        if read == 0 {
            return (String::from_utf8(text).expect("text"), number);
        }
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmCredentials(who) = message {
                number = who.pid.as_raw_nonzero().get().cast_unsigned();
            }
        }
        text.extend_from_slice(&chunk[..read]);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    pub pid: u32,
    pub uid: u32,
    pub epoch: u32,
}

impl Who {
    pub fn is_alive(self) -> bool {
        // One that nobody has waited for yet is dead too.
        std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).is_ok_and(|stat| !stat.contains(") Z "))
    }
}

pub struct Gateway {
    sender: Sender,
    receiver: Receiver,
}

impl Gateway {
    pub async fn next(&mut self) -> (ToGateway, Option<OwnedFd>) {
        loop {
            let said = self.first().await;
            if !matches!(said.0, ToGateway::Walls { .. }) {
                return said;
            }
        }
    }

    /// The next line, also if it is about walls.
    pub async fn first(&mut self) -> (ToGateway, Option<OwnedFd>) {
        soon("a line for the gateway", self.receiver.receive()).await.expect("a line").expect("not the end")
    }

    /// The next line, which brings no file.
    pub async fn hears(&mut self) -> ToGateway {
        let (line, file) = self.next().await;
        assert!(file.is_none());
        line
    }

    /// The next line, which says that a server is there and brings its outbound socket.
    pub async fn meets(&mut self) -> (ServerId, UnixListener) {
        let (line, file) = self.next().await;
        let ToGateway::Server { server } = line else { panic!("{line:?}") };
        let listener = std::os::unix::net::UnixListener::from(file.expect("a socket"));
        (server, UnixListener::from_std(listener).expect("a listener"))
    }

    pub async fn kill(&self, server: ServerId) {
        self.sender.send(&FromGateway::Kill { server }, None).await.expect("sends");
    }
}

//! What the attacks aim at: files, sockets and a process that were made for it.

use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;

/// Everything an attack needs to know. Nothing in it belongs to a person.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    /// Where the attacker may write.
    pub own: PathBuf,
    /// The attacker's descriptor for its answer, for programs that it should not be able to start.
    pub answer: i32,
    /// What only the neighbour knows: it stands in its environment, in its memory and in its files.
    pub secret: String,
    /// The neighbour's database.
    pub database: PathBuf,
    /// The neighbour's key, as the host keeps it.
    pub key: PathBuf,
    /// The root keys.
    pub root_keys: Vec<PathBuf>,
    /// A file of the gateway.
    pub gateway_file: PathBuf,
    /// A file of the platform.
    pub platform_file: PathBuf,
    /// Where the directories of all people are.
    pub people: PathBuf,
    /// A socket of the neighbour's own.
    pub socket: PathBuf,
    /// The socket on which the gateway calls the neighbour.
    pub inbound: PathBuf,
    /// The socket on which the neighbour calls the gateway.
    pub outbound: PathBuf,
    /// The host's socket for the gateway.
    pub gateway_door: PathBuf,
    /// The platform's socket.
    pub platform_door: PathBuf,
    /// The host's socket for the platform.
    pub host_door: PathBuf,
    /// The name of a socket of the neighbour that has no path.
    pub abstract_name: String,
    /// The neighbour's process.
    pub pid: i32,
    /// Where the secret stands in its memory.
    pub address: u64,
    /// One of its descriptors.
    pub descriptor: i32,
    /// A port on which it listens.
    pub tcp: u16,
    /// A port on which it answers what it is sent.
    pub udp: u16,
    /// The same, for questions for names.
    pub name_server: u16,
    /// Its shared memory.
    pub shared_memory: i32,
    /// Its message queue.
    pub message_queue: i32,
    /// How much memory is allowed.
    pub memory_mb: usize,
    /// How many processes and threads are allowed.
    pub processes: usize,
    /// How much disk is allowed.
    pub disk_mb: usize,
    /// How long somebody above the limit of disk may go on at most.
    pub patience_seconds: u64,
    /// How much of a processor is allowed, in percent of one.
    pub processor_percent: u32,
    /// How long to take more.
    pub hog_seconds: u64,
}

/// The process in the middle of a target, while it stands.
#[derive(Debug)]
pub struct Standing {
    /// The target with everything that this process added.
    pub target: Target,
    _listener: UnixListener,
    _nameless: UnixListener,
}

/// Makes this process the neighbour: its memory, descriptors, sockets and shared objects become the target. A file
/// `target.database` must be there.
///
/// # Errors
/// The system refuses a socket or a shared object.
pub fn stand(mut target: Target) -> io::Result<Standing> {
    let secret: &'static mut [u8] = target.secret.clone().into_bytes().leak();
    target.address = secret.as_ptr() as u64;
    target.pid = i32::try_from(std::process::id()).unwrap_or_default();
    let file = std::fs::File::open(&target.database)?;
    target.descriptor = file.as_raw_fd();
    std::mem::forget(file);
    let listener = UnixListener::bind(&target.socket)?;
    target.abstract_name = format!("ally-probe-{}", target.secret);
    let nameless = UnixListener::bind_addr(&SocketAddr::from_abstract_name(target.abstract_name.as_bytes())?)?;
    let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    target.tcp = door.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in door.incoming() {
            let _ = stream.and_then(|mut stream| stream.write_all(b"ally"));
        }
    });
    target.udp = echo()?;
    target.name_server = echo()?;
    // SAFETY: plain numbers and addresses that the kernel chooses; a termination that would end the target is ignored,
    // and where the system lets only a parent look into a process, everybody may look into this one.
    unsafe {
        libc::signal(libc::SIGTERM, libc::SIG_IGN);
        libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0);
        target.shared_memory = libc::shmget(libc::IPC_PRIVATE, 4096, libc::IPC_CREAT | 0o600);
        libc::shmat(target.shared_memory, std::ptr::null(), 0);
        // It stays until this process ends, and no longer.
        libc::shmctl(target.shared_memory, libc::IPC_RMID, std::ptr::null_mut());
        target.message_queue = libc::msgget(libc::IPC_PRIVATE, libc::IPC_CREAT | 0o600);
    }
    Ok(Standing { target, _listener: listener, _nameless: nameless })
}

/// Answers every datagram with itself, after as much work as a short answer takes.
fn echo() -> io::Result<u16> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = socket.local_addr()?.port();
    std::thread::spawn(move || {
        let mut text = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut text) {
            let mut number = 1_u64;
            for _ in 0..100_000 {
                number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            }
            let _ = socket.send_to(&text[..length], from);
        }
    });
    Ok(port)
}

impl Standing {
    /// Stands until the other end of `lease` is closed, and leaves nothing behind.
    pub fn until_closed(self, mut lease: impl Read) {
        while lease.read(&mut [0]).is_ok_and(|read| read > 0) {}
        // SAFETY: the queue was made by this process; there is nothing to fill.
        unsafe { libc::msgctl(self.target.message_queue, libc::IPC_RMID, std::ptr::null_mut()) };
    }
}

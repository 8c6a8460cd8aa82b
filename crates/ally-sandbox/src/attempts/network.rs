//! Sockets: the neighbour's, the installation's, the machine's, and everything beyond.

use super::call::{call, checked, io_outcome, last_error, number, opened, outcome};
use super::{Outcome, Target};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::time::Duration;

/// An address that the standards set aside for examples: nobody answers there.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Where clouds keep a machine's credentials.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// Patience with an answer from this machine.
const LONG: Duration = Duration::from_secs(60);

/// Those that leave the machine where nothing refuses them.
pub(super) const LEAVING: &[&str] = &["tcp_outside", "udp_outside", "name_server_outside", "cloud_metadata"];

fn connect(path: &Path) -> Outcome {
    io_outcome(UnixStream::connect(path))
}

pub(super) fn abstract_socket(target: &Target) -> Outcome {
    let address = SocketAddr::from_abstract_name(target.abstract_name.as_bytes());
    io_outcome(address.and_then(|address| UnixStream::connect_addr(&address)))
}

pub(super) fn path_socket(target: &Target) -> Outcome {
    connect(&target.socket)
}

pub(super) fn inbound_socket(target: &Target) -> Outcome {
    connect(&target.inbound)
}

pub(super) fn outbound_socket(target: &Target) -> Outcome {
    connect(&target.outbound)
}

pub(super) fn gateway_socket(target: &Target) -> Outcome {
    connect(&target.gateway_door)
}

pub(super) fn platform_socket(target: &Target) -> Outcome {
    connect(&target.platform_door)
}

pub(super) fn host_socket(target: &Target) -> Outcome {
    connect(&target.host_door)
}

pub(super) fn tcp_loopback(target: &Target) -> Outcome {
    let answer = TcpStream::connect((Ipv4Addr::LOCALHOST, target.tcp)).and_then(|mut stream| {
        stream.set_read_timeout(Some(LONG))?;
        stream.read(&mut [0])
    });
    io_outcome(answer)
}

/// Nobody need listen: a refusal that comes from the other end means that there is a way to it.
pub(super) fn tcp_loopback_gently() -> Outcome {
    begin_connection(Ipv4Addr::LOCALHOST, 9)
}

pub(super) fn udp_loopback(target: &Target) -> Outcome {
    io_outcome(ask(target.udp, b"ally"))
}

pub(super) fn udp_loopback_gently() -> Outcome {
    send(Ipv4Addr::LOCALHOST, 9)
}

/// A real question for a name, to a resolver on this machine.
pub(super) fn name_server(target: &Target) -> Outcome {
    let question = b"\x2a\x2a\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x01\x00\x01";
    io_outcome(ask(target.name_server, question))
}

fn ask(port: u16, question: &[u8]) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(LONG))?;
    socket.send_to(question, (Ipv4Addr::LOCALHOST, port))?;
    socket.recv(&mut [0; 64]).map(drop)
}

pub(super) fn tcp_outside(_: &Target) -> Outcome {
    tcp_outside_gently()
}

pub(super) fn tcp_outside_gently() -> Outcome {
    begin_connection(OUTSIDE, 443)
}

pub(super) fn udp_outside(_: &Target) -> Outcome {
    udp_outside_gently()
}

pub(super) fn udp_outside_gently() -> Outcome {
    send(OUTSIDE, 443)
}

pub(super) fn name_server_outside(_: &Target) -> Outcome {
    name_server_outside_gently()
}

pub(super) fn name_server_outside_gently() -> Outcome {
    send(OUTSIDE, 53)
}

pub(super) fn cloud_metadata(_: &Target) -> Outcome {
    cloud_metadata_gently()
}

pub(super) fn cloud_metadata_gently() -> Outcome {
    begin_connection(METADATA, 80)
}

fn socket(family: libc::c_int, kind: libc::c_int, protocol: libc::c_int) -> Result<usize, i32> {
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: plain numbers.
    unsafe { call(libc::SYS_socket, [number(family.into()), number(kind.into()), number(protocol.into()), 0, 0, 0]) }
}

/// Begins a connection and does not wait for it.
fn begin_connection(address: Ipv4Addr, port: u16) -> Outcome {
    let begin = |socket: usize| {
        let there = address_of(SocketAddrV4::new(address, port));
        // SAFETY: an address of ours with its length; the descriptor was just made.
        let begun = checked(unsafe {
            libc::connect(socket as libc::c_int, (&raw const there).cast(), size_of_val(&there) as libc::socklen_t)
        });
        // SAFETY: made above, known to nobody else.
        unsafe { libc::close(socket as libc::c_int) };
        match begun {
            // On its way, or answered by somebody.
            Err(libc::EINPROGRESS | libc::ECONNREFUSED) => Ok(()),
            other => other.map(drop),
        }
    };
    outcome(socket(libc::AF_INET, libc::SOCK_STREAM, 0).and_then(begin))
}

fn send(address: Ipv4Addr, port: u16) -> Outcome {
    let text = [0_u8; 1];
    let send = |socket: usize| {
        let there = address_of(SocketAddrV4::new(address, port));
        let length = size_of_val(&there) as libc::socklen_t;
        // SAFETY: an address and a text of ours with their lengths; the descriptor was just made.
        let sent = unsafe {
            libc::sendto(socket as libc::c_int, text.as_ptr().cast(), 1, 0, (&raw const there).cast(), length)
        };
        let sent = if sent < 0 { Err(last_error()) } else { Ok(()) };
        // SAFETY: made above, known to nobody else.
        unsafe { libc::close(socket as libc::c_int) };
        sent
    };
    outcome(socket(libc::AF_INET, libc::SOCK_DGRAM, 0).and_then(send))
}

fn address_of(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    }
}

pub(super) fn listen(_: &Target) -> Outcome {
    listen_gently()
}

/// A port in an empty network is one that nobody can call, so it is called.
pub(super) fn listen_gently() -> Outcome {
    let open = || {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        io::Result::Ok((listener.local_addr()?.port(), listener))
    };
    match open() {
        Ok((port, _listener)) => begin_connection(Ipv4Addr::LOCALHOST, port),
        Err(error) => io_outcome::<()>(Err(error)),
    }
}

pub(super) fn raw_socket(_: &Target) -> Outcome {
    raw_socket_gently()
}

pub(super) fn raw_socket_gently() -> Outcome {
    opened(socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP))
}

pub(super) fn packet_socket(_: &Target) -> Outcome {
    packet_socket_gently()
}

pub(super) fn packet_socket_gently() -> Outcome {
    opened(socket(libc::AF_PACKET, libc::SOCK_RAW, 0))
}

/// The way from a virtual machine to the one it runs on, which no network namespace closes.
pub(super) fn machine_socket(_: &Target) -> Outcome {
    machine_socket_gently()
}

pub(super) fn machine_socket_gently() -> Outcome {
    opened(socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0))
}

/// The kernel's ciphers, a door to much of its code.
pub(super) fn cipher_socket(_: &Target) -> Outcome {
    cipher_socket_gently()
}

pub(super) fn cipher_socket_gently() -> Outcome {
    opened(socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0))
}

pub(super) fn network_addresses(_: &Target) -> Outcome {
    network_addresses_gently()
}

/// Asks for the machine's addresses; an empty network has none.
pub(super) fn network_addresses_gently() -> Outcome {
    let mut list = std::ptr::null_mut();
    // SAFETY: the C library makes the list and frees it; it is not used in between, but for whether there is one.
    let found = checked(unsafe { libc::getifaddrs(&raw mut list) });
    if found.is_err() {
        return outcome(found);
    }
    let mut has_address = false;
    let mut next = list;
    while !next.is_null() {
        // SAFETY: an entry of the list, which is not freed yet; an address begins with its family.
        unsafe {
            let address = (*next).ifa_addr;
            has_address |=
                !address.is_null() && matches!(libc::c_int::from((*address).sa_family), libc::AF_INET | libc::AF_INET6);
            next = (*next).ifa_next;
        }
    }
    // SAFETY: made by the C library above; null is allowed.
    unsafe { libc::freeifaddrs(list) };
    if has_address { Outcome::Succeeded } else { Outcome::refused("ENODEV") }
}

//! The outside world as the broker sees it: looking up a name, and connecting to one address. Tests bring their own.

use crate::door::BoxedIo;
use futures_util::future::BoxFuture;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use tokio::net::TcpStream;

/// The outside world.
pub trait Outside: Send + Sync {
    /// All addresses of a name. Asked once for each call; what comes back is checked and then connected to as it is.
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;

    /// Whether the address is one of this machine's own, though it looks public.
    fn is_here(&self, address: IpAddr) -> bool;

    /// Connects to exactly this address.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<BoxedIo>>;
}

/// The real one.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Outside for System {
    /// The system's resolver, which blocks, on a thread of its own.
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in found.map(|address| address.ip()) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            Ok(addresses)
        })
    }

    /// A socket for datagrams that is "connected" sends nothing, but says from which address it would: whoever would
    /// call from the very address that is called, calls itself.
    fn is_here(&self, address: IpAddr) -> bool {
        let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let route = || {
            let socket = UdpSocket::bind((any, 0))?;
            socket.connect((address, 9))?;
            socket.local_addr()
        };
        route().is_ok_and(|from: SocketAddr| from.ip() == address)
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<BoxedIo>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            let _ = stream.set_nodelay(true);
            Ok(Box::new(stream) as BoxedIo)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_knows_itself() {
        assert!(System.is_here(Ipv4Addr::LOCALHOST.into()));
        assert!(!System.is_here(Ipv4Addr::new(93, 184, 216, 34).into()));
    }
}

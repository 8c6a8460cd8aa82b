//! HTTP/1 on a listening socket: limits on the head, time limits against slow senders, an orderly end.

use crate::gateway::Limits;
use crate::peer::Peer;
use ally_types::log;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// A head must be there after so long; also the longest pause between two requests of a connection.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// Bytes of a head.
const LARGEST_HEAD: usize = 64 << 10;

/// Lines of a head.
const MOST_HEADERS: usize = 100;

/// Outbound connections of one server at a time, so that one person cannot use up everybody's descriptors or memory.
const MOST_OF_ONE: usize = 16;

/// So long may requests in flight take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// How a connection is asked to end after its request in flight.
pub(crate) type Stop = watch::Receiver<bool>;

/// As many connections as there are descriptors for: one for the browser, one to the role that answers it, and as many
/// for everything else.
pub(crate) fn most_connections() -> usize {
    connections_for(getrlimit(Resource::Nofile).current)
}

fn connections_for(descriptors: Option<u64>) -> usize {
    let descriptors = descriptors.and_then(|descriptors| usize::try_from(descriptors).ok());
    (descriptors.unwrap_or(usize::MAX) / 3).clamp(16, 100_000)
}

/// How many connections there are, and from where.
pub(crate) struct Crowd {
    most: usize,
    of_one: usize,
    spares_loopback: bool,
    spared: Vec<IpAddr>,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place in the crowd; leaving is dropping it.
struct Seat {
    crowd: Arc<Crowd>,
    from: IpAddr,
}

impl Crowd {
    /// Behind a proxy everybody comes from its address, so the proxies in `spared` have no limit of their own.
    pub fn new(limits: &Limits, spares_loopback: bool, spared: Vec<IpAddr>) -> Self {
        let (most, of_one) = (limits.connections.max(1), limits.connections_of_one);
        Self { most, of_one, spares_loopback, spared, counts: Mutex::new(HashMap::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a seat, unless too many come from there.
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let address = address.to_canonical();
        let is_spared = self.spared.contains(&address) || (self.spares_loopback && address.is_loopback());
        let from = household(address);
        let mut counts = self.lock();
        let count = counts.entry(from).or_default();
        if !is_spared && *count >= self.of_one {
            return None;
        }
        *count += 1;
        Some(Seat { crowd: Arc::clone(self), from })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.crowd.lock();
        if let Some(count) = counts.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.from);
            }
        }
    }
}

/// Whoever has one address of version 6 usually has the whole network of 64 bits around it.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Serves the router until `stop` ends, then finishes what is in flight. Connections of this machine are not counted.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    serve_crowd(listener, router, Crowd::new(&Limits::default(), true, Vec::new()), stop).await;
}

/// The same with limits on how many come.
pub(crate) async fn serve_crowd(listener: TcpListener, router: Router, crowd: Crowd, stop: impl Future<Output = ()>) {
    let crowd = Arc::new(crowd);
    let (tell, told) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept(), if connections.len() < crowd.most => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let Some(seat) = crowd.enter(address.ip()) else { continue };
                // Each event of a stream is one small packet that somebody waits for.
                let _ = stream.set_nodelay(true);
                let router = router.clone().layer(axum::Extension(Peer(address.ip())));
                let connection = connection(stream, router, Some(told.clone()));
                connections.spawn(async move {
                    connection.await;
                    drop(seat);
                });
            }
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    let _ = tell.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(ENDS_WITHIN, all).await.is_err() {
        log::warn("some requests did not end in time", &[]);
    }
}

/// Serves the router on one person's Unix socket, for ever.
pub(crate) async fn serve_unix(listener: UnixListener, router: Router) {
    let places = Arc::new(Semaphore::new(MOST_OF_ONE));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = connection(stream, router.clone(), None);
                tokio::spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

/// Serves one connection to its end.
pub(crate) async fn connection<S>(stream: S, router: Router, stop: Option<Stop>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        // A tunnel goes on after the answer; see `egress/tunnel.rs`.
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let stopped = async {
        match stop {
            Some(mut stop) => drop(stop.wait_for(|is_stopping| *is_stopping).await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stopped => connection.as_mut().graceful_shutdown(),
    }
    // The reason of a broken connection is the other side's business.
    let _ = connection.await;
}

/// Without descriptors, trying again at once would only burn time.
async fn pause_after(error: &io::Error) {
    log::warn("a connection could not be accepted", &[("error", &error.kind())]);
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        assert_eq!(connections_for(Some(1024)), 341);
        assert_eq!(connections_for(Some(3)), 16);
        assert_eq!(connections_for(None), 100_000);
        assert_eq!(Limits::default().connections, most_connections());
    }

    #[test]
    fn one_network_of_version_six_counts_as_one() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let limits = Limits { connections_of_one: 1, ..Limits::default() };
        let crowd = Arc::new(Crowd::new(&limits, false, vec![address("10.0.0.1")]));
        let first = crowd.enter(address("2001:db8::1"));
        assert!(first.is_some());
        assert!(crowd.enter(address("2001:db8::2")).is_none());
        let _other = crowd.enter(address("2001:db8:0:1::1")).expect("another network");
        let _four = crowd.enter(address("192.0.2.1")).expect("another address");
        assert!(crowd.enter(address("::ffff:192.0.2.1")).is_none());
        let _proxied =
            [crowd.enter(address("10.0.0.1")), crowd.enter(address("10.0.0.1"))].map(|seat| seat.expect("spared"));
        drop(first);
        assert!(crowd.enter(address("2001:db8::2")).is_some());
        assert_eq!(crowd.lock().len(), 3);
    }
}

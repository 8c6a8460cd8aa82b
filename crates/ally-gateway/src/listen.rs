//! HTTP/1 on a listening socket: limits on the head, time limits against slow senders, an orderly end.

use crate::peer::Peer;
use ally_types::log;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
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

/// Connections at a time; more wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 10_000;

/// Outbound connections of one server at a time, so that one person cannot use up everybody's descriptors.
const MOST_OF_ONE: usize = 64;

/// So long may requests in flight take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// How a connection is asked to end after its request in flight.
pub(crate) type Stop = watch::Receiver<bool>;

/// Serves the router until `stop` ends, then finishes what is in flight.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let (tell, told) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= MOST_CONNECTIONS {
            connections.join_next().await;
        }
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                // Each event of a stream is one small packet that somebody waits for.
                let _ = stream.set_nodelay(true);
                let router = router.clone().layer(axum::Extension(Peer(address.ip())));
                connections.spawn(connection(stream, router, Some(told.clone())));
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
        .serve_connection(TokioIo::new(stream), service);
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

//! The link to the host: which servers exist, which are awake, the sockets of their outbound calls, and "end this one".

use crate::gateway::Gateway;
use crate::listen;
use ally_http::socket;
use ally_sandbox::passing;
use ally_types::host::{FromGateway, ToGateway};
use ally_types::{ServerId, log};
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Who serves the outbound socket of each server. Ending one stops accepting; calls in flight go on.
type Outbound = HashMap<ServerId, AbortHandle>;

/// Holds the link for ever, connecting again when it breaks. Outbound sockets stay served meanwhile.
pub async fn follow(gateway: Gateway, path: &Path, mut messages: mpsc::Receiver<FromGateway>) {
    let mut outbound = Outbound::new();
    let mut pause = SHORTEST_PAUSE;
    gateway.servers.unlinked();
    loop {
        if let Ok(stream) = socket::connect(path) {
            pause = SHORTEST_PAUSE;
            // What somebody asked for while nobody listened is not done minutes later.
            while messages.try_recv().is_ok() {}
            let ended = hold(&gateway, stream, &mut messages, &mut outbound).await;
            gateway.servers.unlinked();
            let error = ended.err().map(|error| error.kind());
            log::warn("the link to the host ended", &[("error", &error)]);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn hold(
    gateway: &Gateway,
    stream: UnixStream,
    messages: &mut mpsc::Receiver<FromGateway>,
    outbound: &mut Outbound,
) -> io::Result<()> {
    let (sender, mut receiver) = passing::pair(stream);
    let hears = async {
        while let Some((message, descriptor)) = receiver.receive::<ToGateway>().await? {
            hear(gateway, &message, descriptor, outbound);
        }
        Ok(())
    };
    let says = async {
        while let Some(message) = messages.recv().await {
            sender.send(&message, None).await?;
        }
        std::future::pending().await
    };
    // Two halves, so that neither is dropped in the middle of a line while the link holds.
    tokio::select! {
        ended = hears => ended,
        ended = says => ended,
    }
}

fn hear(gateway: &Gateway, message: &ToGateway, descriptor: Option<OwnedFd>, outbound: &mut Outbound) {
    match *message {
        ToGateway::Walls { ref walls, ref why } => {
            gateway.servers.stand_behind(walls.clone(), why.clone());
            gateway.servers.linked();
        }
        ToGateway::Server { server } => {
            if let Some(descriptor) = descriptor {
                match adopt(gateway, server, descriptor) {
                    Ok(task) => {
                        if let Some(before) = outbound.insert(server, task) {
                            before.abort();
                        }
                    }
                    Err(error) => log::error("an outbound socket cannot be served", &[("error", &error.kind())]),
                }
            }
            gateway.servers.made(server);
        }
        ToGateway::Awake { server } => gateway.servers.awake(server),
        ToGateway::Asleep { server } => gateway.servers.asleep(server),
        ToGateway::Killed { server, was_awake } => {
            log::info("an assistant was ended on request", &[("server", &server), ("was_awake", &was_awake)]);
        }
    }
}

fn adopt(gateway: &Gateway, server: ServerId, descriptor: OwnedFd) -> io::Result<AbortHandle> {
    let listener = socket::listen(descriptor.into())?;
    Ok(tokio::spawn(listen::serve_unix(listener, gateway.outbound(server))).abort_handle())
}

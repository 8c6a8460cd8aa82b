//! The gateway's line: it is told who exists and who is awake, and may end somebody's process.

use crate::host::{Host, Kill, Told};
use ally_sandbox::passing;
use ally_types::host::{FromGateway, ToGateway};
use ally_types::log;
use std::os::fd::AsFd;
use std::sync::Arc;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

/// Answers one connection until it closes. Everything is told again to each new connection.
pub(crate) async fn answer(host: Arc<Host>, stream: UnixStream) {
    let (sender, mut receiver) = passing::pair(stream);
    let (tell, mut to_tell) = host.subscribe();
    log::info("the gateway is connected", &[]);
    let telling = async {
        while let Some(Told { line, file }) = to_tell.recv().await {
            if sender.send(&line, file.as_deref().map(AsFd::as_fd)).await.is_err() {
                return;
            }
        }
        // A gateway that reads too slowly was struck off: it has to connect again and hear everything anew.
        log::warn("the gateway was too slow and is disconnected", &[]);
    };
    let hearing = async {
        while let Ok(Some((FromGateway::Kill { server }, _))) = receiver.receive().await {
            let commands = host.server(server).map(|server| server.commands.clone());
            tokio::spawn(kill(commands, server, tell.clone()));
        }
    };
    tokio::select! {
        () = telling => {}
        () = hearing => {}
    }
}

async fn kill(commands: Option<mpsc::Sender<Kill>>, server: ally_types::ServerId, tell: mpsc::WeakSender<Told>) {
    let (answer, done) = oneshot::channel();
    let mut was_awake = false;
    if let Some(commands) = commands
        && commands.send(Kill { answer }).await.is_ok()
    {
        was_awake = done.await.unwrap_or(false);
    }
    log::info("the gateway ended a process", &[("server", &server), ("was_awake", &was_awake)]);
    if let Some(tell) = tell.upgrade() {
        let _ = tell.send(Told { line: ToGateway::Killed { server, was_awake }, file: None }).await;
    }
}

//! The platform's line: it asks for servers.

use crate::host::{self, Host};
use ally_sandbox::passing;
use ally_types::host::{FromPlatform, ToPlatform};
use std::sync::Arc;
use tokio::net::UnixStream;

/// Answers one connection until it closes.
pub(crate) async fn answer(host: Arc<Host>, stream: UnixStream) {
    let (sender, mut receiver) = passing::pair(stream);
    while let Ok(Some((FromPlatform::Ensure { server }, _))) = receiver.receive().await {
        let line = match host::ensure(&host, server).await {
            Ok(()) => ToPlatform::Ready { server },
            Err(error) => {
                error.log(server);
                ToPlatform::Failed { server, retry: error.may_pass() }
            }
        };
        if sender.send(&line, None).await.is_err() {
            return;
        }
    }
}

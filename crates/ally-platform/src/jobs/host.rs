//! The host's door: JSON lines over its Unix socket.

use super::{EnsureError, Servers};
use ally_http::socket;
use ally_types::ServerId;
use ally_types::host::{FromPlatform, ToPlatform};
use futures_util::future::BoxFuture;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// So long the host may take; shorter than a job's lease.
const PATIENCE: Duration = Duration::from_secs(10);

/// Servers made by the host that listens at a Unix socket.
#[derive(Debug, Clone)]
pub struct HostSocket {
    path: PathBuf,
}

impl HostSocket {
    /// The host listens at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    async fn ask(&self, server: ServerId) -> Result<(), EnsureError> {
        let mut stream = socket::connect(&self.path).map_err(|_| EnsureError::Retry)?;
        let mut line = serde_json::to_vec(&FromPlatform::Ensure { server }).map_err(|_| EnsureError::Never)?;
        line.push(b'\n');
        stream.write_all(&line).await.map_err(|_| EnsureError::Retry)?;
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            match serde_json::from_str(&line) {
                Ok(ToPlatform::Ready { server: ready }) if ready == server => return Ok(()),
                Ok(ToPlatform::Failed { server: failed, retry }) if failed == server => {
                    return Err(if retry { EnsureError::Retry } else { EnsureError::Never });
                }
                _ => {}
            }
        }
        Err(EnsureError::Retry)
    }
}

impl Servers for HostSocket {
    fn ensure(&self, server: ServerId) -> BoxFuture<'_, Result<(), EnsureError>> {
        Box::pin(
            async move { tokio::time::timeout(PATIENCE, self.ask(server)).await.unwrap_or(Err(EnsureError::Retry)) },
        )
    }
}

//! Starting the platform as a process of its own.

use crate::installation::SignUp;
use crate::jobs::HostSocket;
use crate::limits::Limits;
use crate::people::Plans;
use crate::platform::{Operator, Parts, Platform, StartError};
use ally_http::{log::requests, socket};
use ally_types::register::Register;
use ally_types::seal::Key;
use ally_types::{Secret, SystemChance, SystemClock, log};
use axum::middleware::from_fn;
use serde::{Deserialize, Serialize};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What the platform is told when it starts: one JSON document on a file descriptor.
#[derive(Clone, Serialize, Deserialize)]
pub struct Boot {
    /// `sqlite:/path/platform.db` or `postgres://…`.
    pub database_url: String,
    /// 32 bytes in hexadecimal.
    pub pepper: String,
    /// 32 bytes in hexadecimal.
    pub session_key: String,
    /// The address that people type.
    pub public_url: String,
    /// Who may sign up after the first account.
    #[serde(default)]
    pub sign_up: SignUp,
    /// Whether only this machine can reach the installation.
    pub loopback: bool,
    /// Where the host listens.
    pub host_socket: PathBuf,
    /// What the first account needs beyond loopback.
    #[serde(default)]
    pub first_account_code: Option<String>,
    /// Who runs the installation.
    #[serde(default)]
    pub operator: Operator,
    /// The plans that the administrator can give to people.
    #[serde(default)]
    pub plans: Plans,
    /// The listening Unix socket, already bound.
    pub listener_fd: i32,
}

/// The cost of bcrypt: 150 to 400 ms on the machines this runs on.
const BCRYPT_COST: u32 = 12;

/// Requests that are in flight have so long to finish.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the platform until it is told to stop.
///
/// # Errors
/// A key cannot be read, the database cannot be opened, or the socket breaks.
pub async fn run(boot: Boot, listener: UnixListener, register: Register) -> Result<(), StartError> {
    let key = |text: &str| Key::from_hex(text).ok_or(StartError::Key);
    let platform = Platform::new(Parts {
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance),
        database_url: boot.database_url,
        pepper: key(&boot.pepper)?,
        session_key: key(&boot.session_key)?,
        public_url: boot.public_url,
        sign_up: boot.sign_up,
        loopback: boot.loopback,
        first_account_code: boot.first_account_code.map(Secret::new),
        operator: boot.operator,
        plans: boot.plans,
        register,
        servers: Arc::new(HostSocket::new(boot.host_socket)),
        bcrypt_cost: BCRYPT_COST,
        limits: Limits::default(),
    })
    .await?;
    let listener = socket::listen(listener)?;
    let mut stop = signal(SignalKind::terminate())?;
    let worker = tokio::spawn(Arc::clone(&platform).work());
    let router = platform.router().route_layer(from_fn(requests));
    log::info("platform is ready", &[]);
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let mut serving = tokio::spawn(async move { serving.await });
    tokio::select! {
        ended = &mut serving => ended.map_err(std::io::Error::other)??,
        _ = stop.recv() => {
            let _ = stopping.send(());
            platform.close();
            let _ = tokio::time::timeout(PATIENCE, serving).await;
        }
    }
    worker.abort();
    platform.shut().await;
    Ok(())
}

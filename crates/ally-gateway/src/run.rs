//! The gateway as a process: from the boot document to the signal that ends it.

use crate::boot::Boot;
use crate::door::Door;
use crate::egress::Outlet;
use crate::egress::target::read_private;
use crate::gateway::{Gateway, Limits, Parts};
use crate::models;
use ally_http::identity::Signer;
use ally_http::session::Sessions;
use ally_llm::{Budgets, Provider, anthropic};
use ally_types::seal::Key;
use ally_types::{Chance, Clock, Problem, Secret, log};
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Runs until SIGTERM or SIGINT; requests in flight are finished.
///
/// # Errors
/// The boot document does not fit, or the gateway's directory cannot be used.
pub async fn run(
    boot: Boot,
    client: reqwest::Client,
    openapi: Bytes,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
) -> Result<(), Problem> {
    let listener: std::net::TcpListener = ally_sandbox::inherited(boot.listener_fd).map_err(|_| does_not_fit())?.into();
    listener.set_nonblocking(true).map_err(|_| does_not_fit())?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|_| does_not_fit())?;
    let listen = listener.local_addr().ok();
    let (host, messages) = mpsc::channel(64);
    let host_socket = boot.run_dir.join("host-gateway.sock");
    let gateway =
        Gateway::new(Parts { egress: outlet(&boot, listen)?, ..parts(boot, client, openapi, clock, chance, host)? })
            .map_err(Problem::from)?;
    tokio::spawn(gateway.clone().forget_old_counts());
    tokio::spawn(gateway.clone().follow_revocations());
    tokio::spawn(gateway.clone().follow_plans());
    tokio::spawn(gateway.clone().tell_totals_for_ever());
    tokio::spawn(gateway.clone().follow_host(host_socket, messages));
    log::info("the gateway is up", &[]);
    let closing = gateway.clone();
    let stop = async move {
        stopped().await;
        // Open streams would keep the process for ever; browsers come back by themselves.
        closing.close_streams();
    };
    gateway.serve(listener, stop).await;
    gateway.settled().await;
    Ok(())
}

fn parts(
    boot: Boot,
    client: reqwest::Client,
    openapi: Bytes,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    host: mpsc::Sender<ally_types::host::FromGateway>,
) -> Result<Parts, Problem> {
    let key = |hex: &str| Key::from_hex(hex).ok_or_else(does_not_fit);
    let budgets = Budgets {
        first_token: Duration::from_secs(boot.first_token_seconds),
        stall: Duration::from_secs(boot.stall_seconds),
    };
    let reach = models::Reach { base_url: boot.anthropic_base_url, model: boot.anthropic_model, budgets };
    let environment = boot.anthropic_key.filter(|key| !key.is_empty()).map(|key| {
        let config = reach.with(anthropic::Config::new(Secret::new(key)));
        Provider::Anthropic(config)
    });
    Ok(Parts {
        sessions: Sessions::new(&key(&boot.session_key)?),
        signer: Signer::new(&key(&boot.identity_seed)?),
        platform: Door::at(boot.run_dir.join("platform.sock")),
        people: Door::in_directory(boot.run_dir.join("in")),
        host,
        client,
        environment,
        local_model_url: boot.local_model_url,
        anthropic: reach,
        data_dir: boot.data_dir,
        sealing: key(&boot.sealing_key)?,
        public_url: boot.public_url,
        trusted_proxies: boot.trusted_proxies,
        allow_plain_http: boot.allow_plain_http,
        openapi,
        egress: Outlet::default(),
        plans: boot.plans,
        limits: Limits::default(),
        clock,
        chance,
    })
}

/// The way out: into the real world, with the exceptions that the administrator made.
fn outlet(boot: &Boot, listen: Option<SocketAddr>) -> Result<Outlet, Problem> {
    let private = read_private(&boot.egress_private).map_err(|_| does_not_fit())?;
    Ok(Outlet { private, listen, ..Outlet::default() })
}

fn does_not_fit() -> Problem {
    Problem::new(500, "boot_document", "The gateway was started with something that does not fit.")
        .next("Start Ally with `ally serve`.")
}

async fn stopped() {
    let (Ok(mut stop), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
    }
}

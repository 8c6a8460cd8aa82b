//! The gateway as one value: what it is made of, and the routers that it offers.

use crate::door::Door;
use crate::egress::{self, Egress, Outlet};
use crate::models::Models;
use crate::models::counters::Counters;
use crate::servers::Servers;
use crate::sessions::Known;
use crate::streams::Streams;
use crate::{edge, listen, models, router, servers, sessions};
use ally_http::cookie::Transport;
use ally_http::identity::Signer;
use ally_http::{origin, session};
use ally_llm::Provider;
use ally_store::StoreError;
use ally_types::host::FromGateway;
use ally_types::seal::Key;
use ally_types::{Chance, Clock, ServerId};
use axum::Router;
use bytes::Bytes;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What a gateway is made of.
pub struct Parts {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub chance: Arc<dyn Chance>,
    /// Verifies session tokens.
    pub sessions: session::Sessions,
    /// Signs identity tokens.
    pub signer: Signer,
    /// The way to the platform.
    pub platform: Door<()>,
    /// The way to each person's assistant.
    pub people: Door<ServerId>,
    /// Where messages for the host go.
    pub host: mpsc::Sender<FromGateway>,
    /// The one HTTP client for calls to providers.
    pub client: reqwest::Client,
    /// The provider that the environment configures; tests put a scripted one here.
    pub environment: Option<Provider>,
    /// The model server that the operator configured, if any.
    pub local_model_url: Option<String>,
    /// How Anthropic is reached with a person's own key or a pasted one: address and model, if not the usual ones.
    pub anthropic: models::Reach,
    /// The gateway's own directory.
    pub data_dir: PathBuf,
    /// Seals what the administrator pasted.
    pub sealing: Key,
    /// The address that people type.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether somebody beyond this machine may come past them, without HTTPS.
    pub allow_plain_http: bool,
    /// The description of the whole HTTP interface, as JSON.
    pub openapi: Bytes,
    /// The way out for people's assistants.
    pub egress: Outlet,
    /// How many tokens people may use on the installation's account.
    pub plans: models::plans::Plans,
    /// How much is allowed.
    pub limits: Limits,
}

/// How much is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections of browsers at a time; more wait in the kernel's queue.
    pub connections: usize,
    /// Connections from one address at a time; more are closed.
    pub connections_of_one: usize,
    /// Bytes of a request to an assistant.
    pub body: usize,
    /// Bytes of a file that is handed to an assistant.
    pub upload: usize,
    /// How long an assistant may take to receive one, and to answer.
    pub upload_within: Duration,
    /// Bytes of a request to the platform.
    pub account_body: usize,
    /// Open event streams of one session.
    pub streams: usize,
    /// Model calls of one server at a time.
    pub calls: usize,
    /// Bytes of a model call.
    pub model_body: usize,
    /// How long the body of a model call may take to arrive.
    pub body_within: Duration,
    /// How long a request waits for a server that was just ordered.
    pub made_within: Duration,
    /// How long an assistant may take until the head of its answer.
    pub answer_within: Duration,
    /// Whether model servers on this machine may be looked for.
    pub looks_for_local_models: bool,
    /// What may go out.
    pub egress: egress::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: listen::most_connections(),
            connections_of_one: 256,
            // As much as an assistant takes; it would otherwise answer while the body is still on its way.
            body: 1 << 20,
            // A little more than an assistant takes, so that it says itself what is too large.
            upload: 33 << 20,
            upload_within: Duration::from_secs(600),
            account_body: 8 << 10,
            streams: 16,
            calls: 8,
            // What the assistant sends at most: the files of a question, and its words.
            model_body: 32 << 20,
            body_within: Duration::from_secs(30),
            made_within: Duration::from_secs(5),
            answer_within: Duration::from_secs(90),
            looks_for_local_models: true,
            egress: egress::Limits::default(),
        }
    }
}

/// The gateway. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

/// What all parts of the gateway share.
pub struct Inner {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn Chance>,
    pub(crate) signer: Signer,
    pub(crate) known: Known,
    pub(crate) platform: Door<()>,
    pub(crate) people: Door<ServerId>,
    pub(crate) host: mpsc::Sender<FromGateway>,
    pub(crate) servers: Servers,
    pub(crate) streams: Arc<Streams>,
    pub(crate) models: Models,
    pub(crate) egress: Egress,
    pub(crate) public_url: String,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) allow_plain_http: bool,
    pub(crate) openapi: Bytes,
    pub(crate) limits: Limits,
}

impl std::ops::Deref for Gateway {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Gateway {
    /// Opens the counters and reads what the administrator pasted.
    ///
    /// # Errors
    /// The counters cannot be opened.
    pub fn new(parts: Parts) -> Result<Self, StoreError> {
        let streams = Arc::new(Streams::new(parts.limits.streams));
        let transport = Transport::of(&parts.public_url);
        let models = Models::open(models::Opening {
            clock: Arc::clone(&parts.clock),
            chance: Arc::clone(&parts.chance),
            client: parts.client,
            environment: parts.environment,
            local_model_url: parts.local_model_url,
            anthropic: parts.anthropic,
            directory: &parts.data_dir,
            sealing: parts.sealing,
            our_port: port(&parts.public_url),
            plans: parts.plans,
            limits: parts.limits,
        })?;
        let egress = Egress::new(egress::Opening {
            outlet: parts.egress,
            limits: parts.limits.egress,
            clock: Arc::clone(&parts.clock),
            store: models.counters.store(),
        });
        Ok(Self(Arc::new(Inner {
            known: Known::new(parts.sessions, transport),
            clock: parts.clock,
            chance: parts.chance,
            signer: parts.signer,
            platform: parts.platform,
            people: parts.people,
            host: parts.host,
            servers: Servers::default(),
            streams,
            models,
            egress,
            public_url: parts.public_url,
            trusted_proxies: parts.trusted_proxies,
            allow_plain_http: parts.allow_plain_http,
            openapi: parts.openapi,
            limits: parts.limits,
        })))
    }

    /// The routes for browsers.
    pub fn router(&self) -> Router {
        router::edge(self.clone())
    }

    /// Serves browsers until `stop` ends, then finishes what is in flight.
    pub async fn serve(&self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let crowd = listen::Crowd::new(&self.limits, self.is_loopback_only(), self.trusted_proxies.clone());
        listen::serve_crowd(listener, self.router(), crowd, stop).await;
    }

    /// Whether only this machine is meant to reach the gateway.
    pub(crate) fn is_loopback_only(&self) -> bool {
        let ours = self.origin().split_once("://").map_or("", |(_, ours)| ours);
        !self.public_url.starts_with("https://") && edge::is_loopback(edge::name_of(ours))
    }

    /// The routes for the outbound calls of one server.
    pub fn outbound(&self, server: ServerId) -> Router {
        router::outbound(self.clone(), server)
    }

    /// Holds the platform's stream of revocations, for ever. Spawn it.
    pub async fn follow_revocations(self) {
        sessions::revocations::follow(self).await;
    }

    /// Holds the link to the host, for ever. Spawn it. `messages` is the other end of [`Parts::host`].
    pub async fn follow_host(self, path: PathBuf, messages: mpsc::Receiver<FromGateway>) {
        servers::link::follow(self, &path, messages).await;
    }

    /// What is known about people's servers; the host link tells it, or a test.
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// Ends every open event stream, so that the process can end.
    pub fn close_streams(&self) {
        self.streams.close_all();
    }

    /// Waits until no model call is waiting to be settled, and writes what was counted of calls to the outside.
    pub async fn settled(&self) {
        self.models.settled().await;
        self.egress.ledger.write().await;
    }

    /// Drops counts that are older than they may be, once a day, for ever. Spawn it.
    pub async fn forget_old_counts(self) {
        loop {
            self.egress.ledger.write().await;
            tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
        }
    }

    /// The counts of model calls.
    pub fn counters(&self) -> &Counters {
        &self.models.counters
    }

    /// The origin that requests must come from.
    pub(crate) fn origin(&self) -> &str {
        origin::of(&self.public_url)
    }
}

/// The port of an address, if it names one.
fn port(url: &str) -> Option<u16> {
    origin::of(url).rsplit_once(':')?.1.parse().ok()
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gateway")
    }
}

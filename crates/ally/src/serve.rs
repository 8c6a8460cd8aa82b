//! `ally serve`: keys, directories, sockets, then host, platform and gateway as processes of their own.
//!
//! The parent keeps every listening socket, so a role that ends can be started again without a refused connection.

use crate::command::{fail, write};
use crate::config::Config;
use crate::keys;
use crate::layout::Layout;
use crate::roles::Boot;
use ally_sandbox::{Child, Signal, Spawn};
use ally_types::log;
use ally_types::{Chance, SystemChance};
use axum::body::Body;
use serde::Serialize;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// The first descriptor that a role gets beside its boot document.
const FIRST: i32 = 10;
const SECOND: i32 = 11;

/// Connections that wait for the gateway; the kernel may allow fewer (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Longest pause before a role that keeps ending is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What each role is started with, so that it can be started again.
struct Plan {
    config: Config,
    layout: Layout,
    program: PathBuf,
    edge: TcpListener,
    platform: UnixListener,
    host_gateway: UnixListener,
    host_platform: UnixListener,
    platform_root: ally_types::seal::Key,
    region_root: ally_types::seal::Key,
    first_account_code: Option<String>,
}

/// The roles, in the order in which they are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Host,
    Platform,
    Gateway,
}

const ROLES: [Role; 3] = [Role::Host, Role::Platform, Role::Gateway];

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Platform => "platform",
            Self::Gateway => "gateway",
        }
    }
}

/// Runs until a signal says stop.
pub fn run(config: Config) -> ExitCode {
    crate::foreign::install(config.log);
    crate::roles::raise_open_files();
    let listen = config.listen;
    let data = config.data_dir.clone();
    if config.is_plain_beyond_loopback() {
        log::warn("reachable without HTTPS: everybody on the way can read passwords and chats", &[]);
    }
    let people = crate::layout::FIRST_PERSON;
    if let Some(problem) = config.require_sandbox.and_then(|wanted| ally_host::walls_too_low(people, wanted)) {
        return fail(&problem.title, problem.next_step.as_deref().unwrap_or_default());
    }
    let plan = match Plan::make(config) {
        Ok(plan) => plan,
        Err(error) => return explain(&error, listen, &data),
    };
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let reactor = reactor.expect("a reactor needs only a few descriptors");
    reactor.block_on(supervise(&plan))
}

/// What could not be prepared.
#[derive(Debug, thiserror::Error)]
enum CannotPrepare {
    #[error("listen")]
    Listen(#[source] io::Error),
    #[error("data directory")]
    Data(#[source] io::Error),
    #[error("keys")]
    Keys(#[source] io::Error),
    #[error("program")]
    Program(#[source] io::Error),
}

fn explain(error: &CannotPrepare, listen: SocketAddr, data: &std::path::Path) -> ExitCode {
    match error {
        CannotPrepare::Listen(cause) if cause.kind() == io::ErrorKind::AddrInUse => fail(
            &format!("Something else already listens on {listen}. Perhaps Ally is running there."),
            &format!("Open http://{listen}, or choose another port: ally serve --listen 127.0.0.1:8081"),
        ),
        CannotPrepare::Listen(cause) => fail(
            &format!("Ally may not listen on {listen}: {}.", cause.kind()),
            "Choose another address with --listen.",
        ),
        CannotPrepare::Data(cause) => fail(
            &format!("The data directory {} cannot be prepared: {}.", data.display(), cause.kind()),
            "Check who owns it and whether the disk is full, or choose another with --data-dir.",
        ),
        CannotPrepare::Keys(cause) => fail(
            &format!("The root keys cannot be read or made: {}.", cause.kind()),
            "Restore them from your backup; without them, accounts and sealed data cannot be opened.",
        ),
        CannotPrepare::Program(cause) => {
            fail(&format!("The program cannot find itself: {}.", cause.kind()), "Start it by its full path.")
        }
    }
}

impl Plan {
    fn make(config: Config) -> Result<Self, CannotPrepare> {
        let edge = TcpListener::bind(config.listen).map_err(CannotPrepare::Listen)?;
        // Hundreds may come in the same moment; whoever does not fit into the queue would try again a second later.
        rustix::net::listen(&edge, BACKLOG).map_err(|error| CannotPrepare::Listen(error.into()))?;
        let config = config.with_real_port(edge.local_addr().map_err(CannotPrepare::Listen)?);
        let layout = Layout::prepare(&config.data_dir).map_err(CannotPrepare::Data)?;
        for file in [&config.platform_key_file, &config.region_key_file] {
            if let Some(directory) = file.parent() {
                std::fs::create_dir_all(directory).map_err(CannotPrepare::Keys)?;
            }
        }
        let platform_root = keys::root(&config.platform_key_file, &SystemChance).map_err(CannotPrepare::Keys)?;
        let region_root = keys::root(&config.region_key_file, &SystemChance).map_err(CannotPrepare::Keys)?;
        let (gateway_uid, platform_uid) = (layout.uids.map(|uids| uids.gateway), layout.uids.map(|uids| uids.platform));
        let bind = |name: &str, only| layout.bind(name, only).map_err(CannotPrepare::Data);
        Ok(Self {
            program: std::env::current_exe().map_err(CannotPrepare::Program)?,
            platform: bind("platform.sock", gateway_uid)?,
            host_gateway: bind("host-gateway.sock", gateway_uid)?,
            host_platform: bind("host-platform.sock", platform_uid)?,
            first_account_code: (!config.is_loopback()).then(|| code(&SystemChance)),
            edge,
            platform_root,
            region_root,
            layout,
            config,
        })
    }

    fn spawn(&self, role: Role) -> io::Result<Child> {
        let (boot, descriptors, uid) = match role {
            Role::Host => self.host()?,
            Role::Platform => self.platform()?,
            Role::Gateway => self.gateway()?,
        };
        let spawn = Spawn::role(&self.program, role.name(), &boot, descriptors, uid, &self.layout.data)?;
        spawn.spawn().map_err(io::Error::other)
    }

    fn envelope<T: Serialize>(&self, role: T) -> Vec<u8> {
        let boot = Boot { log: self.config.log, role };
        serde_json::to_vec(&boot).expect("a boot document of plain values always serialises")
    }
}

/// What a role is started with: its boot document, its descriptors and its user.
type Start = (Vec<u8>, Vec<(OwnedFd, i32)>, Option<u32>);

impl Plan {
    fn host(&self) -> io::Result<Start> {
        let uids = self.layout.uids;
        let seed = keys::derive(&self.region_root, "identity");
        let boot = ally_host::Boot {
            data_dir: self.layout.data.clone(),
            run_dir: self.layout.run(),
            gateway_listener_fd: FIRST,
            platform_listener_fd: SECOND,
            wrapping_key: keys::derive(&self.region_root, "people").to_hex(),
            identity_key: ally_http::identity::Signer::new(&seed).public_key(),
            program: self.program.clone(),
            role: "assistant".to_owned(),
            gateway_uid: uids.map(|uids| uids.gateway),
            platform_uid: uids.map(|uids| uids.platform),
            people_uid_base: uids.map_or(0, |uids| uids.people),
            idle_exit_seconds: self.config.idle_exit_seconds,
            require_sandbox: self.config.require_sandbox,
            shares: self.config.shares,
            back_off_millis: 1000,
            stays_at_least_millis: 1000,
            start_within_millis: 2000,
            log: self.config.log,
            stop_within_seconds: 30,
        };
        let descriptors =
            vec![(self.host_gateway.try_clone()?.into(), FIRST), (self.host_platform.try_clone()?.into(), SECOND)];
        Ok((self.envelope(boot), descriptors, None))
    }

    fn platform(&self) -> io::Result<Start> {
        let config = &self.config;
        let boot = ally_platform::Boot {
            listener_fd: FIRST,
            database_url: config.database_url.clone(),
            pepper: keys::derive(&self.platform_root, "pepper").to_hex(),
            session_key: keys::derive(&self.platform_root, "session").to_hex(),
            public_url: config.public_url.clone(),
            sign_up: config.sign_up,
            loopback: config.is_loopback(),
            host_socket: self.layout.run().join("host-platform.sock"),
            first_account_code: self.first_account_code.clone(),
            operator: ally_platform::Operator::default(),
            plans: ally_platform::Plans {
                names: config.plans.by_name.keys().cloned().collect(),
                default: config.plans.default.clone(),
            },
        };
        Ok((
            self.envelope(boot),
            vec![(self.platform.try_clone()?.into(), FIRST)],
            self.layout.uids.map(|uids| uids.platform),
        ))
    }

    fn gateway(&self) -> io::Result<Start> {
        let config = &self.config;
        let boot = ally_gateway::Boot {
            listener_fd: FIRST,
            data_dir: self.layout.data.join("gateway"),
            run_dir: self.layout.run(),
            session_key: keys::derive(&self.platform_root, "session").to_hex(),
            identity_seed: keys::derive(&self.region_root, "identity").to_hex(),
            sealing_key: keys::derive(&self.region_root, "gateway").to_hex(),
            public_url: config.public_url.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            allow_plain_http: config.allow_plain_http,
            first_token_seconds: config.model_first_token_seconds,
            stall_seconds: config.model_stall_seconds,
            anthropic_key: config.anthropic_key.as_ref().map(|key| key.expose().to_owned()),
            anthropic_base_url: config.anthropic_base_url.clone(),
            anthropic_model: config.anthropic_model.clone(),
            egress_private: config.egress_private.clone(),
            local_model_url: config.local_model_url.clone(),
            plans: config.plans.clone(),
        };
        Ok((
            self.envelope(boot),
            vec![(self.edge.try_clone()?.into(), FIRST)],
            self.layout.uids.map(|uids| uids.gateway),
        ))
    }
}

/// A code that is easy to type: two groups of four, without letters that look alike.
fn code(random: &dyn Chance) -> String {
    const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let drawn: [u8; 8] = ally_types::chance::bytes(random);
    let letters: String = drawn.iter().map(|byte| LETTERS[usize::from(byte & 31)] as char).collect();
    format!("{}-{}", &letters[..4], &letters[4..])
}

async fn supervise(plan: &Plan) -> ExitCode {
    let (Ok(mut stop), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return fail("Signals cannot be received.", "Start Ally from an ordinary shell or service manager.");
    };
    let mut children = Vec::new();
    for role in ROLES {
        match start(plan, role) {
            Ok(child) => children.push(child),
            Err(code) => return code,
        }
    }
    let [mut host, mut platform, mut gateway] = <[Child; 3]>::try_from(children).expect("three roles were started");
    let mut said = std::pin::pin!(announce(plan));
    let mut is_said = false;
    let mut pause = Duration::from_secs(1);
    loop {
        let ended = tokio::select! {
            () = &mut said, if !is_said => { is_said = true; continue; }
            _ = stop.recv() => break,
            _ = interrupt.recv() => break,
            exit = host.wait() => (Role::Host, exit),
            exit = platform.wait() => (Role::Platform, exit),
            exit = gateway.wait() => (Role::Gateway, exit),
        };
        let (role, _) = ended;
        log::error("a role ended and is started again", &[("role", &role.name()), ("pause_s", &pause.as_secs())]);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.recv() => break,
            _ = interrupt.recv() => break,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        match start(plan, role) {
            Ok(child) => match role {
                Role::Host => host = child,
                Role::Platform => platform = child,
                Role::Gateway => gateway = child,
            },
            Err(code) => return code,
        }
    }
    // The edge stops taking requests first; then the assistants finish what is in flight; the platform last.
    for child in [&gateway, &host, &platform] {
        let _ = child.signal(Signal::TERM);
        let _ = tokio::time::timeout(Duration::from_secs(35), child.wait()).await;
    }
    ExitCode::SUCCESS
}

fn start(plan: &Plan, role: Role) -> Result<Child, ExitCode> {
    plan.spawn(role).map_err(|error| {
        log::error("role could not be started", &[("role", &role.name()), ("error", &error.kind())]);
        fail(
            &format!("The part \"{}\" could not be started.", role.name()),
            "Run `ally doctor`; the log above has the cause.",
        )
    })
}

/// Waits until the gateway says that it has reached the others, then says where Ally is.
async fn announce(plan: &Plan) {
    let mut pause = Duration::from_millis(2);
    while get(plan, "/readyz").await.is_none() {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(500));
    }
    let mut text = format!("\n  Ally is ready: {}\n  Data: {}\n", plan.config.public_url, plan.layout.data.display());
    if let Some(code) = &plan.first_account_code
        && get(plan, "/api/v1/auth/options").await.is_some_and(|body| body.contains("\"first\""))
    {
        text.push_str(&format!("  Code for the first account: {code}\n"));
    }
    text.push_str("  Stop with Ctrl-C.\n\n");
    write(&text);
}

async fn get(plan: &Plan, path: &str) -> Option<String> {
    use http_body_util::BodyExt as _;
    let stream = tokio::net::TcpStream::connect(plan.config.listen).await.ok()?;
    let host = plan.config.public_url.split("://").nth(1)?;
    let request = http::Request::builder().uri(path).header(http::header::HOST, host).body(Body::empty()).ok()?;
    let response = ally_http::socket::call_over(stream, request).await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some(String::from_utf8_lossy(&body).into_owned())
}

//! `TestApp`: platform, gateway and assistants in one process, joined over in-memory sockets, on a clock that stands
//! still. Production code from the socket inward.

use crate::browser::Browser;
use ally_assistant::{Assistant, Connect, Outbound};
use ally_gateway::{Gateway, Plans};
use ally_http::identity::{Signer, Verifier};
use ally_http::session::Sessions;
use ally_llm::{Provider, Scripted};
use ally_platform::Platform;
use ally_types::seal::Key;
use ally_types::time::StandingClock;
use ally_types::{Chance, ServerId, SystemChance, Timestamp};
use axum::Router;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use tempfile::TempDir;
use tokio::io::DuplexStream;

/// 21 November 2025, 09:00 in Berlin.
pub const MORNING: Timestamp = Timestamp::from_millis(1_763_712_000_000);

/// The whole product in one process.
pub struct TestApp {
    pub clock: Arc<StandingClock>,
    /// What the model says; without a script it repeats the question.
    pub model: Scripted,
    /// What session tokens are signed with.
    pub session_key: Key,
    /// Makes the platform and the assistants panic where they draw an id, a salt or a token.
    pub faults: Arc<Faults>,
    address: SocketAddr,
    people: Arc<People>,
    _directory: TempDir,
}

/// The machine's chance, until a test wants the next draws to fail.
#[derive(Default)]
pub struct Faults(Mutex<Vec<String>>);

impl Faults {
    /// The next draws panic, one with each of these words.
    pub fn panic_with(&self, words: impl IntoIterator<Item = String>) {
        self.0.lock().unwrap().extend(words);
    }

    /// Takes back what has not happened yet, and says how often that is.
    pub fn heal(&self) -> usize {
        std::mem::take(&mut *self.0.lock().unwrap()).len()
    }
}

impl Chance for Faults {
    fn fill(&self, bytes: &mut [u8]) {
        // Eight bytes are the lease of a job: the worker may draw one at any time, and no request waits for it.
        let word = if bytes.len() == 8 { None } else { self.0.lock().unwrap().pop() };
        if let Some(word) = word {
            panic!("{word}");
        }
        SystemChance.fill(bytes);
    }
}

/// The host's part: makes an assistant when the platform asks for one.
struct People {
    directory: PathBuf,
    clock: Arc<StandingClock>,
    chance: Arc<Faults>,
    identity_key: String,
    gateway: OnceLock<Gateway>,
    awake: Mutex<HashMap<ServerId, (Router, Assistant)>>,
}

impl TestApp {
    /// With a scripted model.
    pub async fn new() -> Self {
        let model = Scripted::saying([]);
        Self::with(Some(Provider::Scripted(model.clone())), model, Plans::default()).await
    }

    /// With a scripted model and limits on what people may use of it.
    pub async fn limited(plans: Plans) -> Self {
        let model = Scripted::saying([]);
        Self::with(Some(Provider::Scripted(model.clone())), model, plans).await
    }

    /// Without any model: the built-in commands answer.
    pub async fn without_model() -> Self {
        Self::with(None, Scripted::saying([]), Plans::default()).await
    }

    /// With this provider.
    pub async fn with_provider(provider: Provider) -> Self {
        Self::with(Some(provider), Scripted::saying([]), Plans::default()).await
    }

    async fn with(environment: Option<Provider>, model: Scripted, plans: Plans) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(StandingClock::at(MORNING));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let public_url = format!("http://{address}");
        let faults = Arc::<Faults>::default();
        let (session_key, seed) = (Key::new(&SystemChance), Key::new(&SystemChance));
        let people = Arc::new(People {
            directory: directory.path().join("people"),
            clock: clock.clone(),
            chance: faults.clone(),
            identity_key: Signer::new(&seed).public_key(),
            gateway: OnceLock::new(),
            awake: Mutex::new(HashMap::new()),
        });
        let platform = Platform::new(ally_platform::Parts {
            clock: clock.clone(),
            chance: faults.clone(),
            database_url: format!("sqlite:{}", directory.path().join("platform.db").display()),
            pepper: Key::new(&SystemChance),
            session_key: session_key.clone(),
            public_url: public_url.clone(),
            sign_up: ally_platform::SignUp::Open,
            loopback: true,
            first_account_code: None,
            operator: ally_platform::Operator::default(),
            plans: ally_platform::Plans {
                names: plans.by_name.keys().cloned().collect(),
                default: plans.default.clone(),
            },
            register: ally::register::ALL,
            servers: Arc::new(Makes(Arc::clone(&people))),
            bcrypt_cost: 4,
            limits: ally_platform::Limits::default(),
        })
        .await
        .unwrap();
        tokio::spawn(Arc::clone(&platform).work());
        let find = Arc::clone(&people);
        let (host, _) = tokio::sync::mpsc::channel(8);
        let gateway = Gateway::new(ally_gateway::Parts {
            clock: clock.clone(),
            chance: Arc::new(SystemChance),
            sessions: Sessions::new(&session_key),
            signer: Signer::new(&seed),
            platform: ally_gateway::Door::to_router(move |()| Some(platform.router())),
            people: ally_gateway::Door::to_router(move |server| {
                Some(find.awake.lock().unwrap().get(&server)?.0.clone())
            }),
            host,
            client: ally::client::build().unwrap(),
            environment,
            local_model_url: None,
            anthropic: ally_gateway::Reach::default(),
            data_dir: directory.path().to_owned(),
            sealing: Key::new(&SystemChance),
            public_url,
            trusted_proxies: Vec::new(),
            allow_plain_http: false,
            openapi: ally::openapi::json().into(),
            egress: ally_gateway::Outlet::default(),
            plans,
            limits: ally_gateway::Limits { looks_for_local_models: false, ..ally_gateway::Limits::default() },
        })
        .unwrap();
        tokio::spawn(gateway.clone().follow_revocations());
        assert!(people.gateway.set(gateway.clone()).is_ok());
        tokio::spawn(ally_gateway::serve(listener, gateway.router(), std::future::pending()));
        Self { clock, model, session_key, faults, address, people, _directory: directory }
    }

    /// A browser that is not signed in.
    pub fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// A person with an account; the first one administers.
    pub async fn owner(&self, name: &str) -> Browser {
        let browser = self.browser();
        browser.sign_up(&format!("{name}@example.org"), None).await;
        browser
    }

    /// Puts a memory file of everybody where somebody outside would put it.
    pub fn plant(&self, path: &str, text: &str) {
        for server in self.people.awake.lock().unwrap().keys() {
            let file = self.people.directory.join(server.to_string()).join("memories").join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
    }

    /// The gateway, for what it does by itself from time to time.
    pub fn gateway(&self) -> &Gateway {
        self.people.gateway.get().expect("there is one")
    }

    /// Waits until no assistant has anything in progress.
    pub async fn settled(&self) {
        let awake: Vec<Assistant> = self.people.awake.lock().unwrap().values().map(|(_, one)| one.clone()).collect();
        for assistant in awake {
            assistant.settled().await;
        }
    }
}

/// What the platform asks for servers.
struct Makes(Arc<People>);

impl ally_platform::Servers for Makes {
    fn ensure(&self, server: ServerId) -> BoxFuture<'_, Result<(), ally_platform::EnsureError>> {
        let people = Arc::clone(&self.0);
        async move {
            people.make(server).await;
            Ok(())
        }
        .boxed()
    }
}

impl People {
    async fn make(&self, server: ServerId) {
        let gateway = self.gateway.get().expect("the gateway is there before anybody signs up");
        if self.awake.lock().unwrap().contains_key(&server) {
            return;
        }
        let data_dir = self.directory.join(server.to_string());
        std::fs::create_dir_all(&data_dir).unwrap();
        let parts = ally_assistant::Parts {
            server,
            data_dir,
            key: Key::new(&SystemChance),
            verifier: Verifier::new(server, &self.identity_key, self.clock.clone()).unwrap(),
            outbound: Outbound::Memory(Arc::new(ToGateway { gateway: gateway.clone(), server })),
            clock: self.clock.clone(),
            chance: self.chance.clone(),
            epoch: 1,
            walls: "in_process".to_owned(),
            why: Default::default(),
            is_space_full: false,
        };
        let opened = ally_assistant::open(parts).await.unwrap();
        self.awake.lock().unwrap().insert(server, opened);
        gateway.servers().made(server);
        gateway.servers().awake(server);
    }
}

/// An assistant's way out: a pipe whose other end is the gateway.
struct ToGateway {
    gateway: Gateway,
    server: ServerId,
}

impl Connect for ToGateway {
    fn connect(&self) -> Pin<Box<dyn Future<Output = io::Result<DuplexStream>> + Send>> {
        let router = self.gateway.outbound(self.server);
        async move {
            let (near, far) = tokio::io::duplex(64 << 10);
            let service = hyper_util::service::TowerToHyperService::new(router);
            tokio::spawn(async move {
                let served = hyper::server::conn::http1::Builder::new();
                let _ = served.serve_connection(hyper_util::rt::TokioIo::new(far), service).with_upgrades().await;
            });
            Ok(near)
        }
        .boxed()
    }
}

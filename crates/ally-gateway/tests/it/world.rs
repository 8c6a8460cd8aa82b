//! A gateway between a platform and assistants that tests steer.

use ally_gateway::{BoxedIo, Door, Gateway, Limits, Outlet, Parts, Plans, Reach};
use ally_http::identity::{Signer, Verifier};
use ally_http::session::{Sessions, Subject};
use ally_http::socket::call_over;
use ally_http::stream::OPEN;
use ally_llm::Provider;
use ally_types::host::FromGateway;
use ally_types::seal::Key;
use ally_types::time::StandingClock;
use ally_types::{AccountId, Clock as _, ServerId, SessionId, SystemChance, Timestamp};
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

pub const ORIGIN: &str = "http://127.0.0.1:8080";

type Feed = mpsc::UnboundedSender<Bytes>;

/// The platform, as far as the gateway sees it.
#[derive(Clone, Default)]
pub struct Platform {
    pub sessions: Arc<Mutex<HashMap<String, (ServerId, bool)>>>,
    pub asked: Arc<AtomicUsize>,
    pub seen: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    pub is_down: Arc<AtomicBool>,
    pub trouble: Arc<Mutex<Option<Trouble>>>,
    /// Who has which plan.
    pub plans: Arc<Mutex<Vec<(ServerId, String)>>>,
    /// What it was told of usage, in the order in which it came.
    pub totals: Arc<Mutex<Vec<(ServerId, i64, i64)>>>,
    feed: Arc<Mutex<Vec<Feed>>>,
}

/// How a platform may answer about a session that is there, but is not well.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    Fails,
    Stalls,
    Garbles,
    Refuses,
}

impl Platform {
    fn router(&self) -> Router {
        Router::new()
            .route("/internal/sessions/{sid}", get(told))
            .route("/internal/revocations", get(revocations))
            .route("/internal/plans", get(plans))
            .route("/internal/totals", post(totals))
            .fallback(any(public))
            .with_state(self.clone())
    }

    pub fn say(&self, line: &serde_json::Value) {
        for feed in &*self.feed.lock().unwrap() {
            let _ = feed.send(Bytes::from(format!("{line}\n")));
        }
    }

    /// Ends the held stream.
    pub fn cut(&self) {
        self.feed.lock().unwrap().clear();
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn told(State(platform): State<Platform>, Path(sid): Path<String>) -> Response {
    platform.asked.fetch_add(1, Ordering::SeqCst);
    let trouble = *platform.trouble.lock().unwrap();
    match trouble {
        Some(Trouble::Fails) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Trouble::Stalls) => std::future::pending().await,
        Some(Trouble::Garbles) => return "{\"valid\":".into_response(),
        Some(Trouble::Refuses) => return StatusCode::TOO_MANY_REQUESTS.into_response(),
        None => {}
    }
    match platform.sessions.lock().unwrap().get(&sid) {
        Some((server, administrator)) => {
            Json(json!({"server": server, "administrator": administrator, "valid": true})).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A page holds two, so that there is a next one soon.
async fn plans(State(platform): State<Platform>, Query(asked): Query<HashMap<String, String>>) -> Response {
    let mut all = platform.plans.lock().unwrap().clone();
    all.sort();
    let mut items: Vec<_> = all.into_iter().filter(|(server, _)| server.to_string() > asked["after"]).collect();
    let next = (items.len() > 2).then(|| items[1].0);
    items.truncate(2);
    let items: Vec<_> = items.iter().map(|(server, plan)| json!({"server": server, "plan": plan})).collect();
    Json(json!({"items": items, "next": next})).into_response()
}

async fn totals(State(platform): State<Platform>, Json(body): Json<serde_json::Value>) -> Response {
    let told = body["items"].as_array().unwrap().iter().map(|item| {
        (
            item["server"].as_str().unwrap().parse().unwrap(),
            item["day"].as_i64().unwrap(),
            item["tokens"].as_i64().unwrap(),
        )
    });
    platform.totals.lock().unwrap().extend(told);
    // It took them, but the answer may be lost.
    let is_lost = platform.trouble.lock().unwrap().is_some();
    if is_lost { StatusCode::BAD_GATEWAY.into_response() } else { StatusCode::NO_CONTENT.into_response() }
}

async fn revocations(State(platform): State<Platform>) -> Response {
    let (feed, lines) = mpsc::unbounded_channel();
    let _ = feed.send(Bytes::from("{\"type\":\"hello\"}\n"));
    platform.feed.lock().unwrap().push(feed);
    stream_of(lines).into_response()
}

async fn public(State(platform): State<Platform>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let is_page = parts.uri.path().starts_with("/legal/");
    let seen = (format!("{} {}", parts.method, parts.uri), parts.headers);
    platform.seen.lock().unwrap().push(seen);
    if is_page {
        return ([("content-security-policy", "default-src 'none'; style-src 'self'")], "<p>").into_response();
    }
    let size = body.collect().await.map(|body| body.to_bytes().len()).unwrap_or(0);
    ([("set-cookie", "ally_session=new; Path=/"), ("x-ally-secret", "no")], format!("{size} bytes")).into_response()
}

/// What an assistant may answer in a test: one word, as JSON.
pub fn word(word: &str) -> Json<String> {
    Json(word.to_owned())
}

/// A body that a test writes into.
pub fn stream_of(mut lines: mpsc::UnboundedReceiver<Bytes>) -> Body {
    Body::from_stream(futures_util::stream::poll_fn(move |context| {
        lines.poll_recv(context).map(|line| line.map(Ok::<_, io::Error>))
    }))
}

/// Stands in the text of the panic, as something that a person wrote might.
pub const WORD_IN_A_PANIC: &str = "Qz77CanaryVq7919";

/// What answers on the socket of one server.
#[derive(Clone)]
pub enum Assistant {
    Routes(Router),
    Raw(Arc<dyn Fn(DuplexStream) -> BoxFuture<'static, ()> + Send + Sync>),
    Panics,
}

/// One person with a session.
#[derive(Clone)]
pub struct Person {
    pub server: ServerId,
    pub account: AccountId,
    pub session: SessionId,
    pub cookie: String,
}

pub struct World {
    pub gateway: Gateway,
    pub clock: Arc<StandingClock>,
    pub platform: Platform,
    pub assistants: Arc<Mutex<HashMap<ServerId, Assistant>>>,
    /// How often somebody connected to an assistant: each of these would wake it.
    pub connections: Arc<AtomicUsize>,
    pub verifying: String,
    pub host: Mutex<mpsc::Receiver<FromGateway>>,
    pub directory: tempfile::TempDir,
    pub session_key: Key,
    door: Door<()>,
}

/// What a test may choose.
#[derive(Default)]
pub struct Choice {
    pub provider: Option<Provider>,
    pub reach: Reach,
    pub limits: Option<Limits>,
    pub directory: Option<tempfile::TempDir>,
    pub public_url: Option<&'static str>,
    pub egress: Outlet,
    pub plans: Plans,
    pub proxy: Option<std::net::IpAddr>,
}

pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test builds its own")]
    let builder = reqwest::Client::builder();
    builder.no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// The key that seals is the same in every world, so that one can be started again on the files of another.
fn sealing() -> Key {
    Key::from_bytes([7; 32])
}

impl World {
    pub async fn new() -> Self {
        Self::with(Choice::default()).await
    }

    pub async fn with(choice: Choice) -> Self {
        let clock = Arc::new(StandingClock::at(Timestamp::from_millis(1_763_700_000_000)));
        let platform = Platform::default();
        let assistants: Arc<Mutex<HashMap<ServerId, Assistant>>> = Arc::default();
        let connections = Arc::new(AtomicUsize::new(0));
        let session_key = Key::new(&SystemChance);
        let signer = Signer::new(&Key::new(&SystemChance));
        let verifying = signer.public_key();
        let (host_sender, host) = mpsc::channel(4);
        let directory = choice.directory.unwrap_or_else(|| tempfile::tempdir().unwrap());
        let behind = platform.clone();
        let limits = Limits { looks_for_local_models: false, ..choice.limits.unwrap_or_default() };
        let gateway = Gateway::new(Parts {
            clock: clock.clone(),
            chance: Arc::new(SystemChance),
            sessions: Sessions::new(&session_key),
            signer,
            platform: Door::to_router(move |()| (!behind.is_down.load(Ordering::SeqCst)).then(|| behind.router())),
            people: people(assistants.clone(), connections.clone()),
            host: host_sender,
            client: client(),
            environment: choice.provider,
            local_model_url: None,
            anthropic: choice.reach,
            data_dir: directory.path().to_owned(),
            sealing: sealing(),
            public_url: choice.public_url.unwrap_or(ORIGIN).to_owned(),
            trusted_proxies: choice.proxy.into_iter().collect(),
            allow_plain_http: false,
            openapi: Bytes::from_static(b"{}"),
            egress: choice.egress,
            plans: choice.plans,
            limits,
        })
        .unwrap();
        tokio::spawn(gateway.clone().follow_revocations());
        let router = gateway.router();
        let door = Door::to_router(move |()| Some(router.clone()));
        let host = Mutex::new(host);
        let world =
            Self { gateway, clock, platform, assistants, connections, verifying, host, directory, session_key, door };
        // The stream of revocations is up once the gateway says that it is ready.
        while world.get("/readyz").send().await.status() != 200 {
            tokio::task::yield_now().await;
        }
        world
    }

    pub fn person(&self) -> Person {
        self.somebody(false)
    }

    pub fn somebody(&self, administrator: bool) -> Person {
        let account = AccountId::new(&*self.clock, &SystemChance);
        let session = SessionId::new(&*self.clock, &SystemChance);
        let server = ServerId::new(&*self.clock, &SystemChance);
        let subject =
            Subject { account, session, server, administrator, authenticated_at: self.clock.now().as_seconds() };
        let token = Sessions::new(&self.session_key).sign(&*self.clock, &SystemChance, subject);
        self.platform.sessions.lock().unwrap().insert(session.to_string(), (server, administrator));
        Person { server, account, session, cookie: format!("ally_session={token}") }
    }

    pub fn revoke(&self, person: &Person) {
        self.platform.sessions.lock().unwrap().remove(&person.session.to_string());
        self.platform.say(&json!({"type": "revoked", "session": person.session}));
    }

    pub fn assistant(&self, person: &Person, assistant: Assistant) {
        self.assistants.lock().unwrap().insert(person.server, assistant);
        self.gateway.servers().awake(person.server);
    }

    pub fn routes(&self, person: &Person, router: Router) {
        self.assistant(person, Assistant::Routes(router));
    }

    /// She pastes a key of her own in the browser, and her server takes it.
    pub async fn connect_key(&self, person: &Person, key: &str) {
        let before = self.assistants.lock().unwrap().get(&person.server).cloned();
        self.routes(person, Router::new().route("/api/v1/provider", any(async || word("taken"))));
        let put = self.ask("PUT", "/api/v1/provider").by(person).here().json(&json!({ "key": key }));
        assert_eq!(put.text().await.0, 200);
        if let Some(before) = before {
            self.assistant(person, before);
        }
    }

    pub fn verifier(&self, person: &Person) -> Verifier {
        Verifier::new(person.server, &self.verifying, self.clock.clone()).unwrap()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub async fn open(&self) -> BoxedIo {
        self.door.open(()).await.unwrap()
    }

    pub fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        let request = http::Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080");
        Ask { world: self, request, body: Body::empty() }
    }

    pub fn get(&self, path: &str) -> Ask<'_> {
        self.ask("GET", path)
    }
}

fn people(assistants: Arc<Mutex<HashMap<ServerId, Assistant>>>, connections: Arc<AtomicUsize>) -> Door<ServerId> {
    let routes = {
        let assistants = assistants.clone();
        Door::to_router(move |server| match assistants.lock().unwrap().get(&server) {
            Some(Assistant::Routes(router)) => Some(router.clone()),
            _ => None,
        })
    };
    Door::by(move |server| {
        let found = assistants.lock().unwrap().get(&server).cloned();
        let (routes, connections) = (routes.clone(), connections.clone());
        async move {
            assert!(!matches!(found, Some(Assistant::Panics)), "{WORD_IN_A_PANIC} belongs to a test");
            if found.is_some() {
                connections.fetch_add(1, Ordering::SeqCst);
            }
            match found {
                Some(Assistant::Raw(serve)) => {
                    let (near, far) = tokio::io::duplex(1 << 16);
                    tokio::spawn(serve(far));
                    Ok(Box::new(near) as BoxedIo)
                }
                _ => routes.open(server).await,
            }
        }
    })
}

/// A request on its way.
pub struct Ask<'a> {
    world: &'a World,
    request: http::request::Builder,
    body: Body,
}

impl Ask<'_> {
    pub fn by(self, person: &Person) -> Self {
        self.header("cookie", &person.cookie)
    }

    pub fn here(self) -> Self {
        self.header("origin", ORIGIN)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub fn json(self, body: &serde_json::Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub async fn send(self) -> http::Response<Incoming> {
        let connection = self.world.open().await;
        call_over(connection, self.request.body(self.body).unwrap()).await.unwrap()
    }

    /// Status and body.
    pub async fn text(self) -> (u16, String) {
        let response = self.send().await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Status and the problem's kind, or nothing.
    pub async fn problem(self) -> (u16, String) {
        let (status, text) = self.text().await;
        let problem: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        (status, problem["type"].as_str().unwrap_or_default().to_owned())
    }
}

/// The next piece of a streaming body; `None` at its end.
pub async fn piece(body: &mut Incoming) -> Option<String> {
    let next = next_piece(body).await;
    // Each stream begins with it; what comes then is what a test is about.
    if next.as_deref() == Some(OPEN) { next_piece(body).await } else { next }
}

/// The next frame, also the one that only opens a stream.
pub async fn next_piece(body: &mut Incoming) -> Option<String> {
    let frame = body.frame().await?.expect("the body goes on");
    Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
}

/// Lets everything that is ready run.
pub async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

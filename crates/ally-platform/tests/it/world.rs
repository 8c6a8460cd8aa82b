//! A platform on a fresh database, with a clock that stands still, and people who speak to it.

use crate::postgres;
use ally_platform::{EnsureError, Limits, Operator, Parts, Plans, Platform, REGISTER, Servers, SignUp};
use ally_types::seal::Key;
use ally_types::time::StandingClock;
use ally_types::{Chance, Secret, ServerId, SystemChance, Timestamp};
use axum::Router;
use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection as _, Row as _};
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

pub const PASSWORD: &str = "kestrel umbra fjord 40";

/// How a world is set up.
#[derive(Clone)]
pub struct Setup {
    pub public_url: &'static str,
    pub sign_up: SignUp,
    pub code: Option<&'static str>,
    pub limits: Limits,
    pub plans: Plans,
}

impl Setup {
    /// A laptop: only this machine can reach it.
    pub fn laptop() -> Self {
        let limits = Limits::default();
        Self {
            public_url: "http://127.0.0.1:8080",
            sign_up: SignUp::Closed,
            code: None,
            limits,
            plans: Plans::default(),
        }
    }

    /// A server that everybody can reach, and where everybody may sign up.
    pub fn public() -> Self {
        let (public_url, code) = ("https://ally.example", Some("first-code-1234"));
        Self { public_url, sign_up: SignUp::Open, code, limits: Limits::default(), plans: Plans::default() }
    }
}

/// The platform and what it was made of.
pub struct World {
    pub platform: Arc<Platform>,
    pub clock: Arc<StandingClock>,
    pub servers: Arc<StandIn>,
    pub router: Router,
    pub url: String,
    pub setup: Setup,
    session_key: Key,
    _directory: Option<tempfile::TempDir>,
}

/// Runs a test on SQLite, and on PostgreSQL where there is one.
pub async fn on_both(setup: Setup, test: impl AsyncFn(&World)) {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite:{}", directory.path().join("platform.db").display());
    test(&World::on(url, Some(directory), setup.clone(), 4).await).await;
    if let Some(url) = postgres::fresh_database().await {
        test(&World::on(url, None, setup, 4).await).await;
    }
}

impl World {
    async fn on(url: String, directory: Option<tempfile::TempDir>, setup: Setup, cost: u32) -> Self {
        let clock = Arc::new(StandingClock::at(Timestamp::from_millis(1_763_700_000_000)));
        let servers = Arc::new(StandIn::default());
        let session_key = Key::from_bytes([2; 32]);
        let platform = Platform::new(Parts {
            clock: clock.clone(),
            chance: Arc::new(SystemChance),
            database_url: url.clone(),
            pepper: Key::from_bytes([1; 32]),
            session_key: session_key.clone(),
            public_url: setup.public_url.to_owned(),
            sign_up: setup.sign_up,
            loopback: setup.public_url.starts_with("http://127."),
            first_account_code: setup.code.map(Secret::new),
            operator: Operator::default(),
            plans: setup.plans.clone(),
            register: &[REGISTER],
            servers: servers.clone(),
            bcrypt_cost: cost,
            limits: setup.limits,
        })
        .await
        .expect("the platform starts");
        let router = platform.router();
        Self { platform, clock, servers, router, url, setup, session_key, _directory: directory }
    }

    /// The same database, later, with another cost.
    pub async fn restarted(&self, cost: u32) -> Self {
        Self::on(self.url.clone(), None, self.setup.clone(), cost).await
    }

    pub async fn send(&self, call: Call) -> Reply {
        let mut request = Request::builder().method(call.method.clone()).uri(&call.path);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(call.body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        Reply { status: parts.status, headers: parts.headers, text }
    }

    /// A call with the headers that a browser on our own page sends.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let mut headers = vec![("x-ally-peer", "198.51.100.20".to_owned())];
        if !method.is_safe() {
            headers.push(("origin", self.setup.public_url.to_owned()));
        }
        Call { method, path: path.to_owned(), headers, body: Vec::new() }
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: Value) -> Call {
        self.call(Method::POST, path).json(&body)
    }

    /// Signs up the way the page does, with everything that can be asked.
    pub async fn sign_up(&self, email: &str) -> Reply {
        let mut body = json!({"email": email, "password": PASSWORD, "adult": true, "accepts": ["privacy", "terms"]});
        if let Some(code) = self.setup.code {
            body["code"] = code.into();
        }
        self.send(self.post("/api/v1/auth/sign-up", body)).await
    }

    pub async fn person(&self, email: &str) -> Person {
        let reply = self.sign_up(email).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        Person::of(&reply)
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> Reply {
        self.send(self.post("/api/v1/auth/sign-in", json!({"email": email, "password": password}))).await
    }

    /// The platform's tokens, to make what only a thief or an old release would have.
    pub fn tokens(&self) -> ally_http::session::Sessions {
        ally_http::session::Sessions::new(&self.session_key)
    }

    /// A second program at the same database, with a transaction that writes and is not committed yet.
    pub async fn writing(&self, sql: &'static str) -> AnyConnection {
        let mut connection = AnyConnection::connect(&self.url).await.expect("the database");
        let begin = if self.url.starts_with("sqlite:") { "BEGIN IMMEDIATE" } else { "BEGIN" };
        sqlx::raw_sql(begin).execute(&mut connection).await.expect("begun");
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("written");
        connection
    }

    /// One text from the database.
    pub async fn text(&self, sql: &'static str) -> Vec<String> {
        let mut connection = AnyConnection::connect(&self.url).await.expect("the database");
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.expect("rows");
        rows.iter().map(|row| row.try_get::<Option<String>, _>(0).expect("a text").unwrap_or_default()).collect()
    }
}

/// Somebody signed in.
#[derive(Clone)]
pub struct Person {
    /// `name=token`.
    pub cookie: String,
    pub account: Value,
}

impl Person {
    pub fn of(reply: &Reply) -> Self {
        Self { cookie: reply.cookie().expect("a cookie"), account: reply.json() }
    }

    pub fn token(&self) -> &str {
        self.cookie.split_once('=').expect("a cookie").1
    }
}

/// One request.
#[derive(Clone)]
pub struct Call {
    pub method: Method,
    pub path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Call {
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a header in place of the one before; an empty value leaves it out.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        let value = value.into();
        if !value.is_empty() {
            self.headers.push((name, value));
        }
        self
    }

    pub fn from(self, peer: &str) -> Self {
        self.header("x-ally-peer", peer)
    }

    pub fn by(self, person: &Person) -> Self {
        self.header("cookie", person.cookie.clone())
    }
}

/// One answer.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("JSON: {}", self.text))
    }

    /// Status and kind of a problem.
    pub fn problem(&self) -> (u16, String) {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        assert!(self.json()["next_step"].is_string(), "a problem has a next step: {}", self.text);
        (self.status.as_u16(), kind)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// `name=token` of the cookie that was set.
    pub fn cookie(&self) -> Option<String> {
        let line = self.headers.get(header::SET_COOKIE)?.to_str().expect("text");
        line.split(';').next().map(str::to_owned)
    }
}

/// Makes servers the way it is told to.
#[derive(Default)]
pub struct StandIn {
    pub made: Mutex<Vec<ServerId>>,
    pub refuse: Mutex<Vec<EnsureError>>,
}

impl Servers for StandIn {
    fn ensure(&self, server: ServerId) -> BoxFuture<'_, Result<(), EnsureError>> {
        Box::pin(async move {
            if let Some(error) = self.refuse.lock().expect("no panic").pop() {
                return Err(error);
            }
            self.made.lock().expect("no panic").push(server);
            Ok(())
        })
    }
}

/// 256 bits of nothing in particular.
pub fn drawn() -> String {
    let mut bytes = [0; 32];
    SystemChance.fill(&mut bytes);
    ally_types::chance::encode_hex(&bytes)
}

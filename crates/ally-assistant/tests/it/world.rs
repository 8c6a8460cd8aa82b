//! A person, her assistant and its gateway, in one process.

use crate::fake_gateway::FakeGateway;
use ally_assistant::{Assistant, Outbound, Parts};
use ally_http::identity::{Signer, Verifier};
use ally_types::identity::{HEADER, Identity};
use ally_types::seal::Key;
use ally_types::time::StandingClock;
use ally_types::{AccountId, Clock, ServerId, SessionId, SystemChance, Timestamp};
use axum::Router;
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tower::ServiceExt as _;

/// What stays when the process dies.
pub struct World {
    pub directory: Arc<TempDir>,
    pub clock: Arc<StandingClock>,
    pub gateway: FakeGateway,
    pub signer: Arc<Signer>,
    pub server: ServerId,
    pub account: AccountId,
    key: Key,
}

/// One life of the process.
pub struct Life {
    pub world: Arc<World>,
    pub router: Router,
    pub assistant: Assistant,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

/// An open event stream.
pub struct Watching {
    stream: BodyDataStream,
    rest: String,
    pub last_id: String,
}

impl World {
    pub fn new() -> Arc<Self> {
        let clock = Arc::new(StandingClock::at(Timestamp::from_millis(1_763_725_000_000)));
        let gateway = FakeGateway::default();
        gateway.has_provider();
        Arc::new(Self {
            directory: Arc::new(tempfile::tempdir().unwrap()),
            gateway,
            signer: Arc::new(Signer::new(&Key::new(&SystemChance))),
            server: ServerId::new(&*clock, &SystemChance),
            account: AccountId::new(&*clock, &SystemChance),
            key: Key::new(&SystemChance),
            clock,
        })
    }

    /// The same person with an empty directory and another gateway.
    pub fn twin(other: &Self, gateway: FakeGateway) -> Arc<Self> {
        gateway.has_provider();
        Arc::new(Self {
            directory: Arc::new(tempfile::tempdir().unwrap()),
            gateway,
            clock: Arc::clone(&other.clock),
            signer: Arc::clone(&other.signer),
            server: other.server,
            account: other.account,
            key: other.key.clone(),
        })
    }

    pub fn parts(&self, clock: Arc<dyn Clock>) -> Parts {
        Parts {
            server: self.server,
            data_dir: self.data_dir(),
            key: self.key.clone(),
            verifier: Verifier::new(self.server, &self.signer.public_key(), self.clock.clone()).unwrap(),
            outbound: Outbound::Memory(Arc::new(self.gateway.clone())),
            clock,
            chance: Arc::new(SystemChance),
            epoch: 0,
            walls: "own_user network_namespace".to_owned(),
            why: [("landlock".to_owned(), "The kernel cannot do it.".to_owned())].into(),
            is_space_full: false,
        }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("person")
    }

    pub fn memories(&self) -> PathBuf {
        self.data_dir().join("memories")
    }

    /// The database as somebody beside the process opens it.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.data_dir().join("ally.db")).unwrap()
    }

    pub async fn live(self: &Arc<Self>) -> Life {
        let (router, assistant) = ally_assistant::open(self.parts(self.clock.clone())).await.unwrap();
        Life { world: Arc::clone(self), router, assistant }
    }

    pub fn identity(&self, method: &str, path: &str) -> Identity {
        Identity {
            server: self.server,
            account: self.account,
            session: SessionId::new(&*self.clock, &SystemChance),
            administrator: false,
            authenticated_at: 0,
            method: method.to_owned(),
            path: path.to_owned(),
            expires_at: self.clock.now().as_seconds() + 60,
        }
    }

    pub fn request(&self, method: &str, path: &str, body: &Value) -> Request<Body> {
        let path = format!("/api/v1/{path}");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        Request::builder()
            .method(method)
            .uri(&path)
            .header(HEADER, self.signer.sign(&self.identity(method, &path)))
            .header("content-type", "application/json")
            .body(body)
            .unwrap()
    }
}

impl Life {
    pub async fn new() -> Self {
        World::new().live().await
    }

    pub fn gateway(&self) -> &FakeGateway {
        &self.world.gateway
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        read(self.send(self.world.request(method, path, &body)).await).await
    }

    pub async fn call_with_key(&self, method: &str, path: &str, body: Value, key: &str) -> Answer {
        let mut request = self.world.request(method, path, &body);
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        read(self.send(request).await).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    pub async fn chat(&self) -> String {
        let made = self.call("POST", "chats", json!({})).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.body["id"].as_str().unwrap().to_owned()
    }

    /// Says something; answers what was taken in.
    pub async fn say(&self, chat: &str, text: &str) -> Value {
        let sent = self.call("POST", &format!("chats/{chat}/messages"), json!({ "text": text })).await;
        assert_eq!(sent.status, 202, "{}", sent.body);
        sent.body
    }

    /// Says something and waits until the answer is over.
    pub async fn ask(&self, chat: &str, text: &str) -> Value {
        let sent = self.say(chat, text).await;
        self.assistant.settled().await;
        self.message(chat, sent["answer"]["id"].as_str().unwrap()).await
    }

    pub async fn messages(&self, chat: &str) -> Vec<Value> {
        self.get(&format!("chats/{chat}/messages")).await["items"].as_array().unwrap().clone()
    }

    pub async fn message(&self, chat: &str, id: &str) -> Value {
        self.messages(chat).await.into_iter().find(|message| message["id"] == id).unwrap()
    }

    pub async fn watch(&self, chat: &str, last_id: Option<&str>) -> Watching {
        let mut request = self.world.request("GET", &format!("chats/{chat}/events"), &Value::Null);
        if let Some(id) = last_id {
            request.headers_mut().insert("last-event-id", id.parse().unwrap());
        }
        let response = self.send(request).await;
        assert_eq!(response.status(), 200);
        Watching { stream: response.into_body().into_data_stream(), rest: String::new(), last_id: String::new() }
    }
}

impl Watching {
    /// The next event; `None` when the stream has ended; a comment is an event of type `comment`.
    pub async fn next(&mut self) -> Option<Value> {
        // Only a guard: no test waits for time to pass.
        tokio::time::timeout(Duration::from_secs(3600), self.read()).await.expect("an event comes")
    }

    async fn read(&mut self) -> Option<Value> {
        loop {
            if let Some(at) = self.rest.find("\n\n") {
                let whole: String = self.rest.drain(..at + 2).collect();
                if let Some(comment) = whole.strip_prefix(": ") {
                    return Some(json!({ "type": "comment", "text": comment.trim() }));
                }
                let field = |name: &str| {
                    whole.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
                };
                self.last_id = field("id").unwrap();
                return Some(serde_json::from_str(&field("data").unwrap()).unwrap());
            }
            let bytes = self.stream.next().await?.unwrap();
            self.rest.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// All events up to one of this type.
    pub async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut seen = Vec::new();
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("the stream ended before {kind}: {seen:?}"));
            let is_it = event["type"] == kind;
            seen.push(event);
            if is_it {
                return seen;
            }
        }
    }
}

pub async fn read(response: Response<Body>) -> Answer {
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

/// The types of events, in order.
pub fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// All files below a directory with their text.
pub fn files(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(root) else { return found };
    for entry in entries.flatten() {
        if entry.path().is_dir() {
            let inner = files(&entry.path()).into_iter();
            let name = entry.file_name().to_string_lossy().into_owned();
            found.extend(inner.map(|(path, text)| (format!("{name}/{path}"), text)));
        } else {
            let name = entry.file_name().to_string_lossy().into_owned();
            found.push((name, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
    found.sort();
    found
}

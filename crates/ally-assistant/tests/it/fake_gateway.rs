//! The gateway's side of the outbound socket, in memory: says what a test has prepared and remembers what it was asked.

use crate::valid;
use ally_assistant::Connect;
use ally_llm::{Block, Event, Failure, FailureKind, Request, Stop, Usage};
use ally_types::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::io::DuplexStream;
use tokio::sync::Semaphore;

/// A piece of a prepared answer.
#[derive(Clone)]
pub enum Say {
    Event(Event),
    /// Nothing more comes until the gate is opened.
    Hold(Gate),
    /// So much time passes, on a paused clock.
    Pause(std::time::Duration),
    /// Bytes as they are.
    Raw(&'static str),
    /// The gateway dies: the connection breaks.
    Break,
}

/// Holds an answer until a test opens it, and tells when the assistant has gone away.
#[derive(Clone, Default)]
pub struct Gate {
    shut: Arc<Signal>,
    reached: Arc<Signal>,
    left: Arc<Signal>,
}

struct Signal(Semaphore);

impl Default for Signal {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Signal {
    async fn wait(&self) {
        let _ = self.0.acquire().await;
    }
}

struct Leaving(Arc<Signal>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.0.close();
    }
}

impl Gate {
    pub fn open(&self) {
        self.shut.0.close();
    }

    /// Comes back when an answer has come as far as this gate.
    pub async fn reached(&self) {
        self.reached.wait().await;
    }

    /// Comes back when the connection over which the answer went is gone.
    pub async fn left(&self) {
        self.left.wait().await;
    }
}

#[derive(Clone, Default)]
pub struct FakeGateway(Arc<Mutex<Inner>>);

type Answering = dyn Fn(&Request) -> Vec<Say> + Send + Sync;

#[derive(Default)]
struct Inner {
    answers: VecDeque<Vec<Say>>,
    otherwise: Option<Arc<Answering>>,
    is_builtin: bool,
    requests: Vec<Request>,
    keys: Vec<Option<String>>,
    provided: Value,
    refused_key: Option<Problem>,
    is_away: bool,
}

pub fn text(words: &str) -> Vec<Say> {
    let mut pieces = vec![started()];
    pieces.extend(words.split_inclusive(' ').map(|word| Say::Event(Event::TextDelta { text: word.into() })));
    pieces.push(block(Block::Text { text: words.into() }));
    pieces.extend(ended(Stop::EndTurn));
    pieces
}

pub fn calls(calls: &[(&str, &str, Value)]) -> Vec<Say> {
    let mut pieces = vec![started()];
    pieces.extend(calls.iter().map(|(call, tool, input)| {
        block(Block::ToolCall { call: (*call).into(), tool: (*tool).into(), input: input.clone() })
    }));
    pieces.extend(ended(Stop::ToolUse));
    pieces
}

pub fn started() -> Say {
    Say::Event(Event::Started { provider: "anthropic".into(), model: "claude-test".into(), window: None })
}

pub fn delta(words: &str) -> Say {
    Say::Event(Event::TextDelta { text: words.into() })
}

pub fn block(block: Block) -> Say {
    Say::Event(Event::Block { block })
}

pub fn ended(stop: Stop) -> [Say; 2] {
    let usage = Usage { input: 100, output: 10, cache_read: 1000, cache_write: 5 };
    [Say::Event(Event::Usage { usage }), Say::Event(Event::Finished { stop })]
}

pub fn fails(failure: Failure) -> Vec<Say> {
    vec![Say::Event(Event::Failed { failure })]
}

pub fn fails_with(kind: FailureKind) -> Vec<Say> {
    fails(Failure::of(kind))
}

impl FakeGateway {
    /// The next answer of the model.
    pub fn will_say(&self, pieces: Vec<Say>) {
        self.0.lock().unwrap().answers.push_back(pieces);
    }

    /// What it says when nothing else was prepared.
    pub fn always_says(&self, pieces: Vec<Say>) {
        self.answers_with(move |_| pieces.clone());
    }

    /// What it says depends on what it is asked.
    pub fn answers_with(&self, answer: impl Fn(&Request) -> Vec<Say> + Send + Sync + 'static) {
        self.0.lock().unwrap().otherwise = Some(Arc::new(answer));
    }

    /// From now on the built-in commands answer.
    pub fn has_no_provider(&self) {
        let mut inner = self.0.lock().unwrap();
        inner.is_builtin = true;
        inner.provided = json!({"connected": false, "source": null, "provider": null, "model": null, "local": []});
    }

    /// From now on an administrator's Anthropic key is there.
    pub fn has_provider(&self) {
        let mut inner = self.0.lock().unwrap();
        inner.is_builtin = false;
        inner.provided = json!({"connected": true, "source": "installation", "provider": "anthropic", "model": "claude-test", "local": []});
    }

    pub fn refuses_keys(&self, problem: Problem) {
        self.0.lock().unwrap().refused_key = Some(problem);
    }

    pub fn is_away(&self, is_away: bool) {
        self.0.lock().unwrap().is_away = is_away;
    }

    /// The requests that came. Each of them is one that every provider accepts.
    pub fn requests(&self) -> Vec<Request> {
        let requests = self.0.lock().unwrap().requests.clone();
        for request in &requests {
            assert_eq!(valid::fault(&request.messages), None, "{:?}", request.messages);
        }
        requests
    }

    pub fn keys(&self) -> Vec<Option<String>> {
        self.0.lock().unwrap().keys.clone()
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/model", post(model).layer(axum::extract::DefaultBodyLimit::max(32 << 20)))
            .route("/provider", get(provider))
            .route("/provider/test", post(test_key))
            .with_state(self.clone())
    }
}

impl Connect for FakeGateway {
    fn connect(&self) -> Pin<Box<dyn Future<Output = io::Result<DuplexStream>> + Send>> {
        let (is_away, router) = (self.0.lock().unwrap().is_away, self.router());
        Box::pin(async move {
            if is_away {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            tokio::spawn(async move {
                let service = TowerToHyperService::new(router);
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service).await;
            });
            Ok(ours)
        })
    }
}

async fn model(State(gateway): State<FakeGateway>, headers: HeaderMap, body: bytes::Bytes) -> Response {
    let has_files = headers["content-type"] == ally_llm::file::WITH_FILES;
    let request = if has_files { Request::with_files(body).unwrap() } else { serde_json::from_slice(&body).unwrap() };
    let key = headers.get("x-ally-provider-key").map(|key| key.to_str().unwrap().to_owned());
    let pieces = {
        let mut inner = gateway.0.lock().unwrap();
        inner.requests.push(request.clone());
        inner.keys.push(key);
        match inner.answers.pop_front().or_else(|| inner.otherwise.clone().map(|answer| answer(&request))) {
            Some(pieces) => pieces,
            None if inner.is_builtin => ally_llm::builtin::answer(&request).into_iter().map(Say::Event).collect(),
            None => text("I have nothing to say."),
        }
    };
    let body = futures_util::stream::iter(pieces).then(|piece| async move {
        Ok::<_, io::Error>(match piece {
            Say::Break => {
                // What was said before has left by then.
                tokio::task::yield_now().await;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Say::Event(event) => serde_json::to_string(&event).unwrap() + "\n",
            Say::Raw(bytes) => bytes.to_owned(),
            Say::Pause(time) => {
                // On a paused clock, which jumps there at once.
                let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
                String::new()
            }
            Say::Hold(gate) => {
                let leaving = Leaving(Arc::clone(&gate.left));
                gate.reached.0.close();
                gate.shut.wait().await;
                std::mem::forget(leaving);
                String::new()
            }
        })
    });
    ([("content-type", "application/x-ndjson")], Body::from_stream(body)).into_response()
}

async fn provider(State(gateway): State<FakeGateway>) -> Json<Value> {
    Json(gateway.0.lock().unwrap().provided.clone())
}

async fn test_key(State(gateway): State<FakeGateway>) -> Response {
    match &gateway.0.lock().unwrap().refused_key {
        Some(problem) => ally_http::answer::render(problem),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

//! A server that speaks Anthropic's Messages protocol, for tests and benchmarks on a machine without a key.
//!
//! It is as strict as the service: what the service refuses is refused here with the same status and kind of error.
//! The official Python SDK has to accept it (`crates/ally/tests/stand_in/anthropic_sdk.py`). It answers what it was
//! told to ([`StandIn::say`], [`StandIn::always`]) or repeats the question, and does on request what services do on
//! bad days ([`Fault`]). The same turns are spoken in the chat completions format under `/v1/chat/completions`, which the
//! official SDK of its inventor has to accept (`openai_sdk.py` beside the other).
//!
//! A process of its own is steered over HTTP: `POST /stand-in/turns`, `/stand-in/rules`, `/stand-in/faults` with a
//! JSON list, `/stand-in/pace` with a JSON object, and `GET /stand-in/seen`.

mod cache;
mod completions;
mod door;
mod files;
mod http;
mod messages;
mod rules;
mod writing;

use crate::script::{Question, Rule, Script, Turn};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The key that it accepts.
pub const KEY: &str = "sk-ant-stand-in";

/// The models that it lists, newest first; the last one is about to be withdrawn.
pub const MODELS: &[&str] =
    &[crate::anthropic::DEFAULT_MODEL, "claude-haiku-4-5-20251001", "claude-sonnet-4-5-20250929"];

/// What goes wrong with the next answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// An error before anything happened. Its text repeats the question, as a nasty provider would.
    Status {
        /// The HTTP status.
        status: u16,
        /// The kind of error; the usual one for the status when not given.
        #[serde(default)]
        kind: Option<String>,
        /// Words before the repeated question.
        #[serde(default)]
        message: String,
        /// Seconds in `retry-after`.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// The connection closes without an answer.
    HangUp,
    /// The question is accepted and nothing ever comes.
    StallSilent,
    /// The answer begins and no token ever comes.
    StallBeforeToken,
    /// The answer stops for ever after so many deltas.
    StallAfter(usize),
    /// The connection closes after so many deltas.
    CutAfter(usize),
    /// The stream ends politely after so many deltas, but without the end of the answer.
    EndAfter(usize),
    /// An `error` event of this kind comes after so many deltas.
    ErrorAfter(usize, String),
    /// An event whose data is no JSON comes after so many deltas.
    MalformedAfter(usize),
    /// A web page comes instead of an answer.
    NotAStream,
    /// A block of a kind that nobody has heard of stands before the answer.
    UnknownBlock,
    /// The stream comes byte by byte.
    Drip,
}

/// How fast tokens come, for benchmarks; without it they come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Pace {
    /// Milliseconds from the question to the first token.
    pub first_ms: u64,
    /// How many tokens an answer has that nobody scripted.
    pub tokens: usize,
    /// Milliseconds between tokens.
    pub between_ms: u64,
}

impl Pace {
    fn first(self) -> Duration {
        Duration::from_millis(self.first_ms)
    }

    fn between(self) -> Duration {
        Duration::from_millis(self.between_ms)
    }
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// `POST`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The JSON body; null when there was none.
    pub body: Value,
}

impl Seen {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A running server. It stops, and all its connections close, when this is dropped.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

impl StandIn {
    /// Starts on a free port of loopback.
    pub async fn start() -> std::io::Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts on an address.
    pub async fn start_on(address: SocketAddr) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let task = tokio::spawn(door::accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address for `ANTHROPIC_BASE_URL` or `ALLY_LOCAL_MODEL_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says this once, after what it was told to say before.
    pub fn say(&self, turn: Turn) {
        self.state.lock().script.turns.push_back(turn);
    }

    /// Says this whenever it is asked so.
    pub fn always(&self, rule: Rule) {
        self.state.lock().script.rules.push(rule);
    }

    /// Lets the next answer go wrong that is not spoken for yet.
    pub fn fail(&self, fault: Fault) {
        self.state.lock().faults.push_back(fault);
    }

    /// Forgets the faults that have not happened yet.
    pub fn heal(&self) {
        self.state.lock().faults.clear();
    }

    /// Sets how fast tokens come.
    pub fn pace(&self, pace: Pace) {
        self.state.lock().pace = Some(pace);
    }

    /// The requests that came, oldest first; only the last thousand are kept.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().seen.iter().cloned().collect()
    }

    /// Runs until the process ends.
    pub async fn forever(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What all connections share.
#[derive(Debug, Default)]
struct State(Mutex<Shared>);

#[derive(Debug, Default)]
struct Shared {
    script: Script,
    faults: VecDeque<Fault>,
    pace: Option<Pace>,
    seen: VecDeque<Seen>,
    cache: cache::Cache,
    calls: u64,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn note(&mut self, seen: Seen) {
        /// A benchmark sends many.
        const KEPT: usize = 1000;
        if self.seen.len() == KEPT {
            self.seen.pop_front();
        }
        self.seen.push_back(seen);
    }

    /// What to answer.
    fn turn(&mut self, question: &Question) -> Turn {
        self.script.next(question).unwrap_or_else(|| match self.pace {
            Some(pace) => Turn::text("token ".repeat(pace.tokens)),
            None => Turn::text(format!("You said: {}", question.text)),
        })
    }

    fn number(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }
}

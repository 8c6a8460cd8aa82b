//! The only way out: HTTP over one Unix socket to the gateway, a fresh connection for each call.

use crate::attachments::disk;
use crate::fault::Done;
use ally_http::held::Held;
use ally_http::socket::{self, CallError};
use ally_llm::file::WITH_FILES;
use ally_llm::{Event, Failure, FailureKind};
use ally_types::{Problem, Secret};
use axum::body::Body;
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::DuplexStream;

/// Longest line of a model's answer, in bytes.
const LONGEST_LINE: usize = 4 * 1024 * 1024;
/// Longest other answer.
const LONGEST_ANSWER: usize = 256 * 1024;

/// The header that carries the person's own key, for one call.
const KEY_HEADER: HeaderName = HeaderName::from_static("x-ally-provider-key");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Where a model is asked.
const MODEL: &str = "/model";

/// How the gateway is reached.
#[derive(Clone)]
pub enum Outbound {
    /// Over a Unix socket.
    Socket(PathBuf),
    /// In memory, when everything runs in one process.
    Memory(Arc<dyn Connect>),
}

/// Makes a connection in memory.
pub trait Connect: Send + Sync {
    /// A new connection, whose other end the gateway serves.
    fn connect(&self) -> Pin<Box<dyn Future<Output = io::Result<DuplexStream>> + Send>>;
}

/// The gateway, as an assistant sees it.
#[derive(Clone)]
pub struct Gateway {
    outbound: Outbound,
    attachments: PathBuf,
}

/// Why a model could not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unasked {
    /// The gateway is not there, or went away before it answered.
    Gone,
    /// The gateway said no.
    Refused(Failure),
}

impl From<Unasked> for Failure {
    fn from(unasked: Unasked) -> Self {
        match unasked {
            Unasked::Gone => Self::of(FailureKind::Network),
            Unasked::Refused(failure) => failure,
        }
    }
}

/// What the gateway has by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provided {
    /// Whether a model can be called.
    pub connected: bool,
    /// Where the provider comes from.
    pub source: Option<String>,
    /// Which provider.
    pub provider: Option<String>,
    /// Which model.
    pub model: Option<String>,
    /// Model servers that were found on this machine.
    #[serde(default)]
    pub local: Vec<LocalServer>,
}

/// A model server on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LocalServer {
    /// Its address.
    pub url: String,
    /// What it is.
    pub name: String,
    /// What it has.
    #[serde(default)]
    pub models: Vec<String>,
}

impl Gateway {
    /// Reached as given; `attachments` is where the files of questions lie.
    pub const fn new(outbound: Outbound, attachments: PathBuf) -> Self {
        Self { outbound, attachments }
    }

    /// Sends a question that may not be asked yet, if that goes without waiting. Nobody is asked before
    /// [`HeldQuestion::ask`], and nobody ever if it is dropped.
    pub fn hold(&self, request: &ally_llm::Request, key: Option<&Secret>) -> Option<HeldQuestion> {
        let Outbound::Socket(path) = &self.outbound else { return None };
        // Files are not read before the question is kept.
        if request.files().next().is_some() {
            return None;
        }
        let mut headers = vec![(header::CONTENT_TYPE, JSON)];
        headers.extend(key.map(key_header).transpose().ok()?);
        let held = Held::post(path, MODEL, &headers, &question(request).ok()?).ok()?;
        Some(HeldQuestion { held, is_own_key: key.is_some() })
    }

    /// Asks a model. Dropping the stream closes the connection, which aborts the call.
    pub async fn model(&self, request: &ally_llm::Request, key: Option<&Secret>) -> Result<Answering, Unasked> {
        let refused = |kind| Unasked::Refused(Failure::of(kind));
        let (kind, body) = self.body(request).map_err(Unasked::Refused)?;
        let mut request = request_to(Method::POST, MODEL, key, body).map_err(|_| refused(FailureKind::Auth))?;
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        Answering::of(self.call(request).await)
    }

    /// What is sent for a question. Its files are read while it is sent, so they are never in memory together.
    fn body(&self, request: &ally_llm::Request) -> Result<(HeaderValue, Body), Failure> {
        let unreadable = |_| Failure::of(FailureKind::BadRequest);
        let mut files = Vec::new();
        for file in request.files() {
            let id = file.id.parse().map_err(|_| Failure::of(FailureKind::BadRequest))?;
            files.push((disk::open(&self.attachments, id).map_err(unreadable)?, file.size));
        }
        if files.is_empty() {
            return Ok((JSON, question(request)?.into()));
        }
        let head = request.head().map_err(|_| Failure::of(FailureKind::BadRequest))?;
        let files = stream::iter(files).flat_map(|(file, size)| disk::stream(file, size).boxed());
        Ok((HeaderValue::from_static(WITH_FILES), Body::from_stream(stream::iter([Ok(head)]).chain(files))))
    }

    /// What the gateway has by itself.
    pub async fn provided(&self) -> Done<Provided> {
        let request = request_to(Method::GET, "/provider", None, Body::empty())?;
        let response = self.call(request).await.map_err(|_| unreachable())?;
        let body = collect(response).await?;
        Ok(serde_json::from_slice(&body).map_err(|_| unreachable())?)
    }

    /// Has a key tried out.
    pub async fn test_key(&self, key: &Secret) -> Done<()> {
        let request = request_to(Method::POST, "/provider/test", Some(key), Body::empty())?;
        let response = self.call(request).await.map_err(|_| unreachable())?;
        if response.status().is_success() {
            return Ok(());
        }
        let body = collect(response).await?;
        Err(serde_json::from_slice::<Problem>(&body).unwrap_or_else(|_| unreachable()).into())
    }

    async fn call(&self, request: Request<Body>) -> Result<Response<Incoming>, CallError> {
        match &self.outbound {
            Outbound::Socket(path) => socket::call(path, request).await,
            Outbound::Memory(connect) => {
                let stream = connect.connect().await.map_err(CallError::Connect)?;
                socket::call_over(stream, request).await
            }
        }
    }
}

/// A question that was sent and may not be asked yet.
#[derive(Debug)]
pub struct HeldQuestion {
    held: Held,
    /// Whether the person's own key went with it.
    pub is_own_key: bool,
}

impl HeldQuestion {
    /// Asks it. Dropping the stream closes the connection, which aborts the call.
    pub async fn ask(self) -> Result<Answering, Unasked> {
        Answering::of(self.held.end().await)
    }
}

/// An answer that is coming in: one event per line.
pub struct Answering {
    body: Incoming,
    buffer: Vec<u8>,
    /// How much of the buffer was looked at and holds no end of line.
    read: usize,
    is_over: bool,
    is_gone: bool,
}

impl Answering {
    fn of(response: Result<Response<Incoming>, CallError>) -> Result<Self, Unasked> {
        let response = response.map_err(|_| Unasked::Gone)?;
        if response.status() != StatusCode::OK {
            let kind = match response.status().as_u16() {
                401 | 403 => FailureKind::Auth,
                402 => FailureKind::Limit,
                413 => FailureKind::ContextTooLong,
                429 => FailureKind::RateLimited,
                503 => FailureKind::Overloaded,
                400..=499 => FailureKind::BadRequest,
                _ => FailureKind::Provider,
            };
            return Err(Unasked::Refused(Failure { status: Some(response.status().as_u16()), ..Failure::of(kind) }));
        }
        Ok(Self { body: response.into_body(), buffer: Vec::new(), read: 0, is_over: false, is_gone: false })
    }

    /// The next event. A stream that ends too early, or holds what is no event, ends with a failure.
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(at) = self.buffer[self.read..].iter().position(|byte| *byte == b'\n') {
                let end = self.read + at;
                let event = serde_json::from_slice(&self.buffer[..end]);
                self.buffer.drain(..=end);
                self.read = 0;
                return event.unwrap_or_else(|_| failed(FailureKind::Garbage));
            }
            self.read = self.buffer.len();
            if self.is_over {
                return failed(FailureKind::Truncated);
            }
            if self.buffer.len() > LONGEST_LINE {
                return failed(FailureKind::Garbage);
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
                Some(Err(_)) => {
                    self.is_gone = true;
                    return failed(FailureKind::Truncated);
                }
                None => self.is_over = true,
            }
        }
    }

    /// Whether the connection broke: the gateway went away, since one that lives ends each answer in order.
    pub const fn is_gone(&self) -> bool {
        self.is_gone
    }
}

const fn failed(kind: FailureKind) -> Event {
    Event::Failed { failure: Failure::of(kind) }
}

fn request_to(method: Method, path: &'static str, key: Option<&Secret>, body: Body) -> Done<Request<Body>> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = http::Uri::from_static(path);
    request.headers_mut().insert(header::CONTENT_TYPE, JSON);
    if let Some(key) = key {
        let (name, value) = key_header(key)?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

fn key_header(key: &Secret) -> Done<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(key.expose()).map_err(|_| {
        Problem::new(422, "provider_key_malformed", "This does not look like a key.")
            .at("key")
            .next("Copy the whole key from the provider's page and paste it again.")
    })?;
    value.set_sensitive(true);
    Ok((KEY_HEADER, value))
}

/// A question as it is sent: one line, so that its end can be seen before the end of the body.
fn question(request: &ally_llm::Request) -> Result<Vec<u8>, Failure> {
    let mut line = serde_json::to_vec(request).map_err(|_| Failure::of(FailureKind::BadRequest))?;
    line.push(b'\n');
    Ok(line)
}

async fn collect(response: Response<Incoming>) -> Done<bytes::Bytes> {
    let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
    Ok(body.map_err(|_| unreachable())?.to_bytes())
}

/// The gateway is not there.
pub fn unreachable() -> Problem {
    Problem::new(502, "gateway_unreachable", "Ally's gateway does not answer at the moment.")
        .next("Try again in a few seconds.")
        .retry_after(2)
}

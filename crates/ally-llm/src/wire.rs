//! One call over HTTP: sends it, watches the two budgets, reads the stream and says how it ended.

use crate::provider::Events;
use crate::{Event, Failure, FailureKind, Meter, sse};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a provider may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// From sending the question to the first part of the answer.
    pub first_token: Duration,
    /// Between two events of the stream after that. Pings count as a sign of life, single bytes do not.
    pub stall: Duration,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { first_token: Duration::from_secs(90), stall: Duration::from_secs(60) }
    }
}

/// Makes events of ours from the events of one wire format.
pub(crate) trait Reading: Send + 'static {
    /// Takes one event of the stream. Whoever pushes [`Event::Finished`] or [`Event::Failed`] has ended the answer.
    fn read(&mut self, event: &sse::Event, answer: &mut VecDeque<Event>) -> Result<(), Failure>;

    /// The stream ended without an end of the answer; says whether the format lets that pass.
    fn close(&mut self, answer: &mut VecDeque<Event>) -> Result<(), Failure>;

    /// Whether the first part of the answer has come.
    fn has_begun(&self) -> bool;

    /// What an HTTP error means. `said` is what the provider wrote; it may repeat the prompt and is dropped here.
    fn judge(status: u16, said: &[u8]) -> FailureKind;
}

/// Most bytes that are read of an error's body, to find out which error it is.
const ERROR_BODY: usize = 64 << 10;

/// Runs one call. Dropping the stream closes the connection, which tells the provider to stop.
pub(crate) fn call<R: Reading>(
    request: Result<reqwest::RequestBuilder, Failure>,
    budgets: Budgets,
    meter: Meter,
    reading: R,
) -> Events {
    let mut ready = VecDeque::new();
    let request = request.map_err(|failure| ready.push_back(Event::Failed { failure })).ok();
    let call = Call {
        request,
        response: None,
        budgets,
        meter,
        silent_until: None,
        events: sse::Reader::new(sse::Limits::default()),
        reading,
        ready,
    };
    Box::pin(futures_util::stream::unfold(Some(call), |call| async move {
        let (event, call) = call?.next().await;
        Some((event, call))
    }))
}

/// Sends a request whose answer is small JSON, such as a list of models.
pub(crate) async fn fetch_json<R: Reading>(
    request: Result<reqwest::RequestBuilder, Failure>,
    within: Duration,
    meter: &Meter,
) -> Result<serde_json::Value, Failure> {
    /// Most bytes of such an answer.
    const BODY: usize = 4 << 20;
    let until = Instant::now() + within;
    let mut response = send::<R>(request?, until, meter).await?;
    let bytes = body(&mut response, BODY, until, meter).await?;
    serde_json::from_slice(&bytes).map_err(|_| Failure::of(FailureKind::Garbage))
}

struct Call<R> {
    request: Option<reqwest::RequestBuilder>,
    response: Option<reqwest::Response>,
    budgets: Budgets,
    meter: Meter,
    silent_until: Option<Instant>,
    events: sse::Reader,
    reading: R,
    ready: VecDeque<Event>,
}

impl<R: Reading> Call<R> {
    /// The next event, and the call itself unless that was the last one.
    async fn next(mut self) -> (Event, Option<Self>) {
        loop {
            if let Some(event) = self.ready.pop_front() {
                let is_end = matches!(event, Event::Finished { .. } | Event::Failed { .. });
                return (event, (!is_end).then_some(self));
            }
            if let Err(failure) = self.pull().await {
                self.ready.push_back(Event::Failed { failure });
            }
        }
    }

    async fn pull(&mut self) -> Result<(), Failure> {
        if let Some(request) = self.request.take() {
            let until = Instant::now() + self.budgets.first_token;
            self.silent_until = Some(until);
            let response = send::<R>(request, until, &self.meter).await?;
            if !is_event_stream(&response) {
                return Err(Failure::of(FailureKind::Garbage));
            }
            self.response = Some(response);
        }
        let (Some(response), Some(until)) = (&mut self.response, self.silent_until) else {
            return Err(Failure::of(FailureKind::Truncated));
        };
        match timeout_at(until, response.chunk()).await {
            Err(_) => Err(Failure::of(FailureKind::Stalled)),
            // A connection that breaks after the answer's head is a cut answer, not a missing network.
            Ok(Err(_)) => Err(Failure::of(FailureKind::Truncated)),
            Ok(Ok(None)) => {
                self.response = None;
                self.reading.close(&mut self.ready)
            }
            Ok(Ok(Some(bytes))) => {
                self.meter.receives(bytes.len());
                self.read(&bytes)
            }
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut events = Vec::new();
        let read = self.events.feed(bytes, &mut events);
        for event in &events {
            self.reading.read(event, &mut self.ready)?;
        }
        if self.reading.has_begun() && !events.is_empty() {
            self.silent_until = Some(Instant::now() + self.budgets.stall);
        }
        read.map_err(|_| Failure::of(FailureKind::Garbage))
    }
}

async fn send<R: Reading>(
    request: reqwest::RequestBuilder,
    until: Instant,
    meter: &Meter,
) -> Result<reqwest::Response, Failure> {
    let mut response = match timeout_at(until, request.send()).await {
        Err(_) => return Err(Failure::of(FailureKind::Stalled)),
        Ok(Err(_)) => return Err(Failure::of(FailureKind::Network)),
        Ok(Ok(response)) => response,
    };
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after =
        response.headers().get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    // Without the body the status alone decides.
    let said = body(&mut response, ERROR_BODY, until, meter).await.unwrap_or_default();
    Err(Failure { kind: R::judge(status.as_u16(), &said), retry_after, status: Some(status.as_u16()) })
}

async fn body(
    response: &mut reqwest::Response,
    most: usize,
    until: Instant,
    meter: &Meter,
) -> Result<Vec<u8>, Failure> {
    let mut whole = Vec::new();
    loop {
        let read = timeout_at(until, response.chunk()).await;
        if let Ok(Ok(Some(bytes))) = &read {
            meter.receives(bytes.len());
        }
        match read {
            Err(_) => return Err(Failure::of(FailureKind::Stalled)),
            Ok(Err(_)) => return Err(Failure::of(FailureKind::Truncated)),
            Ok(Ok(None)) => return Ok(whole),
            Ok(Ok(Some(bytes))) if whole.len() + bytes.len() > most => return Err(Failure::of(FailureKind::Garbage)),
            Ok(Ok(Some(bytes))) => whole.extend_from_slice(&bytes),
        }
    }
}

fn is_event_stream(response: &reqwest::Response) -> bool {
    let kind = response.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}

/// What an HTTP status means where the body says nothing more.
pub(crate) fn judge_status(status: u16) -> FailureKind {
    match status {
        401 | 403 => FailureKind::Auth,
        402 => FailureKind::Quota,
        413 => FailureKind::ContextTooLong,
        429 => FailureKind::RateLimited,
        503 | 529 => FailureKind::Overloaded,
        500.. => FailureKind::Provider,
        400..500 => FailureKind::BadRequest,
        // A redirect would carry the key and the conversation somewhere that nobody chose.
        _ => FailureKind::Garbage,
    }
}

/// A value for a header that must not show up in a debug print. A key with a line break cannot be right.
pub(crate) fn secret_header(text: &str) -> Result<http::HeaderValue, Failure> {
    let mut value = http::HeaderValue::from_str(text).map_err(|_| Failure::of(FailureKind::Auth))?;
    value.set_sensitive(true);
    Ok(value)
}

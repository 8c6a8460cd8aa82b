//! An event stream that outlives its assistant: while the assistant sleeps, the browser's side stays open; when the
//! host says that it is awake again, the gateway attaches once more where it left off. Attaching again never wakes.

use super::Place;
use super::events::Reader;
use crate::forward::people;
use crate::gateway::Gateway;
use crate::servers::State;
use crate::sessions::Visitor;
use ally_http::stream::{KEEP_ALIVE, OPEN};
use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// So often a comment keeps the connection open through proxies.
const ALIVE_EVERY: Duration = Duration::from_secs(20);

/// After a break the process may still be there: when the host says nothing of its end for so long, it lives.
const LIVES_AFTER_BREAK: Duration = Duration::from_secs(2);

/// The same after it said that it goes to sleep, and then did not.
const LIVES_AFTER_PARKING: Duration = Duration::from_secs(10);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What was asked for, so that it can be asked for again.
#[derive(Clone)]
pub(crate) struct Question {
    pub path: String,
    pub headers: HeaderMap,
    /// Whether asking again goes on where it ended, or would begin something anew.
    pub may_repeat: bool,
}

/// A browser's event stream.
pub(crate) struct Tail {
    gateway: Gateway,
    visitor: Visitor,
    question: Question,
    place: Place,
    reader: Reader,
    alive: Interval,
    upstream: Upstream,
}

enum Upstream {
    /// The assistant of this life is speaking.
    Attached { body: Incoming, life: u64, states: watch::Receiver<State> },
    /// It ended; waiting for a later life, or for the sign that this one goes on.
    Parked { life: u64, states: watch::Receiver<State>, lives_at: Instant },
    /// The host said that it is awake.
    Attaching(BoxFuture<'static, Attempt>),
}

enum Attempt {
    Attached {
        body: Incoming,
    },
    /// The assistant does not want this stream any more (the chat was deleted, for example).
    Over,
    /// It ended before it answered.
    Missed {
        life: u64,
    },
}

/// What comes next from the assistant's side.
enum Next {
    Data(Bytes),
    Ended,
    Broken,
    Awake,
    Tried(Attempt),
}

impl Tail {
    /// Goes on from an answer whose head has just come.
    pub fn new(gateway: Gateway, visitor: Visitor, place: Place, question: Question, body: Incoming) -> Self {
        let upstream = Upstream::attached(&gateway, &visitor, body);
        let last = question.headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        let mut alive = interval_at(Instant::now() + ALIVE_EVERY, ALIVE_EVERY);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { gateway, visitor, question, place, reader: Reader::new(last), alive, upstream }
    }

    /// The body for the browser. Something is said at once: some proxies keep the head until a body begins.
    pub fn into_body(self) -> Body {
        let open = futures_util::stream::once(async { Bytes::from_static(OPEN.as_bytes()) });
        let rest = futures_util::stream::unfold(self, |mut tail| async move {
            let bytes = tail.next().await?;
            Some((bytes, tail))
        });
        Body::from_stream(open.chain(rest).map(Ok::<_, std::convert::Infallible>))
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let next = tokio::select! {
                biased;
                () = self.place.ended() => return None,
                next = self.upstream.next() => next,
                _ = self.alive.tick() => {
                    if self.gateway.clock.now().as_seconds() >= self.visitor.expires_at {
                        return None;
                    }
                    return Some(Bytes::from_static(KEEP_ALIVE.as_bytes()));
                }
            };
            match next {
                Next::Data(data) => match self.reader.push(&data) {
                    Ok(step) => {
                        if step.is_parked && self.question.may_repeat {
                            self.park(LIVES_AFTER_PARKING);
                        }
                        if !step.whole.is_empty() {
                            return Some(step.whole);
                        }
                    }
                    Err(_) => return None,
                },
                Next::Ended | Next::Tried(Attempt::Over) => return None,
                Next::Broken if !self.question.may_repeat => return None,
                Next::Broken => self.park(LIVES_AFTER_BREAK),
                Next::Awake => self.upstream = Upstream::Attaching(Box::pin(self.attach())),
                Next::Tried(Attempt::Attached { body }) => {
                    self.upstream = Upstream::attached(&self.gateway, &self.visitor, body);
                }
                Next::Tried(Attempt::Missed { life }) => self.park_after(life, LIVES_AFTER_BREAK),
            }
        }
    }

    /// The assistant's side ended: wait for its next life.
    fn park(&mut self, lives_after: Duration) {
        if let Upstream::Attached { life, .. } = self.upstream {
            self.park_after(life, lives_after);
        }
    }

    fn park_after(&mut self, life: u64, lives_after: Duration) {
        self.reader.cut();
        let states = self.gateway.servers.watch(self.visitor.server);
        self.upstream = Upstream::Parked { life, states, lives_at: Instant::now() + lives_after };
    }

    /// Asks again where the stream left off, with a fresh identity.
    fn attach(&self) -> impl Future<Output = Attempt> + Send + use<> {
        let (gateway, visitor) = (self.gateway.clone(), self.visitor.clone());
        let mut question = self.question.clone();
        if let Some(id) = self.reader.last().and_then(|id| HeaderValue::from_str(id).ok()) {
            question.headers.insert(LAST_EVENT_ID, id);
        }
        async move {
            let mut request = Request::new(Body::empty());
            *request.headers_mut() = question.headers;
            people::sign(&gateway, &visitor, &Method::GET, &question.path, &mut request);
            let state = gateway.servers.state(visitor.server);
            if !state.is_awake {
                return Attempt::Missed { life: state.life };
            }
            match gateway.people.call(visitor.server, request).await {
                Ok(response) if response.status() == StatusCode::OK && people::is_event_stream(response.headers()) => {
                    Attempt::Attached { body: response.into_body() }
                }
                Ok(_) => Attempt::Over,
                Err(_) => Attempt::Missed { life: state.life },
            }
        }
    }
}

impl Upstream {
    fn attached(gateway: &Gateway, visitor: &Visitor, body: Incoming) -> Self {
        let mut states = gateway.servers.watch(visitor.server);
        let life = states.borrow_and_update().answering_life();
        Self::Attached { body, life, states }
    }

    /// Safe to drop half-way: nothing is lost.
    async fn next(&mut self) -> Next {
        match self {
            Self::Attached { body, life, states } => loop {
                let frame = tokio::select! {
                    biased;
                    frame = body.frame() => frame,
                    // Nothing has ended, so whoever is announced now is the one who speaks here: the host's word was
                    // late, or the link to the host was new.
                    Ok(()) = states.changed() => {
                        let state = *states.borrow_and_update();
                        if state.is_awake {
                            *life = state.life;
                        }
                        continue;
                    }
                };
                match frame {
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            return Next::Data(data);
                        }
                    }
                    Some(Err(_)) => return Next::Broken,
                    None => return Next::Ended,
                }
            },
            Self::Parked { life, states, lives_at } => loop {
                let state = *states.borrow_and_update();
                if state.is_awake && state.life > *life {
                    return Next::Awake;
                }
                let is_same_life = state.is_awake && state.life == *life;
                tokio::select! {
                    changed = states.changed() => if changed.is_err() {
                        return Next::Ended;
                    },
                    () = tokio::time::sleep_until(*lives_at), if is_same_life => return Next::Awake,
                }
            },
            Self::Attaching(attempt) => Next::Tried(attempt.await),
        }
    }
}

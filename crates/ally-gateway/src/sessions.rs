//! Who is asking: the cookie's token, and whether its session still lives.
//!
//! A token is believed for what it says, but whether its session was revoked is the platform's to say. The platform is
//! asked when a session is first seen, and again each minute; in between its held stream of revocations is trusted.
//! While that stream is down for more than a second, each request asks. While nobody listens where the platform should
//! be, chat goes on with what the token says, and what only an administrator may do is refused. The same holds for a
//! session that it vouched for before while a platform that is there does not answer properly; it lets nobody new in.

pub mod revocations;

use crate::gateway::Gateway;
use ally_http::answer::Rejection;
use ally_http::cookie::{Cookie, Transport};
use ally_http::session::{Claims, Sessions};
use ally_http::{origin, socket};
use ally_types::{AccountId, Clock, Problem, ServerId, SessionId, log};
use axum::body::Body;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So long may the stream of revocations be down before each session is asked for.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// So long is a session believed without asking again.
const BELIEVED_FOR: Duration = Duration::from_secs(60);

/// So long may the platform take to answer: longer than its own patience with a busy database. A person would rather
/// wait than be turned away.
const ASKED_FOR: Duration = Duration::from_secs(12);

/// Above so many sessions the cache is emptied; each session is then asked for once more.
const MOST: usize = 200_000;

/// Somebody who is signed in. As an argument of a handler it refuses everybody else, and pages of other sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The account.
    pub account: AccountId,
    /// Its session.
    pub session: SessionId,
    /// Its server.
    pub server: ServerId,
    /// Whether it administers the installation.
    pub administrator: bool,
    /// When the person last proved who she is, in seconds since 1970.
    pub authenticated_at: i64,
    /// When the token ends, in seconds since 1970.
    pub expires_at: i64,
    /// Whether the platform vouched for the session, now or earlier.
    pub is_certain: bool,
    /// How many revocations had been heard of when the session was found alive.
    pub as_of: u64,
}

impl Visitor {
    /// Refuses whoever does not administer the installation, and everybody while that cannot be asked.
    pub fn must_be_administrator(&self) -> Result<(), Rejection> {
        if !self.is_certain {
            return Err(Rejection::from(platform_unreachable()));
        }
        if self.administrator {
            return Ok(());
        }
        Err(Rejection::from(
            Problem::new(403, "administrator_only", "Only an administrator of this installation may do this.")
                .next("Ask whoever runs this installation."),
        ))
    }
}

/// The platform does not answer.
pub fn platform_unreachable() -> Problem {
    Problem::new(503, "platform_unreachable", "Accounts and sign-in cannot be reached right now. Your chats are kept.")
        .next("Try again in a few seconds.")
        .retry_after(2)
}

/// The platform is there, but has no answer for us.
fn platform_busy() -> Problem {
    Problem::new(503, "platform_busy", "It cannot be checked right now whether you are still signed in.")
        .next("Try again in a few seconds.")
        .retry_after(2)
}

impl FromRequestParts<Gateway> for Visitor {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Rejection> {
        check_origin(gateway, parts)?;
        gateway.visitor(&parts.headers).await
    }
}

/// The check against pages of other sites: for unsafe methods and for event streams.
pub fn check_origin(gateway: &Gateway, parts: &Parts) -> Result<(), Rejection> {
    let accepts_events = || {
        let accepted = parts.headers.get(header::ACCEPT).map_or(&b""[..], |value| value.as_bytes());
        accepted.windows(17).any(|part| part.eq_ignore_ascii_case(b"text/event-stream"))
    };
    if parts.method.is_safe() && !parts.uri.path().ends_with("/events") && !accepts_events() {
        return Ok(());
    }
    origin::check(&parts.method, &parts.headers, gateway.origin())
}

/// What the gateway knows of sessions.
pub(crate) struct Known {
    tokens: Sessions,
    transport: Transport,
    cache: Mutex<Cache>,
}

struct Cache {
    /// Sessions that the platform vouched for.
    live: HashMap<SessionId, Live>,
    /// Sessions that were revoked, until their tokens would end anyway.
    revoked: HashMap<SessionId, i64>,
    /// Counts what the stream of revocations said.
    heard: u64,
    /// Since when the stream of revocations is down; `None` while it is up.
    down_since: Option<Instant>,
}

#[derive(Clone)]
struct Live {
    /// A token that was renewed is another token of the same session, and is asked for again.
    token: String,
    administrator: bool,
    asked: Instant,
}

/// What the platform says of a session.
#[derive(Deserialize)]
struct Told {
    valid: bool,
    #[serde(default)]
    administrator: bool,
    server: Option<ServerId>,
}

enum Asked {
    Valid {
        administrator: bool,
    },
    /// The session is over, or never was.
    Ended,
    /// The session lives, but is not of the server that the token names.
    Strange,
    Unreachable,
    Busy,
}

/// Why the platform said nothing.
enum Silent {
    /// Nobody listens there: it is not running.
    Unreachable,
    /// It is there, but failed, was slow, or broke off.
    Busy,
}

impl Known {
    pub fn new(tokens: Sessions, transport: Transport) -> Self {
        let cache = Cache { live: HashMap::new(), revoked: HashMap::new(), heard: 0, down_since: Some(Instant::now()) };
        Self { tokens, transport, cache: Mutex::new(cache) }
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many revocations have been heard of.
    pub fn heard(&self) -> u64 {
        self.lock().heard
    }

    /// Whether the stream of revocations is up.
    pub fn is_fed(&self) -> bool {
        self.lock().down_since.is_none()
    }

    fn feed_is_up(&self) {
        let mut cache = self.lock();
        // What was revoked meanwhile was not heard, so everybody is asked for once more.
        cache.live.clear();
        cache.heard += 1;
        cache.down_since = None;
    }

    fn feed_is_down(&self) {
        let mut cache = self.lock();
        cache.down_since.get_or_insert_with(Instant::now);
    }

    fn revoke(&self, clock: &dyn Clock, session: SessionId) {
        let now = clock.now().as_seconds();
        let mut cache = self.lock();
        cache.heard += 1;
        cache.live.remove(&session);
        if cache.revoked.len() > MOST {
            cache.revoked.retain(|_, until| *until > now);
        }
        cache.revoked.insert(session, now + ally_http::session::LIFETIME_SECONDS);
    }

    fn forget_all(&self) {
        let mut cache = self.lock();
        cache.heard += 1;
        cache.live.clear();
    }

    fn claims(&self, clock: &dyn Clock, headers: &HeaderMap) -> Option<Claims> {
        let token = Cookie::Session.read(self.transport, headers)?;
        self.tokens.verify(clock, token).ok()
    }
}

impl Gateway {
    /// Checks the cookie and its session.
    pub(crate) async fn visitor(&self, headers: &HeaderMap) -> Result<Visitor, Rejection> {
        let signed_out = || Rejection::from(Problem::signed_out());
        let claims = self.known.claims(&*self.clock, headers).ok_or_else(signed_out)?;
        let visitor = |administrator: bool, is_certain: bool, as_of: u64| Visitor {
            account: claims.sub,
            session: claims.sid,
            server: claims.srv,
            administrator,
            // An assistant refuses what needs a recent proof when nobody can vouch for the session.
            authenticated_at: if is_certain { claims.auth_time } else { 0 },
            expires_at: claims.exp,
            is_certain,
            as_of,
        };
        let (as_of, was_known) = {
            let cache = self.known.lock();
            if cache.revoked.contains_key(&claims.sid) {
                return Err(signed_out());
            }
            let is_fed = cache.down_since.is_none_or(|since| since.elapsed() <= TRUSTED_FOR);
            let known = cache.live.get(&claims.sid).filter(|live| is_fed && live.token == claims.jti);
            if let Some(live) = known.filter(|live| live.asked.elapsed() < BELIEVED_FOR) {
                return Ok(visitor(live.administrator, true, cache.heard));
            }
            (cache.heard, known.is_some())
        };
        let asked = Instant::now();
        match self.ask(&claims).await {
            Asked::Valid { administrator } => {
                let mut cache = self.known.lock();
                if cache.revoked.contains_key(&claims.sid) {
                    return Err(signed_out());
                }
                if cache.live.len() >= MOST {
                    cache.live.clear();
                }
                // Something was revoked while the platform answered: the answer is for this request only.
                if cache.heard == as_of {
                    cache.live.insert(claims.sid, Live { token: claims.jti.clone(), administrator, asked });
                }
                Ok(visitor(administrator, true, as_of))
            }
            Asked::Ended => {
                // Remembered, so that it is not let in again while the platform is away.
                self.end_session(claims.sid);
                Err(signed_out())
            }
            Asked::Strange => Err(signed_out()),
            Asked::Unreachable if self.known.lock().revoked.contains_key(&claims.sid) => Err(signed_out()),
            Asked::Unreachable => Ok(visitor(claims.adm, false, as_of)),
            Asked::Busy if self.known.lock().revoked.contains_key(&claims.sid) => Err(signed_out()),
            // The platform vouched for her before, and had it ended her session since, it would have been heard. She goes
            // on as if it were away: without what needs it to vouch now.
            Asked::Busy if was_known => Ok(visitor(claims.adm, false, as_of)),
            Asked::Busy => {
                log::warn("the platform is too busy to say whether a session lives", &[]);
                Err(Rejection::from(platform_busy()))
            }
        }
    }

    /// Lets a session in no more, and ends its streams.
    fn end_session(&self, session: SessionId) {
        self.known.revoke(&*self.clock, session);
        self.streams.close_session(session);
    }

    /// Asks the platform for a session.
    async fn ask(&self, claims: &Claims) -> Asked {
        match self.told(&format!("/internal/sessions/{}?jti={}", claims.sid, claims.jti)).await {
            Ok(Some(told)) if told.valid && told.server.is_none_or(|server| server == claims.srv) => {
                Asked::Valid { administrator: told.administrator }
            }
            Ok(Some(told)) if told.valid => Asked::Strange,
            Ok(_) => Asked::Ended,
            Err(Silent::Unreachable) => Asked::Unreachable,
            Err(Silent::Busy) => Asked::Busy,
        }
    }

    /// Whether a session still lives, as far as the platform says; `None` when it cannot be asked.
    async fn is_alive(&self, session: SessionId) -> Option<bool> {
        let told = self.told(&format!("/internal/sessions/{session}")).await.ok()?;
        Some(told.is_some_and(|told| told.valid))
    }

    async fn told(&self, path: &str) -> Result<Option<Told>, Silent> {
        let asked = async {
            let request = Request::builder().method(Method::GET).uri(path).body(Body::empty());
            let request = request.map_err(|_| Silent::Busy)?;
            let response = self.platform.call((), request).await.map_err(|error| silent(&error))?;
            match response.status().as_u16() {
                200 => {
                    let body = Limited::new(response.into_body(), 8 << 10).collect().await.map_err(|_| Silent::Busy)?;
                    serde_json::from_slice(&body.to_bytes()).map(Some).map_err(|_| Silent::Busy)
                }
                404 => Ok(None),
                _ => Err(Silent::Busy),
            }
        };
        tokio::time::timeout(ASKED_FOR, asked).await.unwrap_or(Err(Silent::Busy))
    }
}

fn silent(error: &socket::CallError) -> Silent {
    match error {
        socket::CallError::Connect(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
        {
            Silent::Unreachable
        }
        _ => Silent::Busy,
    }
}

//! The way of one call: whose it is, where it may go, which address that is, and a connection to exactly that one.

use super::address::{self, Blocked};
use super::call::{Call, Line, Place};
use super::host::Host;
use super::ledger::{Count, OTHERS};
use super::refusal::{Malformed, Refusal};
use super::target::{HTTP, Target};
use super::{Egress, lock, plain, tunnel};
use crate::door::BoxedIo;
use crate::forward;
use crate::gateway::Gateway;
use crate::models::http::Caller;
use ally_http::answer;
use ally_types::{Problem, ServerId, log};
use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, header};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// So many addresses of a name are tried.
const MOST_TRIED: usize = 4;

/// Takes what is meant for the outside; everything else goes on to the gateway's own routes. Before any routing: the
/// path of `http://example.org/model` is somebody else's.
pub async fn first(
    State(gateway): State<Gateway>,
    Extension(Caller(server)): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::CONNECT && request.uri().authority().is_none() {
        return next.run(request).await;
    }
    let begun = Instant::now();
    // Before anything is read: whoever only writes nonsense has no more of it than others.
    let may_call = gateway.egress.rate.take(&*gateway.clock, &server.to_string()).map_err(Refusal::TooFast);
    let target = may_call.and_then(|()| read(&request));
    let reached = match &target {
        Ok(target) => reach(&gateway, server, target).await,
        Err(refusal) => Err(*refusal),
    };
    let answered = match (reached, target) {
        (Ok((place, io)), Ok(target)) => send(Call::begin(place, target, begun), io, request).await,
        (Err(refusal), target) => {
            not_reached(&gateway, server, target.ok(), refusal, begun);
            Err(refusal)
        }
        (Ok(_), Err(refusal)) => Err(refusal),
    };
    answered.unwrap_or_else(|refusal| {
        let mut response = answer::render(&Problem::from(refusal));
        // What follows on this connection could have been meant for somebody else.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    })
}

/// Takes no more questions to the gateway's own routes than anybody needs. Before the log: a flood is no line each.
pub async fn no_flood(
    State(gateway): State<Gateway>,
    Extension(Caller(server)): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    match gateway.egress.questions.check(&*gateway.clock, &server.to_string()) {
        Ok(()) => next.run(request).await,
        Err(refused) => {
            forward::drain(request.into_body()).await;
            refused.into_response()
        }
    }
}

/// Where the request wants to go.
fn read(request: &Request) -> Result<Target, Refusal> {
    let uri = request.uri();
    let authority = uri.authority().ok_or(Refusal::Request(Malformed::Form))?.as_str();
    match (request.method(), uri.scheme_str()) {
        (&Method::CONNECT, None) => {
            let says_length = request.headers().get_all(header::CONTENT_LENGTH).iter().any(|length| length != "0");
            if says_length || request.headers().contains_key(header::TRANSFER_ENCODING) {
                return Err(Refusal::Request(Malformed::Body));
            }
            Target::read(authority, None).map_err(Refusal::Unreadable)
        }
        (&Method::CONNECT | &Method::TRACE, _) | (_, None) => Err(Refusal::Request(Malformed::Form)),
        (_, Some("http")) => Target::read(authority, Some(HTTP)).map_err(Refusal::Unreadable),
        (_, Some(_)) => Err(Refusal::Request(Malformed::Scheme)),
    }
}

/// Asks everything that is asked before a byte leaves, then connects.
async fn reach(gateway: &Gateway, server: ServerId, target: &Target) -> Result<(Place, BoxedIo), Refusal> {
    let egress = &gateway.egress;
    let is_named = egress.is_named(target);
    if let Some(why) = target.host.blocked().filter(|why| !(is_named && *why == Blocked::Private)) {
        return Err(Refusal::Blocked(why));
    }
    egress.list.check(server, target).await?;
    let place = Place::take(gateway, server).ok_or(Refusal::TooMany)?;
    let io = connect(gateway, server, target, is_named).await?;
    Ok((place, io))
}

async fn send(call: Arc<Call>, io: BoxedIo, request: Request) -> Result<Response, Refusal> {
    let answered = if request.method() == Method::CONNECT {
        Ok(tunnel::open(io, Arc::clone(&call), request))
    } else {
        plain::send(io, &call, request).await
    };
    call.answered(match &answered {
        Ok(response) => response.status().as_u16(),
        Err(refusal) => Problem::from(*refusal).status,
    });
    answered
}

/// Looks the name up, checks every address it leads to, and connects to one of those that were checked. No name is
/// looked up twice for one call, so nothing can change between the check and the connection.
async fn connect(gateway: &Gateway, server: ServerId, target: &Target, is_named: bool) -> Result<BoxedIo, Refusal> {
    let egress = &gateway.egress;
    let until = Instant::now() + gateway.limits.egress.connect_within;
    let addresses = match &target.host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => {
            let found = resolve(egress, server, name.clone());
            timeout_at(until, found).await.map_err(|_| Refusal::TooSlow)??
        }
    };
    for address in &addresses {
        egress.permits(*address, target.port, is_named)?;
    }
    let mut left = addresses.len().min(MOST_TRIED);
    for address in addresses.into_iter().take(MOST_TRIED) {
        // One address that swallows everything must not use up the time of the others.
        let share = until.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(1);
        let place = SocketAddr::new(address.to_canonical(), target.port);
        match timeout(share, egress.outlet.outside.connect(place)).await {
            Ok(Ok(io)) => return Ok(io),
            Ok(Err(_)) if left == 1 => return Err(Refusal::Unreachable),
            Err(_) if left == 1 => return Err(Refusal::TooSlow),
            _ => left -= 1,
        }
    }
    Err(Refusal::NoSuchName)
}

/// The system's resolver cannot be interrupted, so whoever asks for slow names keeps its places there until they are
/// answered, also when nobody waits any more.
async fn resolve(egress: &Egress, server: ServerId, name: String) -> Result<Vec<IpAddr>, Refusal> {
    let place = egress.ask(server).ok_or(Refusal::TooMany)?;
    let found = egress.outlet.outside.resolve(name);
    let asked = tokio::spawn(async move {
        let found = found.await;
        drop(place);
        found
    });
    let addresses = asked.await.ok().and_then(Result::ok).ok_or(Refusal::NoSuchName)?;
    if addresses.is_empty() { Err(Refusal::NoSuchName) } else { Ok(addresses) }
}

impl Egress {
    /// Whether the administrator has named this place in the house.
    pub fn is_named(&self, target: &Target) -> bool {
        self.outlet.private.contains(target)
    }

    /// Whether a connection to this address may be made.
    fn permits(&self, address: IpAddr, port: u16, is_named: bool) -> Result<(), Refusal> {
        let canonical = address.to_canonical();
        let is_here = || self.outlet.outside.is_here(canonical);
        let is_ours = self.outlet.listen.is_some_and(|ours| {
            let (ip, is_any) = (ours.ip().to_canonical(), ours.ip().is_unspecified());
            ours.port() == port && (ip == canonical || (is_any && (canonical.is_loopback() || is_here())))
        });
        let why = match address::check(address) {
            Some(why) => Some(why),
            None => is_here().then_some(Blocked::Private),
        };
        match why {
            _ if is_ours => Err(Refusal::Blocked(Blocked::Private)),
            Some(why) if !(is_named && why == Blocked::Private) => Err(Refusal::Blocked(why)),
            _ => Ok(()),
        }
    }
}

/// A call that did not get there is counted and logged too. What was decided against names no host in the log: a name
/// that stands on no list could hold anything. The person sees it. What is too many is counted without its name, and
/// what is too fast shares one line, so that neither memory nor log grows with it.
fn not_reached(gateway: &Gateway, server: ServerId, target: Option<Target>, refusal: Refusal, begun: Instant) {
    let (calls, refused) = if refusal.is_decided() { (0, 1) } else { (1, 0) };
    let named = target.as_ref().filter(|_| refusal != Refusal::TooMany);
    let shown = named.map_or_else(|| OTHERS.to_owned(), Target::shown);
    gateway.egress.ledger.note(server, shown, Count { calls, refused, sent: 0, received: 0 });
    if let Refusal::TooFast(seconds) = refusal {
        return say_later(gateway, server, Duration::from_secs(seconds.max(1).into()));
    }
    let host = target.as_ref().filter(|_| !refusal.is_decided()).map(|target| &target.host);
    let line = Line { server, host, begun };
    line.write(Problem::from(refusal).status, (0, 0), Some(refusal.name()));
}

/// One line for all that this server has too many, once it may call again.
fn say_later(gateway: &Gateway, server: ServerId, after: Duration) {
    let mut unsaid = lock(&gateway.egress.unsaid);
    let count = unsaid.entry(server).or_default();
    *count += 1;
    if *count > 1 {
        return;
    }
    let gateway = gateway.clone();
    tokio::spawn(async move {
        sleep(after).await;
        let calls = lock(&gateway.egress.unsaid).remove(&server).unwrap_or_default();
        log::info("calls to the outside were refused: too many", &[("server", &server), ("calls", &calls)]);
    });
}

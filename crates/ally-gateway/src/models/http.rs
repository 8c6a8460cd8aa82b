//! The doors of the outbound socket: an assistant asks a model, asks what is connected, and has a key tested.

use super::Shown;
use super::bill::{Bill, Place, Refusal};
use super::gather::Gathered;
use super::limits;
use super::size::Size;
use crate::egress::providers;
use crate::forward;
use crate::gateway::Gateway;
use ally_http::Json;
use ally_http::answer::{Answer, Rejection};
use ally_llm::file::WITH_FILES;
use ally_llm::{Event, Failure, FailureKind, Provider, Request, anthropic};
use ally_types::{Problem, Secret, ServerId, log};
use axum::Extension;
use axum::RequestExt as _;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError};
use std::convert::Infallible;
use tokio::time::timeout;

/// Carries a person's own key from her server, for one call.
const OWN_KEY: &str = "x-ally-provider-key";

/// Whose outbound socket a call came in on.
#[derive(Debug, Clone, Copy)]
pub struct Caller(pub ServerId);

/// Asks a model. Each event is one line, sent as soon as it is there; closing the connection stops the provider.
pub async fn call(
    State(gateway): State<Gateway>,
    Extension(Caller(server)): Extension<Caller>,
    asked: axum::extract::Request,
) -> Answer<Response> {
    let own = own_key(asked.headers())?;
    if let Err(refused) = must_be_hers(&gateway, server, own.as_ref()).await {
        forward::drain(asked.into_body()).await;
        return Err(refused);
    }
    // A question is large; nobody may have more of them in our memory than calls.
    let Some(place) = Place::take(&gateway, server) else {
        forward::drain(asked.into_body()).await;
        let failure = Failure { retry_after: Some(1), ..Failure::of(FailureKind::RateLimited) };
        return Ok(lines(line(&Event::Failed { failure }).into()));
    };
    let read = timeout(gateway.limits.body_within, question(asked));
    let mut request = read.await.map_err(|_| Rejection::from(slow_body()))??;
    let (provider, payer) = gateway.models.choose(own).await;
    let (mut size, window) = (Size::estimate(&request), provider.window());
    if size.is_near(window, request.max_tokens) {
        size.count(&gateway, server, &provider, &request).await;
    }
    let Some(room) = size.room(window, request.max_tokens) else {
        return Ok(lines(line(&Event::Failed { failure: Failure::of(FailureKind::ContextTooLong) }).into()));
    };
    request.max_tokens = room;
    Ok(lines(match Bill::open(place, payer, &provider, &request, size).await {
        Ok(bill) => {
            let mut events = Gathered::new(providers::stream(&gateway, server, provider, &request));
            events.begin().await;
            answer(events, bill)
        }
        Err(refusal) => Body::from(line(&Event::Failed { failure: refused(&gateway, &refusal) })),
    }))
}

/// Reads a question and waits until it is asked. An assistant sends it as one line, and ends the body when it is on the
/// disk that she asked; until then it can be read already. A body that never ends was never asked.
async fn question(asked: axum::extract::Request) -> Answer<Request> {
    let has_files = asked.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == WITH_FILES);
    let mut body = asked.into_limited_body();
    let (mut bytes, mut early) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| cut_off(&error))?.into_data() else { continue };
        bytes.extend_from_slice(&data);
        // Once: nobody makes us read the same again and again.
        early = match early {
            None if !has_files && bytes.ends_with(b"\n") => Some((bytes.len(), Json::from_bytes(&bytes))),
            early => early,
        };
    }
    if has_files {
        return Request::with_files(bytes.into()).ok_or_else(torn);
    }
    let Json(request): Json<Request> = match early {
        Some((read, request)) if read == bytes.len() => request?,
        _ => Json::from_bytes(&bytes)?,
    };
    // Files come behind the JSON, never in it.
    if request.files().next().is_some() { Err(torn()) } else { Ok(request) }
}

fn torn() -> Rejection {
    let torn = Problem::new(422, "wrong_shape", "The files of this question did not come with it.");
    Rejection::from(torn.next("Send it again."))
}

fn cut_off(error: &(dyn std::error::Error + 'static)) -> Problem {
    match std::iter::successors(Some(error), |error| error.source())
        .any(<dyn std::error::Error>::is::<LengthLimitError>)
    {
        true => Problem::new(413, "too_large", "This is too large.").next("Send less at once."),
        false => Problem::new(400, "unreadable", "The body could not be read.").next("Send it again."),
    }
}

fn lines(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn slow_body() -> Problem {
    Problem::new(408, "slow_body", "The question did not arrive in time.").next("Send it again.")
}

fn answer(events: Gathered, bill: Bill) -> Body {
    let lines = stream::unfold(Some((events, bill)), |running| async move {
        let (mut events, mut bill) = running?;
        let event = events.next().await?;
        bill.note(&event);
        let running = if matches!(event, Event::Finished { .. } | Event::Failed { .. }) {
            bill.settle().await;
            None
        } else {
            Some((events, bill))
        };
        Some((Ok::<_, Infallible>(line(&event)), running))
    });
    Body::from_stream(lines)
}

fn line(event: &Event) -> Bytes {
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

fn refused(gateway: &Gateway, refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::Limit(span) => limits::reached(gateway.clock.now(), *span),
        Refusal::Store(error) => {
            let is_full = matches!(error, ally_store::StoreError::DiskFull);
            log::error("the counters cannot be written, so no model is called", &[("disk_full", &is_full)]);
            Failure::of(FailureKind::Provider)
        }
    }
}

/// What the gateway has by itself.
pub async fn provider(State(gateway): State<Gateway>) -> Json<Shown> {
    Json(gateway.models.shown().await)
}

/// Tests a person's own key.
pub async fn test(
    State(gateway): State<Gateway>,
    Extension(Caller(server)): Extension<Caller>,
    headers: HeaderMap,
) -> Answer<StatusCode> {
    let key = own_key(&headers)?.ok_or_else(|| Rejection::from(key_refused()))?;
    must_be_hers(&gateway, server, Some(&key)).await?;
    let (provider, _counted) = providers::count(&gateway, server, gateway.models.anthropic(key));
    if let Provider::Anthropic(config) = provider {
        anthropic::check_key(&gateway.models.client, &config).await.map_err(in_words)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn own_key(headers: &HeaderMap) -> Result<Option<Secret>, Rejection> {
    let Some(key) = headers.get(OWN_KEY) else { return Ok(None) };
    let key = key.to_str().map_err(|_| Rejection::from(key_refused()))?.trim();
    if key.is_empty() || key.len() > 512 {
        return Err(Rejection::from(key_refused()));
    }
    Ok(Some(Secret::new(key)))
}

/// Nothing leaves with a key that she did not paste herself: it may be the key of whoever has her assistant in hand.
async fn must_be_hers(gateway: &Gateway, server: ServerId, key: Option<&Secret>) -> Result<(), Rejection> {
    let Some(key) = key else { return Ok(()) };
    if gateway.models.own_keys.is_known(server, key).await.map_err(Problem::from)? {
        return Ok(());
    }
    log::warn("a key that nobody connected was refused", &[("server", &server)]);
    Err(Rejection::from(
        Problem::new(403, "provider_key_unknown", "This key was not connected in the browser.")
            .next("Open Settings, AI provider, and paste it there.")
            .at("key"),
    ))
}

/// What was sent is no key.
pub fn key_malformed() -> Problem {
    Problem::new(422, "provider_key_malformed", "There is no key in this.")
        .next("Copy the whole key from the provider's page and paste it again.")
        .at("key")
}

/// The provider did not take the key. Not 401: the person is signed in.
fn key_refused() -> Problem {
    Problem::new(422, "provider_key_refused", "Anthropic did not accept this key.")
        .next("Copy the key again from the Anthropic Console, or make a new one there.")
        .at("key")
}

/// Why a test did not succeed.
pub fn in_words(failure: Failure) -> Problem {
    match failure.kind {
        FailureKind::Auth => key_refused(),
        FailureKind::Quota => {
            Problem::new(422, "provider_no_credit", "Anthropic accepts this key, but its account has no credit left.")
                .next("Add credit in the Anthropic Console, then try again.")
                .at("key")
        }
        FailureKind::RateLimited | FailureKind::Overloaded => {
            Problem::new(503, "provider_busy", "The provider takes no more requests right now.")
                .next("Wait a little, then try again.")
                .retry_after(failure.retry_after.unwrap_or(10))
        }
        _ => Problem::new(502, "provider_unreachable", "The provider could not be reached, so nothing was tested.")
            .next("Check this machine's connection to the internet, then try again."),
    }
}

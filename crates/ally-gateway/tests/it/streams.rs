//! Event streams: open tabs, sleeping assistants, sessions that end.

use crate::world::{Choice, Person, World, next_piece, piece, settle, stream_of};
use ally_gateway::Limits;
use ally_types::identity::Identity;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse as _;
use axum::routing::get;
use bytes::Bytes;
use futures_util::StreamExt as _;
use hyper::body::Incoming;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// One attachment that an assistant saw: who, where it left off, and the way to write.
type Attached = (Identity, Option<String>, mpsc::UnboundedSender<Bytes>);

/// An assistant with one stream; each attachment is put into the list.
fn attend(world: &World, person: &Person) -> Arc<Mutex<Vec<Attached>>> {
    let attached: Arc<Mutex<Vec<Attached>>> = Arc::default();
    let (list, verifier) = (attached.clone(), world.verifier(person));
    let events = move |request: Request| {
        let (list, verifier) = (list.clone(), verifier.clone());
        async move {
            let (parts, _) = request.into_parts();
            let identity = verifier.verify(&parts).map_err(|_| ()).unwrap();
            let last = parts.headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
            let (write, lines) = mpsc::unbounded_channel();
            list.lock().unwrap().push((identity, last, write));
            ([("content-type", "text/event-stream")], stream_of(lines)).into_response()
        }
    };
    world.routes(person, Router::new().route("/api/v1/chats/x/events", get(events)));
    attached
}

async fn open(world: &World, person: &Person) -> Incoming {
    let answer = world.get("/api/v1/chats/x/events").by(person).header("sec-fetch-site", "same-origin").send().await;
    assert_eq!(answer.status(), 200);
    answer.into_body()
}

fn say(attached: &Arc<Mutex<Vec<Attached>>>, text: &str) {
    let list = attached.lock().unwrap();
    list.last().unwrap().2.send(Bytes::from(text.to_owned())).unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_open_tab_does_not_wake_anybody_and_goes_on_after_a_wake() {
    let world = World::new().await;
    let mira = world.person();
    let attached = attend(&world, &mira);
    let mut tab = open(&world, &mira).await;
    for round in 1..=10 {
        say(&attached, &format!("id: run_1.1.{round}\ndata: {{}}\n\n"));
        assert_eq!(piece(&mut tab).await.unwrap(), format!("id: run_1.1.{round}\ndata: {{}}\n\n"));
        say(&attached, ": parked\n\n");
        settle().await;
        world.gateway.servers().asleep(mira.server);
        // A minute passes: the tab only sees that the connection lives.
        for _ in 0..3 {
            assert_eq!(piece(&mut tab).await.unwrap(), ": keep-alive\n\n");
        }
        assert_eq!(world.connections(), round);
        world.clock.advance_millis(120_000);
        world.gateway.servers().awake(mira.server);
        settle().await;
        assert_eq!(world.connections(), round + 1);
        let list = attached.lock().unwrap();
        let (identity, last, _) = list.last().unwrap();
        assert_eq!(last.as_deref(), Some(format!("run_1.1.{round}").as_str()));
        assert_eq!(identity.session, mira.session);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_told_too_early_waits_for_the_process_to_end() {
    let world = World::new().await;
    let mira = world.person();
    let attached = attend(&world, &mira);
    let mut tab = open(&world, &mira).await;
    say(&attached, ": parked\n\n");
    settle().await;
    // The host has not yet said that the process ended: connecting now would start the next one.
    assert_eq!(world.connections(), 1);
    world.gateway.servers().asleep(mira.server);
    assert_eq!(piece(&mut tab).await.unwrap(), ": keep-alive\n\n");
    world.gateway.servers().awake(mira.server);
    world.gateway.servers().asleep(mira.server);
    settle().await;
    assert_eq!(world.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_first_attach_that_wakes_is_parked_with_the_life_it_woke() {
    let world = World::new().await;
    let mira = world.person();
    let attached = attend(&world, &mira);
    world.gateway.servers().asleep(mira.server);
    let mut tab = open(&world, &mira).await;
    // The host's word comes after the assistant's answer.
    world.gateway.servers().awake(mira.server);
    say(&attached, ": parked\n\n");
    settle().await;
    assert_eq!(world.connections(), 1);
    world.gateway.servers().asleep(mira.server);
    assert_eq!(piece(&mut tab).await.unwrap(), ": keep-alive\n\n");
    assert_eq!(world.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_announced_again_is_not_taken_for_the_next_life() {
    let world = World::new().await;
    let mira = world.person();
    let attached = attend(&world, &mira);
    let mut tab = open(&world, &mira).await;
    // The link to the host was new: everything is told once more, while the same process speaks.
    world.gateway.servers().asleep(mira.server);
    world.gateway.servers().awake(mira.server);
    settle().await;
    say(&attached, ": parked\n\n");
    settle().await;
    assert_eq!(world.connections(), 1);
    world.gateway.servers().asleep(mira.server);
    assert_eq!(piece(&mut tab).await.unwrap(), ": keep-alive\n\n");
    world.gateway.servers().awake(mira.server);
    settle().await;
    assert_eq!(world.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_the_tab_goes_on_without_half_an_event() {
    let world = World::new().await;
    let mira = world.person();
    let first = Arc::new(Mutex::new(true));
    let crash = Arc::new(Notify::new());
    let crashing = crash.clone();
    let serve = move |request: Request| {
        let crashes = crashing.clone();
        let is_first = std::mem::replace(&mut *first.lock().unwrap(), false);
        async move {
            let last = request.headers().get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
            let said = match last {
                _ if is_first => "id: run_1.1.1\ndata: 1\n\nid: run_1.1.2\ndata: ha".to_owned(),
                last => format!("data: after {}\n\n", last.unwrap_or_default()),
            };
            let end = async move {
                crashes.notified().await;
                Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe))
            };
            let said = futures_util::stream::iter([Ok(Bytes::from(said))]);
            let body = Body::from_stream(said.chain(futures_util::stream::once(end)));
            ([("content-type", "text/event-stream")], body).into_response()
        }
    };
    world.routes(&mira, Router::new().route("/api/v1/chats/x/events", get(serve)));
    let mut tab = open(&world, &mira).await;
    assert_eq!(piece(&mut tab).await.unwrap(), "id: run_1.1.1\ndata: 1\n\n");
    crash.notify_one();
    settle().await;
    assert_eq!(world.connections(), 1);
    world.gateway.servers().asleep(mira.server);
    world.gateway.servers().awake(mira.server);
    assert_eq!(piece(&mut tab).await.unwrap(), "data: after run_1.1.1\n\n");

    // Only the connection broke; the process lives, and the host has nothing to say.
    crash.notify_one();
    assert_eq!(piece(&mut tab).await.unwrap(), "data: after run_1.1.1\n\n");
    assert_eq!(world.connections(), 3);
}

#[tokio::test]
async fn a_revoked_session_sees_its_streams_end_at_once() {
    let world = World::new().await;
    let (mira, jon) = (world.person(), world.person());
    let (hers, his) = (attend(&world, &mira), attend(&world, &jon));
    let (mut tab, mut other) = (open(&world, &mira).await, open(&world, &jon).await);
    world.revoke(&mira);
    assert_eq!(piece(&mut tab).await, None);
    settle().await;
    assert!(hers.lock().unwrap().last().unwrap().2.is_closed());
    say(&his, "data: still here\n\n");
    assert_eq!(piece(&mut other).await.unwrap(), "data: still here\n\n");
    world.platform.say(&json!({"type": "revoked_account", "account": jon.account}));
    assert_eq!(piece(&mut other).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_was_missed_ends_streams_when_the_platform_is_back() {
    let world = World::new().await;
    let mira = world.person();
    let _attached = attend(&world, &mira);
    let mut tab = open(&world, &mira).await;
    world.platform.sessions.lock().unwrap().clear();
    world.platform.cut();
    assert_eq!(piece(&mut tab).await, None);
}

#[tokio::test]
async fn a_browser_that_goes_away_frees_its_stream_and_too_many_are_refused() {
    let limits = Some(Limits { streams: 2, ..Limits::default() });
    let world = World::with(Choice { limits, ..Choice::default() }).await;
    let mira = world.person();
    let attached = attend(&world, &mira);
    let (first, _second) = (open(&world, &mira).await, open(&world, &mira).await);
    let third = || world.get("/api/v1/chats/x/events").by(&mira);
    assert_eq!(third().problem().await, (429, "too_many_streams".to_owned()));
    drop(first);
    settle().await;
    assert!(attached.lock().unwrap()[0].2.is_closed());
    let _third = open(&world, &mira).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_token_does() {
    let world = World::new().await;
    let mira = world.person();
    let _attached = attend(&world, &mira);
    let mut tab = open(&world, &mira).await;
    assert_eq!(piece(&mut tab).await.unwrap(), ": keep-alive\n\n");
    world.clock.advance_millis(604_800_000);
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(piece(&mut tab).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_asked_for_by_post_ends_when_it_breaks_and_is_not_asked_for_again() {
    let world = World::new().await;
    let mira = world.person();
    let crash = Arc::new(Notify::new());
    let crashing = crash.clone();
    let serve = move || {
        let crashes = crashing.clone();
        async move {
            let end = async move {
                crashes.notified().await;
                Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe))
            };
            let said = futures_util::stream::iter([Ok(Bytes::from("data: 1\n\ndata: ha"))]);
            let body = Body::from_stream(said.chain(futures_util::stream::once(end)));
            ([("content-type", "text/event-stream")], body).into_response()
        }
    };
    // Where it would be asked for again, this would go on for ever.
    world.routes(&mira, Router::new().route("/api/v1/space/walls/test", get(serve.clone()).post(serve)));
    let answer = world.ask("POST", "/api/v1/space/walls/test").by(&mira).here().json(&json!({})).send().await;
    assert_eq!(answer.status(), 200);
    let mut stream = answer.into_body();
    assert_eq!(piece(&mut stream).await.unwrap(), "data: 1\n\n");
    crash.notify_one();
    settle().await;
    world.gateway.servers().asleep(mira.server);
    world.gateway.servers().awake(mira.server);
    assert_eq!(piece(&mut stream).await, None);
    assert_eq!(world.connections(), 1);
}

#[tokio::test]
async fn a_stream_begins_at_once_so_that_no_proxy_keeps_its_head() {
    let world = World::new().await;
    let mira = world.person();
    let _attached = attend(&world, &mira);
    let mut tab = open(&world, &mira).await;
    assert_eq!(next_piece(&mut tab).await.unwrap(), ally_http::stream::OPEN);
}

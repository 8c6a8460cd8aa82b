//! The model gateway: who answers, what is counted, what is kept.

use crate::world::{Choice, World, piece, settle, stream_of};
use ally_gateway::{Counters, Door, Limits, REGISTER, Reach};
use ally_http::socket::call_over;
use ally_llm::script::{Gate, Step, Turn};
use ally_llm::stand_in::{KEY, StandIn};
use ally_llm::{Event, FailureKind, Provider, Scripted, Usage};
use ally_types::register::Place;
use ally_types::{Clock as _, ServerId};
use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;

fn question(text: &str) -> String {
    json!({
        "system": "Be kind.",
        "messages": [{"role": "user", "blocks": [{"type": "text", "text": text}]}],
        "tools": [],
        "max_tokens": 100,
        "pseudonym": "p",
        "asked_at": "2026-11-21T12:00:00Z",
        "timezone": "UTC",
    })
    .to_string()
}

pub async fn ask(world: &World, server: ServerId, text: &str, own_key: Option<&str>) -> http::Response<Incoming> {
    let gateway = world.gateway.clone();
    let connection = Door::to_router(move |()| Some(gateway.outbound(server))).open(()).await.unwrap();
    let mut request = http::Request::post("/model").header("content-type", "application/json");
    if let Some(key) = own_key {
        request = request.header("x-ally-provider-key", key);
    }
    call_over(connection, request.body(Body::from(question(text))).unwrap()).await.unwrap()
}

pub async fn events(answer: http::Response<Incoming>) -> Vec<Event> {
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    body.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn scripted(turn: Turn) -> Choice {
    Choice { provider: Some(Provider::Scripted(Scripted::saying([turn]))), ..Choice::default() }
}

async fn counted(world: &World, server: ServerId) -> Option<(i64, i64)> {
    let row = world.gateway.counters().of(server, world.clock.now()).await.unwrap();
    row.map(|row| (row.reserved, row.settled))
}

#[tokio::test]
async fn a_call_is_settled_with_what_the_provider_said() {
    let usage = Usage { input: 11, output: 7, cache_read: 2, cache_write: 1 };
    let world = World::with(scripted(Turn { usage: Some(usage), ..Turn::text("hello you") })).await;
    let mira = world.person();
    let events = events(ask(&world, mira.server, "hello", None).await).await;
    assert!(matches!(events.first(), Some(Event::Started { .. })));
    assert!(matches!(events.last(), Some(Event::Finished { .. })));
    let (kept, settled) = counted(&world, mira.server).await.unwrap();
    assert!(kept > 100 && settled == 21, "something is kept for the next question: {kept}, {settled}");
    world.gateway.settled().await;
    assert_eq!(counted(&world, mira.server).await, Some((0, 21)), "and given back at the end");
}

#[tokio::test]
async fn a_call_that_is_stopped_is_settled_too() {
    let gate = Gate::default();
    let turn = Turn::of([Step::Text("one two".to_owned()), Step::Hold(gate.clone()), Step::Text("three".to_owned())]);
    let usage = Some(Usage { input: 5, output: 1, ..Usage::default() });
    let world = World::with(scripted(Turn { usage, ..turn })).await;
    let mira = world.person();
    let mut body = ask(&world, mira.server, "hello", None).await.into_body();
    // Events come one by one, while the provider is still at it.
    assert!(piece(&mut body).await.unwrap().contains("started"));
    let held = counted(&world, mira.server).await.unwrap();
    assert!(held.0 > 100 && held.1 == 0, "{held:?}");
    drop(body);
    settle().await;
    world.gateway.settled().await;
    let (reserved, settled) = counted(&world, mira.server).await.unwrap();
    assert_eq!(reserved, 0);
    assert!(settled > 0);
}

#[tokio::test]
async fn whoever_hangs_up_before_the_end_is_counted_what_she_has_read() {
    let turn = Turn::of([Step::Text("word ".repeat(800)), Step::Hold(Gate::default())]);
    let usage = Some(Usage { input: 5, output: 1, ..Usage::default() });
    let world = World::with(scripted(Turn { usage, ..turn })).await;
    let mira = world.person();
    let mut body = ask(&world, mira.server, "hello", None).await.into_body();
    let (held, _) = counted(&world, mira.server).await.unwrap();
    let mut read = 0;
    while read < 800 {
        read += piece(&mut body).await.unwrap().matches("word").count();
    }
    drop(body);
    settle().await;
    world.gateway.settled().await;
    let (_, settled) = counted(&world, mira.server).await.unwrap();
    // Four thousand letters are more tokens than she may have had; what the provider had stated so far was five.
    assert_eq!(settled, held);
}

#[tokio::test]
async fn what_was_held_when_the_process_died_counts_as_used() {
    let world = World::with(scripted(Turn::of([Step::Hold(Gate::default())]))).await;
    let mira = world.person();
    let answer = ask(&world, mira.server, "hello", None).await;
    let held = counted(&world, mira.server).await.unwrap().0;
    assert!(held > 100);
    let copy = tempfile::tempdir().unwrap();
    for file in ["counters.db", "counters.db-wal"] {
        let _ = std::fs::copy(world.directory.path().join(file), copy.path().join(file));
    }
    let counters = Counters::open(copy.path(), world.clock.now()).unwrap();
    let row = counters.of(mira.server, world.clock.now()).await.unwrap().unwrap();
    assert_eq!((row.reserved, row.settled), (0, held));
    drop(answer);
}

#[tokio::test]
async fn one_server_cannot_have_any_number_of_calls_at_a_time() {
    let limits = Some(Limits { calls: 1, ..Limits::default() });
    let world = World::with(Choice { limits, ..scripted(Turn::of([Step::Hold(Gate::default())])) }).await;
    let mira = world.person();
    let first = ask(&world, mira.server, "a", None).await;
    match events(ask(&world, mira.server, "b", None).await).await.as_slice() {
        [Event::Failed { failure }] => assert_eq!(failure.kind, FailureKind::RateLimited),
        other => panic!("{other:?}"),
    }
    drop(first);
    settle().await;
    world.gateway.settled().await;
    assert!(events(ask(&world, mira.server, "c", None).await).await.len() > 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_has_its_place_before_it_is_read_and_does_not_arrive_for_ever() {
    assert_eq!(Limits::default().model_body, 32 << 20);
    let limits = Some(Limits { calls: 1, model_body: 2000, ..Limits::default() });
    let world = World::with(Choice { limits, ..Choice::default() }).await;
    let mira = world.person();
    let gateway = world.gateway.clone();
    let door = Door::to_router(move |()| Some(gateway.outbound(mira.server)));
    let send = async |body: Body| {
        let request = http::Request::post("/model").header("content-type", "application/json").body(body).unwrap();
        call_over(door.open(()).await.unwrap(), request).await.unwrap()
    };
    let (write, pieces) = tokio::sync::mpsc::unbounded_channel();
    write.send(bytes::Bytes::from("{\"system\":\"")).unwrap();
    let slow = send(stream_of(pieces));
    let second = async {
        settle().await;
        match events(ask(&world, mira.server, "b", None).await).await.as_slice() {
            [Event::Failed { failure }] => assert_eq!(failure.kind, FailureKind::RateLimited),
            other => panic!("{other:?}"),
        }
    };
    let (slow, ()) = tokio::join!(slow, second);
    assert_eq!(slow.status(), 408);
    drop((slow, write));
    assert_eq!(send(Body::from(vec![b' '; 2001])).await.status(), 413);
    settle().await;
    assert!(events(ask(&world, mira.server, "c", None).await).await.len() > 1);
}

#[tokio::test]
async fn a_question_is_asked_when_its_body_has_ended_and_never_if_it_does_not() {
    let model = Scripted::saying([Turn::text("hello you")]);
    let provider = Some(Provider::Scripted(model.clone()));
    let world = World::with(Choice { provider, ..Choice::default() }).await;
    let mira = world.person();
    let gateway = world.gateway.clone();
    let door = Door::to_router(move |()| Some(gateway.outbound(mira.server)));
    let begin = async |pieces| {
        let request = http::Request::post("/model").header("content-type", "application/json");
        (door.open(()).await.unwrap(), request.body(stream_of(pieces)).unwrap())
    };
    let line = bytes::Bytes::from(question("hello") + "\n");

    let (write, pieces) = tokio::sync::mpsc::unbounded_channel();
    write.send(line.clone()).unwrap();
    let (connection, request) = begin(pieces).await;
    let broken = tokio::spawn(call_over(connection, request));
    settle().await;
    broken.abort();
    settle().await;
    assert_eq!((model.seen().len(), counted(&world, mira.server).await), (0, None));

    let (write, pieces) = tokio::sync::mpsc::unbounded_channel();
    write.send(line).unwrap();
    let (connection, request) = begin(pieces).await;
    let whole = tokio::spawn(call_over(connection, request));
    settle().await;
    assert_eq!(model.seen().len(), 0, "it is read, and not asked");
    drop(write);
    assert!(events(whole.await.unwrap().unwrap()).await.len() > 1);
    assert_eq!(model.seen().len(), 1);
}

#[tokio::test]
async fn without_a_provider_built_in_commands_answer_and_nothing_is_counted() {
    let world = World::new().await;
    let mira = world.person();
    match events(ask(&world, mira.server, "help", None).await).await.first() {
        Some(Event::Started { provider, model, window: None }) => {
            assert_eq!((provider.as_str(), model.as_str()), ("builtin", ""))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(counted(&world, mira.server).await, None);
}

#[tokio::test]
async fn a_persons_own_key_is_used_and_leaves_no_trace() {
    let stand_in = StandIn::start().await.unwrap();
    let reach = Reach { base_url: Some(stand_in.url()), ..Reach::default() };
    let world = World::with(Choice { reach, ..Choice::default() }).await;
    let mira = world.person();
    world.connect_key(&mira, KEY).await;
    let answered = events(ask(&world, mira.server, "canary-question", Some(KEY)).await).await;
    assert!(matches!(answered.last(), Some(Event::Finished { .. })), "{answered:?}");
    world.connect_key(&mira, "sk-ant-wrong-canary").await;
    match events(ask(&world, mira.server, "canary-question", Some("sk-ant-wrong-canary")).await).await.last() {
        Some(Event::Failed { failure }) => assert_eq!(failure.kind, FailureKind::Auth),
        other => panic!("{other:?}"),
    }
    assert_eq!(counted(&world, mira.server).await, None);
    assert_no_trace(&world, &[KEY, "sk-ant-wrong-canary", "canary-question"]);
}

#[tokio::test]
async fn a_key_is_tested_before_it_is_kept() {
    let stand_in = StandIn::start().await.unwrap();
    let reach = Reach { base_url: Some(stand_in.url()), ..Reach::default() };
    let world = World::with(Choice { reach, ..Choice::default() }).await;
    let mira = world.person();
    for (key, expected) in [(KEY, 204), ("sk-ant-wrong", 422)] {
        world.connect_key(&mira, key).await;
        assert_eq!(tested(&world, mira.server, key).await.0, expected, "{key}");
    }
    assert_eq!(tested(&world, mira.server, "").await.0, 422);
}

/// Has a key tried out, as her server does; the status, and the kind of what it was refused for.
async fn tested(world: &World, server: ServerId, key: &str) -> (u16, String) {
    let gateway = world.gateway.clone();
    let door = Door::to_router(move |()| Some(gateway.outbound(server)));
    let request = http::Request::post("/provider/test").header("x-ally-provider-key", key).body(Body::empty());
    let answer = call_over(door.open(()).await.unwrap(), request.unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    (status, problem["type"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_key_that_she_did_not_paste_is_refused_before_anything_leaves() {
    let stand_in = StandIn::start().await.unwrap();
    let reach = Reach { base_url: Some(stand_in.url()), ..Reach::default() };
    let world = World::with(Choice { reach: reach.clone(), ..Choice::default() }).await;
    let (mira, jon) = (world.person(), world.person());
    let unknown = || (403, "provider_key_unknown".to_owned());
    let question = async |world: &World, server, key| ask(world, server, "hello", Some(key)).await.status().as_u16();

    // Nobody has pasted it: it may be anybody's.
    assert_eq!((question(&world, mira.server, KEY).await, tested(&world, mira.server, KEY).await), (403, unknown()));
    // What another one pasted is hers alone.
    world.connect_key(&jon, KEY).await;
    assert_eq!((question(&world, mira.server, KEY).await, tested(&world, mira.server, KEY).await), (403, unknown()));
    // Nothing but a browser with her session, on our own page, pastes a key.
    let body = json!({ "key": KEY });
    assert_eq!(world.ask("PUT", "/api/v1/provider").here().json(&body).problem().await.0, 401);
    let foreign = world.ask("PUT", "/api/v1/provider").by(&mira).header("origin", "https://evil.example");
    assert_eq!(foreign.json(&body).problem().await.0, 403);
    // One that her server does not take is not hers.
    let refuses = axum::Router::new().route(
        "/api/v1/provider",
        axum::routing::any(async || (http::StatusCode::UNPROCESSABLE_ENTITY, crate::world::word("no"))),
    );
    world.routes(&mira, refuses);
    assert_eq!(world.ask("PUT", "/api/v1/provider").by(&mira).here().json(&body).text().await.0, 422);
    assert_eq!(question(&world, mira.server, KEY).await, 403);
    let long = json!({ "key": "k".repeat(9000) });
    let long = world.ask("PUT", "/api/v1/provider").by(&mira).here().json(&long).problem().await;
    assert_eq!(long, (422, "provider_key_malformed".to_owned()));
    assert_eq!(stand_in.seen().len(), 0, "nothing has left");

    // Her own is: with white space around it, and after a restart.
    world.connect_key(&mira, &format!(" {KEY}\n")).await;
    assert_eq!((question(&world, mira.server, KEY).await, tested(&world, mira.server, KEY).await.0), (200, 204));
    let directory = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(world.directory.path()).unwrap().flatten() {
        std::fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
    }
    let again = World::with(Choice { reach, directory: Some(directory), ..Choice::default() }).await;
    assert_eq!(question(&again, mira.server, KEY).await, 200);
    // The one before goes when another one takes its place, and all go when she takes hers away.
    world.connect_key(&mira, "sk-ant-another").await;
    assert_eq!(question(&world, mira.server, KEY).await, 403);
    assert_eq!(question(&world, mira.server, "sk-ant-another").await, 200);
    let forgets = axum::routing::any(async || crate::world::word("forgotten"));
    world.routes(&mira, axum::Router::new().route("/api/v1/provider", forgets));
    assert_eq!(world.ask("DELETE", "/api/v1/provider").by(&mira).here().text().await.0, 200);
    assert_eq!(question(&world, mira.server, "sk-ant-another").await, 403);
    assert_no_trace(&world, &[KEY, "sk-ant-another"]);
}

#[tokio::test]
async fn an_administrator_connects_a_provider_that_survives_a_restart() {
    let stand_in = StandIn::start().await.unwrap();
    let reach = Reach { base_url: Some(stand_in.url()), ..Reach::default() };
    let world = World::with(Choice { reach: reach.clone(), ..Choice::default() }).await;
    let (mira, admin) = (world.person(), world.somebody(true));
    let put = |person, path: &str, body| world.ask("PUT", path).by(person).here().json(&body);

    let local = "/api/v1/provider/local";
    let server = json!({"url": stand_in.url(), "model": ""});
    assert_eq!(put(&mira, local, server.clone()).problem().await, (403, "administrator_only".to_owned()));
    for strange in ["http://10.0.0.1:11434", "file:///etc/passwd", "http://127.0.0.1@evil.example", "nonsense", ""] {
        let refused = put(&admin, local, json!({"url": strange, "model": "x"})).problem().await;
        assert_eq!(refused, (422, "local_model_address".to_owned()), "{strange}");
    }
    let missing = put(&admin, local, json!({"url": stand_in.url(), "model": "no-such"})).problem().await;
    assert_eq!(missing, (422, "model_not_found".to_owned()));
    let (status, shown) = put(&admin, local, server).text().await;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((status, &shown["source"], &shown["provider"]), (200, &json!("local"), &json!("openai_compatible")));
    assert_eq!(shown["connected"], json!(true));

    let installation = "/api/v1/provider/installation";
    let wrong = put(&admin, installation, json!({"key": "sk-ant-wrong"})).problem().await;
    assert_eq!(wrong, (422, "provider_key_refused".to_owned()));
    assert_eq!(put(&mira, installation, json!({"key": KEY})).problem().await.0, 403);
    assert_eq!(put(&admin, installation, json!({"key": KEY})).text().await.0, 200);
    assert_no_trace(&world, &[KEY, &stand_in.url()]);

    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(world.directory.path().join("provider.sealed"), directory.path().join("provider.sealed")).unwrap();
    let world = World::with(Choice { reach, directory: Some(directory), ..Choice::default() }).await;
    let (mira, admin) = (world.person(), world.somebody(true));
    let started = events(ask(&world, mira.server, "hello", None).await).await;
    assert!(matches!(started.last(), Some(Event::Finished { .. })), "{started:?}");
    assert!(counted(&world, mira.server).await.unwrap().1 > 0);
    for (path, source) in [(installation, json!("local")), (local, json!(null))] {
        let (_, shown) = world.ask("DELETE", path).by(&admin).here().text().await;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["source"], source, "{path}");
    }
    assert!(!world.directory.path().join("provider.sealed").exists());
}

#[tokio::test]
async fn every_column_and_file_of_the_gateway_is_in_the_register() {
    let world = World::new().await;
    let declared: Vec<(String, Vec<String>)> = REGISTER
        .iter()
        .filter_map(|entry| match entry.place {
            Place::Columns { store: "gateway", table, columns } => {
                Some((table.to_owned(), columns.iter().map(|column| (*column).to_owned()).collect()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(world.gateway.counters().columns().await.unwrap(), declared);
}

fn assert_no_trace(world: &World, canaries: &[&str]) {
    for entry in std::fs::read_dir(world.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for canary in canaries {
            let is_there = bytes.windows(canary.len()).any(|part| part == canary.as_bytes());
            assert!(!is_there, "{canary} is in {}", path.display());
        }
    }
}

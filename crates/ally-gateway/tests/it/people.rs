//! Requests to a person's own assistant.

use crate::world::{Assistant, Choice, WORD_IN_A_PANIC, World, piece, settle, stream_of, word};
use ally_gateway::Limits;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::any;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

#[tokio::test]
async fn an_assistant_sees_a_fresh_identity_and_nothing_of_the_browser_session() {
    let world = World::new().await;
    let mira = world.person();
    let verifier = world.verifier(&mira);
    let seen = Arc::new(Mutex::new(None));
    let kept = seen.clone();
    let routes = Router::new().fallback(any(move |request: Request| async move {
        let (parts, _) = request.into_parts();
        let identity = verifier.verify(&parts).map_err(|_| ()).unwrap();
        *kept.lock().unwrap() = Some((identity, parts.headers));
        (
            [
                ("set-cookie", "stolen=1"),
                ("x-ally-note", "no"),
                ("etag", "\"1\""),
                ("server", "x"),
                ("location", "/elsewhere"),
            ],
            word("ok"),
        )
    }));
    world.routes(&mira, routes);
    let answer = world
        .get("/api/v1/chats?limit=5")
        .by(&mira)
        .header("authorization", "Bearer ally_x")
        .header("x-ally-identity", "forged")
        .header("x-ally-request", "forged")
        .header("x-forwarded-for", "6.6.6.6")
        .header("connection", "x-note")
        .header("x-note", "of this connection only")
        .header("idempotency-key", "abc")
        .send()
        .await;
    assert_eq!(answer.status(), 200);
    for name in ["set-cookie", "x-ally-note", "server", "location"] {
        assert!(!answer.headers().contains_key(name), "{name}");
    }
    assert_eq!(answer.headers()["etag"], "\"1\"");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["x-frame-options"], "DENY");
    let (identity, headers) = seen.lock().unwrap().take().unwrap();
    assert_eq!((identity.server, identity.account, identity.session), (mira.server, mira.account, mira.session));
    assert_eq!((identity.method.as_str(), identity.path.as_str()), ("GET", "/api/v1/chats?limit=5"));
    for name in ["cookie", "authorization", "x-forwarded-for", "x-note", "connection"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(headers["idempotency-key"], "abc");
    assert!(headers["x-ally-request"].to_str().unwrap().starts_with("req_"));
}

#[tokio::test]
async fn bodies_stream_both_ways_piece_by_piece() {
    let world = World::new().await;
    let mira = world.person();
    world.routes(
        &mira,
        Router::new().fallback(any(|request: Request| async move {
            ([("content-type", "application/json")], request.into_body())
        })),
    );
    let (write, pieces) = mpsc::unbounded_channel();
    write.send(Bytes::from("one")).unwrap();
    let answer = world.ask("POST", "/api/v1/chats").by(&mira).here().body(stream_of(pieces)).send().await;
    let mut body = answer.into_body();
    assert_eq!(piece(&mut body).await.unwrap(), "one");
    for word in ["two", "three"] {
        write.send(Bytes::from(word)).unwrap();
        assert_eq!(piece(&mut body).await.unwrap(), word);
    }
    drop(write);
    assert_eq!(piece(&mut body).await, None);
}

fn breaks_before_the_head(times: usize) -> (Assistant, Arc<Mutex<usize>>) {
    let calls = Arc::new(Mutex::new(0));
    let count = calls.clone();
    let serve = move |mut stream: tokio::io::DuplexStream| {
        let count = count.clone();
        let call = {
            let mut count = count.lock().unwrap();
            *count += 1;
            *count
        };
        Box::pin(async move {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            if call > times {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\nok")
                    .await;
            }
        }) as futures_util::future::BoxFuture<'static, ()>
    };
    (Assistant::Raw(Arc::new(serve)), calls)
}

#[tokio::test]
async fn a_question_is_asked_again_when_the_assistant_restarts_and_a_command_is_not() {
    let world = World::new().await;
    let mira = world.person();
    let (assistant, calls) = breaks_before_the_head(1);
    world.assistant(&mira, assistant);
    assert_eq!(world.get("/api/v1/chats").by(&mira).text().await, (200, "ok".to_owned()));
    assert_eq!(*calls.lock().unwrap(), 2);

    let (assistant, calls) = breaks_before_the_head(1);
    world.assistant(&mira, assistant);
    let sent = world.ask("POST", "/api/v1/chats").by(&mira).here().body("{}").problem().await;
    assert_eq!(sent, (502, "assistant_restarted".to_owned()));
    assert_eq!(*calls.lock().unwrap(), 1);

    let (assistant, calls) = breaks_before_the_head(9);
    world.assistant(&mira, assistant);
    assert_eq!(world.get("/api/v1/chats").by(&mira).problem().await.1, "assistant_restarted");
    assert_eq!(*calls.lock().unwrap(), 2);
}

const HALF: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";

#[tokio::test]
async fn an_answer_that_breaks_in_the_middle_does_not_look_whole() {
    let world = World::new().await;
    let mira = world.person();
    let serve = |mut stream: tokio::io::DuplexStream| {
        Box::pin(async move {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(HALF).await;
        }) as futures_util::future::BoxFuture<'static, ()>
    };
    world.assistant(&mira, Assistant::Raw(Arc::new(serve)));
    let answer = world.get("/api/v1/chats").by(&mira).send().await;
    assert!(answer.into_body().collect().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_space_that_was_just_ordered_is_waited_for() {
    let world = World::new().await;
    let mira = world.person();
    let answer = world.get("/api/v1/chats").by(&mira).send().await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "2"));

    let asked = world.get("/api/v1/chats").by(&mira).text();
    let made = async {
        settle().await;
        world.routes(&mira, Router::new().fallback(any(|| async { word("here") })));
    };
    assert_eq!(tokio::join!(asked, made).0, (200, "\"here\"".to_owned()));
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_or_while_it_is_sent() {
    let limits = Some(Limits { body: 1000, ..Limits::default() });
    let world = World::with(Choice { limits, ..Choice::default() }).await;
    let mira = world.person();
    world.routes(
        &mira,
        Router::new()
            .fallback(any(|body: Body| async move { word(body.collect().await.map(|_| "whole").unwrap_or("cut")) })),
    );
    let post = || world.ask("POST", "/api/v1/chats").by(&mira).here();
    assert_eq!(post().body(vec![b'a'; 1000]).text().await, (200, "\"whole\"".to_owned()));
    assert_eq!(post().body(vec![b'a'; 1001]).problem().await, (413, "too_large".to_owned()));
    let (write, pieces) = mpsc::unbounded_channel();
    for _ in 0..20 {
        write.send(Bytes::from(vec![b'a'; 100])).unwrap();
    }
    drop(write);
    assert_eq!(post().body(stream_of(pieces)).problem().await, (413, "too_large".to_owned()));
}

#[tokio::test]
async fn nothing_that_could_be_taken_for_a_page_comes_from_an_assistant() {
    let world = World::new().await;
    let mira = world.person();
    let answers = |kinds: &'static [&'static str]| {
        any(move || async move {
            let mut answer = http::Response::new(Body::from("[]"));
            for kind in kinds {
                answer.headers_mut().append("content-type", http::HeaderValue::from_static(kind));
            }
            answer
        })
    };
    let passing: &[&[&str]] =
        &[&["application/json"], &["Application/JSON; charset=utf-8"], &["application/problem+json"]];
    let strange: &[&[&str]] = &[
        &["text/html"],
        &["text/plain"],
        &["image/svg+xml"],
        &["text/javascript"],
        &["text/event-streams"],
        &["application/json, text/html"],
        &["application/json", "text/html"],
        &[""],
        &[],
    ];
    for (kinds, expected) in passing.iter().map(|kinds| (*kinds, 200)).chain(strange.iter().map(|kinds| (*kinds, 502)))
    {
        world.routes(&mira, Router::new().fallback(answers(kinds)));
        let answer = world.get("/api/v1/chats").by(&mira).send().await;
        assert_eq!(answer.status(), expected, "{kinds:?}");
        let policy = &answer.headers()["content-security-policy"];
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'; sandbox");
        if expected == 502 {
            assert_eq!(world.get("/api/v1/chats").by(&mira).problem().await.1, "strange_answer", "{kinds:?}");
        }
    }
    world.routes(&mira, Router::new().fallback(any(|| async { http::StatusCode::NO_CONTENT })));
    assert_eq!(world.get("/api/v1/chats").by(&mira).send().await.status(), 204);
}

#[tokio::test]
async fn a_panic_answers_one_request_and_harms_no_other() {
    let world = World::new().await;
    let mira = world.person();
    world.assistant(&mira, Assistant::Panics);
    assert_eq!(world.get("/api/v1/chats").by(&mira).problem().await, (500, "internal".to_owned()));
    let (status, said) = world.get("/api/v1/chats").by(&mira).text().await;
    assert!(status == 500 && said.contains("next_step") && !said.contains(WORD_IN_A_PANIC), "{said}");
    assert_eq!(world.get("/healthz").send().await.status(), 200);
}

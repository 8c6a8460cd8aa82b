//! The life of the process, over a real socket.

use crate::fake_gateway::{Gate, Say, delta, started, text};
use crate::world::{Life, World, read};
use ally_http::socket;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixListener;

const SHORT: Duration = Duration::from_millis(30);

async fn over_socket(
    world: &World,
    path: &Path,
    method: &str,
    door: &str,
    body: Value,
) -> http::Response<hyper::body::Incoming> {
    socket::call(path, world.request(method, door, &body)).await.unwrap()
}

fn listener(world: &World) -> (PathBuf, UnixListener) {
    let path = world.directory.path().join("in.sock");
    (path.clone(), socket::listen(socket::bind(&path).unwrap()).unwrap())
}

#[tokio::test]
async fn when_nobody_calls_it_falls_asleep_and_open_streams_do_not_keep_it_awake() {
    let mira = World::new().live().await;
    let (path, listener) = listener(&mira.world);
    let serving = tokio::spawn({
        let assistant = mira.assistant.clone();
        async move { assistant.serve(listener, SHORT, std::future::pending()).await }
    });
    let chat = mira.chat().await;
    let stream = over_socket(&mira.world, &path, "GET", &format!("chats/{chat}/events"), Value::Null).await;
    assert_eq!(stream.status(), 200);
    let last_words = stream.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&last_words[..], b": parked\n\n");
    assert_eq!(serving.await.unwrap().alarm, None);
}

#[tokio::test]
async fn it_does_not_fall_asleep_over_a_turn() {
    let mira = World::new().live().await;
    let (path, listener) = listener(&mira.world);
    let chat = mira.chat().await;
    let gate = Gate::default();
    let mut pieces = vec![started(), Say::Hold(gate.clone())];
    pieces.extend(text("Late.").into_iter().skip(1));
    mira.gateway().will_say(pieces);
    let serving = tokio::spawn({
        let assistant = mira.assistant.clone();
        async move { assistant.serve(listener, SHORT, std::future::pending()).await }
    });
    over_socket(&mira.world, &path, "POST", &format!("chats/{chat}/messages"), json!({"text": "hello"})).await;
    gate.reached().await;
    let idle = tokio::time::timeout(SHORT * 4, async {
        while !serving.is_finished() {
            tokio::task::yield_now().await
        }
    });
    assert!(idle.await.is_err(), "it is still awake");
    gate.open();
    serving.await.unwrap();
    assert_eq!(mira.messages(&chat).await[1]["text"], "Late.");
}

#[tokio::test]
async fn asked_to_end_it_finishes_what_is_in_flight() {
    let mira = World::new().live().await;
    let (path, listener) = listener(&mira.world);
    let chat = mira.chat().await;
    let gate = Gate::default();
    let mut pieces = vec![started(), delta("Al"), Say::Hold(gate.clone()), delta("most")];
    pieces.extend(text("Almost").into_iter().skip(2));
    mira.gateway().will_say(pieces);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn({
        let assistant = mira.assistant.clone();
        async move { assistant.serve(listener, Duration::ZERO, async move { drop(stopped.await) }).await }
    });
    over_socket(&mira.world, &path, "POST", &format!("chats/{chat}/messages"), json!({"text": "hello"})).await;
    gate.reached().await;
    stop.send(()).unwrap();
    gate.open();
    let exit = serving.await.unwrap();
    let answer = mira.messages(&chat).await.pop().unwrap();
    assert_eq!(answer["text"], "Almost");
    // Whether its last line was written by this process or is left for the next one, nothing is lost.
    assert!(answer["status"] == "complete" || exit.alarm.is_some(), "{answer}");
}

#[tokio::test]
async fn a_deleted_chat_is_the_alarm_that_wakes_it() {
    let mira = World::new().live().await;
    let (_, listener) = listener(&mira.world);
    let chat = mira.chat().await;
    mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await;
    let exit = mira.assistant.serve(listener, SHORT, std::future::pending()).await;
    let now = ally_types::Clock::now(&*mira.world.clock);
    assert_eq!(exit.alarm, Some(now.plus_millis(10 * 60 * 1000)));
}

#[tokio::test]
async fn a_second_process_cannot_open_the_same_directory() {
    let mira = Life::new().await;
    let refused = ally_assistant::open(mira.world.parts(mira.world.clock.clone())).await.err().unwrap();
    assert_eq!(refused.kind, "data_in_use");
    assert_eq!(read(mira.send(mira.world.request("GET", "space", &Value::Null)).await).await.status, 200);
}

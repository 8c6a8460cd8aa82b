//! The link to the host over real sockets: a server is announced with its outbound socket, and is ended on request.

use crate::world::{World, settle};
use ally_gateway::{Door, Peer};
use ally_http::socket::{self, call_over};
use ally_types::host::{FromGateway, ToGateway};
use axum::body::Body;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use std::os::fd::AsFd as _;
use tokio::sync::mpsc;

#[tokio::test]
async fn the_host_announces_a_server_and_its_calls_are_answered_on_its_own_socket() {
    let world = World::new().await;
    let mira = world.person();
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("host-gateway.sock");
    let listener = socket::listen(socket::bind(&link).unwrap()).unwrap();
    let (sender, messages) = mpsc::channel(1);
    let following = tokio::spawn(world.gateway.clone().follow_host(link, messages));

    let out = directory.path().join("out.sock");
    let outbound = socket::bind(&out).unwrap();
    for _ in 0..2 {
        // The host may restart: the same servers are announced again.
        let (stream, _) = listener.accept().await.unwrap();
        let (says, mut hears) = ally_sandbox::passing::pair(stream);
        let mut states = world.gateway.servers().watch(mira.server);
        says.send(&ToGateway::Server { server: mira.server }, Some(outbound.as_fd())).await.unwrap();
        says.send(&ToGateway::Awake { server: mira.server }, None).await.unwrap();
        let state = *states.wait_for(|state| state.is_made && state.is_awake).await.unwrap();
        let request = http::Request::get("/provider").body(Body::empty()).unwrap();
        let answer = socket::call(&out, request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["connected"], serde_json::json!(false));

        sender.send(FromGateway::Kill { server: mira.server }).await.unwrap();
        let (heard, _) = hears.receive::<FromGateway>().await.unwrap().unwrap();
        assert_eq!(heard, FromGateway::Kill { server: mira.server });
        drop((says, hears));
        states.wait_for(|now| !now.is_awake && now.life == state.life).await.unwrap();
    }
    following.abort();
}

#[tokio::test]
async fn which_walls_are_missing_is_said_to_this_machine_only() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("host-gateway.sock");
    let listener = socket::listen(socket::bind(&link).unwrap()).unwrap();
    let (_sender, messages) = mpsc::channel(1);
    let following = tokio::spawn(world.gateway.clone().follow_host(link, messages));
    let (stream, _) = listener.accept().await.unwrap();
    let (says, _hears) = ally_sandbox::passing::pair(stream);
    says.send(
        &ToGateway::Walls {
            walls: vec!["landlock".to_owned()],
            why: [("seccomp".to_owned(), "No.".to_owned())].into(),
        },
        None,
    )
    .await
    .unwrap();
    let ask = async |path: &str, peer: Option<&str>, header: Option<&'static str>| {
        let mut router = world.gateway.router();
        if let Some(peer) = peer {
            router = router.layer(axum::Extension(Peer(peer.parse().unwrap())));
        }
        let door = Door::to_router(move |()| Some(router.clone()));
        let mut request = http::Request::get(path).header("host", "127.0.0.1:8080");
        if let Some(name) = header {
            request = request.header(name, "198.51.100.7");
        }
        let answer = call_over(door.open(()).await.unwrap(), request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200, "{path} {peer:?} {header:?}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let health: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(health["status"], "ok");
        if let Some(missing) = health["walls"]["missing"].as_array() {
            assert!(missing.contains(&serde_json::json!({"wall": "seccomp", "why": "No."})), "{health}");
        }
        health["walls"].is_object()
    };
    while !ask("/healthz", Some("127.0.0.1"), None).await {
        settle().await;
    }
    for path in ["/healthz", "/readyz"] {
        for (peer, header, is_told) in [
            (Some("::1"), None, true),
            (Some("::ffff:127.0.0.1"), None, true),
            (Some("192.0.2.7"), None, false),
            (Some("10.0.0.1"), None, false),
            (None, None, false),
            (Some("127.0.0.1"), Some("x-forwarded-for"), false),
            (Some("127.0.0.1"), Some("forwarded"), false),
            (Some("192.0.2.7"), Some("x-forwarded-for"), false),
        ] {
            assert_eq!(ask(path, peer, header).await, is_told, "{path} {peer:?} {header:?}");
        }
    }
    following.abort();
}

#[tokio::test]
async fn one_server_has_sixteen_outbound_connections_at_once() {
    let world = World::new().await;
    let mira = world.person();
    let directory = tempfile::tempdir().unwrap();
    let (link, out) = (directory.path().join("host-gateway.sock"), directory.path().join("out.sock"));
    let listener = socket::listen(socket::bind(&link).unwrap()).unwrap();
    let (_sender, messages) = mpsc::channel(1);
    let following = tokio::spawn(world.gateway.clone().follow_host(link, messages));
    let outbound = socket::bind(&out).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let (says, _hears) = ally_sandbox::passing::pair(stream);
    says.send(&ToGateway::Server { server: mira.server }, Some(outbound.as_fd())).await.unwrap();

    let ask = || socket::call(&out, http::Request::get("/provider").body(Body::empty()).unwrap());
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(socket::connect(&out).unwrap());
    }
    let mut next = std::pin::pin!(ask());
    for _ in 0..100 {
        assert!(next.as_mut().now_or_never().is_none());
        settle().await;
    }
    held.pop();
    assert_eq!(next.await.unwrap().status(), 200);
    following.abort();
}

#[tokio::test]
async fn roles_are_found_by_the_names_of_their_sockets() {
    let world = World::new().await;
    let mira = world.person();
    // Longer than a socket address, as data directories may be.
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("d".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    let door = Door::in_directory(&deep);
    let missing = door.open(mira.server).await.err().unwrap();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
    let path = deep.join(format!("{}.sock", mira.server));
    let listener = socket::listen(socket::bind(&path).unwrap()).unwrap();
    let (opened, accepted) = tokio::join!(door.open(mira.server), listener.accept());
    assert!(opened.is_ok() && accepted.is_ok());
    assert!(Door::at(path).open(()).await.is_ok());
}

//! The platform as a process: over its Unix socket, with a host at the other one, until it is told to stop.

use ally_http::socket;
use ally_platform::{Boot, EnsureError, HostSocket, Operator, REGISTER, Servers as _, SignUp};
use ally_types::host::{FromPlatform, ToPlatform};
use ally_types::{ServerId, SystemChance, SystemClock};
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::path::Path;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixListener;

/// A host that answers each line as it is told.
fn host(path: &Path, answer: impl Fn(ServerId) -> Vec<ToPlatform> + Send + 'static) -> tokio::task::JoinHandle<()> {
    let listener = UnixListener::bind(path).expect("bound");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("accepted");
            let (reading, mut writing) = stream.into_split();
            let mut lines = BufReader::new(reading).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let FromPlatform::Ensure { server } = serde_json::from_str(&line).expect("a line");
                for answer in answer(server) {
                    let line = serde_json::to_string(&answer).expect("JSON") + "\n";
                    writing.write_all(line.as_bytes()).await.expect("written");
                }
            }
        }
    })
}

#[tokio::test]
async fn the_host_is_asked_in_json_lines_and_its_answer_is_believed() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = ServerId::new(&SystemClock, &SystemChance);
    let other = ServerId::new(&SystemClock, &SystemChance);
    let absent = HostSocket::new(directory.path().join("nobody.sock"));
    assert_eq!(absent.ensure(server).await, Err(EnsureError::Retry));
    for (at, (answers, expected)) in [
        (vec![ToPlatform::Ready { server: other }, ToPlatform::Ready { server }], Ok(())),
        (vec![ToPlatform::Failed { server, retry: true }], Err(EnsureError::Retry)),
        (vec![ToPlatform::Failed { server, retry: false }], Err(EnsureError::Never)),
    ]
    .into_iter()
    .enumerate()
    {
        let path = directory.path().join(format!("{at}.sock"));
        let host = host(&path, move |_| answers.clone());
        assert_eq!(HostSocket::new(&path).ensure(server).await, expected);
        host.abort();
    }
}

#[tokio::test]
async fn the_process_serves_makes_servers_and_ends_when_it_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let (own, other) = (directory.path().join("platform.sock"), directory.path().join("host.sock"));
    let (made, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let host = host(&other, move |server| {
        let _ = made.send(server);
        vec![ToPlatform::Ready { server }]
    });
    let boot = Boot {
        database_url: format!("sqlite:{}", directory.path().join("platform.db").display()),
        pepper: "01".repeat(32),
        session_key: "02".repeat(32),
        public_url: "http://127.0.0.1:8080".to_owned(),
        sign_up: SignUp::Closed,
        loopback: true,
        host_socket: other,
        first_account_code: None,
        operator: Operator::default(),
        plans: ally_platform::Plans::default(),
        listener_fd: 3,
    };
    let boot: Boot = serde_json::from_value(serde_json::to_value(&boot).expect("JSON")).expect("reads back");
    let running = tokio::spawn(ally_platform::run(boot, socket::bind(&own).expect("bound"), &[REGISTER]));

    let held = Request::get("/internal/revocations").body(Body::empty()).expect("a request");
    let mut held = socket::call(&own, held).await.expect("an answer").into_body();
    assert_eq!(
        held.frame().await.expect("a frame").expect("a frame").data_ref().expect("data"),
        "{\"type\":\"hello\"}\n"
    );

    let body = json!({"email": "mira@example.com", "password": "kestrel umbra fjord 40", "adult": true});
    let request = Request::post("/api/v1/auth/sign-up").header("content-type", "application/json");
    let reply =
        socket::call(&own, request.body(Body::from(body.to_string())).expect("a request")).await.expect("an answer");
    assert_eq!(reply.status(), 201);
    let account: Value =
        serde_json::from_slice(&reply.into_body().collect().await.expect("a body").to_bytes()).expect("an account");
    let server = seen.recv().await.expect("the worker was nudged");
    assert_eq!(account["server"], server.to_string());

    let killed = std::process::Command::new("kill").arg(std::process::id().to_string()).status().expect("kill");
    assert!(killed.success());
    running.await.expect("no panic").expect("a clean end");
    assert!(held.frame().await.is_none(), "the held stream was ended");
    assert!(!directory.path().join("platform.db-wal").exists(), "the log was folded into the database");
    host.abort();
}

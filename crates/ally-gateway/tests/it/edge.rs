//! What every request and every answer goes through, the app's files, and the way to the platform.

use crate::world::{Choice, World, word};
use ally_gateway::{Door, Limits, Peer};
use ally_http::socket::call_over;
use ally_types::host::FromGateway;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn the_app_is_served_with_its_own_policy_and_missing_files_are_missing() {
    let world = World::new().await;
    for path in ["/app", "/app/chats/x"] {
        let page = world.get(path).send().await;
        assert_eq!(page.status(), 200);
        assert_eq!(page.headers()["cache-control"], "no-cache");
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        let etag = page.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(page.into_body().collect().await.unwrap().to_bytes(), ally_web::index().bytes);
        let known = world.get(path).header("if-none-match", &etag).send().await;
        assert_eq!(known.status(), 304);
    }
    for path in ["/assets/no-such-file.js", "/assets/", "/nowhere", "/internal/sessions/x", "/internal"] {
        assert_eq!(world.get(path).problem().await, (404, "route_not_found".to_owned()), "{path}");
    }
    for path in ally_web::paths() {
        let asset = world.get(&format!("/{path}")).header("accept-encoding", "br, gzip").send().await;
        assert_eq!(asset.status(), 200, "{path}");
        let kept = asset.headers()["cache-control"].to_str().unwrap();
        assert_eq!(kept.contains("immutable"), path.starts_with("assets/"), "{path}");
    }
    assert_eq!(world.ask("POST", "/app").problem().await, (405, "method_not_allowed".to_owned()));
    assert_eq!(world.get("/api/openapi.json").text().await, (200, "{}".to_owned()));
}

#[tokio::test]
async fn the_platform_gets_the_cookie_and_where_it_came_from_and_nothing_forged() {
    let world = World::new().await;
    let forged = world
        .get("/api/v1/account?x=1")
        .header("cookie", "ally_session=abc")
        .header("x-ally-peer", "6.6.6.6")
        .header("x-forwarded-for", "6.6.6.6");
    let answer = forged.send().await;
    assert_eq!(answer.headers()["set-cookie"], "ally_session=new; Path=/");
    assert!(!answer.headers().contains_key("x-ally-secret"));
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["x-dns-prefetch-control"], "off");
    let policy = &answer.headers()["content-security-policy"];
    assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'; sandbox");
    let (path, headers) = world.platform.seen.lock().unwrap().pop().unwrap();
    assert_eq!(path, "GET /api/v1/account?x=1");
    assert_eq!(
        (headers["cookie"].to_str().unwrap(), headers["x-ally-peer"].to_str().unwrap()),
        ("ally_session=abc", "loopback")
    );
    assert!(headers["x-ally-request"].to_str().unwrap().starts_with("req_"));
    assert!(!headers.contains_key("x-forwarded-for"));

    let large = world.ask("POST", "/api/v1/auth/sign-in").here().body(vec![b'a'; 9000]);
    assert_eq!(large.problem().await, (413, "too_large".to_owned()));
    let page = world.get("/legal/privacy").send().await;
    assert_eq!(page.headers()["content-security-policy"], "default-src 'none'; style-src 'self'");
    for page in ["/", "/legal/privacy", "/changelog", "/docs", "/docs/a", "/public.css"] {
        assert_eq!(world.get(page).send().await.status(), 200, "{page}");
    }
}

#[tokio::test]
async fn the_internal_routes_of_the_platform_are_reached_by_no_spelling() {
    let world = World::new().await;
    let asked = world.platform.asked();
    for path in [
        "/internal/revocations",
        "//internal/revocations",
        "/api/v1/auth/../../../internal/revocations",
        "/api/v1/auth/%2e%2e/%2e%2e/%2e%2e/internal/revocations",
        "/docs/..%2f..%2finternal/revocations",
        "/./internal/revocations",
    ] {
        let status = world.get(path).send().await.status().as_u16();
        assert!(matches!(status, 400 | 404), "{path} {status}");
    }
    assert!(world.platform.seen.lock().unwrap().is_empty());
    assert_eq!(world.platform.asked(), asked);
}

#[tokio::test]
async fn only_our_own_name_is_answered_on_loopback() {
    let world = World::new().await;
    let raw = async |host: &str, path: &str| {
        let mut connection = world.open().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let redirected = raw("localhost:8080", "/app/chats?x=1").await;
    assert!(
        redirected.starts_with("HTTP/1.1 307") && redirected.contains("location: http://127.0.0.1:8080/app/chats?x=1")
    );
    assert!(raw("rebound.example:8080", "/api/v1/chats").await.starts_with("HTTP/1.1 421"));
    assert!(raw("127.0.0.1:8080", "/app").await.starts_with("HTTP/1.1 200"));
    assert!(raw("localhost:8080", "/healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn behind_a_proxy_only_the_public_name_is_answered_and_only_the_proxy_may_ask() {
    let proxy = "192.0.2.2".parse().unwrap();
    let choice = Choice { public_url: Some("https://ally.example"), proxy: Some(proxy), ..Choice::default() };
    let world = World::with(choice).await;
    let ask = async |from: &str, host: &str, path: &str| {
        let router = world.gateway.router().layer(axum::Extension(Peer(from.parse().unwrap())));
        let door = Door::to_router(move |()| Some(router.clone()));
        let request = http::Request::get(path).header("host", host).body(Body::empty()).unwrap();
        let answer = call_over(door.open(()).await.unwrap(), request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        (status, problem["type"].as_str().unwrap_or_default().to_owned())
    };
    let (here, far) = ("127.0.0.1", "198.51.100.7");
    for (from, host, path, status, problem) in [
        (here, "ally.example", "/app", 200, ""),
        (here, "ally.example:443", "/app", 200, ""),
        (here, "Ally.Example", "/app", 200, ""),
        ("192.0.2.2", "ally.example", "/app", 200, ""),
        ("::ffff:192.0.2.2", "ally.example", "/app", 200, ""),
        (here, "ally.example:8080", "/app", 421, "wrong_host"),
        (here, "127.0.0.1:8080", "/app", 421, "wrong_host"),
        (here, "localhost", "/api/v1/chats", 421, "wrong_host"),
        (here, "ally.example.evil.example", "/app", 421, "wrong_host"),
        (far, "ally.example", "/app", 403, "not_encrypted"),
        (far, "ally.example", "/api/v1/auth/sign-in", 403, "not_encrypted"),
        (far, "10.0.0.1", "/healthz", 200, ""),
    ] {
        assert_eq!(ask(from, host, path).await, (status, problem.to_owned()), "{from} {host} {path}");
    }
}

/// What a browser says when somebody types an address.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[tokio::test]
async fn whoever_opens_an_address_in_a_browser_reads_a_page_and_a_program_gets_a_problem() {
    let world = World::new().await;
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("HEAD", "/nowhere", 404),
        ("POST", "/nowhere", 404),
        ("DELETE", "/nowhere/at/all", 404),
        ("GET", "/assets/no-such-file.js", 404),
        ("GET", "/a/../b", 400),
        ("PUT", "/app", 405),
        ("POST", "/legal/privacy", 405),
    ] {
        let answer = world.ask(method, path).header("accept", BROWSER).send().await;
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert_eq!((answer.status().as_u16(), kind.as_str()), (status, "text/html; charset=utf-8"), "{method} {path}");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{method} {path}: {policy}");
        let body = String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
        if method == "HEAD" {
            assert_eq!(body, "");
        } else {
            assert_eq!(body.matches("<h1>").count(), 1, "{method} {path}: {body}");
            assert!(body.contains("href=\"/public.css\"") && body.contains("href=\"/docs\""), "{body}");
            assert!(!body.contains("<script") && !body.contains("style="), "{body}");
        }
        let program = world.ask(method, path).header("accept", "*/*").send().await;
        assert_eq!(program.status().as_u16(), status, "{method} {path}");
        assert_eq!(program.headers()["content-type"], "application/problem+json", "{method} {path}");
    }
    let interface = world.get("/api/v1/chats").header("accept", BROWSER);
    assert_eq!(interface.problem().await, (401, "signed_out".to_owned()));
}

#[tokio::test]
async fn a_page_says_what_is_wrong_when_the_platform_is_away_or_the_name_is_not_ours() {
    let world = World::new().await;
    world.platform.is_down.store(true, std::sync::atomic::Ordering::SeqCst);
    let away = world.get("/").header("accept", BROWSER).send().await;
    assert_eq!((away.status().as_u16(), away.headers().contains_key("retry-after")), (503, true));
    let body = String::from_utf8(away.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert!(body.contains("<h1>") && body.contains("Trying again makes sense after"), "{body}");
    assert!(body.contains("Request <code>req_"), "there is an id to quote: {body}");
    let world = World::with(Choice { public_url: Some("https://ally.example"), ..Choice::default() }).await;
    let elsewhere = world.get("/").header("accept", BROWSER).send().await;
    assert_eq!(
        (elsewhere.status().as_u16(), &elsewhere.headers()["content-type"]),
        (421, &"text/html; charset=utf-8".parse().unwrap())
    );
    let body = String::from_utf8(elsewhere.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert!(body.contains("Open it at https://ally.example."), "{body}");
    assert!(!body.contains("<a class=\"button\"") && !body.contains("<footer"), "no link leads back here: {body}");
}

#[tokio::test]
async fn https_is_asked_for_again_only_where_it_is_used() {
    let plain = World::new().await;
    assert!(!plain.get("/healthz").send().await.headers().contains_key("strict-transport-security"));
    let world = World::with(Choice { public_url: Some("https://ally.example"), ..Choice::default() }).await;
    for path in ["/healthz", "/app", "/api/v1/chats", "/missing", "/a/../b"] {
        let answer = world.get(path).send().await;
        assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000", "{path}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let world = World::new().await;
    let mut connection = world.open().await;
    let (mut reader, mut writer) = tokio::io::split(&mut connection);
    let send = async {
        writer.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nx: ").await.unwrap();
        while writer.write_all(&[b'a'; 4096]).await.is_ok() {}
    };
    let mut answer = Vec::new();
    let read = reader.read_to_end(&mut answer);
    let _ = tokio::join!(send, read);
    assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn stop_ends_the_callers_own_assistant() {
    let world = World::new().await;
    let mira = world.person();
    let stop = || world.ask("POST", "/api/v1/assistant/stop").by(&mira).here();
    assert_eq!(stop().send().await.status(), 202);
    assert_eq!(world.host.lock().unwrap().try_recv().unwrap(), FromGateway::Kill { server: mira.server });
    world.host.lock().unwrap().close();
    assert_eq!(stop().problem().await, (503, "host_unreachable".to_owned()));
}

#[tokio::test]
async fn an_orderly_end_finishes_what_is_in_flight_and_ends_open_streams() {
    let world = World::new().await;
    let mira = world.person();
    let (held, gate) =
        (std::sync::Arc::new(tokio::sync::Notify::new()), std::sync::Arc::new(tokio::sync::Notify::new()));
    let (arrives, opens) = (held.clone(), gate.clone());
    let events = || async {
        let body = Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
        ([("content-type", "text/event-stream")], body)
    };
    let slow = move || async move {
        arrives.notify_one();
        opens.notified().await;
        word("done")
    };
    world.routes(&mira, Router::new().route("/api/v1/chats/x/events", get(events)).route("/api/v1/chats", get(slow)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let closing = world.gateway.clone();
    let serving = tokio::spawn(ally_gateway::serve(listener, world.gateway.router(), async move {
        let _ = stopped.await;
        closing.close_streams();
    }));
    let ask = async |path: &str| {
        let request = http::Request::get(path).header("host", "127.0.0.1:8080").header("cookie", &mira.cookie);
        let connection = tokio::net::TcpStream::connect(address).await.unwrap();
        call_over(connection, request.body(Body::empty()).unwrap()).await.unwrap().into_body()
    };
    let tab = ask("/api/v1/chats/x/events").await;
    let slow = ask("/api/v1/chats");
    let ends = async {
        held.notified().await;
        stop.send(()).unwrap();
        assert_eq!(tab.collect().await.unwrap().to_bytes(), ally_http::stream::OPEN);
        gate.notify_one();
    };
    let (answer, ()) = tokio::join!(slow, ends);
    assert_eq!(answer.collect().await.unwrap().to_bytes(), "\"done\"");
    serving.await.unwrap();
}

/// A connection that has had one answer and stays open.
async fn holds(address: std::net::SocketAddr) -> Option<tokio::net::TcpStream> {
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n\r\n").await.ok()?;
    let mut some = [0; 4096];
    let count = connection.read(&mut some).await.ok()?;
    some[..count].starts_with(b"HTTP/1.1 200").then_some(connection)
}

#[tokio::test]
async fn one_address_cannot_hold_every_connection() {
    assert_eq!(Limits::default().connections_of_one, 256);
    let limits = Some(Limits { connections_of_one: 2, ..Limits::default() });
    for (public_url, is_limited) in [(None, false), (Some("https://ally.example"), true)] {
        let world = World::with(Choice { limits, public_url, ..Choice::default() }).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = world.gateway.clone();
        let serving = tokio::spawn(async move { gateway.serve(listener, std::future::pending()).await });
        let (first, second) = (holds(address).await, holds(address).await);
        assert!(first.is_some() && second.is_some());
        assert_eq!(holds(address).await.is_none(), is_limited);
        drop(first);
        // Its end is noticed by and by.
        while holds(address).await.is_none() {}
        serving.abort();
    }
}

#[tokio::test]
async fn a_full_gateway_still_ends_when_it_is_told() {
    let limits = Some(Limits { connections: 1, ..Limits::default() });
    let world = World::with(Choice { limits, ..Choice::default() }).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let gateway = world.gateway.clone();
    let serving = tokio::spawn(async move { gateway.serve(listener, async { drop(stopped.await) }).await });
    let _idle = holds(address).await.unwrap();
    stop.send(()).unwrap();
    serving.await.unwrap();
}

#[tokio::test]
async fn the_probe_of_readiness_goes_through_the_same_doors() {
    let world = World::new().await;
    let ready = world.get("/readyz").send().await;
    assert_eq!((ready.status().as_u16(), &ready.headers()["x-frame-options"]), (200, &"DENY".parse().unwrap()));
    assert_eq!(world.ask("POST", "/readyz").problem().await, (405, "method_not_allowed".to_owned()));
    let foreign = http::Request::get("/readyz").header("host", "rebound.example").body(Body::empty()).unwrap();
    assert_eq!(call_over(world.open().await, foreign).await.unwrap().status(), 421);
}

#[test]
fn the_own_routes_are_described() {
    let described = ally_gateway::openapi();
    for (method, path) in ally_gateway::router::OWN {
        let item = described.paths.paths.get(*path).unwrap_or_else(|| panic!("{path} is not described"));
        let is_there = match *method {
            "GET" => item.get.is_some(),
            "POST" => item.post.is_some(),
            "PUT" => item.put.is_some(),
            _ => item.delete.is_some(),
        };
        assert!(is_there, "{method} {path}");
    }
}

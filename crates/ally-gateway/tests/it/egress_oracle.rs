//! Proxy clients that others wrote, with the broker between them and real servers on loopback.

use crate::world::{Choice, World};
use ally_gateway::{Outlet, System};
use std::net::SocketAddr;
use std::process::Output;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpListener;
use tokio::process::Command;

/// A listener for programs that cannot speak to a Unix socket: each connection is one of the assistant's.
async fn bridge(world: &World, server: ally_types::ServerId) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = world.gateway.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let gateway = gateway.clone();
            let door = ally_gateway::Door::to_router(move |()| Some(gateway.outbound(server)));
            tokio::spawn(async move {
                let mut far = door.open(()).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    address
}

/// A small web server: says what it was asked, takes a body, redirects, and streams.
async fn site() -> SocketAddr {
    use axum::routing::{get, post};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router =
        axum::Router::new()
            .route(
                "/hello",
                get(|headers: http::HeaderMap| async move {
                    format!("hello {}", headers["host"].to_str().unwrap_or_default())
                }),
            )
            .route("/length", post(|body: bytes::Bytes| async move { body.len().to_string() }))
            .route("/away", get(|| async { axum::response::Redirect::temporary("http://10.0.0.1/secret") }))
            .route("/large", get(|| async { vec![b'x'; 3 << 20] }));
    tokio::spawn(ally_gateway::serve(listener, router, std::future::pending()));
    address
}

/// Something that is no HTTP: sends back what it hears.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut heard = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut heard).await {
                    if stream.write_all(&heard[..read]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

struct Peers {
    _world: World,
    proxy: SocketAddr,
    site: SocketAddr,
    echo: SocketAddr,
    closed: SocketAddr,
}

async fn peers() -> Peers {
    let (site, echo, closed) = (site().await, echo().await, echo().await);
    let private = [site, echo].iter().map(|place| place.to_string().parse().unwrap()).collect();
    let egress = Outlet { outside: Arc::new(System), private, listen: None };
    let world = World::with(Choice { egress, ..Choice::default() }).await;
    let mira = world.person();
    for place in [site, echo] {
        let body = serde_json::json!({"host": place.ip(), "port": place.port()});
        assert_eq!(world.ask("POST", "/api/v1/egress/hosts").by(&mira).here().json(&body).text().await.0, 201);
    }
    let proxy = bridge(&world, mira.server).await;
    Peers { _world: world, proxy, site, echo, closed }
}

async fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new(program);
    // The proxy that a build machine may need has no place here.
    for name in
        ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
    {
        command.env_remove(name);
    }
    match command.args(arguments).kill_on_drop(true).output().await {
        Ok(output) => Some(output),
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{program} is there and could not be run: {error}");
            crate::skipped::skipped(program);
            None
        }
    }
}

#[tokio::test]
async fn curl_finds_its_way_through_the_broker() {
    let peers = peers().await;
    let proxy = format!("http://{}", peers.proxy);
    let site = format!("http://{}", peers.site);
    let body = "x".repeat(100_000);
    let cases: &[(&[&str], &str, &str)] = &[
        (&[], "/hello", &format!("hello {} 200", peers.site)),
        (&["--proxytunnel"], "/hello", &format!("hello {} 200", peers.site)),
        (&["--http1.0"], "/hello", &format!("hello {} 200", peers.site)),
        (&["--data", &body], "/length", "100000 200"),
        (&["--data", &body, "-H", "Transfer-Encoding: chunked"], "/length", "100000 200"),
        (&["--data", &body, "-H", "Expect: 100-continue"], "/length", "100000 200"),
        (&["--data", &body, "--proxytunnel"], "/length", "100000 200"),
        // A redirect into the house is followed by curl, and refused by the broker.
        (&["--location", "--output", "/dev/null"], "/away", " 403"),
        (&["--output", "/dev/null", "--write-out", " %{size_download}"], "/large", " 3145728"),
        (&["--proxytunnel", "--output", "/dev/null", "--write-out", " %{size_download}"], "/large", " 3145728"),
        (&["--head", "--output", "/dev/null"], "/hello", " 200"),
    ];
    for (options, path, expected) in cases {
        let url = format!("{site}{path}");
        let mut arguments =
            vec!["--silent", "--show-error", "--noproxy", "", "--proxy", &proxy, "--write-out", " %{http_code}"];
        arguments.extend_from_slice(options);
        arguments.push(&url);
        let Some(output) = run("curl", &arguments).await else { return };
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said, *expected, "{options:?} {path}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let closed = format!("http://{}/", peers.closed);
    let arguments =
        ["--silent", "--noproxy", "", "--proxy", &proxy, "--proxytunnel", "--write-out", "%{http_connect}", &closed];
    let output = run("curl", &arguments).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "403");
}

/// What Python's standard library makes of it: plain requests, tunnels, and a tunnel that is no HTTP at all.
const PYTHON: &str = r#"
import http.client, json, socket, sys, urllib.error, urllib.request
proxy, site, echo, closed = sys.argv[1:5]
host, port = proxy.split(":")
opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": "http://" + proxy}))
answer = opener.open("http://" + site + "/hello", timeout=60)
assert answer.status == 200 and answer.read() == b"hello " + site.encode(), answer
assert answer.headers["via"] is None and answer.headers["x-ally-request"] is None, answer.headers
answer = opener.open(urllib.request.Request("http://" + site + "/length", data=b"y" * 100000), timeout=60)
assert answer.read() == b"100000"
try:
    opener.open("http://" + closed + "/", timeout=60)
    raise SystemExit("it was let through")
except urllib.error.HTTPError as error:
    problem = json.loads(error.read())
    assert error.code == 403 and problem["type"] == "address_blocked" and problem["next_step"], problem
try:
    opener.open("http://" + site + "/away", timeout=60)
    raise SystemExit("a redirect into the house was followed")
except urllib.error.HTTPError as error:
    assert error.code == 403, error.code
tunnel = http.client.HTTPConnection(host, int(port), timeout=60)
tunnel.set_tunnel(site.split(":")[0], int(site.split(":")[1]))
for _ in range(3):
    tunnel.request("GET", "/hello")
    answer = tunnel.getresponse()
    assert answer.status == 200 and answer.read().startswith(b"hello"), answer.status
tunnel.close()
raw = socket.create_connection((host, int(port)), timeout=60)
raw.sendall(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (echo.encode(), echo.encode()))
head = b""
while not head.endswith(b"\r\n\r\n"):
    head += raw.recv(1)
assert head.startswith(b"HTTP/1.1 200"), head
raw.sendall(b"ping" * 10000)
raw.shutdown(socket.SHUT_WR)
heard = b""
while True:
    part = raw.recv(65536)
    if not part:
        break
    heard += part
assert heard == b"ping" * 10000, len(heard)
print("well")
"#;

#[tokio::test]
async fn pythons_http_clients_find_their_way_through_the_broker() {
    let peers = peers().await;
    let places = [peers.proxy, peers.site, peers.echo, peers.closed].map(|place| place.to_string());
    let arguments = ["-c", PYTHON, &places[0], &places[1], &places[2], &places[3]];
    let Some(output) = run("python3", &arguments).await else { return };
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said == "well\n", "{said}{complained}");
}

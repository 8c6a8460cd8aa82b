//! The way out: who may go where, what is refused, and that what is refused never leaves.

use crate::egress_world::{Out, PUBLIC, head, problem, refused};
use crate::world::{Choice, World};
use ally_gateway::{BoxedIo, EgressLimits, Outlet, Outside, System};
use futures_util::future::BoxFuture;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// Addresses that nobody may call: each as it is, and behind a name.
const NEVER: &[&str] = &[
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",
    "0.1.2.3",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:c0a8:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "3fff::1",
    "100::1",
];

/// Only ever the answer of a resolver; written like this it is refused already.
const NEVER_BEHIND_A_NAME: &[&str] =
    &["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0", "::ffff:192.168.1.1"];

/// Ways of writing a host that some programs read as something else.
const STRANGE: &[&str] = &[
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.01",
    "127.0.0.1.",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[fe80::1%25lo]",
    "[::1",
    "example.org.",
    ".example.org",
    "example..org",
    "ex%61mple.org",
    "%31%32%37.0.0.1",
    "mira@example.org",
    "mira:pw@example.org",
    "example.org@127.0.0.1",
    "ex_ample.org",
    "-example.org",
    "999.999.999.999",
    "1.2.3.4.5",
];

#[tokio::test]
async fn what_is_not_the_public_internet_is_refused_however_it_is_reached() {
    let out = Out::new().await;
    let mut cases = 0;
    for (at, address) in NEVER.iter().chain(NEVER_BEHIND_A_NAME).enumerate() {
        let name = format!("n{at}.example.org");
        out.site(&name, address).await;
        for answer in [out.connect(&format!("{name}:443")).await, out.get(&format!("http://{name}/x")).await] {
            assert_eq!(problem(&answer), refused(403, "address_blocked"), "{name} leads to {address}");
            out.world.clock.advance_millis(60_000);
            cases += 1;
        }
    }
    for address in NEVER {
        let bare = if address.contains(':') { format!("[{address}]") } else { (*address).to_owned() };
        for answer in [out.connect(&format!("{bare}:443")).await, out.get(&format!("http://{bare}/x")).await] {
            assert_eq!(problem(&answer), refused(403, "address_blocked"), "{bare}");
            out.world.clock.advance_millis(60_000);
            cases += 1;
        }
    }
    for host in STRANGE {
        for answer in [out.connect(&format!("{host}:443")).await, out.get(&format!("http://{host}/x")).await] {
            let (status, kind) = problem(&answer);
            // Some of these are not even an address of HTTP; then the connection ends there.
            let is_refused = status == 400 && (kind == "bad_destination" || kind.is_empty());
            assert!(is_refused, "{host}: {answer}");
            out.world.clock.advance_millis(60_000);
            cases += 1;
        }
    }
    for name in ["localhost", "a.localhost", "metadata.google.internal", "router.lan", "printer.local", "intranet"] {
        let answer = out.connect(&format!("{name}:443")).await;
        assert_eq!(problem(&answer), refused(403, "address_blocked"), "{name}");
        cases += 1;
    }
    assert_eq!(out.script.dialed(), Vec::<String>::new(), "nothing ever left");
    assert!(cases > 200, "{cases} cases");
}

#[tokio::test]
async fn only_what_stands_on_her_list_is_called_and_a_name_that_does_not_is_not_even_looked_up() {
    let out = Out::new().await;
    out.script.name("other.example.org", &[PUBLIC]);
    out.script.answers("93.184.216.34:80", OK);
    let answer = out.get("http://other.example.org/").await;
    assert_eq!(problem(&answer), refused(403, "destination_not_allowed"));
    assert!(answer.contains("Where my data went"), "{answer}");
    assert_eq!(problem(&out.connect("93.184.216.34:80").await), refused(403, "destination_not_allowed"));
    assert_eq!((out.script.looked_up(), out.script.dialed().len()), (0, 0));

    out.allow("Other.Example.Org", 443).await;
    assert!(out.get("http://OTHER.example.org/").await.ends_with("\r\n\r\nhello"));
    // Neither what is below it nor what is above it, and nobody else.
    assert_eq!(problem(&out.get("http://a.other.example.org/").await).0, 403);
    assert_eq!(problem(&out.get("http://example.org/").await).0, 403);
    let ben = out.world.person();
    let as_ben = Out { mira: ben, ..out };
    assert_eq!(problem(&as_ben.get("http://other.example.org/").await), refused(403, "destination_not_allowed"));
}

#[tokio::test]
async fn the_ports_of_the_web_belong_together_and_any_other_is_named() {
    let out = Out::new().await;
    out.site("a.example.org", PUBLIC).await;
    for port in [80, 443, 25, 993, 22, 8443] {
        out.script.answers(&format!("{PUBLIC}:{port}"), OK);
    }
    let ask = async |port: u16| problem(&out.get(&format!("http://a.example.org:{port}/")).await);
    assert_eq!(ask(80).await.0, 200);
    assert_eq!(ask(443).await.0, 200);
    for port in [25, 993, 22, 8443] {
        assert_eq!(ask(port).await, refused(403, "port_not_allowed"), "{port}");
    }
    out.allow("a.example.org", 993).await;
    assert_eq!((ask(993).await.0, ask(25).await.0), (200, 403));
    out.script.name("mail.example.org", &[PUBLIC]);
    out.allow("mail.example.org", 25).await;
    assert_eq!(problem(&out.get("http://mail.example.org:25/").await).0, 200);
    assert_eq!(problem(&out.get("http://mail.example.org/").await), refused(403, "port_not_allowed"));
    for port in ["0", "65536", "080", "+80", "x", ""] {
        assert_eq!(problem(&out.connect(&format!("a.example.org:{port}")).await).0, 400, "{port}");
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let out = Out::new().await;
    out.script.answers("93.184.216.34:80", OK);
    out.script.answers("127.0.0.1:80", OK);
    // First a public address, then loopback: the first call is made to what was checked, the second is refused.
    out.script.name("rebind.example.org", &[PUBLIC]).name("rebind.example.org", &["127.0.0.1"]);
    out.allow("rebind.example.org", 443).await;
    assert!(out.get("http://rebind.example.org/").await.ends_with("hello"));
    assert_eq!((out.script.looked_up(), out.script.dialed()), (1, vec!["93.184.216.34:80".to_owned()]));
    assert_eq!(problem(&out.get("http://rebind.example.org/").await), refused(403, "address_blocked"));
    assert_eq!((out.script.looked_up(), out.script.dialed().len()), (2, 1));
}

#[tokio::test]
async fn an_answer_that_mixes_public_and_private_addresses_is_refused_whole() {
    let out = Out::new().await;
    for (at, mixed) in [
        [PUBLIC, "10.0.0.1"],
        ["10.0.0.1", PUBLIC],
        [PUBLIC, "::1"],
        ["2606:4700::1111", "169.254.169.254"],
        [PUBLIC, "::ffff:127.0.0.1"],
    ]
    .iter()
    .enumerate()
    {
        let name = format!("mixed{at}.example.org");
        out.script.name(&name, mixed);
        out.allow(&name, 443).await;
        assert_eq!(problem(&out.connect(&format!("{name}:443")).await), refused(403, "address_blocked"), "{mixed:?}");
    }
    assert_eq!(out.script.dialed(), Vec::<String>::new());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_whoever_follows_it_is_checked_again() {
    let out = Out::new().await;
    out.site("hop.example.org", PUBLIC).await;
    for (status, next) in [
        ("301 Moved Permanently", "http://10.0.0.1/"),
        ("302 Found", "http://169.254.169.254/latest/meta-data/"),
        ("303 See Other", "http://[::1]/"),
        ("307 Temporary Redirect", "http://localhost/"),
        ("308 Permanent Redirect", "http://2130706433/"),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\nlocation: {next}\r\ncontent-length: 0\r\n\r\n");
        out.script.answers("93.184.216.34:80", answer.leak());
        let before = out.script.dialed().len();
        let answer = out.get("http://hop.example.org/").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {}", &status[..3])), "{answer}");
        assert!(answer.contains(&format!("location: {next}\r\n")), "{answer}");
        assert!(matches!(problem(&out.get(next).await).0, 400 | 403), "{next}");
        assert_eq!(out.script.dialed().len(), before + 1);
    }
}

#[tokio::test]
async fn addresses_of_this_machine_are_refused_also_when_they_look_public() {
    let out = Out::with(EgressLimits::default(), &["10.0.0.9:8080", "127.0.0.1:8080"], Some("0.0.0.0:8080")).await;
    out.script.here("198.41.0.4");
    out.script.here("10.0.0.9");
    out.site("here.example.org", "198.41.0.4").await;
    assert_eq!(problem(&out.connect("here.example.org:443").await), refused(403, "address_blocked"));
    // Where Ally listens nobody goes, whoever names it.
    out.allow("10.0.0.9", 8080).await;
    out.allow("127.0.0.1", 8080).await;
    assert_eq!(problem(&out.connect("10.0.0.9:8080").await), refused(403, "address_blocked"));
    assert_eq!(problem(&out.connect("127.0.0.1:8080").await), refused(403, "address_blocked"));
    assert_eq!(out.script.dialed(), Vec::<String>::new());
}

#[tokio::test]
async fn an_administrator_may_name_places_in_the_house_and_only_exactly_those_open() {
    let places = ["10.0.0.5:993", "mail.house.lan:25", "[fd00::5]:8080", "169.254.169.254:80", "0.0.0.0:80"];
    let out = Out::with(EgressLimits::default(), &places, None).await;
    for place in ["10.0.0.5:993", "10.0.0.6:25", "[fd00::5]:8080", "10.0.0.5:25", "169.254.169.254:80"] {
        out.script.answers(place, OK);
    }
    out.script.name("mail.house.lan", &["10.0.0.6"]).name("alias.example.org", &["10.0.0.5"]);
    // Named by the administrator is not yet allowed by the person.
    assert_eq!(problem(&out.get("http://10.0.0.5:993/").await), refused(403, "destination_not_allowed"));
    for (host, port) in [("10.0.0.5", 993), ("mail.house.lan", 25), ("fd00::5", 8080), ("alias.example.org", 993)] {
        out.allow(host, port).await;
    }
    for url in ["http://10.0.0.5:993/", "http://mail.house.lan:25/", "http://[fd00::5]:8080/"] {
        assert!(out.get(url).await.ends_with("hello"), "{url}");
    }
    for url in [
        "http://10.0.0.5:25/",
        "http://10.0.0.5/",
        "http://10.0.0.6:25/",
        "http://mail.house.lan/",
        // Another name for the same place is not that place.
        "http://alias.example.org:993/",
        // Where a cloud keeps secrets, and what leads nowhere, cannot be named.
        "http://169.254.169.254/",
        "http://0.0.0.0/",
    ] {
        let (status, kind) = problem(&out.get(url).await);
        assert!(status == 403 && kind != "destination_not_allowed", "{url}: {status} {kind}");
    }
    // A name that was named for the house stays within the house and the public internet.
    out.script.name("mail.house.lan", &["169.254.169.254"]).name("mail.house.lan", &["169.254.169.254"]);
    out.get("http://mail.house.lan:25/").await;
    assert_eq!(problem(&out.get("http://mail.house.lan:25/").await), refused(403, "address_blocked"));
    assert!(!out.script.dialed().iter().any(|to| to.starts_with("169.")), "{:?}", out.script.dialed());
}

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways_and_each_side_may_finish_first() {
    let out = Out::new().await;
    out.site("t.example.org", PUBLIC).await;
    out.script.listen("93.184.216.34:443", |mut stream| async move {
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        heard.reverse();
        stream.write_all(&heard).await.unwrap();
    });
    let mut tunnel = out.tunnel("t.example.org:443").await;
    tunnel.write_all(b"olleh").await.unwrap();
    // She is done; the other side has not even begun.
    tunnel.shutdown().await.unwrap();
    let mut answer = String::new();
    tunnel.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "hello");

    // The other side is done first, and still hears her.
    let (say, heard) = tokio::sync::oneshot::channel();
    let say = std::sync::Mutex::new(Some(say));
    out.script.listen("93.184.216.34:443", move |mut stream| {
        let say = say.lock().unwrap().take().unwrap();
        async move {
            stream.write_all(b"bye").await.unwrap();
            stream.shutdown().await.unwrap();
            let mut last = String::new();
            stream.read_to_string(&mut last).await.unwrap();
            say.send(last).unwrap();
        }
    });
    let mut tunnel = out.tunnel("t.example.org:443").await;
    let mut answer = String::new();
    tunnel.read_to_string(&mut answer).await.unwrap();
    tunnel.write_all(b"last words").await.unwrap();
    tunnel.shutdown().await.unwrap();
    assert_eq!((answer.as_str(), heard.await.unwrap().as_str()), ("bye", "last words"));
}

#[tokio::test]
async fn what_is_sent_right_behind_connect_is_the_beginning_of_the_tunnel_and_never_a_second_request() {
    let out = Out::new().await;
    out.site("t.example.org", PUBLIC).await;
    let heard = out.script.answers("93.184.216.34:443", "over");
    let second = "GET /provider HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut stream = out.open().await;
    let both = format!("CONNECT t.example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n{second}");
    stream.write_all(both.as_bytes()).await.unwrap();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200"));
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!((&answer, heard.lock().unwrap().as_str()), (b"over", second));
    // Behind a refusal it is nothing.
    let answer = out.raw(&format!("CONNECT no.example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n{second}")).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.matches("HTTP/1.1 ").count() == 1, "{answer}");
    let answer = out.raw(&format!("GET http://no.example.org/ HTTP/1.1\r\nhost: x\r\n\r\n{second}")).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.matches("HTTP/1.1 ").count() == 1, "{answer}");
}

#[tokio::test]
async fn a_path_of_somebody_else_never_reaches_our_own_routes() {
    let out = Out::new().await;
    for url in ["http://x.example.org/provider", "http://x.example.org/model", "https://x.example.org/provider"] {
        let (status, kind) = problem(&out.get(url).await);
        assert!(matches!(status, 400 | 403) && kind != "route_not_found", "{url}: {status} {kind}");
    }
    let own = out.raw("GET /provider HTTP/1.1\r\nhost: x.example.org\r\nconnection: close\r\n\r\n").await;
    assert!(own.starts_with("HTTP/1.1 200"), "{own}");
    // The edge for browsers is no way out.
    let mut stream = out.world.open().await;
    stream.write_all(b"CONNECT t.example.org:443 HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n\r\n").await.unwrap();
    let answer = head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let whole = http::Request::get("http://t.example.org/provider").header("host", "127.0.0.1:8080");
    let whole = whole.body(axum::body::Body::empty()).unwrap();
    let answer = ally_http::socket::call_over(out.world.open().await, whole).await.unwrap();
    assert!(answer.status().is_client_error());
    assert_eq!(out.script.dialed(), Vec::<String>::new());
}

/// Answers names by script and connects for real.
struct RealConnections {
    answer: IpAddr,
}

impl Outside for RealConnections {
    fn resolve(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let answer = self.answer;
        Box::pin(async move { Ok(vec![answer]) })
    }

    fn is_here(&self, address: IpAddr) -> bool {
        System.is_here(address)
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<BoxedIo>> {
        System.connect(address)
    }
}

#[tokio::test]
async fn a_refused_listener_on_this_machine_never_sees_a_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let port = address.port();
    let seen = Arc::new(AtomicUsize::new(0));
    let counts = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counts.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(OK.as_bytes()).await;
        }
    });
    let world = async |private: &[String]| {
        let outside: Arc<dyn Outside> = Arc::new(RealConnections { answer: address.ip() });
        let private = private.iter().map(|place| place.parse().unwrap()).collect();
        let egress = Outlet { outside, private, listen: None };
        let world = World::with(Choice { egress, ..Choice::default() }).await;
        let mira = world.person();
        Out { world, script: Arc::default(), mira }
    };
    let out = world(&[]).await;
    out.allow("inner.example.org", port).await;
    for target in [
        format!("127.0.0.1:{port}"),
        format!("inner.example.org:{port}"),
        format!("localhost:{port}"),
        format!("2130706433:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("0.0.0.0:{port}"),
    ] {
        assert!(matches!(problem(&out.connect(&target).await).0, 400 | 403), "{target}");
        assert!(matches!(problem(&out.get(&format!("http://{target}/")).await).0, 400 | 403), "{target}");
    }
    assert_eq!(seen.load(Ordering::SeqCst), 0);
    // The same place, named by the administrator and allowed by her, is reached: the listener does listen.
    let out = world(&[format!("127.0.0.1:{port}")]).await;
    out.allow("127.0.0.1", port).await;
    let answer = out.get(&format!("http://127.0.0.1:{port}/")).await;
    assert!(answer.ends_with("hello"), "{answer}");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

//! HTTPS by a proxy in front, plain HTTP where somebody has allowed it, and the example for a service manager.

use crate::browser::{PATIENCE, Reply};
use crate::installation::{Installation, Setup};
use crate::proxies::{Kind, NAME, Proxy, example, free_address, with};
use ally_llm::script::{Gate, Rule, Step, Turn};
use ally_llm::stand_in::StandIn;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::process::Command;
use std::sync::Mutex;

/// What people type.
const PUBLIC: &str = "https://ally.example";

/// A browser that reaches Ally through a proxy.
struct Visitor {
    client: reqwest::Client,
    cookie: Mutex<Option<String>>,
}

impl Visitor {
    /// One that believes the proxy's certificate.
    fn new(proxy: &Proxy) -> Self {
        Self::with(proxy, |client| client)
    }

    fn with(proxy: &Proxy, but: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificate = reqwest::Certificate::from_pem(&proxy.certificate).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a browser is none of Ally's clients")]
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .resolve(NAME, proxy.https)
            .tls_certs_only([certificate]);
        Self { client: but(client).build().unwrap(), cookie: Mutex::new(None) }
    }

    fn request(&self, method: http::Method, path: &str) -> reqwest::RequestBuilder {
        let mut request = self.client.request(method.clone(), format!("{PUBLIC}{path}"));
        if !method.is_safe() {
            request = request.header("origin", PUBLIC).header("content-type", "application/json");
        }
        if let Some(cookie) = &*self.cookie.lock().unwrap() {
            request = request.header("cookie", cookie);
        }
        request
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let answer = tokio::time::timeout(PATIENCE, request.send()).await.expect("an answer").expect("a head");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Reply { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(self.request(http::Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.request(http::Method::POST, path).body(body.to_string())).await
    }

    async fn events(&self, path: &str) -> Stream {
        let answer = self.request(http::Method::GET, path).header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        Stream { pieces: Box::pin(answer.bytes_stream()), text: String::new() }
    }
}

/// An open event stream.
struct Stream {
    pieces: Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>>>>,
    text: String,
}

impl Stream {
    /// Reads on until this has come.
    async fn until(&mut self, part: &str) {
        let reading = async {
            while !self.text.contains(part) {
                let piece = self.pieces.next().await.expect("the stream goes on").unwrap();
                self.text.push_str(&String::from_utf8_lossy(&piece));
            }
        };
        let came = tokio::time::timeout(PATIENCE, reading).await;
        assert!(came.is_ok(), "\"{part}\" is held back; until now came:\n{}", self.text);
    }
}

/// The code for the first account, which stands in the terminal.
async fn code(installation: &Installation) -> String {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !installation.log.lock().unwrap().contains("Stop with") {
        assert!(std::time::Instant::now() < deadline, "the greeting does not end");
        tokio::task::yield_now().await;
    }
    let log = installation.log.lock().unwrap();
    let code = log.lines().find_map(|line| line.trim().strip_prefix("Code for the first account: "));
    code.unwrap_or_else(|| panic!("no code was printed:\n{log}")).to_owned()
}

/// An address of this machine that is not loopback, if it has one. Nothing is sent.
fn other_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

fn account(email: &str) -> Value {
    json!({ "email": email, "password": "correct horse battery staple", "adult": true, "accepts": ["privacy", "terms"] })
}

#[tokio::test]
async fn behind_nginx_everything_works_with_the_file_in_the_documentation() {
    everything_works(Kind::Nginx).await;
}

#[tokio::test]
async fn behind_caddy_everything_works_with_the_file_in_the_documentation() {
    everything_works(Kind::Caddy).await;
}

async fn everything_works(kind: Kind) {
    let listen = free_address();
    let Some(proxy) = Proxy::start(kind, listen) else { return };
    let stand_in = StandIn::start().await.unwrap();
    let setup = Setup::default().with_anthropic(&stand_in.url()).listening_on(listen);
    let installation = setup.with("ALLY_PUBLIC_URL", PUBLIC).start();
    let mira = Visitor::new(&proxy);
    browsers_are_sent_to_https(&proxy).await;
    the_first_account_needs_the_code_and_gets_a_bound_cookie(&mira, &code(&installation).await).await;
    an_answer_is_seen_while_it_is_written(&mira, &stand_in).await;
    ally_itself_says_what_is_too_large(&mira).await;
    only_the_public_name_is_answered(&installation, &proxy).await;
    who_is_asking_is_what_the_proxy_says(&installation, &proxy).await;
    assert!(!proxy.log().contains("/api/"), "the proxy writes addresses down:\n{}", proxy.log());
}

async fn browsers_are_sent_to_https(proxy: &Proxy) {
    let plain = crate::browser::Browser::new(proxy.http);
    let request = http::Request::get("/app/chats?x=1").header("host", NAME).body(axum::body::Body::empty()).unwrap();
    let answer = plain.send_raw(request).await;
    assert!(matches!(answer.status, 301 | 308), "{}", answer.status);
    let place = answer.headers["location"].to_str().unwrap();
    // Where the port is not the usual one, as here, a proxy may write it.
    let place = place.replace(&format!(":{}", proxy.https.port()), "");
    assert_eq!(place, format!("{PUBLIC}/app/chats?x=1"));
}

async fn the_first_account_needs_the_code_and_gets_a_bound_cookie(mira: &Visitor, code: &str) {
    let page = mira.get("/app").await.expect(200);
    let years: Vec<_> = page.headers.get_all("strict-transport-security").iter().collect();
    assert_eq!(years, ["max-age=31536000"], "exactly one wish for HTTPS");
    let options = mira.get("/api/v1/auth/options").await.expect(200).json();
    assert_eq!((&options["sign_up"], &options["needs_code"]), (&json!("first"), &json!(true)));
    let mut body = account("mira@example.org");
    let refused = mira.post("/api/v1/auth/sign-up", body.clone()).await.expect(403).json();
    assert_eq!(refused["type"], "code_needed");
    body["code"] = code.into();
    let made = mira.post("/api/v1/auth/sign-up", body).await.expect(201);
    let cookie = made.headers["set-cookie"].to_str().unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-ally_session="), "{cookie}");
    let mut attributes: Vec<&str> = attributes.split("; ").collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Lax", "Secure"]);
    *mira.cookie.lock().unwrap() = Some(pair.to_owned());
    assert_eq!(mira.get("/api/v1/account").await.expect(200).json()["email"], "mira@example.org");
    let same = mira.client.post(format!("{PUBLIC}/api/v1/chats")).header("cookie", pair);
    let plain = same.header("origin", "http://ally.example").header("content-type", "application/json").body("{}");
    assert_eq!(mira.send(plain).await.expect(403).json()["type"], "wrong_origin", "the same name without HTTPS");
}

async fn an_answer_is_seen_while_it_is_written(mira: &Visitor, stand_in: &StandIn) {
    let gate = Gate::default();
    let steps =
        [Step::Text("First half, ".to_owned()), Step::Hold(gate.clone()), Step::Text("second half.".to_owned())];
    stand_in.always(Rule { when: "halves".to_owned(), turns: vec![Turn::of(steps)] });
    let chat = mira.post("/api/v1/chats", json!({})).await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let mut events = mira.events(&format!("/api/v1/chats/{chat}/events")).await;
    let messages = format!("/api/v1/chats/{chat}/messages");
    mira.post(&messages, json!({ "text": "Tell me in halves" })).await.expect(202);
    events.until("First ").await;
    // Had it waited for the first thing to say, that would have been the sign of life, after a while.
    assert!(events.text.starts_with(": open\n\n"), "the stream was held back at its beginning:\n{}", events.text);
    // The model goes on only now: whatever came has not waited for the end.
    gate.open();
    events.until("message.completed").await;
    let kept = mira.get(&messages).await.expect(200).json();
    assert_eq!(kept["items"][1]["text"], "First half, second half.", "{kept}");
}

async fn ally_itself_says_what_is_too_large(mira: &Visitor) {
    let large = json!({ "text": "x".repeat(3 << 20) });
    let refused = mira.post("/api/v1/chats", large).await.expect(413);
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert_eq!(refused.json()["type"], "too_large");
}

async fn only_the_public_name_is_answered(installation: &Installation, proxy: &Proxy) {
    // Straight to Ally, under the address of the machine.
    let answer = installation.browser().get("/api/v1/auth/options").await.expect(421).json();
    assert!(answer["next_step"].as_str().unwrap().contains(PUBLIC), "{answer}");
    installation.browser().get("/readyz").await.expect(200);
    // Through the proxy, under a name that somebody else has pointed here.
    let eve = Visitor::with(proxy, reqwest::ClientBuilder::http1_only);
    let strange = eve.request(http::Method::GET, "/api/v1/auth/options").header("host", "rebound.example");
    let answer = eve.send(strange).await;
    assert!(!answer.text().contains("sign_up"), "under another name: {}", answer.text());
}

/// The limit of sign-ins for one address shows whom Ally takes a request to come from.
async fn who_is_asking_is_what_the_proxy_says(installation: &Installation, proxy: &Proxy) {
    let eve = Visitor::new(proxy);
    let attempt = async |visitor: &Visitor, round: usize, says: Option<&str>| {
        let mut request = visitor.request(http::Method::POST, "/api/v1/auth/sign-in");
        if let Some(says) = says {
            request = request.header("x-forwarded-for", says).header("forwarded", format!("for={says}"));
            request = request.header("x-real-ip", says).header("x-ally-peer", says);
        }
        let body = json!({ "email": format!("{round}@example.org"), "password": "wrong horse battery staple" });
        visitor.send(request.body(body.to_string())).await.status
    };
    // Each attempt claims to come from somewhere else; if that were believed, there would never be an end.
    let mut statuses = Vec::new();
    for round in 0..30 {
        let status = attempt(&eve, round, Some(&format!("198.51.100.{round}"))).await;
        statuses.push(status);
        if status == 429 {
            break;
        }
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    // Somebody else is not stopped by that: as the proxy says, and from another address of this machine.
    let spoken = proxied(installation.address, "203.0.113.9").await;
    assert_eq!(spoken, 401, "the proxy's word counts");
    if let Some(address) = other_address() {
        let ben = Visitor::with(proxy, |client| client.local_address(address));
        assert_eq!(attempt(&ben, 0, None).await, 401, "another address");
    }
}

/// What a proxy on this machine would send for somebody at that address.
async fn proxied(ally: SocketAddr, client: &str) -> u16 {
    let body = json!({ "email": "x@example.org", "password": "wrong horse battery staple" }).to_string();
    let request = http::Request::post("/api/v1/auth/sign-in").header("host", NAME).header("origin", PUBLIC);
    let request = request.header("x-forwarded-for", client).header("content-type", "application/json");
    crate::browser::Browser::new(ally).send_raw(request.body(body.into()).unwrap()).await.status
}

#[tokio::test]
async fn without_https_beyond_this_machine_ally_starts_only_when_it_is_allowed_by_name() {
    let listen = free_address();
    let open = format!("0.0.0.0:{}", listen.port());
    let public = format!("http://ally.lan:{}", listen.port());
    let directory = tempfile::tempdir().unwrap();
    let mut refused = Command::new(env!("CARGO_BIN_EXE_ally"));
    refused.arg("serve").current_dir(directory.path()).env_clear();
    refused.env("ALLY_LISTEN", &open).env("ALLY_PUBLIC_URL", &public);
    let refused = refused.output().unwrap();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{words}");
    assert!(words.contains("unprotected") && words.contains("ALLY_ALLOW_PLAIN_HTTP"), "{words}");

    let setup = Setup::default().listening_on(open.parse().unwrap());
    let setup = setup.with("ALLY_PUBLIC_URL", &public).with("ALLY_ALLOW_PLAIN_HTTP", "yes");
    let installation = setup.start();
    assert!(installation.log.lock().unwrap().contains("without HTTPS"), "{}", installation.log.lock().unwrap());
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_ally"));
    doctor.args(["doctor", "--listen", &open, "--public-url", &public, "--allow-plain-http", "yes"]);
    let report = doctor.current_dir(directory.path()).env_clear().output().unwrap();
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    let line = report.lines().find(|line| line.contains("HTTPS")).unwrap();
    assert!(line.starts_with("less") && line.contains("everybody on the way"), "{report}");

    let browser = crate::browser::Browser::new(listen);
    let request = |body: Value| {
        let request = http::Request::post("/api/v1/auth/sign-up").header("host", &public["http://".len()..]);
        let request = request.header("origin", &public).header("content-type", "application/json");
        request.body(axum::body::Body::from(body.to_string())).unwrap()
    };
    let mut body = account("mira@example.org");
    assert_eq!(browser.send_raw(request(body.clone())).await.expect(403).json()["type"], "code_needed");
    body["code"] = code(&installation).await.into();
    let made = browser.send_raw(request(body)).await.expect(201);
    let cookie = made.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("ally_session=") && !cookie.contains("Secure"), "{cookie}");
    assert!(!made.headers.contains_key("strict-transport-security"));
}

#[test]
fn the_service_file_in_the_documentation_is_one_that_systemd_takes() {
    let unit = example("systemd");
    let unit = with(&unit, "/usr/local/bin/ally", env!("CARGO_BIN_EXE_ally"));
    let folder = tempfile::tempdir().unwrap();
    let verify = |text: &str| {
        let path = folder.path().join("ally.service");
        std::fs::write(&path, text).unwrap();
        Command::new("systemd-analyze").arg("verify").arg("--recursive-errors=no").arg(&path).output()
    };
    let Ok(done) = verify(&unit) else {
        crate::skipped::skipped("systemd-analyze");
        return;
    };
    let complaints = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && complaints.is_empty(), "{complaints}");
    let wrong = verify(&with(&unit, "KillMode=mixed", "KillMode=gently")).unwrap();
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("gently"), "it would not notice a mistake");
    for line in unit.lines().filter_map(|line| line.strip_prefix("Environment=")) {
        let (name, value) = line.split_once('=').unwrap();
        let environment = [(name.to_owned(), value.to_owned())].into();
        let loaded = ally::config::Config::load(ally::config::Given::default(), &environment, folder.path());
        assert!(loaded.is_ok(), "{line}: {}", loaded.unwrap_err());
    }
}

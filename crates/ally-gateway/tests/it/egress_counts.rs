//! Where the data went: what is counted, how it is shown, how long it is kept, and what is never kept.

use crate::egress_world::{Out, PUBLIC, problem};
use crate::world::{Choice, World, settle};
use ally_gateway::{Door, EgressLimits, Reach};
use ally_http::limit::Rate;
use ally_http::socket::call_over;
use ally_llm::Provider;
use ally_llm::stand_in::{KEY, StandIn};
use axum::body::Body;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const DAY: i64 = 86_400_000;

fn patient() -> EgressLimits {
    EgressLimits { rate: Rate { burst: 10_000, refill_millis: 1 }, ..EgressLimits::default() }
}

async fn page(out: &Out, query: &str) -> (u16, Value) {
    let (status, text) = out.world.get(&format!("/api/v1/egress{query}")).by(&out.mira).text().await;
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn she_sees_what_went_where_on_which_day() {
    let out = Out::limited(patient()).await;
    out.site("a.example.org", PUBLIC).await;
    out.allow("a.example.org", 993).await;
    let heard = out.script.answers("93.184.216.34:80", OK);
    out.script.listen("93.184.216.34:993", |mut stream| async move {
        let mut heard = [0; 7];
        stream.read_exact(&mut heard).await.unwrap();
        stream.write_all(b"four").await.unwrap();
    });
    assert_eq!(problem(&out.get("http://a.example.org/path").await).0, 200);
    assert_eq!(problem(&out.get("http://b.example.org/").await).0, 403);
    assert_eq!(problem(&out.connect("10.0.0.1:22").await).0, 403);
    assert_eq!(problem(&out.connect("127.1:22").await).0, 400);
    assert_eq!(problem(&out.connect("a.example.org:443").await).0, 502);
    let mut tunnel = out.tunnel("a.example.org:993").await;
    tunnel.write_all(b"seven77").await.unwrap();
    tunnel.shutdown().await.unwrap();
    let mut rest = String::new();
    tunnel.read_to_string(&mut rest).await.unwrap();
    settle().await;
    let sent = heard.lock().unwrap().len();
    let row = |host: &str, calls: u64, refused: u64, sent: usize, received: usize| json!({"host": host, "day": "2025-11-21", "calls": calls, "refused": refused, "sent": sent, "received": received});
    let expected = [
        row("*", 0, 1, 0, 0),
        row("10.0.0.1:22", 0, 1, 0, 0),
        row("a.example.org", 2, 0, sent, OK.len()),
        row("a.example.org:993", 1, 0, 7, 4),
        row("b.example.org", 0, 1, 0, 0),
    ];
    assert_eq!(out.went().await, expected);
    // The next day is a row of its own, and comes first.
    out.world.clock.advance_millis(DAY);
    out.get("http://a.example.org/").await;
    settle().await;
    let went = out.went().await;
    assert_eq!((went.len(), went[0]["day"].as_str(), went[0]["calls"].as_u64()), (6, Some("2025-11-22"), Some(1)));
    let days = |items: &Value| items["items"].as_array().unwrap().len();
    assert_eq!(days(&page(&out, "?from=2025-11-22").await.1), 1);
    assert_eq!(days(&page(&out, "?to=2025-11-21").await.1), 5);
    assert_eq!(days(&page(&out, "?from=2025-11-21&to=2025-11-21").await.1), 5);
    assert_eq!(days(&page(&out, "?from=2025-11-23").await.1), 0);
    // Nobody else sees any of it.
    let (_, bens) = out.world.get("/api/v1/egress").by(&out.world.person()).text().await;
    assert_eq!(bens, "{\"items\":[],\"next\":null}");
}

#[tokio::test]
async fn a_long_list_has_pages_and_bad_questions_are_explained() {
    let out = Out::limited(patient()).await;
    for day in 0..3 {
        for host in 0..5 {
            out.connect(&format!("h{host}.example.org:443")).await;
        }
        out.world.clock.advance_millis(if day < 2 { DAY } else { 0 });
    }
    let mut seen = Vec::new();
    let mut query = "?limit=4".to_owned();
    loop {
        let (status, page) = page(&out, &query).await;
        assert_eq!(status, 200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 4);
        seen.extend(
            items.iter().map(|item| format!("{} {}", item["day"].as_str().unwrap(), item["host"].as_str().unwrap())),
        );
        match page["next"].as_str() {
            Some(next) => query = format!("?limit=4&cursor={next}"),
            None => break,
        }
    }
    let whole: Vec<String> = ["2025-11-23", "2025-11-22", "2025-11-21"]
        .iter()
        .flat_map(|day| (0..5).map(move |host| format!("{day} h{host}.example.org")))
        .collect();
    assert_eq!(seen, whole);
    for (query, kind) in [
        ("?from=yesterday", "bad_date"),
        ("?to=2025-13-01", "bad_date"),
        ("?from=2025-11-21T00:00", "bad_date"),
        ("?from=2025-11-22&to=2025-11-21", "bad_range"),
        ("?limit=0", "bad_limit"),
        ("?limit=501", "bad_limit"),
        ("?limit=many", "bad_query"),
        ("?cursor=nonsense", "bad_cursor"),
    ] {
        let (status, problem) = page(&out, query).await;
        assert_eq!((status, problem["type"].as_str()), (400, Some(kind)), "{query}");
        assert!(problem["next_step"].is_string());
    }
}

#[tokio::test]
async fn names_can_be_invented_without_end_and_rows_cannot() {
    let out = Out::limited(patient()).await;
    for host in 0..520 {
        out.connect(&format!("h{host}.example.org:443")).await;
        if host % 40 == 0 {
            out.went().await;
        }
    }
    let (_, page) = page(&out, "?limit=500").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 500);
    let refused: u64 = page["items"].as_array().unwrap().iter().map(|item| item["refused"].as_u64().unwrap()).sum();
    let others = page["items"][0].clone();
    assert_eq!((others["host"].as_str(), refused >= 519), (Some("*"), true), "{others}");
}

#[tokio::test(start_paused = true)]
async fn so_many_invented_names_wait_at_a_time_and_the_others_are_one() {
    let out = Out::limited(patient()).await;
    for host in 0..80 {
        out.connect(&format!("h{host}.example.org:443")).await;
    }
    let went = out.went().await;
    assert_eq!((went.len(), went[0]["host"].as_str(), went[0]["refused"].as_u64()), (51, Some("*"), Some(30)));
    // Ten more, and there is room again.
    for host in 80..90 {
        out.connect(&format!("h{host}.example.org:443")).await;
    }
    assert_eq!(out.went().await.len(), 61);
}

#[test]
fn a_flood_of_refused_calls_is_one_row_and_one_line() {
    if std::env::var_os("ALLY_TEST_EGRESS_FLOOD").is_some() {
        let reactor = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        return reactor.block_on(flood());
    }
    let name = "egress_counts::a_flood_of_refused_calls_is_one_row_and_one_line";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("ALLY_TEST_EGRESS_FLOOD", "1")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let lines = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    // Sixty were within the limit, nonsense among them; then two hundred, and two hundred once more.
    assert_eq!(lines("call to the outside"), 60, "{log}");
    assert_eq!((lines("refused: too many"), lines("calls=200")), (2, 2), "{log}");
    assert_eq!((lines("/provider"), lines("too_many_requests")), (0, 0), "{log}");
}

async fn flood() {
    let out = Out::new().await;
    for host in 0..260 {
        let nonsense = host % 2 == 0;
        let target = if nonsense { format!("127.{host}:443") } else { format!("h{host}.example.org:443") };
        let expected = if host >= 60 { 429 } else { 403 - 3 * u16::from(nonsense) };
        assert_eq!(problem(&out.connect(&target).await).0, expected, "{host}");
    }
    let went = out.went().await;
    assert_eq!((went.len(), went[0]["host"].as_str(), went[0]["refused"].as_u64()), (31, Some("*"), Some(230)));
    // The line comes by itself, and only then the next one gathers.
    tokio::time::advance(Duration::from_secs(2)).await;
    settle().await;
    for host in 0..200 {
        assert_eq!(problem(&out.connect(&format!("x{host}.example.org:443")).await).0, 429);
    }
    assert_eq!(out.went().await.len(), 31);
    tokio::time::advance(Duration::from_secs(2)).await;
    settle().await;
    // Questions to the gateway itself have their own limit.
    for asked in 0..520 {
        let answer = out.raw("GET /provider HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert_eq!(answer.split(' ').nth(1), Some(if asked < 500 { "200" } else { "429" }), "{asked}: {answer}");
    }
    out.world.clock.advance_millis(20);
    let answer = out.raw("GET /provider HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert_eq!(answer.split(' ').nth(1), Some("200"));
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_for_a_second_survives_a_kill_and_a_year_later_it_is_gone() {
    let out = Out::limited(patient()).await;
    out.site("a.example.org", PUBLIC).await;
    out.script.answers("93.184.216.34:80", OK);
    out.get("http://a.example.org/").await;
    settle().await;
    tokio::time::advance(Duration::from_secs(2)).await;
    settle().await;
    // What a kill leaves: the files as they are.
    let copy = tempfile::tempdir().unwrap();
    for file in ["counters.db", "counters.db-wal"] {
        std::fs::copy(out.world.directory.path().join(file), copy.path().join(file)).unwrap();
    }
    let again = World::with(Choice { directory: Some(copy), ..Choice::default() }).await;
    again.clock.advance_millis(364 * DAY);
    let mut mira = again.person();
    mira.server = out.mira.server;
    let seen = async |world: &World| {
        let list = world.gateway.clone();
        list.settled().await;
        let rows = rusqlite_rows(world);
        rows.iter()
            .map(|(server, host, calls)| format!("{} {host} {calls}", *server == mira.server.to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(&again).await, ["true a.example.org 1"]);
    again.clock.advance_millis(2 * DAY);
    assert_eq!(seen(&again).await, Vec::<String>::new());
}

/// What really stands in the file.
fn rusqlite_rows(world: &World) -> Vec<(String, String, i64)> {
    let connection = ally_store::rusqlite::Connection::open(world.directory.path().join("counters.db")).unwrap();
    let mut rows = connection.prepare("SELECT server, host, calls FROM egress").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Asks the model as an assistant does and reads the answer to its end.
async fn ask(world: &World, server: ally_types::ServerId, text: &str, own_key: Option<&str>) {
    let gateway = world.gateway.clone();
    let connection = Door::to_router(move |()| Some(gateway.outbound(server))).open(()).await.unwrap();
    let question = json!({
        "system": "Be kind.",
        "messages": [{"role": "user", "blocks": [{"type": "text", "text": text}]}],
        "tools": [], "max_tokens": 100, "pseudonym": "p", "asked_at": "2026-11-21T12:00:00Z", "timezone": "UTC",
    });
    let mut request = http::Request::post("/model").header("content-type", "application/json");
    if let Some(key) = own_key {
        request = request.header("x-ally-provider-key", key);
    }
    let answer = call_over(connection, request.body(Body::from(question.to_string())).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body().collect().await.unwrap();
}

#[tokio::test]
async fn calls_to_the_model_are_counted_whoever_pays() {
    let stand_in = StandIn::start().await.unwrap();
    let host = stand_in.url().trim_start_matches("http://").to_owned();
    let reach = Reach { base_url: Some(stand_in.url()), ..Reach::default() };
    let world = World::with(Choice { reach, ..Choice::default() }).await;
    let mira = world.person();
    let get = async |path: &str| {
        let (status, text) = world.get(path).by(&mira).text().await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["items"].clone()
    };
    // A built-in command calls nobody, and nobody is in use.
    ask(&world, mira.server, "help", None).await;
    assert_eq!((get("/api/v1/egress").await, get("/api/v1/egress/hosts").await), (json!([]), json!([])));
    let long = "canary ".repeat(1000);
    world.connect_key(&mira, KEY).await;
    ask(&world, mira.server, &long, Some(KEY)).await;
    let went = get("/api/v1/egress").await;
    assert_eq!((went[0]["host"].as_str(), went[0]["calls"].as_u64()), (Some(host.as_str()), Some(1)), "{went}");
    let (sent, received) = (went[0]["sent"].as_u64().unwrap(), went[0]["received"].as_u64().unwrap());
    assert!(sent > 7000 && sent < 12_000 && received > 100, "{went}");
    // A refused key is a call, too.
    world.connect_key(&mira, "sk-ant-wrong").await;
    ask(&world, mira.server, "x", Some("sk-ant-wrong")).await;
    assert_eq!(get("/api/v1/egress").await[0]["calls"], json!(2));
    assert_eq!(get("/api/v1/egress/hosts").await, json!([]), "that opens nothing");
    // The installation's own is shown to everybody, and cannot be taken off.
    let config = ally_llm::anthropic::Config::new(ally_types::Secret::new(KEY));
    let world = World::with(Choice { provider: Some(Provider::Anthropic(config)), ..Choice::default() }).await;
    let mira = world.person();
    let (_, hosts) = world.get("/api/v1/egress/hosts").by(&mira).text().await;
    let expected = json!([{"host": "api.anthropic.com", "port": 443, "from": "provider", "since": null}]);
    assert_eq!(serde_json::from_str::<Value>(&hosts).unwrap()["items"], expected);
    let remove = world.ask("DELETE", "/api/v1/egress/hosts/api.anthropic.com").by(&mira).here();
    assert_eq!(remove.problem().await, (409, "provider_host".to_owned()));
}

#[tokio::test]
async fn a_provider_in_use_is_listed_and_only_ally_itself_calls_it() {
    let out = Out::limited(patient()).await;
    let admin = out.world.somebody(true);
    // The administrator connects a model server in the house.
    let stand_in = StandIn::start().await.unwrap();
    let put = out.world.ask("PUT", "/api/v1/provider/local").by(&admin).here();
    assert_eq!(put.json(&json!({"url": stand_in.url(), "model": ""})).text().await.0, 200);
    let place = stand_in.url().trim_start_matches("http://").to_owned();
    assert_eq!(problem(&out.connect(&place).await), (403, "address_blocked".to_owned()));
    let (_, hosts) = out.world.get("/api/v1/egress/hosts").by(&out.mira).text().await;
    assert!(hosts.contains("\"127.0.0.1\"") && hosts.contains("\"provider\""), "{hosts}");
    // Through a tunnel to Anthropic, data could go into an account of somebody else.
    let config = ally_llm::anthropic::Config::new(ally_types::Secret::new(KEY));
    let out = Out::choosing(Choice { provider: Some(Provider::Anthropic(config)), ..Choice::default() }, &[]).await;
    out.script.name("api.anthropic.com", &[PUBLIC]);
    assert_eq!(problem(&out.connect("api.anthropic.com:443").await), (403, "destination_not_allowed".to_owned()));
    assert_eq!(out.script.dialed(), Vec::<String>::new());
    // She herself may open it.
    out.script.answers("93.184.216.34:443", OK);
    out.allow("api.anthropic.com", 443).await;
    out.tunnel("api.anthropic.com:443").await;
}

#[tokio::test]
async fn a_key_that_the_assistant_brings_opens_nothing() {
    // Whoever comes is heard and sent away, so that a broken wall fails this test and does not keep it.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let came = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&came);
    tokio::spawn(async move {
        while let Ok((call, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            drop(call);
        }
    });
    let reach = Reach { base_url: Some(format!("http://{place}")), ..Reach::default() };
    // Even where the place itself is no secret of the house.
    let out = Out::choosing(Choice { reach, ..Choice::default() }, &[&place]).await;
    for path in ["/model", "/provider/test"] {
        let gateway = out.world.gateway.clone();
        let server = out.mira.server;
        let connection = Door::to_router(move |()| Some(gateway.outbound(server))).open(()).await.unwrap();
        let request = http::Request::post(path).header("x-ally-provider-key", KEY).body(Body::from("{}"));
        assert_eq!(call_over(connection, request.unwrap()).await.unwrap().status(), 403, "{path}");
        assert_eq!(problem(&out.connect(&place).await), (403, "destination_not_allowed".to_owned()), "{path}");
    }
    assert_eq!((came.load(Ordering::SeqCst), out.script.dialed()), (0, Vec::<String>::new()));
    // What was refused at the broker is counted. A key that is nobody's went nowhere, and counts nowhere.
    let went = out.went().await;
    assert_eq!((went.len(), went[0]["calls"].as_u64(), went[0]["refused"].as_u64()), (1, Some(0), Some(2)), "{went:?}");
    let (_, hosts) = out.world.get("/api/v1/egress/hosts").by(&out.mira).text().await;
    assert_eq!(hosts, "{\"items\":[]}");
    // She herself may open it.
    out.script.answers(&place, OK);
    let (host, port) = place.rsplit_once(':').unwrap();
    out.allow(host, port.parse().unwrap()).await;
    out.tunnel(&place).await;
}

const PATH: &str = "Qz70CanaryVq1";
const QUERY: &str = "Qz71CanaryVq2";
const HEADER: &str = "Qz72CanaryVq3";
const SENT: &str = "Qz73CanaryVq4";
const BROUGHT: &str = "Qz74CanaryVq5";
const NAME: &str = "qz75canaryvq6";
const PASSWORD: &str = "Qz76CanaryVq7";

#[test]
fn paths_queries_headers_and_bodies_are_in_no_log_and_no_database() {
    if let Ok(directory) = std::env::var("ALLY_TEST_EGRESS_CANARY") {
        ally_types::log::set_level(ally_types::log::Level::Trace);
        let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return reactor.block_on(plant(directory.as_ref()));
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "egress_counts::paths_queries_headers_and_bodies_are_in_no_log_and_no_database";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("ALLY_TEST_EGRESS_CANARY", directory.path())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let lines = log.lines().filter(|line| line.contains("call to the outside")).count();
    assert_eq!(lines, 7, "{log}");
    assert!(log.contains("host=a.example.org status=200 "), "{log}");
    let mut files = vec![("the log".to_owned(), log.into_bytes())];
    for entry in std::fs::read_dir(directory.path()).unwrap().flatten() {
        files.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()));
    }
    assert!(files.len() > 1, "the database is there to be searched");
    let holds = |bytes: &[u8], word: &str| {
        bytes.to_ascii_lowercase().windows(word.len()).any(|part| part == word.to_ascii_lowercase().as_bytes())
    };
    for (place, bytes) in &files {
        for word in [PATH, QUERY, HEADER, SENT, BROUGHT, PASSWORD] {
            assert!(!holds(bytes, word), "{word} is in {place}");
        }
    }
    // A name that was refused is for her to see, and for nobody who reads the log.
    assert!(!holds(&files[0].1, NAME));
    assert!(files[1..].iter().any(|(_, bytes)| holds(bytes, NAME)));
}

async fn plant(directory: &std::path::Path) {
    let out = Out::limited(patient()).await;
    out.site("a.example.org", PUBLIC).await;
    let answer = format!("HTTP/1.1 200 OK\r\nx: {BROUGHT}\r\ncontent-length: {}\r\n\r\n{BROUGHT}", BROUGHT.len());
    out.script.answers("93.184.216.34:80", answer.leak());
    let body = format!("{SENT}{SENT}");
    let request = |host: &str| {
        format!(
            "POST http://{host}/{PATH}?{QUERY}={QUERY} HTTP/1.1\r\nhost: {HEADER}\r\nx-{HEADER}: {HEADER}\r\n\
             cookie: {HEADER}\r\nproxy-authorization: Basic {PASSWORD}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    assert!(out.raw(&request("a.example.org")).await.contains(BROUGHT));
    out.raw(&request("a.example.org:81")).await;
    out.raw(&request(&format!("{NAME}.example.org"))).await;
    out.raw(&request(&format!("mira:{PASSWORD}@a.example.org"))).await;
    out.script.answers("93.184.216.34:80", format!("{BROUGHT} is no HTTP\r\n\r\n").leak());
    out.raw(&request("a.example.org")).await;
    let mut tunnel = out.open().await;
    let connect = format!("CONNECT a.example.org:443 HTTP/1.1\r\nhost: x\r\nx: {HEADER}\r\n\r\n{SENT}");
    tunnel.write_all(connect.as_bytes()).await.unwrap();
    let _ = tunnel.read_to_end(&mut Vec::new()).await;
    out.script.answers("93.184.216.34:443", BROUGHT);
    let mut tunnel = out.tunnel("a.example.org:443").await;
    tunnel.write_all(format!("{SENT}\r\n\r\n").as_bytes()).await.unwrap();
    let mut buffer = [0; BROUGHT.len()];
    tunnel.read_exact(&mut buffer).await.unwrap();
    drop(tunnel);
    settle().await;
    out.world.gateway.settled().await;
    for entry in std::fs::read_dir(out.world.directory.path()).unwrap().flatten() {
        std::fs::copy(entry.path(), directory.join(entry.file_name())).unwrap();
    }
}

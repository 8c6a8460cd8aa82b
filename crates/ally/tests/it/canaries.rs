//! Words that only one person wrote are planted everywhere, errors are forced, and then everything outside her
//! directory is searched for them, at the most talkative log level.

use crate::app::TestApp;
use crate::browser::{Browser, Reply};
use crate::disk::SmallDisk;
use crate::installation::{Installation, Setup};
use ally_llm::script::{Gate, Rule, Step, Turn};
use ally_llm::stand_in::{Fault, StandIn};
use axum::body::Body;
use base64::Engine as _;
use http::{Method, Request, header};
use serde_json::json;

/// The forms in which a word may show up: as it is, in lower case, in hexadecimal, in base64 at each alignment.
fn forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned(), word.to_lowercase(), ally_types::chance::encode_hex(word.as_bytes())];
    for shift in 0..3 {
        let padded = [&b"xx"[..shift], word.as_bytes()].concat();
        let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(padded);
        // The first and the last group mix with what stands around the word.
        forms.push(encoded[4..encoded.len() - 4].to_owned());
    }
    forms
}

fn holds(text: &str, word: &str) -> bool {
    forms(word).iter().any(|form| text.contains(form.as_str()))
}

/// Distinct words; the number says where a hit was planted.
fn canary(number: usize) -> String {
    format!("Qz{number:02}CanaryVq{}", number * 7919)
}

struct Planted {
    words: Vec<(&'static str, String)>,
}

impl Planted {
    fn word(&mut self, place: &'static str) -> String {
        let word = canary(self.words.len() + 10);
        self.words.push((place, word.clone()));
        word
    }
}

#[tokio::test]
async fn what_a_person_writes_stays_in_her_own_directory_whatever_goes_wrong() {
    let stand_in = StandIn::start().await.unwrap();
    let setup = Setup::default().with_anthropic(&stand_in.url()).with("ALLY_LOG", "trace").with("RUST_LOG", "trace");
    let installation = setup.start();
    let mira = installation.administrator().await;
    let mut planted = Planted { words: Vec::new() };
    talk(&mira, &mut planted).await;
    every_route(&mira, &mut planted).await;
    provider_faults(&mira, &stand_in, &mut planted).await;
    last_routes(&mira, &mut planted).await;
    assert!(planted.words.len() >= 40, "{} words were planted", planted.words.len());
    search(installation, &planted);
}

#[tokio::test]
async fn what_a_person_writes_stays_in_her_own_directory_when_the_disk_is_full() {
    let setup = Setup::default().with("ALLY_LOG", "trace").with("RUST_LOG", "trace");
    let Some(disk) = SmallDisk::new(setup.data()) else { return };
    let installation = setup.start();
    let mira = installation.administrator().await;
    let mut planted = Planted { words: Vec::new() };
    talk(&mira, &mut planted).await;
    let chat = mira.chat().await;
    let filled = disk.fill();
    let messages = format!("/api/v1/chats/{chat}/messages");
    let mut refused = 0;
    // Large enough that SQLite's files must grow; small ones may still find room.
    for (place, size) in [("a message on a full disk", 60_000), ("another one", 100_000), ("a small one", 10)] {
        let text = format!("remember that {} {}", planted.word(place), "x".repeat(size));
        refused += u32::from(mira.post(&messages, json!({ "text": text })).await.status == 507);
    }
    let title = format!("{} {}", planted.word("a title on a full disk"), "x".repeat(90));
    mira.patch(&format!("/api/v1/chats/{chat}"), json!({ "title": title })).await;
    mira.post("/api/v1/chats", json!({ "title": planted.word("a chat on a full disk") })).await;
    mira.post("/api/v1/memory/search", json!({ "q": planted.word("a search on a full disk") })).await;
    mira.put("/api/v1/provider", json!({ "key": planted.word("a key on a full disk") })).await;
    mira.patch("/api/v1/account", json!({ "timezone": planted.word("a time zone on a full disk") })).await;
    assert!(refused > 0, "the disk was really full");
    std::fs::remove_file(filled).unwrap();
    search(installation, &planted);
}

#[tokio::test]
async fn what_a_person_writes_stays_in_her_own_directory_when_the_provider_falls_silent() {
    let stand_in = StandIn::start().await.unwrap();
    let setup = Setup::default().with_anthropic(&stand_in.url()).with("ALLY_LOG", "trace").with("RUST_LOG", "trace");
    let setup = setup.with("ALLY_MODEL_FIRST_TOKEN_SECONDS", "2").with("ALLY_MODEL_STALL_SECONDS", "2");
    let installation = setup.start();
    let mira = installation.administrator().await;
    let mut planted = Planted { words: Vec::new() };
    talk(&mira, &mut planted).await;
    for fault in [Fault::StallSilent, Fault::StallBeforeToken, Fault::StallAfter(3)] {
        let (asked, half) = (planted.word("a question before a silence"), planted.word("half of an answer"));
        let turn = Turn::text(format!("So far {half} and no further"));
        stand_in.always(Rule { when: asked.clone(), turns: vec![turn] });
        for _ in 0..3 {
            stand_in.fail(fault.clone());
        }
        let chat = mira.chat().await;
        let answer = mira.ask(&chat, &format!("What about {asked}?")).await;
        stand_in.heal();
        let has_half = fault == Fault::StallAfter(3);
        assert_eq!(answer["status"], if has_half { "interrupted" } else { "failed" }, "{fault:?}: {answer}");
        let problem = answer["problem"].to_string();
        assert!(!holds(&problem, &asked) && !holds(&problem, &half), "{problem}");
        assert_eq!(holds(&answer.to_string(), &half), has_half, "{fault:?}: {answer}");
        let addresses: Vec<_> = stand_in.seen().into_iter().map(|seen| seen.path).collect();
        assert!(!addresses.iter().any(|path| holds(path, &asked) || holds(path, &half)), "{addresses:?}");
    }
    search(installation, &planted);
}

/// Searches everything outside her directory, stops the installation, and searches what it said at the end.
fn search(installation: Installation, planted: &Planted) {
    let log = installation.log.lock().unwrap().clone();
    assert!(log.contains("route=/api/v1/"), "the log is there to be searched");
    let files = installation.files().into_iter();
    let files: Vec<_> = files.map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned())).collect();
    let people = installation.data.join("people");
    let mut hits = Vec::new();
    let mut inside = 0;
    for (place, word) in &planted.words {
        if holds(&log, word) {
            hits.push(format!("{place} is in the log"));
        }
        for (path, text) in &files {
            if path.starts_with(&people) {
                inside += usize::from(holds(text, word));
            } else if holds(text, word) {
                hits.push(format!("{place} is in {}", path.strip_prefix(&installation.data).unwrap().display()));
            }
        }
    }
    assert!(hits.is_empty(), "{}", hits.join("\n"));
    assert!(inside >= 3, "the search finds words where they belong: {inside}");
    let log = installation.stop();
    assert!(!planted.words.iter().any(|(_, word)| holds(&log, word)), "the log of the shutdown");
}

/// Ordinary use: a message, a title, a file, a search, a key.
async fn talk(mira: &Browser, planted: &mut Planted) {
    let chat = mira.chat().await;
    mira.ask(&chat, &format!("Tell me about {}", planted.word("a message"))).await;
    let (name, words) = (planted.word("the name of a file"), planted.word("a file"));
    let file = mira.attach(&name, words).await;
    let said = json!({ "text": planted.word("a message with a file"), "attachments": [file["id"]] });
    mira.post(&format!("/api/v1/chats/{chat}/messages"), said).await.expect(202);
    mira.patch(&format!("/api/v1/chats/{chat}"), json!({ "title": planted.word("a title") })).await.expect(200);
    mira.post("/api/v1/chats", json!({ "title": planted.word("a title of a new chat") })).await.expect(201);
    mira.post("/api/v1/memory/search", json!({ "q": planted.word("a search") })).await;
    mira.put("/api/v1/provider", json!({ "key": planted.word("a provider key") })).await;
    mira.post(
        "/api/v1/account/password",
        json!({ "current": planted.word("a password"), "new": planted.word("a new password") }),
    )
    .await;
    let stranger = mira.second_tab();
    stranger
        .post("/api/v1/auth/sign-in", json!({ "email": "x@example.org", "password": planted.word("a wrong password") }))
        .await;
}

/// Ends what the other requests need, or does not end by itself.
fn comes_last(path: &str) -> bool {
    ["sign-out", "events", "revoke-others", "stop"].iter().any(|end| path.ends_with(end))
}

/// Method and template of every route.
fn routes() -> Vec<(Method, String)> {
    let description: serde_json::Value = serde_json::from_str(&ally::openapi::json()).unwrap();
    let mut routes = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let methods = methods.as_object().unwrap().keys();
        routes.extend(methods.filter_map(|method| Some((method.to_uppercase().parse().ok()?, path.clone()))));
    }
    routes
}

/// A request with words in its path, query, headers and body, most of them in places where none is expected.
fn full_of_words(mira: &Browser, method: &Method, template: &str, planted: &mut Planted) -> Request<Body> {
    let mut path = template.to_owned();
    while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
        path.replace_range(from..=to, &planted.word("a path"));
    }
    let path = format!("{path}?q={}", planted.word("a query"));
    let body = json!({ "text": planted.word("a body"), "title": 5, "key": [planted.word("a wrong type")] });
    let mut request = mira.request(method.clone(), &path, (!method.is_safe()).then_some(body));
    let headers = request.headers_mut();
    headers.insert(header::USER_AGENT, planted.word("a user agent").parse().unwrap());
    headers.insert("idempotency-key", planted.word("an idempotency key").parse().unwrap());
    headers.insert("last-event-id", planted.word("an event id").parse().unwrap());
    headers.insert("x-ally-identity", planted.word("a planted header").parse().unwrap());
    request
}

async fn every_route(mira: &Browser, planted: &mut Planted) {
    for (method, template) in routes().iter().filter(|(_, template)| !comes_last(template)) {
        mira.send_raw(full_of_words(mira, method, template, planted)).await;
    }
    let mut broken = mira.request(Method::POST, "/api/v1/chats", None);
    broken.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    *broken.body_mut() = format!("{{\"title\": \"{}", planted.word("broken JSON")).into();
    mira.send_raw(broken).await.expect(400);
    mira.get(&format!("/api/v1/{}", planted.word("an unknown route"))).await.expect(404);
    mira.get(&format!("/assets/{}.js", planted.word("an unknown asset"))).await.expect(404);
    let forged = mira.second_tab();
    *forged.cookie.lock().unwrap() = Some(planted.word("a forged cookie"));
    forged.get("/api/v1/chats").await.expect(401);
}

/// Each way in which a provider can fail, with a message that it may repeat. Its silence has a test of its own.
async fn provider_faults(mira: &Browser, stand_in: &StandIn, planted: &mut Planted) {
    let chat = mira.chat().await;
    let status = |status| Fault::Status { status, kind: None, message: String::new(), retry_after: None };
    let faults = [
        status(400),
        status(401),
        status(403),
        status(413),
        status(429),
        status(500),
        status(529),
        Fault::HangUp,
        Fault::CutAfter(1),
        Fault::EndAfter(1),
        Fault::ErrorAfter(1, "api_error".to_owned()),
        Fault::MalformedAfter(1),
        Fault::NotAStream,
        Fault::UnknownBlock,
        Fault::Drip,
    ];
    for fault in faults {
        for _ in 0..4 {
            stand_in.fail(fault.clone());
        }
        let answer = mira.ask(&chat, &format!("Note this: {}", planted.word("a message during a fault"))).await;
        assert!(answer["status"].is_string());
        stand_in.heal();
    }
}

/// The event stream, then what ends the assistant and the session. Nothing is left out.
async fn last_routes(mira: &Browser, planted: &mut Planted) {
    let chat = mira.chat().await;
    let stream = full_of_words(mira, &Method::GET, &format!("/api/v1/chats/{chat}/events"), planted);
    let response = mira.open(stream).await;
    assert_eq!(response.status(), 200);
    mira.ask(&chat, &format!("Say {}", planted.word("a message with an open stream"))).await;
    drop(response);
    let mut last: Vec<_> = routes().into_iter().filter(|(_, template)| comes_last(template)).collect();
    last.sort_by_key(|(_, template)| template.ends_with("sign-out"));
    assert_eq!(last.len(), 4, "{last:?}");
    for (method, template) in last {
        let reply = mira.send_raw(full_of_words(mira, &method, &template, planted)).await;
        let expected: &[u16] = if template.ends_with("events") { &[404] } else { &[202, 204] };
        assert!(expected.contains(&reply.status), "{method} {template}: {} {}", reply.status, reply.text());
    }
}

#[test]
fn a_panic_says_only_where_it_happened() {
    let word = canary(1);
    if std::env::var_os("ALLY_TEST_PANICS").is_some() {
        ally::foreign::install(ally_types::log::Level::Trace);
        panic!("{word}");
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "canaries::a_panic_says_only_where_it_happened", "--nocapture"])
        .env("ALLY_TEST_PANICS", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("panic") && said.contains("canaries.rs"), "{said}");
    assert!(!holds(&said, &word), "{said}");
}

/// Inside a program of its own, whose whole output is looked at: words in requests that panic, and in the panics.
async fn panic_everywhere(word: impl Fn(usize) -> String) {
    ally::foreign::install(ally_types::log::Level::Trace);
    let app = TestApp::new().await;
    let mira = app.owner("mira").await;
    let is_explained = |reply: Reply| {
        let problem = reply.expect(500).json();
        assert_eq!((&problem["type"], problem["next_step"].is_string()), (&json!("internal"), true), "{problem}");
        assert!(!problem.to_string().contains("Canary"), "{problem}");
        assert_eq!(app.faults.heal(), 0, "it was this request that panicked");
    };

    // The platform, while it makes an account, and while it only reads one.
    app.faults.panic_with([word(1)]);
    let form = json!({
        "email": format!("{}@example.org", word(2)), "name": word(3), "password": format!("{} {}", word(4), word(5)),
        "adult": true, "accepts": ["privacy", "terms"],
    });
    is_explained(app.browser().post("/api/v1/auth/sign-up", form.clone()).await);
    app.browser().post("/api/v1/auth/sign-up", form).await.expect(201);
    app.clock.advance_millis(25 * 3_600_000);
    app.faults.panic_with([word(6)]);
    let account = format!("/api/v1/account?{}", word(7));
    is_explained(mira.get(&account).await);
    mira.get(&account).await.expect(200);

    // Her assistant, in a handler.
    app.faults.panic_with([word(8)]);
    is_explained(mira.post("/api/v1/chats", json!({ "title": word(9) })).await);
    mira.post("/api/v1/chats", json!({ "title": word(9) })).await.expect(201);

    // A turn, in a tool: once it is begun anew, and when it happens each time the person is told.
    for (panics, status, problem) in [(1, "complete", json!(null)), (50, "interrupted", json!("interrupted_too_often"))]
    {
        let path = format!("/memories/{panics}.md");
        let note = json!({ "command": "create", "path": path, "file_text": word(10) });
        let call = Step::ToolCall { tool: "memory".to_owned(), input: note };
        let gate = Gate::default();
        let first = Turn::of([Step::Text(format!("So far {} ", word(11))), Step::Hold(gate.clone()), call]);
        app.model.always(Rule { when: "Note".to_owned(), turns: vec![first, Turn::text(word(12))] });
        let chat = mira.chat().await;
        let mut events = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
        let sent = mira.say(&chat, &format!("Note {}", word(13))).await;
        events.until("text.delta").await;
        app.faults.panic_with((0..panics).map(|_| word(14)));
        gate.open();
        let answer = events.answer(sent["answer"]["id"].as_str().unwrap()).await;
        let left = app.faults.heal();
        assert!(left < panics && (panics > 1 || left == 0), "the turn panicked: {left} of {panics} are left");
        assert_eq!((&answer["status"], &answer["problem"]["type"]), (&json!(status), &problem), "{answer}");
        let messages = mira.get(&format!("/api/v1/chats/{chat}/messages")).await.expect(200);
        assert!(holds(&messages.text(), &word(13)), "her message is kept");
    }
    let answer = mira.ask(&mira.chat().await, "Good morning").await;
    assert_eq!(answer["status"], "complete", "everything goes on: {answer}");
}

#[tokio::test]
async fn a_panic_in_the_platform_or_in_an_assistant_says_no_word_and_ends_one_request_only() {
    let word = |number| canary(60 + number);
    if std::env::var_os("ALLY_TEST_PANICS").is_some() {
        return panic_everywhere(word).await;
    }
    let test = "canaries::a_panic_in_the_platform_or_in_an_assistant_says_no_word_and_ends_one_request_only";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("ALLY_TEST_PANICS", "1")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    for line in ["a handler panicked", "a run panicked", "app.rs"] {
        assert!(said.contains(line), "the log says \"{line}\":\n{said}");
    }
    let found: Vec<_> = (1..=14).filter(|number| holds(&said, &word(*number))).collect();
    assert!(found.is_empty(), "the log has the words {found:?}:\n{said}");
}

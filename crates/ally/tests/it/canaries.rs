//! Words that only one person wrote are planted everywhere, errors are forced, and then everything outside her
//! directory is searched for them, at the most talkative log level.

use crate::browser::Browser;
use crate::installation::Setup;
use ally_llm::stand_in::{Fault, StandIn};
use base64::Engine as _;
use http::{Method, header};
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
    assert!(planted.words.len() >= 40, "{} words were planted", planted.words.len());
    let log = installation.stop();
    assert!(!planted.words.iter().any(|(_, word)| holds(&log, word)), "the log of the shutdown");
}

/// Ordinary use: a message, a title, a file, a search, a key.
async fn talk(mira: &Browser, planted: &mut Planted) {
    let chat = mira.chat().await;
    mira.ask(&chat, &format!("Tell me about {}", planted.word("a message"))).await;
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

/// Each route gets words in its path, query, headers and body, most of them in places where none is expected.
async fn every_route(mira: &Browser, planted: &mut Planted) {
    let description: serde_json::Value = serde_json::from_str(&ally::openapi::json()).unwrap();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            if path.ends_with("sign-out")
                || path.ends_with("events")
                || path.ends_with("revoke-others")
                || path.ends_with("stop")
            {
                continue;
            }
            let mut path = path.clone();
            while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
                path.replace_range(from..=to, &planted.word("a path"));
            }
            let path = format!("{path}?q={}", planted.word("a query"));
            let body = json!({ "text": planted.word("a body"), "title": 5, "key": [planted.word("a wrong type")] });
            let mut request = mira.request(method.clone(), &path, (!method.is_safe()).then_some(body));
            let headers = request.headers_mut();
            headers.insert(header::USER_AGENT, planted.word("a user agent").parse().unwrap());
            headers.insert("idempotency-key", planted.word("an idempotency key").parse().unwrap());
            headers.insert("x-ally-identity", planted.word("a planted header").parse().unwrap());
            mira.send_raw(request).await;
        }
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

/// Each way in which a provider can fail, with a message that it may repeat.
async fn provider_faults(mira: &Browser, stand_in: &StandIn, planted: &mut Planted) {
    let chat = mira.chat().await;
    let status = |status| Fault::Status { status, kind: None, message: String::new(), retry_after: None };
    let faults = [
        status(400),
        status(401),
        status(403),
        status(413),
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

//! Claude behind the whole product: thinking, effort, parallel calls, the provider's cache.

use crate::app::TestApp;
use ally_llm::Provider;
use ally_llm::anthropic::Config;
use ally_llm::script::{Rule, Step, Turn};
use ally_llm::stand_in::{KEY, StandIn};
use ally_types::Secret;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

async fn with_claude() -> (StandIn, TestApp) {
    let stand_in = StandIn::start().await.unwrap();
    let config = Config { base_url: stand_in.url(), ..Config::new(Secret::new(KEY)) };
    let app = TestApp::with_provider(Provider::Anthropic(config)).await;
    (stand_in, app)
}

fn asked(stand_in: &StandIn) -> Vec<Value> {
    stand_in.seen().into_iter().filter(|seen| seen.method == "POST").map(|seen| seen.body).collect()
}

#[tokio::test]
async fn thinking_is_shown_kept_and_given_back_with_the_results_of_both_calls() {
    let (stand_in, app) = with_claude().await;
    let zone = |zone: &str| Step::ToolCall { tool: "time_now".to_owned(), input: json!({ "timezone": zone }) };
    let first = Turn::of([Step::Thinking("two clocks".to_owned()), zone("Asia/Tokyo"), zone("Europe/Lisbon")]);
    stand_in.always(Rule { when: "clocks".to_owned(), turns: vec![first, Turn::text("Late there, early here.")] });
    let mira = app.owner("mira").await;
    let chat = mira.chat().await;
    let mut events = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
    let sent = mira.say(&chat, "What do the clocks say?").await;
    assert_eq!(events.until("thinking.delta").await["text"], "two ");
    let answer = events.answer(sent["answer"]["id"].as_str().unwrap()).await;
    let parts: Vec<_> = answer["parts"].as_array().unwrap().iter().map(|part| part["type"].as_str().unwrap()).collect();
    assert_eq!(parts, ["thinking", "tool", "tool", "text"], "{answer}");
    let asked = asked(&stand_in);
    assert_eq!(asked[0]["thinking"], json!({ "type": "adaptive", "display": "summarized" }));
    // The stand-in refuses a thinking block whose signature is not the one it gave.
    let given_back = &asked[1]["messages"][1]["content"];
    assert_eq!((&given_back[0]["type"], &given_back[2]["type"]), (&json!("thinking"), &json!("tool_use")));
    assert_eq!(asked[1]["messages"][2]["content"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn thinking_time_belongs_to_a_chat_and_counts_from_the_next_answer_on() {
    let (stand_in, app) = with_claude().await;
    let mira = app.owner("mira").await;
    let made = mira.post("/api/v1/chats", json!({ "effort": "quick" })).await.expect(201).json();
    let (chat, other) = (made["id"].as_str().unwrap().to_owned(), mira.chat().await);
    assert_eq!(made["effort"], "quick");
    mira.ask(&chat, "one").await;
    let path = format!("/api/v1/chats/{chat}");
    let changed = mira.patch(&path, json!({ "effort": "thorough" })).await.expect(200).json();
    assert_eq!((&changed["effort"], &changed["title"]), (&json!("thorough"), &json!("one")));
    mira.ask(&chat, "two").await;
    mira.ask(&other, "three").await;
    mira.patch(&path, json!({ "effort": "heroic" })).await.expect(422);
    let efforts: Vec<_> = asked(&stand_in).iter().map(|body| body["output_config"]["effort"].clone()).collect();
    assert_eq!(efforts, ["low", "high", "medium"]);
    let most: Vec<_> = asked(&stand_in).iter().map(|body| body["max_tokens"].clone()).collect();
    assert_eq!(most, [8192, 32_768, 16_384]);
}

#[tokio::test]
async fn a_conversation_is_read_from_the_providers_cache_and_the_share_can_be_seen() {
    let (stand_in, app) = with_claude().await;
    let mira = app.owner("mira").await;
    let chat = mira.chat().await;
    let long = "a sentence of some length, so that it counts. ".repeat(100);
    let first = mira.ask(&chat, &format!("one {long}")).await["usage"].clone();
    let second = mira.ask(&chat, &format!("two {long}")).await["usage"].clone();
    let count = |usage: &Value, name: &str| usage[name].as_u64().unwrap();
    assert_eq!(count(&first, "cache_read"), 0, "{first}");
    assert!(count(&second, "input") < 100, "almost nothing is read in full: {second}");
    assert_eq!(count(&second, "cache_read"), count(&first, "cache_write"), "all that was kept is read: {second}");
    for body in asked(&stand_in) {
        let marks = body.to_string().matches("cache_control").count();
        assert!((2..=4).contains(&marks), "{marks} marks");
    }
}

/// A picture of one pixel, whose bytes say nothing else.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[tokio::test]
async fn files_reach_the_model_as_blocks_before_the_words_and_are_given_again_with_the_next_question() {
    let (stand_in, app) = with_claude().await;
    let mira = app.owner("mira").await;
    let chat = mira.chat().await;
    let pixel = BASE64_STANDARD.decode(PIXEL).unwrap();
    // More than any other request may have.
    let pdf = [b"%PDF-1.4 <</Type /Page>> ".as_slice(), &vec![b'x'; 3 << 20], b" %%EOF"].concat();
    let files = [
        mira.attach("pixel.png", pixel.clone()).await,
        mira.attach("long.pdf", pdf.clone()).await,
        mira.attach("notes.md", "# Notes").await,
    ];
    let ids: Vec<_> = files.iter().map(|file| &file["id"]).collect();
    let path = format!("/api/v1/chats/{chat}/messages");
    let mut events = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
    let sent = mira.post(&path, json!({ "text": "What are these?", "attachments": ids })).await.expect(202).json();
    let answer = events.answer(sent["answer"]["id"].as_str().unwrap()).await;
    // The stand-in looks at files as the service does.
    assert_eq!(answer["status"], "complete", "{answer}");
    let question = |body: &Value| body["messages"][0]["content"].clone();
    let content = question(&asked(&stand_in)[0]);
    let kinds: Vec<_> = content.as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["image", "document", "document", "text"]);
    assert_eq!(content[0]["source"], json!({ "type": "base64", "media_type": "image/png", "data": PIXEL }));
    assert_eq!(content[1]["source"]["data"], json!(BASE64_STANDARD.encode(&pdf)));
    assert_eq!((&content[1]["title"], &content[2]["source"]["data"]), (&json!("long.pdf"), &json!("# Notes")));
    assert!(answer["usage"]["cache_write"].as_u64().unwrap() > 4000, "pixels and pages are counted: {answer}");
    let next = mira.ask(&chat, "And now?").await;
    assert!(next["usage"]["cache_read"].as_u64().unwrap() > 4000, "they are read from the cache: {next}");
    let again = question(&asked(&stand_in)[1]);
    assert_eq!(again.as_array().unwrap()[..3], content.as_array().unwrap()[..3]);
    let gauge = mira.get(&format!("/api/v1/chats/{chat}/context")).await.expect(200).json()["gauge"].clone();
    assert!(gauge["used"].as_u64().unwrap() > 5000, "{gauge}");
}

#[tokio::test]
async fn a_file_comes_back_in_a_form_in_which_it_can_do_nothing() {
    let (_stand_in, app) = with_claude().await;
    let mira = app.owner("mira").await;
    let pixel = BASE64_STANDARD.decode(PIXEL).unwrap();
    let page = "<!doctype html><script>alert(1)</script>";
    for (name, bytes, kind, how) in
        [("a.png", pixel, "image/png", "inline"), ("a.png", page.into(), "application/octet-stream", "attachment")]
    {
        let file = mira.attach(name, bytes.clone()).await;
        let got = mira.get(&format!("/api/v1/attachments/{}", file["id"].as_str().unwrap())).await.expect(200);
        assert_eq!((got.headers["content-type"].to_str().unwrap(), &got.body), (kind, &bytes));
        assert!(got.headers["content-disposition"].to_str().unwrap().starts_with(how));
        assert_eq!(got.headers["x-content-type-options"], "nosniff");
        assert_eq!(got.headers["cache-control"], "private, no-store");
        assert_eq!(got.headers["cross-origin-resource-policy"], "same-origin");
        assert_eq!(got.headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'; sandbox");
    }
}

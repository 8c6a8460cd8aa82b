//! Claude behind the whole product: thinking, effort, parallel calls, the provider's cache.

use crate::app::TestApp;
use ally_llm::Provider;
use ally_llm::anthropic::Config;
use ally_llm::script::{Rule, Step, Turn};
use ally_llm::stand_in::{KEY, StandIn};
use ally_types::Secret;
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

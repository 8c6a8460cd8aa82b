//! Chats that are longer than a model can read.

use crate::fake_gateway::{FakeGateway, Gate, Say, delta, ended, fails_with, text};
use crate::world::{Life, World};
use ally_llm::{Block, Event, FailureKind, Request, Stop, Usage};
use serde_json::{Value, json};

pub const SUMMARY: &str = "She counts sheep [1].";

/// Whether this is the question for a summary.
fn wants_summary(request: &Request) -> bool {
    request.system.expose().starts_with("You write the summary")
}

/// A model at home, whose window is small.
pub fn at_home(words: &str) -> Vec<Say> {
    let mut pieces = text(words);
    pieces[0] =
        Say::Event(Event::Started { provider: "openai_compatible".into(), model: "small".into(), window: None });
    pieces
}

pub fn answers(gateway: &FakeGateway, summary: fn() -> Vec<Say>) {
    gateway.answers_with(move |request| if wants_summary(request) { summary() } else { at_home("Fine.") });
}

/// A tenth of what makes the window of a model at home full.
pub fn long(number: usize) -> String {
    format!("Number {number}. {}", "sheep and ".repeat(780))
}

pub async fn talk(mira: &Life, chat: &str, turns: std::ops::Range<usize>) {
    for number in turns {
        let answer = mira.ask(chat, &long(number)).await;
        assert_eq!(answer["status"], "complete", "{answer}");
    }
}

fn all_text(request: &Request) -> String {
    let blocks = request.messages.iter().flat_map(|message| &message.blocks);
    blocks.filter_map(|block| if let Block::Text { text } = block { Some(text.expose()) } else { None }).collect()
}

pub async fn context(mira: &Life, chat: &str) -> Value {
    mira.get(&format!("chats/{chat}/context")).await
}

#[tokio::test]
async fn a_chat_that_fills_the_window_is_summarised_behind_its_turn_and_nothing_is_lost_to_the_person() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    answers(mira.gateway(), || at_home(SUMMARY));
    let mut tab = mira.watch(&chat, None).await;
    talk(&mira, &chat, 0..9).await;
    let before = context(&mira, &chat).await;
    assert_eq!((&before["summaries"], &before["gauge"]["limit"]), (&json!([]), &json!(32_000)));
    talk(&mira, &chat, 9..10).await;
    let after = context(&mira, &chat).await;
    assert_eq!(after["summaries"].as_array().unwrap().len(), 1, "{after}");
    let summary = &after["summaries"][0];
    let messages = mira.messages(&chat).await;
    let ids: Vec<_> = messages.iter().map(|message| message["id"].clone()).collect();
    assert_eq!((messages.len(), &summary["text"]), (20, &json!(SUMMARY)));
    assert_eq!(summary["messages"].as_array().unwrap()[..], ids[..12], "all but the newest four questions");
    assert_eq!(summary["last"], ids[11]);
    let used = |context: &Value| context["gauge"]["used"].as_u64().unwrap();
    assert!(used(&after) < used(&before), "{before} {after}");
    while tab.until("context").await.last().unwrap()["summary"] != summary["id"] {}

    mira.ask(&chat, "What did I count?").await;
    let requests = mira.gateway().requests();
    let told = all_text(requests.last().unwrap());
    assert!(told.starts_with("<summary messages=\"12\">\nShe counts sheep [1].\n</summary>"), "{}", &told[..200]);
    assert!(!told.contains("Number 5.") && told.contains("Number 6."), "what is summarised is not sent again");
    let asked = requests.iter().find(|request| wants_summary(request)).unwrap();
    assert!(all_text(asked).contains("[1] Person: Number 0.") && asked.tools.is_empty());
}

#[tokio::test]
async fn a_summary_is_a_run_of_its_turn_with_an_intent_and_its_tokens_count_for_no_answer() {
    let world = World::new();
    let mira = world.live().await;
    let chat = mira.chat().await;
    answers(mira.gateway(), || at_home(SUMMARY));
    talk(&mira, &chat, 0..10).await;
    let turn = mira.messages(&chat).await.pop().unwrap();
    let database = world.database();
    let steps: String = database
        .query_row(
            "SELECT group_concat(j.kind || ' ' || COALESCE(j.step, '-'), ', ') FROM runs r JOIN journal j ON j.run = r.id
             WHERE r.kind = 'summary' AND r.parent = ?1",
            [turn["run"].as_str().unwrap()],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(steps, "created -, started -, intent summary/model, outcome summary/model, succeeded -");
    let calls: (i64, i64) = database
        .query_row("SELECT COUNT(*), COUNT(message) FROM model_calls", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(calls, (11, 10));
    assert_eq!(turn["usage"]["output"], 10);
    // The second one stands for all that the first one did and more.
    talk(&mira, &chat, 10..18).await;
    let summaries = context(&mira, &chat).await["summaries"].clone();
    let count = |at: usize| summaries[at]["messages"].as_array().unwrap().len();
    assert_eq!(summaries.as_array().unwrap().len(), 2, "{summaries}");
    assert!(count(1) > count(0) && summaries[1]["messages"][0] == summaries[0]["messages"][0]);
}

#[tokio::test]
async fn a_summary_that_fails_leaves_everything_as_it_was_and_is_tried_behind_the_next_turn() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let cut = || vec![at_home("x").remove(0), delta("She ")];
    let longest = || {
        let mut pieces = vec![at_home("x").remove(0), delta("She ")];
        pieces.extend(ended(Stop::MaxTokens));
        pieces
    };
    answers(mira.gateway(), || fails_with(FailureKind::Overloaded));
    talk(&mira, &chat, 0..10).await;
    answers(mira.gateway(), cut);
    talk(&mira, &chat, 10..11).await;
    answers(mira.gateway(), longest);
    talk(&mira, &chat, 11..12).await;
    assert_eq!(context(&mira, &chat).await["summaries"], json!([]));
    let asked = mira.gateway().requests().iter().filter(|request| wants_summary(request)).count();
    assert_eq!(asked, 3, "once behind each turn");
    let told = all_text(mira.gateway().requests().iter().rfind(|request| !wants_summary(request)).unwrap());
    assert!(told.contains("Number 11."), "the newest is always there");
    // Without a summary the oldest are left out at last, so that the chat goes on.
    talk(&mira, &chat, 12..16).await;
    let last = mira.gateway().requests().into_iter().rfind(|request| !wants_summary(request)).unwrap();
    let told = all_text(&last);
    assert!(!told.contains("Number 0.") && told.contains("Number 15.") && told.len() < 32_000 * 7 / 2);
    answers(mira.gateway(), || at_home(SUMMARY));
    talk(&mira, &chat, 16..17).await;
    assert_eq!(context(&mira, &chat).await["summaries"].as_array().unwrap().len(), 1);
}

#[test]
fn a_process_that_dies_over_a_summary_leaves_the_next_one_to_make_it_once() {
    let world = World::new();
    let gate = Gate::default();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let chat = first.block_on(async {
        let mira = world.live().await;
        let chat = mira.chat().await;
        let held = gate.clone();
        mira.gateway().answers_with(move |request| match wants_summary(request) {
            true => vec![at_home("x").remove(0), Say::Hold(held.clone())],
            false => at_home("Fine."),
        });
        talk(&mira, &chat, 0..9).await;
        mira.say(&chat, &long(9)).await;
        gate.reached().await;
        chat
    });
    drop(first);
    answers(&world.gateway, || at_home(SUMMARY));
    runtime().block_on(async {
        let mira = world.live().await;
        mira.assistant.settled().await;
        assert_eq!(context(&mira, &chat).await["summaries"].as_array().unwrap().len(), 1);
        assert_eq!(mira.ask(&chat, "And now?").await["status"], "complete");
        assert!(all_text(mira.gateway().requests().last().unwrap()).starts_with("<summary"));
    });
}

#[tokio::test]
async fn a_chat_that_is_deleted_takes_its_summary_with_it_also_one_that_is_being_made() {
    let world = World::new();
    let mira = world.live().await;
    let (chat, other) = (mira.chat().await, mira.chat().await);
    answers(mira.gateway(), || at_home(SUMMARY));
    talk(&mira, &chat, 0..10).await;
    let gate = Gate::default();
    let held = gate.clone();
    mira.gateway().answers_with(move |request| match wants_summary(request) {
        true => vec![Say::Hold(held.clone())],
        false => at_home("Fine."),
    });
    for number in 0..9 {
        mira.say(&other, &long(number)).await;
    }
    mira.say(&other, &long(9)).await;
    gate.reached().await;
    for chat in [&chat, &other] {
        assert_eq!(mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await.status, 200);
    }
    gate.left().await;
    mira.assistant.settled().await;
    world.clock.advance_millis(11 * 60 * 1000);
    mira.assistant.purge().await.unwrap();
    let left: i64 = world.database().query_row("SELECT COUNT(*) FROM summaries", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
    assert_eq!(mira.call("GET", &format!("chats/{chat}/context"), Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_summary_counts_for_every_version_behind_it_and_for_none_beside_it() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    answers(mira.gateway(), || at_home(SUMMARY));
    talk(&mira, &chat, 0..10).await;
    let messages = mira.messages(&chat).await;
    for (at, has_summary) in [(18, true), (2, false)] {
        let path = format!("messages/{}/edit", messages[at]["id"].as_str().unwrap());
        let edited = mira.call("POST", &path, json!({ "text": "Something else" })).await;
        assert_eq!(edited.status, 202, "{}", edited.body);
        mira.assistant.settled().await;
        let told = all_text(mira.gateway().requests().last().unwrap());
        assert_eq!(told.starts_with("<summary"), has_summary, "{}", &told[..100]);
        assert!(told.ends_with("Something else"));
    }
}

#[tokio::test]
async fn a_summary_that_is_stopped_counts_and_says_what_for() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let gate = Gate::default();
    let held = gate.clone();
    mira.gateway().answers_with(move |request| match wants_summary(request) {
        true => {
            let usage = Usage { input: 7000, ..Usage::default() };
            vec![at_home("x").remove(0), Say::Event(Event::Usage { usage }), Say::Hold(held.clone())]
        }
        false => at_home("Fine."),
    });
    talk(&mira, &chat, 0..9).await;
    mira.say(&chat, &long(9)).await;
    gate.reached().await;
    assert_eq!(mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await.status, 200);
    mira.assistant.settled().await;
    let used = mira.get("usage?by=cause").await["items"].clone();
    let of_summary = used.as_array().unwrap().iter().find(|row| row["cause"] == "summary").unwrap();
    assert_eq!((&of_summary["calls"], &of_summary["input"]), (&json!(1), &json!(7000)), "{used}");
}

#[tokio::test]
async fn the_window_is_what_the_list_of_the_provider_said_and_never_absurd() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let limit = async || context(&mira, &chat).await["gauge"]["limit"].as_u64().unwrap();
    assert_eq!(limit().await, 200_000, "nobody has answered yet");
    let of = |provider: &str, model: &str, window: Option<u64>| {
        let mut pieces = text("Fine.");
        pieces[0] = Say::Event(Event::Started { provider: provider.into(), model: model.into(), window });
        pieces
    };
    for (provider, model, window, expected) in [
        ("openai_compatible", "small", None, 32_000),
        ("openai_compatible", "small", Some(8_192), 8_192),
        ("openai_compatible", "small", Some(0), 5_000),
        ("openai_compatible", "large", Some(1 << 40), 200_000),
        ("anthropic", "claude-haiku-4-5", Some(90_000), 90_000),
        ("anthropic", "claude-sonnet-5-5", None, 200_000),
        ("anthropic", "claude-of-tomorrow", None, 200_000),
    ] {
        mira.gateway().will_say(of(provider, model, window));
        mira.ask(&chat, "Hello").await;
        assert_eq!(limit().await, expected, "{provider} {model} {window:?}");
    }
}

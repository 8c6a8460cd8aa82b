//! Claude's adapter against the stand-in, over real HTTP.

use crate::client::client;
use crate::conversation::{Answer, asking, continued, whole};
use ally_llm::anthropic::{Config, check_key, default_model};
use ally_llm::script::{Gate, Step, Turn};
use ally_llm::stand_in::{Fault, KEY, MODELS, Pace, StandIn};
use ally_llm::windows::Listed;
use ally_llm::{Block, Budgets, Event, FailureKind, Provider, Request, Stop, Usage};
use ally_types::Secret;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::time::Duration;

fn config(server: &StandIn) -> Config {
    let patient = Duration::from_secs(60);
    Config {
        base_url: server.url(),
        budgets: Budgets { first_token: patient, stall: patient },
        ..Config::new(Secret::new(KEY))
    }
}

async fn ask(server: &StandIn, request: &Request) -> Answer {
    whole(Provider::Anthropic(config(server)).stream(&client(), request)).await
}

async fn with_fault(fault: Fault) -> Answer {
    let server = StandIn::start().await.expect("loopback is there");
    server.fail(fault);
    let answer = ask(&server, &asking("my secret plan for the weekend")).await;
    assert!(!format!("{answer:?}").contains("secret plan"), "no provider's text is kept");
    answer
}

async fn impatient(fault: Fault) -> Answer {
    let server = StandIn::start().await.expect("loopback is there");
    server.fail(fault.clone());
    let mut config = config(&server);
    match fault {
        // Two words have to fit into this, however busy the machine is.
        Fault::StallAfter(_) => config.budgets.stall = Duration::from_secs(1),
        _ => config.budgets.first_token = Duration::from_millis(150),
    }
    whole(Provider::Anthropic(config).stream(&client(), &asking("one two three four"))).await
}

#[tokio::test]
async fn an_answer_arrives_word_by_word_and_whole() {
    let server = StandIn::start().await.expect("loopback is there");
    let answer = ask(&server, &asking("how are you?")).await;
    assert_eq!(answer.text, "You said: how are you?");
    assert_eq!(answer.deltas, 5);
    assert_eq!(answer.blocks, [Block::Text { text: "You said: how are you?".into() }]);
    assert_eq!((answer.stop, answer.usage.output), (Some(Stop::EndTurn), 5));
}

#[tokio::test]
async fn the_first_word_arrives_before_the_last_one_is_written() {
    let server = StandIn::start().await.expect("loopback is there");
    let gate = Gate::default();
    server.say(Turn::of([Step::Text("first".into()), Step::Hold(gate.clone()), Step::Text("last".into())]));
    let mut events = Provider::Anthropic(config(&server)).stream(&client(), &asking("go"));
    while !matches!(events.next().await, Some(Event::TextDelta { .. })) {}
    gate.open();
    let rest = whole(events).await;
    assert_eq!((rest.text.as_str(), rest.stop), ("last", Some(Stop::EndTurn)));
}

#[tokio::test]
async fn thinking_and_parallel_calls_go_round_and_are_accepted_again() {
    let server = StandIn::start().await.expect("loopback is there");
    server.say(Turn::of([
        Step::Thinking("two clocks, then".into()),
        Step::Text("Let me look.".into()),
        Step::ToolCall { tool: "time_now".into(), input: json!({ "timezone": "Asia/Tokyo" }) },
        Step::ToolCall { tool: "time_now".into(), input: json!({}) },
    ]));
    server.say(Turn::text("It is late in Tokyo."));
    let request = asking("What time is it here and in Tokyo?");
    let first = ask(&server, &request).await;
    assert_eq!(first.thinking, "two clocks, then");
    assert_eq!(first.stop, Some(Stop::ToolUse));
    let inputs: Vec<&Value> = first
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::ToolCall { input, .. } => Some(input),
            _ => None,
        })
        .collect();
    assert_eq!(inputs, [&json!({ "timezone": "Asia/Tokyo" }), &json!({})]);
    assert!(
        matches!(&first.blocks[0], Block::Opaque { provider, raw } if provider == "anthropic" && raw.expose().contains("signed-"))
    );

    // The stand-in refuses a changed signature, an orphan result and a missing one.
    let second = ask(&server, &continued(request, &first, |_, _| (true, "20:00".into()))).await;
    assert_eq!((second.kind(), second.text.as_str()), (None, "It is late in Tokyo."));
}

#[tokio::test]
async fn a_block_of_a_kind_nobody_knows_is_kept_in_its_place_and_sent_back() {
    let server = StandIn::start().await.expect("loopback is there");
    server.fail(Fault::UnknownBlock);
    server.say(Turn::call("time_now", json!({})));
    let request = asking("What time is it?");
    let first = ask(&server, &request).await;
    let Block::Opaque { provider, raw } = &first.blocks[0] else { panic!("the unknown block comes first") };
    let raw: Value = serde_json::from_str(raw.expose()).expect("it is JSON");
    assert_eq!(
        (provider.as_str(), raw),
        ("anthropic", json!({ "type": "server_dream", "id": "dream_1", "sheep": ["electric"] }))
    );
    let second = ask(&server, &continued(request, &first, |_, _| (true, "09:00".into()))).await;
    assert_eq!(second.kind(), None);
    assert_eq!(server.seen()[1].body["messages"][1]["content"][0]["type"], "server_dream");
}

#[tokio::test]
async fn the_second_question_is_read_from_the_cache_and_all_tokens_are_counted() {
    let server = StandIn::start().await.expect("loopback is there");
    let first = ask(&server, &asking("hello")).await.usage;
    let second = ask(&server, &asking("hello")).await.usage;
    assert!(first.cache_write > 0 && first.cache_read == 0, "{first:?}");
    assert!(second.cache_write == 0 && second.cache_read == first.cache_write, "{second:?}");
    assert_eq!((first.input, first.output), (second.input, second.output));
}

#[tokio::test]
async fn tokens_of_a_cut_answer_are_known() {
    let server = StandIn::start().await.expect("loopback is there");
    let usage = Usage { input: 700, output: 5, cache_read: 30, cache_write: 20 };
    server.say(Turn { usage: Some(usage), ..Turn::text("a b c d e") });
    server.fail(Fault::CutAfter(2));
    let answer = ask(&server, &asking("hello")).await;
    assert_eq!((answer.kind(), answer.text.as_str()), (Some(FailureKind::Truncated), "a b "));
    assert_eq!(answer.usage, Usage { output: 1, ..usage });
}

#[tokio::test]
async fn bytes_one_by_one_say_the_same_as_whole_events() {
    let turn = Turn::of([
        Step::Thinking("hm".into()),
        Step::Text("é 漢字 🦊 done".into()),
        Step::ToolCall { tool: "time_now".into(), input: json!({ "q": "ü" }) },
    ]);
    let mut answers = Vec::new();
    for fault in [None, Some(Fault::Drip)] {
        let server = StandIn::start().await.expect("loopback is there");
        server.say(turn.clone());
        if let Some(fault) = fault {
            server.fail(fault);
        }
        answers.push(ask(&server, &asking("hello")).await);
    }
    assert_eq!(answers[0].kind(), None);
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn every_error_before_the_answer_has_its_kind() {
    let status =
        |status, message: &str| Fault::Status { status, kind: None, message: message.into(), retry_after: None };
    let table = [
        (status(400, "messages.0: odd"), FailureKind::BadRequest),
        (status(400, "prompt is too long: 9 tokens > 8 maximum"), FailureKind::ContextTooLong),
        (status(400, "Your credit balance is too low"), FailureKind::Quota),
        (status(401, ""), FailureKind::Auth),
        (status(402, ""), FailureKind::Quota),
        (status(403, ""), FailureKind::Auth),
        (status(404, ""), FailureKind::BadRequest),
        (status(413, ""), FailureKind::ContextTooLong),
        (status(429, ""), FailureKind::RateLimited),
        (status(500, ""), FailureKind::Provider),
        (status(502, ""), FailureKind::Provider),
        (status(503, ""), FailureKind::Overloaded),
        (status(529, ""), FailureKind::Overloaded),
        (status(302, ""), FailureKind::Garbage),
    ];
    for (fault, kind) in table {
        let answer = with_fault(fault.clone()).await;
        let Fault::Status { status, .. } = fault else { unreachable!("the table holds nothing else") };
        let failure = answer.failure.expect("it failed");
        assert_eq!((failure.kind, failure.status), (kind, Some(status)), "{fault:?}");
        assert_eq!((answer.text.as_str(), answer.usage), ("", Usage::default()));
    }
}

#[tokio::test]
async fn the_time_to_wait_is_handed_on() {
    let fault = Fault::Status { status: 429, kind: None, message: String::new(), retry_after: Some(17) };
    let failure = with_fault(fault).await.failure.expect("it failed");
    assert_eq!((failure.kind, failure.retry_after), (FailureKind::RateLimited, Some(17)));
    assert!(failure.may_pass());
}

#[tokio::test]
async fn a_wrong_key_is_refused_in_the_chat_and_when_tested() {
    let server = StandIn::start().await.expect("loopback is there");
    let wrong = Config { key: Secret::new("sk-wrong"), ..config(&server) };
    let answer = whole(Provider::Anthropic(wrong.clone()).stream(&client(), &asking("hello"))).await;
    assert_eq!(answer.kind(), Some(FailureKind::Auth));
    assert_eq!(check_key(&client(), &wrong).await.map_err(|failure| failure.kind), Err(FailureKind::Auth));
    let broken = Config { key: Secret::new("two\nlines"), ..wrong };
    assert_eq!(check_key(&client(), &broken).await.map_err(|failure| failure.kind), Err(FailureKind::Auth));
    assert_eq!(check_key(&client(), &config(&server)).await, Ok(()));
}

#[tokio::test]
async fn nobody_at_the_address_is_a_network_failure() {
    let gone = StandIn::start().await.expect("loopback is there");
    let config = config(&gone);
    drop(gone);
    let answer = whole(Provider::Anthropic(config.clone()).stream(&client(), &asking("hello"))).await;
    assert_eq!(answer.kind(), Some(FailureKind::Network));
    assert_eq!(check_key(&client(), &config).await.map_err(|failure| failure.kind), Err(FailureKind::Network));
    assert_eq!(with_fault(Fault::HangUp).await.kind(), Some(FailureKind::Network));
}

#[tokio::test]
async fn a_broken_stream_has_its_kind_and_what_came_before_stays() {
    let table = [
        (Fault::CutAfter(0), FailureKind::Truncated),
        (Fault::CutAfter(2), FailureKind::Truncated),
        (Fault::EndAfter(2), FailureKind::Truncated),
        (Fault::MalformedAfter(2), FailureKind::Garbage),
        (Fault::NotAStream, FailureKind::Garbage),
        (Fault::ErrorAfter(2, "overloaded_error".into()), FailureKind::Overloaded),
        (Fault::ErrorAfter(2, "rate_limit_error".into()), FailureKind::RateLimited),
        (Fault::ErrorAfter(2, "api_error".into()), FailureKind::Provider),
        (Fault::ErrorAfter(2, "error_of_tomorrow".into()), FailureKind::Provider),
    ];
    for (fault, kind) in table {
        let answer = with_fault(fault.clone()).await;
        assert_eq!(answer.kind(), Some(kind), "{fault:?}");
        let before = if matches!(fault, Fault::CutAfter(0) | Fault::NotAStream) { "" } else { "You said: " };
        assert_eq!((answer.text.as_str(), answer.blocks.len()), (before, 0), "{fault:?}");
    }
}

#[tokio::test]
async fn silence_is_not_waited_out() {
    for fault in [Fault::StallSilent, Fault::StallBeforeToken, Fault::StallAfter(2)] {
        let answer = impatient(fault.clone()).await;
        assert_eq!(answer.kind(), Some(FailureKind::Stalled), "{fault:?}");
        let before = if matches!(fault, Fault::StallAfter(_)) { "You said: " } else { "" };
        assert_eq!(answer.text, before, "{fault:?}");
    }
}

#[tokio::test]
async fn every_reason_to_stop_is_told_apart() {
    for stop in [Stop::EndTurn, Stop::MaxTokens, Stop::Refused, Stop::Paused] {
        let server = StandIn::start().await.expect("loopback is there");
        server.say(Turn { stop: Some(stop), ..Turn::text("well") });
        assert_eq!(ask(&server, &asking("hello")).await.stop, Some(stop));
    }
}

#[tokio::test]
async fn the_request_carries_the_pseudonym_and_marks_what_to_cache() {
    let server = StandIn::start().await.expect("loopback is there");
    ask(&server, &asking("hello")).await;
    let seen = &server.seen()[0];
    assert_eq!(seen.header("x-api-key"), Some(KEY));
    assert_eq!(seen.header("anthropic-version"), Some("2026-10-21"));
    assert_eq!(seen.body["metadata"], json!({ "user_id": "psn_1" }));
    assert_eq!(seen.body["system"][0]["cache_control"]["type"], "ephemeral");
    assert_eq!(seen.body["messages"][0]["content"][0]["cache_control"]["type"], "ephemeral");
}

#[tokio::test]
async fn the_model_is_the_configured_one_if_it_exists_and_else_one_that_is_in_use() {
    let server = StandIn::start().await.expect("loopback is there");
    let chosen = async |model: &str| {
        let config = Config { model: model.into(), ..config(&server) };
        default_model(&client(), &config).await.expect("the list is there")
    };
    let listed = |name: &str, window| Listed { name: name.to_owned(), window: Some(window) };
    assert_eq!(chosen(MODELS[0]).await, listed(MODELS[0], 1_000_000));
    assert_eq!(chosen("claude-haiku-4-5").await, listed("claude-haiku-4-5", 200_000));
    assert_eq!(chosen("claude-haiku").await, listed(MODELS[0], 1_000_000));
    assert_eq!(chosen("gpt").await, listed(MODELS[0], 1_000_000));
}

#[tokio::test]
async fn an_answer_says_the_window_that_the_list_said_and_a_question_can_be_counted_before() {
    let server = StandIn::start().await.expect("loopback is there");
    for window in [None, Some(70_000)] {
        let provider = Provider::Anthropic(Config { window, ..config(&server) });
        let started = provider.stream(&client(), &asking("hello")).next().await;
        assert!(matches!(started, Some(Event::Started { window: said, .. }) if said == window), "{started:?}");
        assert_eq!(provider.window(), Some(window.unwrap_or(1_000_000)));
    }
    let provider = Provider::Anthropic(config(&server));
    let short = provider.count_tokens(&client(), &asking("hello")).await.expect("it counts");
    let long = provider.count_tokens(&client(), &asking(&"hello ".repeat(100))).await.expect("it counts");
    assert!(short > 0 && long > short + 100, "{short} {long}");
    let wrong = Provider::Anthropic(Config { key: Secret::new("wrong"), ..config(&server) });
    assert_eq!(wrong.count_tokens(&client(), &asking("hello")).await, None);
    assert_eq!(Provider::BuiltIn.count_tokens(&client(), &asking("hello")).await, None);
}

#[tokio::test]
async fn a_paced_answer_has_as_many_tokens_as_asked_for() {
    let server = StandIn::start().await.expect("loopback is there");
    server.pace(Pace { first_ms: 2, tokens: 20, between_ms: 1 });
    let answer = ask(&server, &asking("hello")).await;
    assert_eq!((answer.deltas, answer.usage.output, answer.stop), (20, 20, Some(Stop::EndTurn)));
}

#[tokio::test]
async fn stopping_closes_the_connection() {
    let server = StandIn::start().await.expect("loopback is there");
    server.fail(Fault::StallAfter(1));
    let mut events = Provider::Anthropic(config(&server)).stream(&client(), &asking("hello"));
    while !matches!(events.next().await, Some(Event::TextDelta { .. })) {}
    drop(events);
    // The next call is answered by the same server, over a connection of its own.
    assert_eq!(ask(&server, &asking("again")).await.text, "You said: again");
}

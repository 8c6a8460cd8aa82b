//! The adapter to model servers against the stand-in, over real HTTP.

use crate::client::client;
use crate::conversation::{Answer, asking, continued, whole};
use ally_llm::openai_compatible::{Config, models};
use ally_llm::script::{Step, Turn};
use ally_llm::stand_in::{Fault, StandIn};
use ally_llm::windows::Listed;
use ally_llm::{Block, Budgets, FailureKind, Provider, Request, Stop};
use serde_json::json;
use std::time::Duration;

async fn ask(server: &StandIn, request: &Request) -> Answer {
    let provider = Provider::OpenAiCompatible(Config::new(format!("{}/v1/", server.url()), "stand-in-small"));
    let answer = whole(provider.stream(&client(), request)).await;
    assert!(server.seen().iter().all(|seen| seen.body["store"] == json!(false)), "nothing may be kept there");
    answer
}

#[tokio::test]
async fn text_thinking_calls_and_usage_arrive() {
    let server = StandIn::start().await.expect("loopback is there");
    server.say(Turn::of([
        Step::Thinking("hm hm".into()),
        Step::Text("Let me look.".into()),
        Step::ToolCall { tool: "time_now".into(), input: json!({ "timezone": "Asia/Tokyo" }) },
        Step::ToolCall { tool: "time_now".into(), input: json!({}) },
    ]));
    let request = asking("What time is it?");
    let first = ask(&server, &request).await;
    assert_eq!((first.thinking.as_str(), first.text.as_str()), ("hm hm", "Let me look."));
    assert_eq!((first.blocks.len(), first.stop), (3, Some(Stop::ToolUse)));
    assert!(first.usage.input > 0 && first.usage.output > 0);

    ask(&server, &continued(request, &first, |_, _| (true, "20:00".into()))).await;
    let seen = server.seen();
    let messages = seen[1].body["messages"].as_array().expect("messages are a list").clone();
    let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str().expect("a role")).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "tool"]);
    assert_eq!(seen[0].header("authorization"), None);
}

#[tokio::test]
async fn broken_answers_have_their_kind() {
    let table = [
        (
            Fault::Status { status: 503, kind: None, message: "loading".into(), retry_after: Some(3) },
            FailureKind::Overloaded,
        ),
        (
            Fault::Status { status: 400, kind: None, message: "exceeds the context window".into(), retry_after: None },
            FailureKind::ContextTooLong,
        ),
        (
            Fault::Status { status: 404, kind: None, message: "no such model".into(), retry_after: None },
            FailureKind::BadRequest,
        ),
        (Fault::CutAfter(2), FailureKind::Truncated),
        (Fault::EndAfter(2), FailureKind::Truncated),
        (Fault::MalformedAfter(1), FailureKind::Garbage),
        (Fault::NotAStream, FailureKind::Garbage),
        (Fault::ErrorAfter(1, "server_error".into()), FailureKind::Provider),
        (Fault::HangUp, FailureKind::Network),
    ];
    for (fault, kind) in table {
        let server = StandIn::start().await.expect("loopback is there");
        server.fail(fault.clone());
        assert_eq!(ask(&server, &asking("one two three")).await.kind(), Some(kind), "{fault:?}");
    }
}

#[tokio::test]
async fn bytes_one_by_one_say_the_same_as_whole_events() {
    let mut answers = Vec::new();
    for fault in [None, Some(Fault::Drip)] {
        let server = StandIn::start().await.expect("loopback is there");
        server.say(Turn::text("é 漢字 🦊"));
        if let Some(fault) = fault {
            server.fail(fault);
        }
        answers.push(ask(&server, &asking("hello")).await);
    }
    assert_eq!(answers[0].blocks, [Block::Text { text: "é 漢字 🦊".into() }]);
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn silence_is_not_waited_out() {
    let server = StandIn::start().await.expect("loopback is there");
    server.fail(Fault::StallBeforeToken);
    let mut config = Config::new(server.url(), "stand-in-small");
    config.budgets = Budgets { first_token: Duration::from_millis(150), ..config.budgets };
    let answer = whole(Provider::OpenAiCompatible(config).stream(&client(), &asking("hello"))).await;
    assert_eq!(answer.kind(), Some(FailureKind::Stalled));
}

#[tokio::test]
async fn the_models_of_a_server_are_listed() {
    let server = StandIn::start().await.expect("loopback is there");
    let config = Config::new(server.url(), "");
    let listed = models(&client(), &config, Duration::from_secs(60)).await;
    let of = |name: &str| Listed { name: name.to_owned(), window: Some(16_384) };
    assert_eq!(listed, Ok(vec![of("stand-in-small"), of("stand-in-large")]));
}

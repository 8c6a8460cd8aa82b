//! The scripted provider.

use crate::client::client;
use crate::conversation::{asking, continued, whole};
use ally_llm::script::{Gate, Rule, Step, Turn};
use ally_llm::{Block, Event, Failure, FailureKind, Provider, Scripted, Stop};
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::json;

#[tokio::test]
async fn turns_are_said_once_and_then_the_question_is_repeated() {
    let scripted = Scripted::saying([Turn::text("one two"), Turn::call("time_now", json!({}))]);
    let provider = Provider::Scripted(scripted.clone());
    let request = asking("hello");
    let first = whole(provider.stream(&client(), &request)).await;
    assert_eq!((first.text.as_str(), first.deltas, first.stop), ("one two", 2, Some(Stop::EndTurn)));
    let second = whole(provider.stream(&client(), &request)).await;
    assert_eq!((second.blocks.len(), second.stop), (1, Some(Stop::ToolUse)));
    let third = whole(provider.stream(&client(), &request)).await;
    assert_eq!(third.text, "I am a scripted stand-in, not an AI model. You wrote: hello");
    assert_eq!(scripted.seen(), [request.clone(), request.clone(), request]);
}

#[tokio::test]
async fn a_rule_gives_the_same_answer_to_a_repeated_request_and_goes_on_after_the_results() {
    let scripted = Scripted::default();
    scripted.always(Rule {
        when: "time".into(),
        turns: vec![Turn::call("time_now", json!({})), Turn::text("It is nine.")],
    });
    let provider = Provider::Scripted(scripted);
    let request = asking("what time is it");
    let first = whole(provider.stream(&client(), &request)).await;
    assert_eq!(first, whole(provider.stream(&client(), &request)).await);
    let after = continued(request, &first, |_, _| (true, "09:00".into()));
    assert_eq!(whole(provider.stream(&client(), &after)).await.text, "It is nine.");
}

#[tokio::test]
async fn failures_and_cuts_end_the_answer() {
    let limited = Failure { retry_after: Some(3), ..Failure::of(FailureKind::RateLimited) };
    let scripted = Scripted::saying([
        Turn::of([Step::Text("half".into()), Step::Fail(limited), Step::Text("never".into())]),
        Turn::of([Step::Text("half".into()), Step::Cut]),
    ]);
    let provider = Provider::Scripted(scripted);
    let first = whole(provider.stream(&client(), &asking("hello"))).await;
    assert_eq!((first.text.as_str(), first.failure), ("half", Some(limited)));
    let second = whole(provider.stream(&client(), &asking("hello"))).await;
    assert_eq!((second.text.as_str(), second.kind()), ("half", Some(FailureKind::Truncated)));
}

#[tokio::test]
async fn a_held_answer_waits_for_its_gate() {
    let gate = Gate::default();
    let scripted =
        Scripted::saying([Turn::of([Step::Text("a".into()), Step::Hold(gate.clone()), Step::Text("b".into())])]);
    let mut events = Provider::Scripted(scripted).stream(&client(), &asking("hello"));
    while !matches!(events.next().await, Some(Event::Block { block: Block::Text { .. } })) {}
    assert!(events.next().now_or_never().is_none());
    gate.open();
    assert_eq!(whole(events).await.text, "b");
}

//! The gateway goes away in the middle of an answer.

use crate::fake_gateway::{Gate, Say, delta, started, text};
use crate::world::Life;
use ally_llm::{Event, Usage};
use serde_json::json;

fn half() -> Vec<Say> {
    let usage = Usage { input: 100, ..Usage::default() };
    vec![started(), Say::Event(Event::Usage { usage }), delta("Half an "), Say::Break]
}

/// So many seconds later, on a clock that goes there at once when nobody has anything to do.
async fn later(seconds: u64) {
    let time = std::time::Duration::from_secs(seconds);
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_begins_again_when_the_gateway_is_back_and_both_calls_count() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let mut tab = mira.watch(&chat, None).await;
    let gate = Gate::default();
    let mut pieces = half();
    pieces.insert(3, Say::Hold(gate.clone()));
    mira.gateway().will_say(pieces);
    mira.gateway().will_say(text("A whole answer"));
    mira.say(&chat, "Hello").await;
    gate.reached().await;
    mira.gateway().is_away(true);
    gate.open();
    // It stays away for a while; what was said stays before her eyes.
    later(20).await;
    let kept = mira.messages(&chat).await.pop().unwrap();
    assert_eq!((&kept["status"], &kept["text"]), (&json!("streaming"), &json!("Half an ")));
    mira.gateway().is_away(false);
    let seen = tab.until("run.finished").await;
    let snapshot = seen.iter().rfind(|event| event["type"] == "message.snapshot").unwrap();
    assert_eq!((&snapshot["attempt"], &snapshot["message"]["text"]), (&json!(2), &json!("")));
    let answer = mira.messages(&chat).await.pop().unwrap();
    assert_eq!((&answer["status"], &answer["text"]), (&json!("complete"), &json!("A whole answer")));
    assert_eq!(mira.gateway().requests().len(), 2);
    let used = mira.get("usage?by=cause").await["items"][0].clone();
    assert_eq!((&used["calls"], &used["input"]), (&json!(2), &json!(200)), "{used}");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_dies_of_the_same_answer_is_asked_three_times_and_what_was_said_is_kept() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().always_says(half());
    let answer = mira.ask(&chat, "Hello").await;
    assert_eq!((&answer["status"], &answer["text"]), (&json!("interrupted"), &json!("Half an ")));
    assert_eq!(answer["problem"]["type"], "answer_cut");
    assert_eq!(mira.gateway().requests().len(), 3);
    assert_eq!(mira.get("usage?by=cause").await["items"][0]["calls"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_stays_away_is_waited_for_a_minute_and_not_longer() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let gate = Gate::default();
    let mut pieces = half();
    pieces.insert(3, Say::Hold(gate.clone()));
    mira.gateway().will_say(pieces);
    mira.say(&chat, "Hello").await;
    gate.reached().await;
    mira.gateway().is_away(true);
    let begun = tokio::time::Instant::now();
    gate.open();
    mira.assistant.settled().await;
    assert_eq!(begun.elapsed().as_secs(), 60);
    let answer = mira.messages(&chat).await.pop().unwrap();
    assert_eq!((&answer["text"], &answer["problem"]["type"]), (&json!("Half an "), &json!("answer_cut")));
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_an_answer_that_waits_for_the_gateway_is_not_kept_waiting() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let gate = Gate::default();
    let mut pieces = half();
    pieces.insert(3, Say::Hold(gate.clone()));
    mira.gateway().will_say(pieces);
    let sent = mira.say(&chat, "Hello").await;
    gate.reached().await;
    mira.gateway().is_away(true);
    gate.open();
    later(5).await;
    let run = sent["run"].as_str().unwrap();
    let begun = tokio::time::Instant::now();
    assert!(mira.call("POST", &format!("runs/{run}/cancel"), json!({})).await.status.is_success());
    mira.assistant.settled().await;
    assert!(begun.elapsed().as_secs() < 1);
    let answer = mira.messages(&chat).await.pop().unwrap();
    assert_eq!((&answer["status"], &answer["text"]), (&json!("stopped"), &json!("Half an ")));
}

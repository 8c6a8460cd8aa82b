//! What a turn may use, how long a provider may take to begin, and what is said when it is enough.

use crate::fake_gateway::{Say, calls, delta, ended, fails, fails_with, started, text};
use crate::world::{Life, kinds};
use ally_llm::{Block, Event, Failure, FailureKind, Stop, Usage};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_pause_before_the_next_try_is_told_with_its_reason_and_its_length() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(fails(Failure { retry_after: Some(7), ..Failure::of(FailureKind::RateLimited) }));
    mira.gateway().will_say(text("Here I am."));
    let mut tab = mira.watch(&chat, None).await;
    mira.ask(&chat, "Hello").await;
    let seen = tab.until("run.finished").await;
    let waiting = seen.iter().position(|event| event["type"] == "message.waiting").unwrap();
    assert_eq!(
        (&seen[waiting]["reason"], &seen[waiting]["seconds"]),
        (&json!("Anthropic asks us to slow down."), &json!(7))
    );
    assert_eq!(kinds(&seen)[waiting + 1], "text.delta");
}

#[tokio::test(start_paused = true)]
async fn all_tries_together_have_two_minutes_to_begin() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    // The gateway gives up on a silent provider after ninety seconds.
    let mut silence = vec![Say::Pause(Duration::from_secs(90))];
    silence.extend(fails_with(FailureKind::Stalled));
    mira.gateway().always_says(silence);
    let begun = Instant::now();
    let answer = mira.ask(&chat, "Hello").await;
    assert_eq!((&answer["status"], &answer["problem"]["type"]), (&json!("failed"), &json!("provider_silent")));
    assert_eq!(begun.elapsed().as_secs(), 120);
    assert_eq!(mira.gateway().requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_slow_to_begin_is_heard_out_and_not_asked_again_after_two_minutes() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let mut slow = vec![Say::Pause(Duration::from_secs(290))];
    slow.extend(text("Loaded."));
    mira.gateway().will_say(slow);
    assert_eq!(mira.ask(&chat, "Hello").await["text"], "Loaded.");
    let mut never = vec![Say::Pause(Duration::from_secs(300))];
    never.extend(fails_with(FailureKind::Stalled));
    mira.gateway().will_say(never);
    assert_eq!(mira.ask(&chat, "And now?").await["problem"]["type"], "provider_silent");
    assert_eq!(mira.gateway().requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_is_never_asked_again_by_itself() {
    let mira = Life::new().await;
    for begun in [Event::TextDelta { text: "Well".into() }, Event::ThinkingDelta { text: "hm".into() }] {
        let chat = mira.chat().await;
        let before = mira.gateway().requests().len();
        let mut pieces = vec![started(), Say::Event(begun)];
        pieces.extend(fails_with(FailureKind::Overloaded));
        mira.gateway().will_say(pieces);
        assert_eq!(mira.ask(&chat, "Hello").await["problem"]["type"], "provider_overloaded");
        assert_eq!(mira.gateway().requests().len(), before + 1);
    }
}

#[tokio::test]
async fn twelve_steps_are_enough() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    for number in 0..20 {
        mira.gateway().will_say(calls(&[("x", "memory_search", json!({"query": format!("word{number}")}))]));
    }
    let answer = mira.ask(&chat, "Search").await;
    assert_eq!(answer["problem"]["type"], "too_many_steps");
    assert_eq!(mira.gateway().requests().len(), 12);
    go_on(&mira, &chat).await;
    assert_eq!(mira.messages(&chat).await[1]["status"], "complete");
    assert_eq!(mira.gateway().requests().len(), 21);
}

#[tokio::test]
async fn a_million_tokens_are_enough() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    for number in 0..5 {
        let mut step = calls(&[("x", "memory_search", json!({"query": format!("word{number}")}))]);
        let usage = Usage { input: 1000, output: 9000, cache_read: 490_000, cache_write: 0 };
        let end = step.len() - 2;
        step[end] = Say::Event(Event::Usage { usage });
        mira.gateway().will_say(step);
    }
    mira.gateway().always_says(text("Done."));
    let answer = mira.ask(&chat, "Search").await;
    assert_eq!((&answer["status"], &answer["problem"]["type"]), (&json!("interrupted"), &json!("too_many_tokens")));
    assert_eq!(mira.gateway().requests().len(), 2);
    // What an earlier turn used does not count against the one that goes on.
    go_on(&mira, &chat).await;
    assert_eq!(mira.gateway().requests().len(), 4);
    go_on(&mira, &chat).await;
    assert_eq!(mira.messages(&chat).await[1]["text"], "Done.");
}

#[tokio::test(start_paused = true)]
async fn time_that_is_over_ends_a_turn_and_can_be_given_again() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let drop = [Say::Pause(Duration::from_secs(100)), delta("drip ")];
    let mut pieces = vec![started()];
    pieces.extend(std::iter::repeat_n(drop, 60).flatten());
    mira.gateway().will_say(pieces);
    let answer = mira.ask(&chat, "Hello").await;
    assert_eq!((&answer["status"], &answer["problem"]["type"]), (&json!("interrupted"), &json!("took_too_long")));
    let said = answer["text"].as_str().unwrap().matches("drip").count();
    assert!((1..=6).contains(&said), "{said} times in ten minutes");
    let mut whole =
        vec![started(), delta("Now."), Say::Event(Event::Block { block: Block::Text { text: "Now.".into() } })];
    whole.extend(ended(Stop::EndTurn));
    mira.gateway().will_say(whole);
    go_on(&mira, &chat).await;
    assert_eq!(mira.messages(&chat).await[1]["text"], "Now.");
}

/// What the button under an answer that came to a limit does.
async fn go_on(mira: &Life, chat: &str) {
    let question = mira.messages(chat).await[0]["id"].as_str().unwrap().to_owned();
    let again = mira.call("POST", &format!("messages/{question}/answer"), Value::Null).await;
    assert_eq!(again.status, 202, "{}", again.body);
    mira.assistant.settled().await;
}

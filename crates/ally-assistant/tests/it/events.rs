//! Watching a chat: nothing is missed, nothing comes twice.

use crate::fake_gateway::{Gate, Say, delta, started, text};
use crate::world::{Life, World, kinds};
use serde_json::{Value, json};

#[tokio::test]
async fn a_tab_that_comes_back_goes_on_where_it_stopped() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let gate = Gate::default();
    let mut pieces = vec![started(), delta("One "), delta("two "), Say::Hold(gate.clone()), delta("three")];
    pieces.extend(text("One two three").into_iter().skip(4));
    mira.gateway().will_say(pieces);
    let mut tab = mira.watch(&chat, None).await;
    mira.say(&chat, "count").await;
    tab.until("text.delta").await;
    let last = tab.last_id.clone();
    drop(tab);
    gate.reached().await;
    let mut tab = mira.watch(&chat, Some(&last)).await;
    gate.open();
    let seen = tab.until("run.finished").await;
    assert_eq!(kinds(&seen), ["text.delta", "text.delta", "usage", "message.completed", "run.finished"]);
    assert_eq!((&seen[0]["text"], &seen[1]["text"]), (&json!("two "), &json!("three")));
}

#[tokio::test]
async fn a_new_tab_sees_the_answer_as_far_as_it_has_come_and_then_every_word() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let gate = Gate::default();
    let mut pieces = vec![started(), delta("One "), delta("two "), Say::Hold(gate.clone()), delta("three")];
    pieces.extend(text("One two three").into_iter().skip(4));
    mira.gateway().will_say(pieces);
    let sent = mira.say(&chat, "count").await;
    gate.reached().await;
    let mut tab = mira.watch(&chat, None).await;
    let question = tab.next().await.unwrap();
    assert_eq!(question["message"]["text"], "count");
    let answer = tab.next().await.unwrap();
    assert_eq!((&answer["type"], &answer["message"]["text"]), (&json!("message.snapshot"), &json!("One two ")));
    assert_eq!(answer["message"]["status"], "streaming");
    let listed = mira.message(&chat, sent["answer"]["id"].as_str().unwrap()).await;
    assert_eq!(listed["text"], "One two ", "the list knows it too");
    gate.open();
    let seen = tab.until("message.completed").await;
    assert_eq!(seen[0]["text"], "three");
    assert_eq!(seen.last().unwrap()["message"]["text"], "One two three");
}

#[tokio::test]
async fn a_tab_that_slept_through_a_restart_gets_whole_messages() {
    let world = World::new();
    let mira = world.live().await;
    let chat = mira.chat().await;
    mira.gateway().always_says(text("Hello."));
    let mut tab = mira.watch(&chat, None).await;
    mira.ask(&chat, "one").await;
    tab.until("run.finished").await;
    let last = tab.last_id.clone();
    mira.ask(&chat, "two").await;
    let (head, _) = last.rsplit_once('.').unwrap();
    let (run, epoch) = head.rsplit_once('.').unwrap();
    let other_epoch = format!("{run}.{}.2", epoch.parse::<u64>().unwrap() + 7);
    let mut tab = mira.watch(&chat, Some(&other_epoch)).await;
    let texts: Vec<_> = [tab.next().await, tab.next().await, tab.next().await, tab.next().await]
        .into_iter()
        .map(|event| event.unwrap()["message"]["text"].clone())
        .collect();
    assert_eq!(texts, ["one", "Hello.", "two", "Hello."]);
    for nonsense in ["", "x", "a.b.c", "chat.99999999999999999999.1"] {
        let mut tab = mira.watch(&chat, Some(nonsense)).await;
        assert_eq!(tab.next().await.unwrap()["type"], "message.snapshot", "{nonsense}");
    }
}

#[tokio::test]
async fn a_sleeping_assistant_says_so_on_every_stream() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let mut tab = mira.watch(&chat, None).await;
    mira.call("PATCH", &format!("chats/{chat}"), json!({"title": "Plans"})).await;
    mira.assistant.park();
    let changed = tab.next().await.unwrap();
    assert_eq!((&changed["type"], &changed["chat"]["title"]), (&json!("chat.changed"), &json!("Plans")));
    assert!(tab.last_id.starts_with("chat."), "{}", tab.last_id);
    assert_eq!(tab.next().await, Some(json!({"type": "comment", "text": "parked"})));
    assert_eq!(tab.next().await, None);
}

#[tokio::test]
async fn more_events_than_are_kept_become_a_whole_message() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let mut tab = mira.watch(&chat, None).await;
    let gate = Gate::default();
    let mut pieces = vec![started()];
    pieces.extend((0..3000).map(|number| delta(&format!("{number} "))));
    pieces.push(Say::Hold(gate.clone()));
    mira.gateway().will_say(pieces);
    mira.say(&chat, "count").await;
    gate.reached().await;
    let seen = tab.until("message.snapshot").await;
    let mut whole = seen.last().unwrap().clone();
    while whole["message"]["role"] != "assistant" {
        whole = tab.next().await.unwrap();
    }
    let mut text = whole["message"]["text"].as_str().unwrap().to_owned();
    while !text.ends_with("2999 ") {
        text += tab.next().await.unwrap()["text"].as_str().unwrap();
    }
    assert_eq!(text, (0..3000).map(|number| format!("{number} ")).collect::<String>());
}

#[tokio::test]
async fn a_chat_that_does_not_exist_cannot_be_watched() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await;
    assert_eq!(mira.call("GET", &format!("chats/{chat}/events"), Value::Null).await.status, 404);
}

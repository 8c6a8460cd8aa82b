//! How a person finds her chats again: pins, folders, what was put away, and the names of chats.

use crate::fake_gateway::text;
use crate::world::Life;
use serde_json::{Value, json};

/// The titles of a list, in order.
async fn titles(mira: &Life, query: &str) -> Vec<String> {
    let page = mira.get(&format!("chats{query}")).await;
    page["items"].as_array().unwrap().iter().map(|chat| chat["title"].as_str().unwrap().to_owned()).collect()
}

async fn named(mira: &Life, title: &str) -> String {
    mira.world.clock.advance_millis(1000);
    mira.call("POST", "chats", json!({ "title": title })).await.body["id"].as_str().unwrap().to_owned()
}

async fn folder(mira: &Life, name: &str) -> String {
    let made = mira.call("POST", "folders", json!({ "name": name })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body["id"].as_str().unwrap().to_owned()
}

async fn change(mira: &Life, chat: &str, change: Value) -> Value {
    let changed = mira.call("PATCH", &format!("chats/{chat}"), change).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    changed.body
}

#[tokio::test]
async fn pinned_chats_come_first_on_every_page() {
    let mira = Life::new().await;
    let mut made = Vec::new();
    for title in ["one", "two", "three", "four", "five"] {
        made.push(named(&mira, title).await);
    }
    assert_eq!(change(&mira, &made[0], json!({ "pinned": true })).await["pinned"], true);
    change(&mira, &made[2], json!({ "pinned": true })).await;
    assert_eq!(titles(&mira, "").await, ["three", "one", "five", "four", "two"]);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = mira.get(&format!("chats?limit=2{cursor}")).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|chat| chat["title"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["three", "one", "five", "four", "two"], "nothing twice, nothing left out");
    change(&mira, &made[2], json!({ "pinned": false })).await;
    assert_eq!(titles(&mira, "").await, ["one", "five", "four", "three", "two"]);
}

#[tokio::test]
async fn a_chat_that_was_put_away_is_listed_apart_and_comes_back_when_something_is_said_in_it() {
    let mira = Life::new().await;
    let (old, _new) = (named(&mira, "old").await, named(&mira, "new").await);
    assert_eq!(change(&mira, &old, json!({ "archived": true })).await["archived"], true);
    assert_eq!(
        (titles(&mira, "").await, titles(&mira, "?archived=true").await),
        (vec!["new".into()], vec!["old".into()])
    );
    assert_eq!(mira.get(&format!("chats/{old}")).await["title"], "old", "it can still be opened");
    mira.world.clock.advance_millis(1000);
    mira.gateway().will_say(text("Hi."));
    mira.ask(&old, "hello again").await;
    assert_eq!(
        (titles(&mira, "").await, titles(&mira, "?archived=true").await),
        (vec!["old".into(), "new".into()], vec![])
    );
}

#[tokio::test]
async fn folders_hold_chats_and_deleting_one_keeps_them() {
    let mira = Life::new().await;
    let (work, home) = (folder(&mira, "Work").await, folder(&mira, " Home ").await);
    let (report, dinner) = (named(&mira, "report").await, named(&mira, "dinner").await);
    assert_eq!(change(&mira, &report, json!({ "folder": work })).await["folder"], json!(work));
    change(&mira, &dinner, json!({ "folder": home })).await;
    assert_eq!(titles(&mira, &format!("?folder={work}")).await, ["report"]);
    assert_eq!(titles(&mira, "?folder=none").await, Vec::<String>::new());
    change(&mira, &dinner, json!({ "pinned": true })).await;
    assert_eq!(mira.get(&format!("chats/{dinner}")).await["folder"], json!(home), "what is not named stays");
    assert_eq!(change(&mira, &dinner, json!({ "folder": null })).await.get("folder"), None);

    let deleted = mira.call("DELETE", &format!("folders/{work}"), Value::Null).await;
    assert!(deleted.body["deleted"].is_string(), "{}", deleted.body);
    assert_eq!(titles(&mira, "?folder=none").await, ["dinner", "report"]);
    assert_eq!(mira.get(&format!("chats/{report}")).await.get("folder"), None);
    let moved = mira.call("PATCH", &format!("chats/{dinner}"), json!({ "folder": work })).await;
    assert_eq!((moved.status.as_u16(), &moved.body["type"]), (404, &json!("folder_not_found")));
    mira.world.clock.advance_millis(9 * 60_000);
    mira.assistant.purge().await.unwrap();
    let restored = mira.call("POST", &format!("folders/{work}/restore"), Value::Null).await;
    assert_eq!((restored.status.as_u16(), &restored.body["name"]), (200, &json!("Work")));
    assert_eq!(titles(&mira, &format!("?folder={work}")).await, ["report"], "its chats are in it again");

    mira.call("DELETE", &format!("folders/{work}"), Value::Null).await;
    mira.world.clock.advance_millis(10 * 60_000);
    assert!(mira.assistant.next_alarm().await.is_some());
    mira.assistant.purge().await.unwrap();
    assert_eq!(mira.assistant.next_alarm().await, None);
    assert_eq!(mira.call("POST", &format!("folders/{work}/restore"), Value::Null).await.status, 404);
    assert_eq!(titles(&mira, "").await, ["dinner", "report"], "no chat went with it");
}

#[tokio::test]
async fn folders_are_named_and_put_in_order() {
    let mira = Life::new().await;
    let (first, _) = (folder(&mira, "a").await, folder(&mira, "b").await);
    let third = folder(&mira, "c").await;
    let order = async || {
        let all = mira.get("folders").await;
        let items = all["items"].as_array().unwrap().clone();
        items.iter().map(|folder| folder["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    mira.call("PATCH", &format!("folders/{third}"), json!({ "position": 0, "name": "z" })).await;
    assert_eq!(order().await, ["z", "a", "b"]);
    mira.call("PATCH", &format!("folders/{first}"), json!({ "position": 99 })).await;
    assert_eq!(order().await, ["z", "b", "a"]);
    for name in ["", "  ", "two\nlines", &"x".repeat(61)] {
        let refused = mira.call("POST", "folders", json!({ "name": name })).await;
        assert_eq!((refused.status.as_u16(), &refused.body["field"]), (422, &json!("name")));
    }
    for number in 3..100 {
        folder(&mira, &format!("folder {number}")).await;
    }
    let refused = mira.call("POST", "folders", json!({ "name": "one more" })).await;
    assert_eq!((refused.status.as_u16(), &refused.body["type"]), (409, &json!("too_many_folders")));
}

#[tokio::test]
async fn a_chat_is_named_after_its_first_sentence_unless_the_person_named_it() {
    let mira = Life::new().await;
    mira.gateway().always_says(text("Of course."));
    let chat = mira.chat().await;
    mira.ask(&chat, "Hi Ally! **Plan** a weekend in [Lisbon](https://example.org). We are four.").await;
    assert_eq!(titles(&mira, "").await, ["Plan a weekend in Lisbon"]);
    mira.ask(&chat, "And now something else.").await;
    assert_eq!(titles(&mira, "").await, ["Plan a weekend in Lisbon"], "the first one stays");
    change(&mira, &chat, json!({ "title": "Mine" })).await;
    mira.ask(&chat, "Another sentence altogether.").await;
    mira.world.clock.advance_millis(1000);
    let other = mira.chat().await;
    change(&mira, &other, json!({ "title": "Named before" })).await;
    mira.ask(&other, "A first sentence.").await;
    assert_eq!(titles(&mira, "").await, ["Named before", "Mine"]);
    assert_eq!(mira.gateway().requests().len(), 4, "no model was asked for a title");
}

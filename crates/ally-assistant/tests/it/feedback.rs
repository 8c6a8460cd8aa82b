//! Thumbs, receipts, and the mark on claims without a receipt.

use crate::fake_gateway::{calls, text};
use crate::world::Life;
use serde_json::{Value, json};

#[tokio::test]
async fn a_thumb_is_kept_without_the_answer_changed_and_taken_back() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(text("The CANARYANSWER is blue."));
    let answer = mira.ask(&chat, "Which colour?").await;
    let path = format!("messages/{}/feedback", answer["id"].as_str().unwrap());
    let mut tab = mira.watch(&chat, None).await;
    tab.until("message.snapshot").await;
    tab.until("message.snapshot").await;
    let given = mira.call("PUT", &path, json!({"rating": "down", "note": " too short "})).await;
    assert_eq!((given.status.as_u16(), &given.body["note"]), (200, &json!("too short")));
    let told = tab.until("message.snapshot").await.pop().unwrap();
    assert_eq!(told["message"]["feedback"]["rating"], "down", "other tabs see it");
    mira.call("PUT", &path, json!({"rating": "up"})).await;
    let shown = mira.message(&chat, answer["id"].as_str().unwrap()).await["feedback"].clone();
    assert_eq!((&shown["rating"], shown.get("note")), (&json!("up"), None));
    let row: (String, String, Option<String>) = mira
        .world
        .database()
        .query_row("SELECT message || rating || account || at, model, note FROM feedback", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert!(!row.0.contains("CANARYANSWER"));
    assert_eq!((row.1.as_str(), row.2), ("claude-test", None));
    for _ in 0..2 {
        assert_eq!(mira.call("DELETE", &path, Value::Null).await.status, 204);
    }
    assert_eq!(mira.message(&chat, answer["id"].as_str().unwrap()).await.get("feedback"), None);
    let question = mira.messages(&chat).await[0]["id"].as_str().unwrap().to_owned();
    for (id, body, status) in [
        (question.as_str(), json!({"rating": "up"}), 409),
        (answer["id"].as_str().unwrap(), json!({"rating": "sideways"}), 422),
        (answer["id"].as_str().unwrap(), json!({"rating": "up", "note": "x".repeat(2001)}), 422),
    ] {
        assert_eq!(mira.call("PUT", &format!("messages/{id}/feedback"), body).await.status, status);
    }
}

#[tokio::test]
async fn a_thumb_is_forgotten_after_twelve_months_and_goes_with_its_chat() {
    let mira = Life::new().await;
    let count = || {
        let all = mira.world.database().query_row("SELECT COUNT(*) FROM feedback", [], |row| row.get::<_, i64>(0));
        all.unwrap()
    };
    mira.gateway().always_says(text("ok"));
    let chat = mira.chat().await;
    let answer = mira.ask(&chat, "one").await;
    let path = format!("messages/{}/feedback", answer["id"].as_str().unwrap());
    mira.call("PUT", &path, json!({"rating": "up", "note": "fine"})).await;
    mira.world.clock.advance_millis(365 * 86_400_000 - 1);
    mira.assistant.purge().await.unwrap();
    assert_eq!(count(), 1);
    mira.world.clock.advance_millis(1);
    assert!(mira.assistant.next_alarm().await.is_some());
    mira.assistant.purge().await.unwrap();
    assert_eq!((count(), mira.assistant.next_alarm().await), (0, None));
    mira.call("PUT", &path, json!({"rating": "up"})).await;
    mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await;
    mira.world.clock.advance_millis(600_000);
    mira.assistant.purge().await.unwrap();
    assert_eq!(count(), 0);
}

#[tokio::test]
async fn what_was_done_comes_from_rows_and_a_claim_without_one_is_marked() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(text("Of course. I've saved that to your memory."));
    let claimed = mira.ask(&chat, "Remember that I like tea").await;
    assert_eq!(claimed["not_verified"], "I've saved that to your memory.");
    assert_eq!((&claimed["receipt"]["calls"], &claimed["receipt"]["changes"]), (&json!(1), &json!(0)));

    let write = json!({"command": "create", "path": "/memories/tea.md", "file_text": "- likes tea\n"});
    let look = json!({"timezone": "UTC"});
    mira.gateway().will_say(calls(&[
        ("c1", "memory", write),
        ("c2", "time_now", look.clone()),
        ("c3", "no_such", json!({})),
    ]));
    mira.gateway().will_say(text("I've saved that to your memory."));
    let done = mira.ask(&chat, "Really").await;
    assert_eq!(done.get("not_verified"), None, "there is a receipt");
    let receipt = &done["receipt"];
    assert_eq!(
        (&receipt["calls"], &receipt["tools"], &receipt["failed"], &receipt["changes"]),
        (&json!(2), &json!(2), &json!(1), &json!(1))
    );
    assert!(receipt["millis"].is_i64(), "{receipt}");

    mira.gateway().will_say(calls(&[("c4", "time_now", look)]));
    mira.gateway().will_say(text("Email sent."));
    assert_eq!(mira.ask(&chat, "Send it").await["not_verified"], "Email sent.", "looking is no receipt for doing");
}

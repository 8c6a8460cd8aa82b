//! What can happen to a chat.

use crate::fake_gateway::text;
use crate::world::Life;
use serde_json::{Value, json};

#[tokio::test]
async fn chats_are_listed_by_last_use_page_by_page() {
    let mira = Life::new().await;
    let mut made = Vec::new();
    for number in 0..5 {
        mira.world.clock.advance_millis(1000);
        made.push(mira.call("POST", "chats", json!({"title": format!("Chat {number}")})).await.body["id"].clone());
    }
    mira.world.clock.advance_millis(1000);
    mira.gateway().will_say(text("Hi."));
    mira.ask(made[1].as_str().unwrap(), "hello").await;
    let first = mira.get("chats?limit=2").await;
    let ids =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|chat| chat["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&first), [made[1].clone(), made[4].clone()]);
    let second = mira.get(&format!("chats?limit=2&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!(ids(&second), [made[3].clone(), made[2].clone()]);
    let third = mira.get(&format!("chats?limit=2&cursor={}", second["next"].as_str().unwrap())).await;
    assert_eq!((ids(&third), third.get("next")), (vec![made[0].clone()], None));
    assert_eq!(mira.get("chats").await["items"][0]["title"], "Chat 1", "a title that was given stays");
}

#[tokio::test]
async fn a_deleted_chat_can_be_restored_for_ten_minutes_and_is_then_gone_for_good() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(text("The canary is called Zwirbel."));
    mira.ask(&chat, "My canary is called Zwirbel").await;
    let path = format!("chats/{chat}");
    let deleted = mira.call("DELETE", &path, Value::Null).await;
    assert!(deleted.body["deleted"].is_string());
    assert_eq!(mira.call("GET", &path, Value::Null).await.status, 404);
    assert_eq!(mira.get("chats").await["items"], json!([]));
    let found = mira.call("POST", "memory/search", json!({"q": "Zwirbel"})).await.body;
    assert_eq!(found["items"], json!([]), "what is deleted is not found");
    mira.world.clock.advance_millis(9 * 60_000);
    mira.assistant.purge().await.unwrap();
    assert_eq!(mira.call("POST", &format!("{path}/restore"), Value::Null).await.status, 200);
    assert_eq!(mira.messages(&chat).await.len(), 2);
    mira.call("DELETE", &path, Value::Null).await;
    let due = mira.world.clock.clone();
    due.advance_millis(10 * 60_000);
    assert!(mira.assistant.next_alarm().await.unwrap() <= ally_types::Clock::now(&*due));
    mira.assistant.purge().await.unwrap();
    assert_eq!(mira.call("POST", &format!("{path}/restore"), Value::Null).await.status, 404);
    assert_eq!(mira.assistant.next_alarm().await, None);
    for entry in std::fs::read_dir(mira.world.data_dir()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).unwrap().to_ascii_lowercase();
        let holds = bytes.windows(7).any(|window| window == b"zwirbel");
        assert!(!holds, "{:?} still holds what was deleted", entry.file_name());
    }
}

#[tokio::test]
async fn deleting_a_chat_stops_what_is_being_written_in_it() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let gate = crate::fake_gateway::Gate::default();
    mira.gateway().will_say(vec![crate::fake_gateway::started(), crate::fake_gateway::Say::Hold(gate.clone())]);
    mira.say(&chat, "hello").await;
    gate.reached().await;
    mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await;
    gate.left().await;
    mira.assistant.settled().await;
    mira.call("POST", &format!("chats/{chat}/restore"), Value::Null).await;
    assert_eq!(mira.messages(&chat).await[1]["status"], "stopped");
}

#[tokio::test]
async fn sending_twice_with_one_key_sends_once() {
    let mira = Life::new().await;
    let first = mira.call_with_key("POST", "chats", json!({"title": "Plans"}), "k1").await;
    let again = mira.call_with_key("POST", "chats", json!({"title": "Plans"}), "k1").await;
    assert_eq!(first, again);
    let chat = first.body["id"].as_str().unwrap();
    let path = format!("chats/{chat}/messages");
    mira.gateway().will_say(text("Hi."));
    let sent = mira.call_with_key("POST", &path, json!({"text": "hello"}), "k2").await;
    mira.assistant.settled().await;
    let repeated = mira.call_with_key("POST", &path, json!({"text": "hello"}), "k2").await;
    assert_eq!((repeated.status.as_u16(), &repeated.body["run"]), (202, &sent.body["run"]));
    assert_eq!(repeated.body["answer"]["text"], "Hi.");
    let other = mira.call_with_key("POST", &path, json!({"text": "something else"}), "k2").await;
    assert_eq!((other.status.as_u16(), &other.body["type"]), (409, &json!("idempotency_key_reused")));
    assert_eq!(mira.messages(chat).await.len(), 2);
    mira.world.clock.advance_millis(24 * 60 * 60 * 1000);
    mira.assistant.purge().await.unwrap();
    assert_eq!(mira.assistant.next_alarm().await, None, "a key is forgotten after a day");
    let fresh = mira.call_with_key("POST", &path, json!({"text": "something else"}), "k2").await;
    assert_eq!(fresh.status, 202);
}

#[tokio::test]
async fn bad_input_is_a_sentence_with_a_next_step() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let path = format!("chats/{chat}/messages");
    let mut told = Vec::new();
    for (method, path, body) in [
        ("POST", path.as_str(), json!({"text": "x".repeat(200_001)})),
        ("POST", &path, json!({"text": "x".repeat(2_000_000)})),
        ("POST", &path, json!({"text": " \n "})),
        ("POST", &path, json!({"words": "hello"})),
        ("PATCH", &format!("chats/{chat}"), json!({"title": " "})),
        ("PATCH", &format!("chats/{chat}"), json!({"title": "x".repeat(121)})),
        ("GET", "chats?limit=many", Value::Null),
        ("GET", "chats?cursor=nonsense", Value::Null),
        ("GET", "usage?from=yesterday", Value::Null),
    ] {
        let answer = mira.call(method, path, body).await;
        assert!(answer.body["next_step"].is_string(), "{}", answer.body);
        told.push(format!("{} {}", answer.status.as_u16(), answer.body["type"].as_str().unwrap()));
    }
    assert_eq!(
        told,
        [
            "413 message_too_long",
            "413 too_large",
            "422 message_empty",
            "422 wrong_shape",
            "422 title_length",
            "422 title_length",
            "400 bad_query",
            "400 bad_cursor",
            "400 bad_date",
        ]
    );
    let mut broken = mira.world.request("POST", &path, &Value::Null);
    *broken.body_mut() = "{\"text\": \"hel".into();
    let answer = crate::world::read(mira.send(broken).await).await;
    assert_eq!((answer.status.as_u16(), &answer.body["type"]), (400, &json!("malformed_json")));
    assert_eq!(mira.messages(&chat).await.len(), 0);
}

#[tokio::test]
async fn messages_are_read_page_by_page_from_the_end() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().always_says(text("ok"));
    for number in 0..4 {
        mira.ask(&chat, &format!("message {number}")).await;
    }
    let page = mira.get(&format!("chats/{chat}/messages?limit=3")).await;
    let texts =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|item| item["text"].clone()).collect::<Vec<_>>();
    assert_eq!(texts(&page), ["ok", "message 3", "ok"]);
    let before = page["next"].as_str().unwrap();
    let earlier = mira.get(&format!("chats/{chat}/messages?limit=10&before={before}")).await;
    assert_eq!(texts(&earlier), ["message 0", "ok", "message 1", "ok", "message 2"]);
    assert_eq!(earlier.get("next"), None);
}

#[tokio::test]
async fn what_was_taken_away_leaves_the_log_as_soon_as_nobody_reads_it() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(text("Hi."));
    mira.ask(&chat, "my secret is aubergine").await;
    mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await;
    mira.world.clock.advance_millis(10 * 60 * 1000);
    let reader = mira.world.database();
    reader.execute_batch("BEGIN; SELECT COUNT(*) FROM chats;").unwrap();
    reader.query_row("SELECT COUNT(*) FROM chats", [], |row| row.get::<_, i64>(0)).unwrap();
    assert!(mira.assistant.purge().await.is_err(), "somebody reads");
    assert!(mira.assistant.next_alarm().await.is_some(), "it is owed");
    reader.execute_batch("COMMIT").unwrap();
    mira.assistant.purge().await.unwrap();
    assert_eq!(std::fs::metadata(mira.world.data_dir().join("ally.db-wal")).unwrap().len(), 0);
    assert_eq!(mira.assistant.next_alarm().await, None);
    let file = std::fs::read(mira.world.data_dir().join("ally.db")).unwrap();
    assert!(!file.windows(9).any(|bytes| bytes == b"aubergine"));
}

#[tokio::test]
async fn a_chat_in_which_a_run_is_not_over_is_taken_away_when_it_is() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let gate = crate::fake_gateway::Gate::default();
    let mut pieces = vec![crate::fake_gateway::started(), crate::fake_gateway::Say::Hold(gate.clone())];
    pieces.extend(text("Late.").into_iter().skip(1));
    mira.gateway().will_say(pieces);
    let sent = mira.say(&chat, "hello").await;
    gate.reached().await;
    mira.world.database().execute("UPDATE chats SET deleted = 1", []).unwrap();
    mira.assistant.purge().await.unwrap();
    let count = |table: &str| {
        let query = format!("SELECT COUNT(*) FROM {table}");
        mira.world.database().query_row(&query, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((count("chats"), count("runs")), (1, 1), "{sent}");
    gate.open();
    mira.assistant.settled().await;
    mira.assistant.purge().await.unwrap();
    assert_eq!((count("chats"), count("runs"), count("messages"), count("journal")), (0, 0, 0, 0));
}

//! Temporary chats: nothing is remembered or recalled in them, and nothing of them is left.

use crate::fake_gateway::{Gate, Say, calls, delta, started, text};
use crate::world::{Life, World};
use ally_http::socket;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const CANARY: &str = "Zwirbelwanst";

async fn temporary(mira: &Life) -> String {
    let made = mira.call("POST", "chats", json!({ "temporary": true })).await;
    assert_eq!((made.status.as_u16(), &made.body["temporary"]), (201, &json!(true)), "{}", made.body);
    made.body["id"].as_str().unwrap().to_owned()
}

/// Every file below the person's directory in which a word stands, in whatever case.
pub fn holding(directory: &Path, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(holding(&entry.path(), word));
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap().to_ascii_lowercase();
        let word = word.to_ascii_lowercase();
        // A search word is kept without its ending.
        if bytes.windows(8).any(|window| window == &word.as_bytes()[..8]) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

/// Says the word everywhere: in a question, an answer, the arguments of tools, a title.
async fn talk(mira: &Life, chat: &str) {
    let note = json!({ "command": "create", "path": "/memories/pets.md", "file_text": format!("- {CANARY}\n") });
    mira.gateway().will_say(calls(&[("c1", "memory", note), ("c2", "memory_search", json!({ "query": CANARY }))]));
    mira.gateway().will_say(text(&format!("The canary is called {CANARY}.")));
    let path = format!("chats/{chat}/messages");
    let said = json!({ "text": format!("My canary is called {CANARY}") });
    assert_eq!(mira.call_with_key("POST", &path, said, "k1").await.status, 202);
    mira.assistant.settled().await;
    mira.call("PATCH", &format!("chats/{chat}"), json!({ "title": format!("About {CANARY}") })).await;
}

#[tokio::test]
async fn in_a_temporary_chat_nothing_is_remembered_recalled_listed_or_found() {
    let mira = Life::new().await;
    std::fs::create_dir_all(mira.world.memories()).unwrap();
    std::fs::write(mira.world.memories().join("MEMORY.md"), "- Likes tea\n").unwrap();
    let chat = temporary(&mira).await;
    talk(&mira, &chat).await;
    let requests = mira.gateway().requests();
    for request in &requests {
        let tools: Vec<_> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(tools, ["time_now"]);
        assert!(!request.system.expose().contains("Likes tea") && request.system.expose().contains("temporary chat"));
    }
    let answer = &mira.messages(&chat).await[1];
    for part in answer["parts"].as_array().unwrap().iter().filter(|part| part["type"] == "tool") {
        assert_eq!(part["status"], "failed", "a model that calls them anyway gets nothing: {part}");
        assert!(part["summary"].as_str().unwrap().contains("temporary"), "{part}");
    }
    assert_eq!(mira.get("memory/files").await["items"].as_array().unwrap().len(), 1, "only the file that was there");
    assert_eq!(mira.get("chats").await["items"], json!([]));
    assert_eq!(mira.get("chats?archived=true").await["items"], json!([]));
    for door in ["search", "memory/search"] {
        assert_eq!(mira.call("POST", door, json!({ "q": CANARY })).await.body["items"], json!([]), "{door}");
    }
}

#[tokio::test]
async fn no_byte_of_a_temporary_chat_is_left_when_it_was_closed() {
    let mira = Life::new().await;
    let kept = mira.chat().await;
    mira.gateway().will_say(text("Hi."));
    mira.ask(&kept, "What stays, stays").await;
    let chat = temporary(&mira).await;
    talk(&mira, &chat).await;
    assert!(!holding(&mira.world.data_dir(), CANARY).is_empty(), "the scan finds what is there");
    let closed = mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await;
    assert_eq!(closed.status, 200, "{}", closed.body);
    assert_eq!(holding(&mira.world.data_dir(), CANARY), Vec::<String>::new());
    assert_eq!(mira.call("POST", &format!("chats/{chat}/restore"), Value::Null).await.status, 404);
    let count = |table: &str| {
        let query = format!("SELECT COUNT(*) FROM {table}");
        mira.world.database().query_row(&query, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((count("chats"), count("messages"), count("runs"), count("idempotency_keys")), (1, 2, 1, 0));
    assert!(!holding(&mira.world.data_dir(), "What stays").is_empty());
}

#[tokio::test]
async fn closing_a_temporary_chat_stops_what_is_being_written_in_it_and_leaves_nothing() {
    let mira = Life::new().await;
    let chat = temporary(&mira).await;
    let gate = Gate::default();
    mira.gateway().will_say(vec![started(), delta(&format!("{CANARY} and")), Say::Hold(gate.clone())]);
    mira.say(&chat, &format!("About {CANARY}")).await;
    gate.reached().await;
    assert_eq!(mira.call("DELETE", &format!("chats/{chat}"), Value::Null).await.status, 200);
    gate.left().await;
    mira.assistant.settled().await;
    assert_eq!(mira.call("GET", &format!("chats/{chat}"), Value::Null).await.status, 404);
    assert_eq!(holding(&mira.world.data_dir(), CANARY), Vec::<String>::new());
}

#[tokio::test]
async fn a_temporary_chat_that_is_left_alone_for_a_day_is_taken_away() {
    let mira = Life::new().await;
    let chat = temporary(&mira).await;
    talk(&mira, &chat).await;
    mira.world.clock.advance_millis(23 * 60 * 60 * 1000);
    mira.assistant.purge().await.unwrap();
    assert_eq!(mira.get(&format!("chats/{chat}")).await["temporary"], true);
    mira.world.clock.advance_millis(60 * 60 * 1000);
    assert!(
        mira.assistant.next_alarm().await.unwrap() <= ally_types::Clock::now(&*mira.world.clock),
        "it is woken for it"
    );
    mira.assistant.purge().await.unwrap();
    assert_eq!(holding(&mira.world.data_dir(), CANARY), Vec::<String>::new());
    assert_eq!(mira.assistant.next_alarm().await, None);
}

#[tokio::test]
async fn falling_asleep_closes_temporary_chats_that_nobody_looks_at() {
    let mira = World::new().live().await;
    let (left, watched) = (temporary(&mira).await, temporary(&mira).await);
    talk(&mira, &left).await;
    let stream = mira.watch(&watched, None).await;
    let path = mira.world.directory.path().join("in.sock");
    let listener = socket::listen(socket::bind(&path).unwrap()).unwrap();
    let exit = mira.assistant.serve(listener, Duration::from_millis(30), std::future::pending()).await;
    drop(stream);
    assert_eq!(holding(&mira.world.data_dir(), CANARY), Vec::<String>::new());
    let ids: Vec<String> = {
        let database = mira.world.database();
        let mut query = database.prepare("SELECT id FROM chats").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(ids, [watched], "the one on the screen stays, with an alarm for it");
    assert!(exit.alarm.is_some());
}

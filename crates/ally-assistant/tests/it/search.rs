//! Search over all chats.

use crate::fake_gateway::{delta, started, text};
use crate::world::Life;
use serde_json::{Value, json};

async fn found(mira: &Life, wanted: Value) -> Vec<Value> {
    let answer = mira.call("POST", "search", wanted).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["items"].as_array().unwrap().clone()
}

/// The words around a hit, the marked ones in brackets.
fn shown(hit: &Value) -> String {
    let pieces = hit["snippet"].as_array().unwrap().iter();
    pieces
        .map(|piece| {
            let text = piece["text"].as_str().unwrap();
            if piece["marked"] == true { format!("[{text}]") } else { text.to_owned() }
        })
        .collect()
}

#[tokio::test]
async fn what_was_said_is_found_with_its_chat_its_message_its_date_and_the_words_around_it() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(text("The ferry to Lissabon leaves at nine."));
    let answer = mira.ask(&chat, "When does the ferry leave?").await;
    let hits = found(&mira, json!({ "q": "lissab" })).await;
    assert_eq!(hits.len(), 1);
    let hit = &hits[0];
    assert_eq!((&hit["chat"], &hit["message"], &hit["role"]), (&json!(chat), &answer["id"], &json!("assistant")));
    assert_eq!((&hit["title"], &hit["created"]), (&json!("When does the ferry leave?"), &answer["created"]));
    assert_eq!(shown(hit), "The ferry to [Lissabon] leaves at nine.");
    let both = found(&mira, json!({ "q": "ferry leaving" })).await;
    assert_eq!(both.len(), 2, "another form of a word is found too");
    assert!(shown(&both[0]).contains("[ferry]") && shown(&both[0]).contains("[leave"), "{}", shown(&both[0]));
    assert_eq!(found(&mira, json!({ "q": "ferry zeppelin" })).await.len(), 2, "with none that has all words, some do");
    assert_eq!(found(&mira, json!({ "q": "lissabon ferry" })).await.len(), 1, "all words before some");
    for q in ["", "  ", "\"*^ -- NEAR(", "AND"] {
        assert_eq!(found(&mira, json!({ "q": q })).await, Vec::<Value>::new(), "{q:?} is no error");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_is_found_once_however_its_answer_ended() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(vec![started(), delta("The zeppelin")]);
    let cut = mira.ask(&chat, "When does the ferry leave?").await;
    assert_eq!(cut["status"], "interrupted");
    let hits = async |q| found(&mira, json!({ "q": q })).await.iter().map(shown).collect::<Vec<_>>();
    assert_eq!(hits("ferry").await, ["When does the [ferry] leave?"]);
    assert_eq!(hits("zeppelin").await, ["The [zeppelin]"]);
    let question = mira.messages(&chat).await[0]["id"].as_str().unwrap().to_owned();
    mira.gateway().will_say(text("At nine."));
    assert_eq!(mira.call("POST", &format!("messages/{question}/answer"), Value::Null).await.status, 202);
    mira.assistant.settled().await;
    assert_eq!(hits("ferry").await, ["When does the [ferry] leave?"], "and not twice");
    assert_eq!(hits("zeppelin").await, [""; 0], "what was said again is found in its new words");
}

#[tokio::test]
async fn a_search_can_be_narrowed_to_a_chat_a_speaker_and_some_days() {
    let mira = Life::new().await;
    mira.gateway().always_says(text("A zebra, yes."));
    let mut chats = Vec::new();
    for _ in 0..3 {
        let chat = mira.chat().await;
        mira.ask(&chat, "Is this a zebra?").await;
        mira.world.clock.advance_millis(24 * 60 * 60 * 1000);
        chats.push(chat);
    }
    mira.call("PATCH", &format!("chats/{}", chats[0]), json!({ "archived": true })).await;
    let all = found(&mira, json!({ "q": "zebra" })).await;
    assert_eq!(all.len(), 6);
    assert_eq!(all.iter().filter(|hit| hit["archived"] == true).count(), 2, "what was put away is found, and says so");
    assert_eq!(found(&mira, json!({ "q": "zebra", "chat": chats[1] })).await.len(), 2);
    assert_eq!(found(&mira, json!({ "q": "zebra", "role": "user" })).await.len(), 3);
    let second = mira.get(&format!("chats/{}", chats[1])).await["created"].clone();
    let third = mira.get(&format!("chats/{}", chats[2])).await["created"].clone();
    assert_eq!(found(&mira, json!({ "q": "zebra", "from": second })).await.len(), 4);
    let day = found(&mira, json!({ "q": "zebra", "from": second, "to": third, "role": "assistant" })).await;
    assert_eq!((day.len(), &day[0]["chat"]), (1, &json!(chats[1])));
    mira.call("DELETE", &format!("chats/{}", chats[1]), Value::Null).await;
    assert_eq!(found(&mira, json!({ "q": "zebra" })).await.len(), 4, "what is deleted is not found");

    let mut seen = Vec::new();
    let mut asked = json!({ "q": "zebra", "limit": 3 });
    loop {
        let page = mira.call("POST", "search", asked.clone()).await.body;
        seen.extend(page["items"].as_array().unwrap().iter().map(|hit| hit["message"].as_str().unwrap().to_owned()));
        let Some(next) = page.get("next") else { break };
        asked["cursor"] = next.clone();
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4, "page by page, nothing twice");
    for wanted in [json!({ "q": "x", "cursor": "no" }), json!({ "q": "x", "role": "nobody" }), json!({ "q": 5 })] {
        let refused = mira.call("POST", "search", wanted).await;
        assert!(refused.status.is_client_error() && refused.body["next_step"].is_string(), "{}", refused.body);
    }
}

//! Versions of questions and answers: nothing is lost, and what is not shown is not sent.

use crate::fake_gateway::{Gate, Say, delta, started, text};
use crate::world::{Life, kinds};
use ally_llm::Block;
use serde_json::{Value, json};

/// What is shown, as `version/versions text`.
async fn shown(mira: &Life, chat: &str) -> Vec<String> {
    let line = |item: &Value| format!("{}/{} {}", item["version"], item["versions"], item["text"].as_str().unwrap());
    mira.messages(chat).await.iter().map(line).collect()
}

/// What the model was last given, as plain text.
fn given(mira: &Life) -> Vec<String> {
    let request = mira.gateway().requests().pop().unwrap();
    let blocks = request.messages.into_iter().flat_map(|message| message.blocks);
    let words = blocks.filter_map(|block| if let Block::Text { text } = block { Some(text) } else { None });
    words.map(|text| text.expose().to_owned()).collect()
}

async fn act(mira: &Life, path: &str, body: Value) -> Value {
    let answer = mira.call("POST", path, body).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    mira.assistant.settled().await;
    answer.body
}

async fn show(mira: &Life, chat: &str, message: &Value) {
    let answer = mira.call("PUT", &format!("chats/{chat}/path"), json!({ "message": message })).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
}

#[tokio::test]
async fn an_edited_question_is_a_version_and_everything_behind_the_old_one_stays() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(text("Lisbon it is."));
    mira.ask(&chat, "Where shall we go?").await;
    mira.gateway().will_say(text("By train."));
    mira.ask(&chat, "How?").await;
    let old = mira.messages(&chat).await;
    mira.gateway().will_say(text("In spring."));
    let sent =
        act(&mira, &format!("messages/{}/edit", old[0]["id"].as_str().unwrap()), json!({"text": "When shall we go?"}))
            .await;
    assert_eq!(given(&mira), ["When shall we go?"], "the model is told nothing of the other version");
    assert_eq!(shown(&mira, &chat).await, ["2/2 When shall we go?", "1/1 In spring."]);
    assert_eq!(sent["message"]["siblings"], json!([old[0]["id"], sent["message"]["id"]]));
    mira.gateway().will_say(text("April."));
    mira.ask(&chat, "Which month?").await;
    assert_eq!(given(&mira), ["When shall we go?", "In spring.", "Which month?"]);
    show(&mira, &chat, &old[0]["id"]).await;
    assert_eq!(shown(&mira, &chat).await, ["1/2 Where shall we go?", "1/1 Lisbon it is.", "1/1 How?", "1/1 By train."]);
    show(&mira, &chat, &sent["message"]["id"]).await;
    assert_eq!(
        shown(&mira, &chat).await,
        ["2/2 When shall we go?", "1/1 In spring.", "1/1 Which month?", "1/1 April."],
        "what was behind a version comes back with it"
    );
}

#[tokio::test]
async fn an_answer_is_written_again_beside_the_old_one() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(text("One."));
    let first = mira.ask(&chat, "Say a number").await;
    let path = format!("messages/{}/regenerate", first["id"].as_str().unwrap());
    for word in ["Two.", "Three."] {
        mira.gateway().will_say(text(word));
        act(&mira, &path, Value::Null).await;
        assert_eq!(given(&mira), ["Say a number"]);
    }
    assert_eq!(shown(&mira, &chat).await, ["1/1 Say a number", "3/3 Three."]);
    show(&mira, &chat, &first["id"]).await;
    mira.gateway().will_say(text("Fine."));
    mira.ask(&chat, "Good").await;
    assert_eq!(given(&mira), ["Say a number", "One.", "Good"]);
    let all = mira.messages(&chat).await;
    show(&mira, &chat, &all[1]["siblings"][2]).await;
    assert_eq!(shown(&mira, &chat).await, ["1/1 Say a number", "3/3 Three."]);
    let found = mira.call("POST", "memory/search", json!({"q": "Fine"})).await.body;
    assert_eq!(found["items"][0]["message"], all[3]["id"], "what is not shown is found");
    show(&mira, &chat, &all[3]["id"]).await;
    assert_eq!(shown(&mira, &chat).await, ["1/1 Say a number", "1/3 One.", "1/1 Good", "1/1 Fine."]);
}

#[tokio::test]
async fn editing_stops_what_is_being_written_and_keeps_it() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let gate = Gate::default();
    mira.gateway().will_say(vec![started(), delta("Half "), Say::Hold(gate.clone())]);
    let sent = mira.say(&chat, "first words").await;
    gate.reached().await;
    let behind = mira.say(&chat, "one more").await;
    let too_early = mira
        .call("POST", &format!("messages/{}/regenerate", sent["answer"]["id"].as_str().unwrap()), Value::Null)
        .await;
    assert_eq!((too_early.status.as_u16(), &too_early.body["type"]), (409, &json!("still_answering")));
    mira.gateway().will_say(text("Whole."));
    act(&mira, &format!("messages/{}/edit", sent["message"]["id"].as_str().unwrap()), json!({"text": "other words"}))
        .await;
    assert_eq!(shown(&mira, &chat).await, ["2/2 other words", "1/1 Whole."]);
    show(&mira, &chat, &behind["answer"]["id"]).await;
    let old = mira.messages(&chat).await;
    let lines: Vec<_> = old
        .iter()
        .map(|item| format!("{} {}", item["status"].as_str().unwrap(), item["text"].as_str().unwrap()))
        .collect();
    assert_eq!(lines, ["complete first words", "stopped Half ", "complete one more", "stopped "]);
}

#[tokio::test]
async fn everybody_who_watches_is_told_from_where_on_the_path_is_another() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().always_says(text("ok"));
    mira.ask(&chat, "one").await;
    let second = mira.ask(&chat, "two").await;
    let before = mira.messages(&chat).await;
    let mut tab = mira.watch(&chat, None).await;
    tab.until("message.snapshot").await;
    tab.until("message.snapshot").await;
    act(&mira, &format!("messages/{}/regenerate", second["id"].as_str().unwrap()), Value::Null).await;
    let seen = tab.until("run.finished").await;
    assert_eq!(kinds(&seen)[..3], ["path.changed", "chat.changed", "run.started"]);
    assert_eq!(seen[0]["after"], before[2]["id"]);
    assert_eq!(seen[2]["answer"]["version"], 2);
    act(&mira, &format!("messages/{}/edit", before[0]["id"].as_str().unwrap()), json!({"text": "uno"})).await;
    assert_eq!(tab.until("path.changed").await.pop().unwrap().get("after"), None, "nothing stays");
}

#[tokio::test]
async fn pages_hold_only_what_is_shown() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().always_says(text("ok"));
    let first = mira.ask(&chat, "one").await;
    for _ in 0..3 {
        act(&mira, &format!("messages/{}/regenerate", first["id"].as_str().unwrap()), Value::Null).await;
    }
    mira.ask(&chat, "two").await;
    let page = mira.get(&format!("chats/{chat}/messages?limit=3")).await;
    let earlier = mira.get(&format!("chats/{chat}/messages?limit=3&before={}", page["next"].as_str().unwrap())).await;
    let texts =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|item| item["text"].clone()).collect::<Vec<_>>();
    assert_eq!((texts(&earlier), texts(&page)), (vec![json!("one")], vec![json!("ok"), json!("two"), json!("ok")]));
    assert_eq!(earlier.get("next"), None);
}

#[tokio::test]
async fn the_same_act_under_the_same_key_makes_one_version() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().always_says(text("ok"));
    let answer = mira.ask(&chat, "one").await;
    let question = mira.messages(&chat).await[0]["id"].as_str().unwrap().to_owned();
    let again = format!("messages/{}/regenerate", answer["id"].as_str().unwrap());
    let edit = format!("messages/{question}/edit");
    for _ in 0..2 {
        assert_eq!(mira.call_with_key("POST", &again, Value::Null, "k1").await.status, 202);
        mira.assistant.settled().await;
        assert_eq!(mira.call_with_key("POST", &edit, json!({"text": "uno"}), "k2").await.status, 202);
        mira.assistant.settled().await;
    }
    assert_eq!(shown(&mira, &chat).await, ["2/2 uno", "1/1 ok"]);
    show(&mira, &chat, &answer["id"]).await;
    assert_eq!(shown(&mira, &chat).await, ["1/2 one", "1/2 ok"]);
    for (path, body) in [
        (format!("messages/{question}/regenerate"), Value::Null),
        (format!("messages/{}/edit", answer["id"].as_str().unwrap()), json!({"text": "x"})),
    ] {
        assert_eq!(mira.call("POST", &path, body).await.status, 409);
    }
    let other = mira.chat().await;
    let foreign = mira.call("PUT", &format!("chats/{other}/path"), json!({ "message": question })).await;
    assert_eq!(foreign.status, 404, "a message of another chat");
}

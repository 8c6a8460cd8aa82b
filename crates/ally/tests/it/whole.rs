//! The parts joined in one process, on a clock that stands still.

use crate::app::TestApp;
use ally_llm::script::{Rule, Turn};
use serde_json::json;

#[tokio::test]
async fn a_session_lasts_seven_days_and_the_next_sign_in_finds_everything() {
    let app = TestApp::new().await;
    let mira = app.owner("mira").await;
    let chat = mira.chat().await;
    mira.ask(&chat, "good morning").await;
    app.clock.advance_millis(7 * 86_400_000 - 1000);
    mira.get("/api/v1/chats").await.expect(200);
    app.clock.advance_millis(1000);
    let answer = mira.get("/api/v1/chats").await.expect(401).json();
    assert_eq!(answer["type"], "signed_out");
    let sign_in = json!({ "email": "Mira@Example.org", "password": "correct horse battery staple" });
    mira.post("/api/v1/auth/sign-in", sign_in).await.expect(200);
    let messages = mira.get(&format!("/api/v1/chats/{chat}/messages")).await.expect(200).json();
    assert_eq!(messages["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_model_sees_the_conversation_and_what_its_tool_answered() {
    let app = TestApp::new().await;
    let mira = app.owner("mira").await;
    let create = json!({ "command": "create", "path": "/memories/people/ana.md", "file_text": "- lives in Lisbon\n" });
    app.model.always(Rule { when: "Ana".to_owned(), turns: vec![Turn::call("memory", create), Turn::text("Noted.")] });
    let chat = mira.chat().await;
    let answer = mira.ask(&chat, "Ana lives in Lisbon").await;
    assert_eq!(answer["text"], "Noted.", "{answer}");
    mira.ask(&chat, "thank you").await;
    let asked = app.model.seen();
    assert_eq!(asked.len(), 3);
    let last = serde_json::to_string(&asked[2].messages).unwrap();
    for part in ["Ana lives in Lisbon", "people/ana.md", "Noted.", "thank you"] {
        assert!(last.contains(part), "{part} is missing: {last}");
    }
    assert!(!serde_json::to_string(&asked[2]).unwrap().contains("example.org"), "a model learns no address");
}

#[tokio::test]
async fn a_deleted_chat_can_be_brought_back_and_is_gone_after_its_undo_time() {
    let app = TestApp::without_model().await;
    let mira = app.owner("mira").await;
    let chat = mira.chat().await;
    mira.ask(&chat, "help").await;
    let path = format!("/api/v1/chats/{chat}");
    mira.delete(&path).await.expect(200);
    app.clock.advance_millis(60_000);
    mira.post(&format!("{path}/restore"), json!({})).await.expect(200);
    mira.delete(&path).await.expect(200);
    app.clock.advance_millis(11 * 60_000);
    mira.post(&format!("{path}/restore"), json!({})).await.expect(404);
    app.settled().await;
}

//! A new person's first five minutes, without any key or network.

use crate::installation::{Installation, Setup};
use serde_json::json;

#[tokio::test]
async fn the_first_account_administers_and_after_it_sign_up_is_closed() {
    let installation = Installation::start();
    let browser = installation.browser();
    let options = browser.get("/api/v1/auth/options").await.expect(200).json();
    assert_eq!(
        (&options["sign_up"], &options["needs_code"], &options["asks_acceptance"]),
        (&json!("first"), &json!(false), &json!(false))
    );
    let account = browser.sign_up("mira@example.org", None).await;
    assert_eq!(account["administrator"], true);
    assert_eq!(browser.get("/api/v1/account").await.expect(200).json()["email"], "mira@example.org");
    let stranger = installation.browser();
    let refused = stranger
        .post(
            "/api/v1/auth/sign-up",
            json!({"email": "eve@example.org", "password": "correct horse battery staple", "adult": true}),
        )
        .await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.json()["next_step"].is_string());
    installation.guest(&browser, "ben@example.org").await;
}

#[tokio::test]
async fn without_a_provider_built_in_commands_answer_and_are_labelled() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    let answer = mira.ask(&chat, "Remember that my sister Ana lives in Lisbon.").await;
    assert_eq!((&answer["author"]["kind"], &answer["status"]), (&json!("builtin"), &json!("complete")), "{answer}");
    let files = mira.get("/api/v1/memory/files").await.expect(200).json();
    let path = files["items"][0]["path"].as_str().unwrap().to_owned();
    let file = mira.get(&format!("/api/v1/memory/files/{path}")).await.expect(200).json();
    assert!(file["text"].as_str().unwrap().contains("my sister Ana lives in Lisbon"), "{file}");
    let answer = mira.ask(&chat, "What do you know about Ana?").await;
    assert!(answer["text"].as_str().unwrap().contains("Lisbon"), "{answer}");
    let answer = mira.ask(&chat, "what time is it in Tokyo?").await;
    assert!(answer["text"].as_str().unwrap().contains("Tokyo"), "{answer}");
    let answer = mira.ask(&chat, "Write me a poem about rain.").await;
    assert_eq!((&answer["author"]["kind"], &answer["needs_model"]), (&json!("ally"), &json!(true)), "{answer}");
    assert_eq!(answer["text"], "I need an AI model for this. Saved.");
    let answer = mira.ask(&chat, "forget that Ana lives in Lisbon").await;
    assert!(answer["text"].as_str().unwrap().contains("deleted it from notes.md"), "{answer}");
    let file = mira.get(&format!("/api/v1/memory/files/{path}")).await;
    assert!(!file.text().contains("Lisbon"), "{}", file.text());
}

#[tokio::test]
async fn everything_is_still_there_after_a_restart() {
    let installation = Installation::start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    mira.ask(&chat, "remember that the spare key is under the blue pot").await;
    let before = mira.get(&format!("/api/v1/chats/{chat}/messages")).await.expect(200).json();
    let cookie = mira.cookie.lock().unwrap().clone();
    let installation = installation.restart(Setup::default());
    let mira = installation.browser();
    *mira.cookie.lock().unwrap() = cookie;
    let after = mira.get(&format!("/api/v1/chats/{chat}/messages")).await.expect(200).json();
    assert_eq!(before, after);
}

#[tokio::test]
async fn without_root_everything_works_behind_a_user_namespace() {
    let installation = Setup::default().without_root().start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    let answer = mira.ask(&chat, "remember that the tide is high at nine").await;
    assert_eq!(answer["status"], "complete", "{answer}");
    let space = mira.get("/api/v1/space").await.expect(200).json();
    let walls = space["walls"].as_array().unwrap();
    assert!(walls.contains(&json!("network_namespace")) && walls.contains(&json!("user_namespace")), "{space}");
}

#[test]
fn a_taken_port_is_said_with_the_next_step() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_ally"));
    serve.args(["serve", "--listen", &listen]).current_dir(directory.path()).env_clear();
    let output = serve.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("already listens on {listen}")), "{said}");
    assert!(said.contains("choose another port: ally serve --listen"), "{said}");
    assert_eq!(directory.path().read_dir().unwrap().count(), 0, "nothing was made");
}

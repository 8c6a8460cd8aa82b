//! The person's own key.

use crate::fake_gateway::text;
use crate::world::Life;
use ally_types::Problem;
use serde_json::{Value, json};

const KEY: &str = "sk-ant-very-secret-123";

#[tokio::test]
async fn an_own_key_is_sealed_sent_with_each_call_and_never_shown() {
    let mira = Life::new().await;
    mira.gateway().has_no_provider();
    assert_eq!(mira.get("provider").await["connected"], false);
    let set = mira.call("PUT", "provider", json!({"key": format!(" {KEY}\n")})).await;
    assert_eq!(set.status, 200);
    assert_eq!(
        set.body,
        json!({
            "connected": true, "source": "own_key", "provider": "anthropic", "model": null, "local": []
        })
    );
    let chat = mira.chat().await;
    mira.gateway().will_say(text("Hi."));
    mira.ask(&chat, "hello").await;
    assert_eq!(mira.gateway().keys(), [Some(KEY.to_owned())]);
    for entry in std::fs::read_dir(mira.world.data_dir()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()), "{:?}", entry.file_name());
    }
    let gone = mira.call("DELETE", "provider", Value::Null).await;
    assert_eq!((gone.status.as_u16(), &gone.body["connected"]), (200, &json!(false)));
    mira.ask(&chat, "hello").await;
    assert_eq!(mira.gateway().keys()[1], None);
}

#[tokio::test]
async fn a_key_that_is_refused_is_not_kept() {
    let mira = Life::new().await;
    mira.gateway().has_no_provider();
    let problem = Problem::new(422, "provider_key_refused", "Anthropic refused the key.").next("Paste another one.");
    mira.gateway().refuses_keys(problem);
    let refused = mira.call("PUT", "provider", json!({"key": KEY})).await;
    assert_eq!((refused.status.as_u16(), &refused.body["title"]), (422, &json!("Anthropic refused the key.")));
    let malformed = mira.call("PUT", "provider", json!({"key": "line\nbreak"})).await;
    assert_eq!((malformed.status.as_u16(), &malformed.body["type"]), (422, &json!("provider_key_malformed")));
    assert_eq!(mira.get("provider").await["connected"], false);
}

#[tokio::test]
async fn a_gateway_that_is_away_is_said() {
    let mira = Life::new().await;
    mira.gateway().is_away(true);
    let answer = mira.call("GET", "provider", Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.body["type"]), (502, &json!("gateway_unreachable")));
    let space = mira.get("space").await;
    assert_eq!(space["walls"], json!(["own_user", "network_namespace"]));
    let why = |wall: &str| {
        space["missing"].as_array().unwrap().iter().find(|one| one["wall"] == wall).unwrap()["why"].clone()
    };
    assert_eq!((why("landlock"), why("seccomp")), (json!("The kernel cannot do it."), Value::Null));
}

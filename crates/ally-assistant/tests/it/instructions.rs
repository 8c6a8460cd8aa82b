//! How a person wants to be answered: kept as she wrote it, and told to the model exactly as she is shown.

use crate::fake_gateway::text;
use crate::world::Life;
use serde_json::{Value, json};

async fn folder(mira: &Life, name: &str) -> String {
    mira.call("POST", "folders", json!({ "name": name })).await.body["id"].as_str().unwrap().to_owned()
}

/// The text before the conversation, as a model received it with the last question.
async fn received(mira: &Life, chat: &str) -> String {
    mira.gateway().will_say(text("Yes."));
    let question = json!({ "text": "hello", "timezone": "Asia/Tokyo" });
    assert_eq!(mira.call("POST", &format!("chats/{chat}/messages"), question).await.status, 202);
    mira.assistant.settled().await;
    mira.gateway().requests().pop().unwrap().system.into_inner()
}

async fn shown(mira: &Life, folder: Option<&str>) -> String {
    let folder = folder.map(|folder| format!("&folder={folder}")).unwrap_or_default();
    let told = mira.get(&format!("instructions/preview?timezone=Asia/Tokyo{folder}")).await;
    told["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_person_is_shown_byte_for_byte_what_the_model_receives() {
    let mira = Life::new().await;
    std::fs::create_dir_all(mira.world.memories()).unwrap();
    std::fs::write(mira.world.memories().join("MEMORY.md"), "- Likes tea\n").unwrap();
    let (loose, laid) = (mira.chat().await, mira.chat().await);
    let work = folder(&mira, "Work").await;
    mira.call("PATCH", &format!("chats/{laid}"), json!({ "folder": work })).await;
    let everywhere = json!({ "name": "Mira", "tone": "dry", "rules": "Metric units.\n\tNo \"quotes\" – none.\r\n" });
    let given = mira.call("PUT", "instructions", everywhere).await;
    assert_eq!((given.status.as_u16(), &given.body["tone"]), (200, &json!("dry")), "{}", given.body);
    let rules = json!({ "rules": "Write formally here." });
    assert_eq!(mira.call("PUT", &format!("folders/{work}/instructions"), rules).await.status, 200);

    for (chat, folder) in [(&loose, None), (&laid, Some(work.as_str()))] {
        // The first question after a wake finds its way by another path than the second.
        for _ in 0..2 {
            assert_eq!(received(&mira, chat).await, shown(&mira, folder).await);
        }
    }
    let told = shown(&mira, Some(&work)).await;
    for words in ["Call the person: Mira", "No \"quotes\" – none.", "Write formally here.", "- Likes tea"] {
        assert!(told.contains(words), "{words} is missing:\n{told}");
    }
    assert!(!shown(&mira, None).await.contains("formally"), "what a folder asks for stays in it");
    mira.call("DELETE", &format!("folders/{work}"), Value::Null).await;
    assert_eq!(received(&mira, &laid).await, shown(&mira, None).await, "and goes with it");
    assert_eq!(mira.call("GET", &format!("instructions/preview?folder={work}"), Value::Null).await.status, 404);
}

#[tokio::test]
async fn every_version_is_kept_and_what_is_too_long_is_refused_and_never_cut() {
    let mira = Life::new().await;
    let empty = mira.get("instructions").await;
    assert_eq!((&empty["rules"], &empty["limits"]), (&json!(""), &json!({ "name": 80, "tone": 500, "rules": 4000 })));
    for rules in ["first", "second", "second"] {
        mira.world.clock.advance_millis(1000);
        mira.call("PUT", "instructions", json!({ "rules": rules })).await;
    }
    let versions = mira.get("instructions/versions").await;
    let rules: Vec<_> = versions["items"].as_array().unwrap().iter().map(|version| version["rules"].clone()).collect();
    assert_eq!(rules, ["second", "first"], "the same again is no new version");
    let longest = "ä".repeat(4000);
    assert_eq!(mira.call("PUT", "instructions", json!({ "rules": longest })).await.body["rules"], json!(longest));
    for (field, length) in [("name", 81), ("tone", 501), ("rules", 4001)] {
        let refused = mira.call("PUT", "instructions", json!({ field: "ä".repeat(length) })).await;
        assert_eq!((refused.status.as_u16(), &refused.body["field"]), (422, &json!(field)), "{}", refused.body);
        assert!(refused.body["title"].as_str().unwrap().contains(&length.to_string()));
    }
    assert_eq!(mira.get("instructions").await["rules"], json!(longest), "a refusal changes nothing");
    let row = |column: &str| {
        let query = format!("SELECT DISTINCT {column} FROM instructions");
        mira.world.database().query_row(&query, [], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!((row("integrity").as_str(), row("confidentiality").as_str()), ("user", "private"));
}

#[tokio::test]
async fn of_forgotten_versions_no_byte_is_left_and_what_counts_stays() {
    let mira = Life::new().await;
    let work = folder(&mira, "Work").await;
    let of_work = format!("folders/{work}/instructions");
    for (path, word) in [("instructions", "Zwirbelwanst"), (of_work.as_str(), "Quastelflosser")] {
        for rules in [format!("Never say {word}."), format!("Say {} now.", &word[..4])] {
            assert_eq!(mira.call("PUT", path, json!({ "rules": rules })).await.status, 200);
        }
    }
    let is_left = |word: &str| !crate::temporary::holding(&mira.world.data_dir(), word).is_empty();
    assert!(is_left("Zwirbelwanst") && is_left("Quastelflosser"), "the scan finds what is there");
    assert_eq!(mira.call("DELETE", "instructions/versions", Value::Null).await.status, 204);
    assert!(!is_left("Zwirbelwanst"));
    assert!(is_left("Quastelflosser"), "those of a folder are its own");
    let path = format!("instructions/versions?folder={work}");
    assert_eq!(mira.call("DELETE", &path, Value::Null).await.status, 204);
    assert!(!is_left("Quastelflosser"));
    for (path, rules) in
        [("instructions".to_owned(), "Say Zwir now."), (path.replace("/versions", ""), "Say Quas now.")]
    {
        assert_eq!(mira.get(&path).await["rules"], rules);
    }
    assert_eq!(mira.get("instructions/versions").await["items"].as_array().unwrap().len(), 1);
    mira.call("DELETE", &format!("folders/{work}"), Value::Null).await;
    assert_eq!(mira.call("DELETE", &format!("instructions/versions?folder={work}"), Value::Null).await.status, 404);
}

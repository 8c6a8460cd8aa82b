//! Memory as the person sees it: files, versions, undo, search.

use crate::fake_gateway::{calls, text};
use crate::world::{Life, World, files};
use serde_json::{Value, json};

async fn remember(mira: &Life, chat: &str, path: &str, words: &str) -> Value {
    let input = json!({"command": "create", "path": format!("/memories/{path}"), "file_text": words});
    mira.gateway().will_say(calls(&[("c", "memory", input)]));
    mira.gateway().will_say(text("Done."));
    mira.ask(chat, "Remember this").await
}

#[tokio::test]
async fn a_file_can_be_read_looked_back_at_and_undone() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let answer = remember(&mira, &chat, "people/ana.md", "- likes tea\n").await;
    let listed = mira.get("memory/files").await;
    assert_eq!(listed["items"][0]["path"], "people/ana.md");
    assert_eq!(listed["items"][0]["size"], 12);
    let file = mira.get("memory/files/people/ana.md").await;
    assert_eq!(file["text"], "- likes tea\n");
    assert_eq!(file["version"], answer["parts"][0]["file"]["version"]);
    let versions = mira.get("memory/files/people/ana.md/versions").await["items"].clone();
    assert_eq!(versions.as_array().unwrap().len(), 1);
    assert_eq!((&versions[0]["author"], &versions[0]["run"]), (&json!("assistant"), &answer["run"]));
    let undone = mira.call("POST", "memory/files/people/ana.md/restore", json!({"version": null})).await;
    assert_eq!(undone.status, 204);
    assert_eq!(files(&mira.world.memories()), []);
    assert_eq!(mira.call("GET", "memory/files/people/ana.md", Value::Null).await.status, 404);
    let back = mira.call("POST", "memory/files/people/ana.md/restore", json!({"version": versions[0]["id"]})).await;
    assert_eq!((back.status.as_u16(), &back.body["text"]), (200, &json!("- likes tea\n")));
    assert_eq!(files(&mira.world.memories()), [("people/ana.md".to_owned(), "- likes tea\n".to_owned())]);
    let authors: Vec<_> = mira.get("memory/files/people/ana.md/versions").await["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["author"].clone())
        .collect();
    assert_eq!(authors, ["person", "person", "assistant"]);
}

#[tokio::test]
async fn a_file_that_was_changed_outside_wins_and_is_a_version() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    remember(&mira, &chat, "notes.md", "- old\n").await;
    std::fs::write(mira.world.memories().join("notes.md"), "- written in an editor\n").unwrap();
    std::fs::write(mira.world.memories().join("MEMORY.md"), "- The garden has two apple trees\n").unwrap();
    std::fs::write(mira.world.memories().join("picture.png"), "no note").unwrap();
    let paths: Vec<_> =
        mira.get("memory/files").await["items"].as_array().unwrap().iter().map(|file| file["path"].clone()).collect();
    assert_eq!(paths, ["MEMORY.md", "notes.md"]);
    assert_eq!(mira.get("memory/files/notes.md").await["text"], "- written in an editor\n");
    assert_eq!(mira.get("memory/files/notes.md/versions").await["items"][0]["author"], "outside");
    let found = mira.call("POST", "memory/search", json!({"q": "apple tree"})).await.body;
    assert_eq!(
        found["items"][0],
        json!({
            "kind": "memory", "path": "MEMORY.md", "line": 1, "snippet": "The garden has two apple trees"
        })
    );
    mira.gateway().will_say(text("Two."));
    mira.ask(&chat, "How many trees?").await;
    let system = mira.gateway().requests().pop().unwrap().system;
    assert!(
        system.expose().contains("<memory path=\"/memories/MEMORY.md\">\n- The garden has two apple trees\n</memory>")
    );
    std::fs::remove_file(mira.world.memories().join("notes.md")).unwrap();
    assert_eq!(mira.call("GET", "memory/files/notes.md", Value::Null).await.status, 404);
    assert_eq!(mira.get("memory/files/notes.md/versions").await["items"][0]["is_deleted"], true);
}

#[tokio::test]
async fn a_change_that_was_committed_but_not_written_reaches_its_file_after_a_wake() {
    let world = World::new();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = std::thread::spawn({
        let world = world.clone();
        move || {
            runtime().block_on(async {
                let mira = world.live().await;
                let chat = mira.chat().await;
                // A directory in the way makes the file unwritable, as a full disk would.
                std::fs::create_dir_all(world.memories().join("notes.md")).unwrap();
                remember(&mira, &chat, "notes.md", "- kept\n").await
            })
        }
    });
    let answer = first.join().unwrap();
    assert_eq!(answer["status"], "complete", "{answer}");
    std::fs::remove_dir(world.memories().join("notes.md")).unwrap();
    let mira = world.live().await;
    assert_eq!(mira.get("memory/files/notes.md").await["text"], "- kept\n");
    assert_eq!(files(&world.memories()), [("notes.md".to_owned(), "- kept\n".to_owned())]);
}

#[tokio::test]
async fn nothing_outside_of_memory_can_be_reached() {
    let mira = Life::new().await;
    std::fs::create_dir_all(mira.world.memories()).unwrap();
    let secret = mira.world.directory.path().join("secret.md");
    std::fs::write(&secret, "- secret\n").unwrap();
    std::os::unix::fs::symlink(&secret, mira.world.memories().join("link.md")).unwrap();
    std::os::unix::fs::symlink(mira.world.directory.path(), mira.world.memories().join("up")).unwrap();
    for path in
        ["link.md", "up/secret.md", "..%2Fsecret.md", "%2e%2e/secret.md", "..%2F..%2Fetc%2Fpasswd", ".hidden.md"]
    {
        let answer = mira.call("GET", &format!("memory/files/{path}"), Value::Null).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
    assert_eq!(mira.get("memory/files").await["items"], json!([]));
    let chat = mira.chat().await;
    let answer = remember(&mira, &chat, "up/planted.md", "- x\n").await;
    assert_eq!(answer["status"], "complete");
    assert!(!mira.world.directory.path().join("planted.md").exists());
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "- secret\n");
}

#[tokio::test]
async fn search_finds_notes_first_and_then_what_was_said() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(text("Lisbon is lovely in spring."));
    mira.ask(&chat, "I will fly to Lisbon in May").await;
    remember(&mira, &chat, "projects/travel.md", "# Travel\n\n- The hotel in Lisbon is booked\n").await;
    let found = mira.call("POST", "memory/search", json!({"q": "what about lisbon?", "limit": 3})).await.body;
    let kinds: Vec<_> = found["items"].as_array().unwrap().iter().map(|hit| hit["kind"].clone()).collect();
    assert_eq!(kinds, ["memory", "message", "message"]);
    assert_eq!(found["items"][0]["line"], 3);
    for query in ["\"", "AND OR NOT", "a* NEAR(", "--", "日本", "' OR 1=1", ""] {
        assert_eq!(mira.call("POST", "memory/search", json!({"q": query})).await.status, 200, "{query}");
    }
}

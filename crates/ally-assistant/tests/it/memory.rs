//! Memory as the person sees it: files, versions, undo, search.

use crate::fake_gateway::{calls, text};
use crate::world::{Life, World, files};
use serde_json::{Value, json};
use std::pin::Pin;

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

/// Lets `work` happen in a life that has ended when this comes back.
fn a_life<T: Send + 'static>(work: impl FnOnce() -> Pin<Box<dyn Future<Output = T>>> + Send + 'static) -> T {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || runtime().block_on(work())).join().unwrap()
}

#[tokio::test]
async fn a_change_that_was_committed_but_not_written_reaches_its_file_after_a_wake() {
    let world = World::new();
    let answer = a_life({
        let world = world.clone();
        move || {
            Box::pin(async move {
                let mira = world.live().await;
                let chat = mira.chat().await;
                remember(&mira, &chat, "notes.md", "- kept\n").await
            })
        }
    });
    assert_eq!(answer["status"], "complete", "{answer}");
    // As if the process had died between the commit and the file.
    std::fs::remove_file(world.memories().join("notes.md")).unwrap();
    world.database().execute("UPDATE memory_versions SET applied = 0", []).unwrap();
    let mira = world.live().await;
    assert_eq!(mira.get("memory/files/notes.md").await["text"], "- kept\n");
    assert_eq!(files(&world.memories()), [("notes.md".to_owned(), "- kept\n".to_owned())]);
}

#[tokio::test]
async fn a_note_below_a_note_is_refused_and_memory_goes_on() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    remember(&mira, &chat, "notes.md", "- kept\n").await;
    for path in ["notes.md/x.md", "a.md/b.md", "Notes.MD/x.md"] {
        let answer = remember(&mira, &chat, path, "- never\n").await;
        assert_eq!(answer["parts"][0]["status"], "failed", "{path}: {answer}");
    }
    // Somebody's own file and folder, with names that a note would need.
    std::fs::write(mira.world.memories().join("people"), "no folder").unwrap();
    std::fs::create_dir(mira.world.memories().join("folder.md")).unwrap();
    for path in ["people/ana.md", "folder.md"] {
        let answer = remember(&mira, &chat, path, "- never\n").await;
        assert_eq!(answer["parts"][0]["status"], "failed", "{path}: {answer}");
    }
    assert_eq!(remember(&mira, &chat, "a.md", "- also kept\n").await["parts"][0]["status"], "ok");
    let paths: Vec<_> =
        mira.get("memory/files").await["items"].as_array().unwrap().iter().map(|file| file["path"].clone()).collect();
    assert_eq!(paths, ["a.md", "notes.md"]);
}

#[tokio::test]
async fn a_version_that_can_never_be_written_is_put_aside_and_all_others_go_on() {
    let world = World::new();
    a_life({
        let world = world.clone();
        move || {
            Box::pin(async move {
                let mira = world.live().await;
                let chat = mira.chat().await;
                remember(&mira, &chat, "notes.md", "- kept\n").await;
                remember(&mira, &chat, "plans/x.md", "- below\n").await;
            })
        }
    });
    // What an earlier Ally could have committed: a file below a file.
    std::fs::remove_dir_all(world.memories().join("plans")).unwrap();
    for table in ["memory_versions", "memory_files"] {
        let change = format!("UPDATE {table} SET path = 'notes.md/x.md' WHERE path = 'plans/x.md'");
        assert_eq!(world.database().execute(&change, []).unwrap(), 1);
    }
    world.database().execute("UPDATE memory_versions SET applied = 0 WHERE path = 'notes.md/x.md'", []).unwrap();
    let mira = world.live().await;
    assert_eq!(mira.get("memory/files/notes.md").await["text"], "- kept\n");
    let chat = mira.chat().await;
    assert_eq!(remember(&mira, &chat, "a.md", "- new\n").await["parts"][0]["status"], "ok");
    let found: Vec<_> = files(&world.memories()).into_iter().map(|(path, _)| path).collect();
    assert_eq!(found, ["a.md", "notes.md"]);
}

#[tokio::test]
async fn a_full_disk_keeps_nobody_from_reading_and_loses_no_change() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    remember(&mira, &chat, "notes.md", "- quite old\n").await;
    let first = mira.get("memory/files/notes.md").await["version"].clone();
    let input = json!({"command": "str_replace", "path": "/memories/notes.md", "old_str": "old", "new_str": "new"});
    mira.gateway().will_say(calls(&[("r", "memory", input)]));
    mira.ask(&chat, "Change it").await;
    full_again(&mira);
    let refused = mira.call("POST", "memory/files/notes.md/restore", json!({"version": first})).await;
    assert_eq!(refused.status, 507, "{}", refused.body);
    for path in ["memory/files", "memory/files/notes.md", "memory/files/notes.md/versions"] {
        full_again(&mira);
        let answer = mira.call("GET", path, Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
    full_again(&mira);
    assert_eq!(mira.get("memory/files/notes.md").await["text"], "- quite old\n");
    full_again(&mira);
    assert_eq!(mira.call("POST", "memory/search", json!({"q": "old"})).await.body["items"][0]["line"], 1);
    assert_eq!(std::fs::read_to_string(mira.world.memories().join("notes.md")).unwrap(), "- quite new\n");
    // There is room again.
    assert_eq!(mira.get("memory/files/notes.md").await["text"], "- quite old\n");
    assert_eq!(std::fs::read_to_string(mira.world.memories().join("notes.md")).unwrap(), "- quite old\n");
}

/// Each failed try takes the full place away with it.
fn full_again(mira: &Life) {
    let place = mira.world.memories().join(".notes.md.tmp");
    let _ = std::fs::remove_file(&place);
    std::os::unix::fs::symlink("/dev/full", place).unwrap();
}

/// The integrity that a table's newest row carries.
fn newest_integrity(world: &World, table: &str) -> String {
    let query = format!("SELECT integrity FROM {table} ORDER BY rowid DESC LIMIT 1");
    world.database().query_row(&query, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_was_read_or_changed_in_a_file_from_outside_stays_from_outside() {
    for (tool, input) in [
        (
            "memory",
            json!({"command": "str_replace", "path": "/memories/notes.md", "old_str": "code", "new_str": "word"}),
        ),
        ("memory", json!({"command": "insert", "path": "/memories/notes.md", "insert_line": 1, "insert_text": "- b"})),
        ("memory", json!({"command": "view", "path": "/memories/notes.md"})),
        ("memory", json!({"command": "view", "path": "/memories"})),
        ("memory_search", json!({"query": "code"})),
    ] {
        let mira = Life::new().await;
        let chat = mira.chat().await;
        remember(&mira, &chat, "notes.md", "- the code is 1234\n").await;
        assert_eq!(newest_integrity(&mira.world, "tool_results"), "trusted");
        for table in ["memory_files", "memory_versions", "memory_items"] {
            mira.world.database().execute(&format!("UPDATE {table} SET integrity = 'outside'"), []).unwrap();
        }
        mira.gateway().will_say(calls(&[("t", tool, input.clone())]));
        mira.gateway().will_say(text("Done."));
        let answer = mira.ask(&mira.chat().await, "Go").await;
        assert_eq!(answer["parts"][0]["status"], "ok", "{answer}");
        assert_eq!(newest_integrity(&mira.world, "tool_results"), "outside", "{input}");
        for table in ["memory_files", "memory_versions", "memory_items"] {
            assert_eq!(newest_integrity(&mira.world, table), "outside", "{table}: {input}");
        }
    }
}

#[tokio::test]
async fn a_message_that_was_written_from_outside_words_is_found_as_such() {
    let mira = Life::new().await;
    mira.gateway().will_say(text("The violin is in the attic."));
    mira.ask(&mira.chat().await, "Hm").await;
    mira.world.database().execute("UPDATE blocks SET integrity = 'outside'", []).unwrap();
    mira.gateway().will_say(calls(&[("s", "memory_search", json!({"query": "violin"}))]));
    mira.gateway().will_say(text("Done."));
    mira.ask(&mira.chat().await, "Where?").await;
    assert_eq!(newest_integrity(&mira.world, "tool_results"), "outside");
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

//! Exports as ChatGPT and Claude write them, small, and the way of a file through the doors.

use crate::world::{Answer, Life, read};
use axum::body::Body;
use miniz_oxide::deflate::compress_to_vec;
use serde_json::{Value, json};

/// A conversation as ChatGPT writes it: a tree with hidden nodes, a tool, a source, and an answer that was written twice.
pub fn chatgpt(name: &str, title: &str, word: &str) -> Value {
    let node = |parent: Value, children: Value, message: Value| json!({ "id": "x", "parent": parent, "children": children, "message": message });
    let said = |role: &str, text: &str, at: f64| {
        json!({
            "id": "x", "author": { "role": role, "name": null, "metadata": {} }, "create_time": at, "update_time": null,
            "content": { "content_type": "text", "parts": [text] }, "status": "finished_successfully", "weight": 1.0,
            "recipient": "all", "metadata": if role == "assistant" { json!({ "model_slug": "gpt-4o" }) } else { json!({}) }
        })
    };
    let step = |role: &str, kind: &str| json!({ "author": { "role": role }, "create_time": null, "content": { "content_type": kind, "text": "x" } });
    json!({
        "conversation_id": name, "id": name, "title": title, "create_time": 1_700_000_000.5,
        "update_time": 1_700_000_100.0, "current_node": "e", "plugin_ids": null, "moderation_results": [],
        "mapping": {
            "root": node(Value::Null, json!(["a"]), Value::Null),
            "a": node(json!("root"), json!(["b"]), said("system", "", 0.0)),
            "b": node(json!("a"), json!(["old", "c"]), said("user", &format!("What is a {word}?"), 1_700_000_010.0)),
            "old": node(json!("b"), json!([]), said("assistant", "An earlier version.", 1_700_000_011.0)),
            "c": node(json!("b"), json!(["d"]), step("assistant", "code")),
            "d": node(json!("c"), json!(["e"]), step("tool", "execution_output")),
            "e": node(json!("d"), json!([]), said("assistant", &format!("A {word} is a bird.\u{e200}cite\u{e202}turn0\u{e201}"), 1_700_000_020.0)),
        }
    })
}

/// A conversation as Claude writes it.
pub fn claude(name: &str, word: &str) -> Value {
    json!({
        "uuid": name, "name": "", "created_at": "2024-03-01T10:00:00.000000Z", "updated_at": "2024-03-01T10:05:00Z",
        "account": { "uuid": "u" },
        "chat_messages": [
            { "uuid": "1", "sender": "human", "text": format!("Draw a {word}"), "created_at": "2024-03-01T10:00:00Z", "content": [], "attachments": [{ "file_name": "a.txt", "extracted_content": "x" }], "files": [] },
            { "uuid": "2", "sender": "assistant", "text": "", "created_at": "2024-03-01T10:00:05Z", "content": [{ "type": "thinking", "thinking": "hm" }, { "type": "text", "text": format!("Here is a {word}.") }], "attachments": [], "files": [] },
        ]
    })
}

/// How a member stands in a ZIP.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    Stored,
    Deflated,
    /// Deflated, and said to be encrypted.
    Locked,
}

/// A ZIP of these members.
pub fn zip(members: &[(&str, &[u8], Packed)]) -> Vec<u8> {
    let (mut file, mut list) = (Vec::new(), Vec::new());
    for (name, bytes, packed) in members {
        let body = if *packed == Packed::Stored { bytes.to_vec() } else { compress_to_vec(bytes, 6) };
        let mut head = vec![20, 0, u8::from(*packed == Packed::Locked), 0];
        head.extend([if *packed == Packed::Stored { 0 } else { 8 }, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        head.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        head.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        head.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        head.extend([0, 0]);
        list.extend(b"PK\x01\x02\x14\x00");
        list.extend(&head);
        list.extend([0; 10]);
        list.extend(u32::try_from(file.len()).unwrap().to_le_bytes());
        list.extend(name.as_bytes());
        file.extend(b"PK\x03\x04");
        file.extend(&head);
        file.extend(name.as_bytes());
        file.extend(body);
    }
    let (offset, count) = (file.len(), u16::try_from(members.len()).unwrap());
    file.extend(&list);
    file.extend(b"PK\x05\x06\x00\x00\x00\x00");
    file.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    file.extend(u32::try_from(list.len()).unwrap().to_le_bytes());
    file.extend(u32::try_from(offset).unwrap().to_le_bytes());
    file.extend([0, 0]);
    file
}

/// An export of ChatGPT with these conversations, and other things.
pub fn chatgpt_zip(conversations: &Value) -> Vec<u8> {
    let list = conversations.to_string();
    zip(&[
        ("user.json", b"{\"email\":\"mira@example.org\"}", Packed::Stored),
        ("chat.html", b"<html>", Packed::Deflated),
        ("conversations.json", list.as_bytes(), Packed::Deflated),
    ])
}

pub async fn part(mira: &Life, import: &str, offset: usize, bytes: &[u8]) -> Answer {
    let mut request = mira.world.request("PUT", &format!("imports/{import}/parts?offset={offset}"), &Value::Null);
    *request.body_mut() = Body::from(bytes.to_vec());
    read(mira.send(request).await).await
}

/// Sends a file in small pieces; it is looked through when they are there.
pub async fn upload(mira: &Life, file: &[u8]) -> String {
    let begun = mira.call("POST", "imports", json!({ "size": file.len() })).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let import = begun.body["id"].as_str().unwrap().to_owned();
    let size = (file.len() / 5).max(700);
    for (number, piece) in file.chunks(size).enumerate() {
        let kept = part(mira, &import, number * size, piece).await;
        assert_eq!(kept.status, 200, "{}", kept.body);
    }
    import
}

/// The import when nothing works on it any more.
pub async fn settled(mira: &Life, import: &str) -> Value {
    mira.assistant.settled().await;
    mira.get(&format!("imports/{import}")).await
}

pub async fn start(mira: &Life, import: &str, except: &[u32]) -> Answer {
    mira.call("POST", &format!("imports/{import}/start"), json!({ "except": except })).await
}

/// Sends a file and takes all of it over.
pub async fn brought(mira: &Life, file: &[u8]) -> Value {
    let import = upload(mira, file).await;
    settled(mira, &import).await;
    let started = start(mira, &import, &[]).await;
    assert_eq!(started.status, 202, "{}", started.body);
    settled(mira, &import).await
}

pub fn count(mira: &Life, table: &str) -> i64 {
    let query = format!("SELECT COUNT(*) FROM {table}");
    mira.world.database().query_row(&query, [], |row| row.get(0)).unwrap()
}

/// The files that wait in the person's directory.
pub fn waiting_files(mira: &Life) -> usize {
    std::fs::read_dir(mira.world.data_dir().join("imports")).map_or(0, Iterator::count)
}

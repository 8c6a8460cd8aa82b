//! The memory tool, by its published result texts.

use crate::fake_gateway::{calls, text};
use crate::world::Life;
use ally_llm::Block;
use serde_json::{Value, json};

/// Has the model call tools and answers what it was told.
async fn results(mira: &Life, chat: &str, inputs: &[Value]) -> Vec<String> {
    let named: Vec<_> = inputs.iter().map(|input| ("call", "memory", input.clone())).collect();
    mira.gateway().will_say(calls(&named));
    mira.gateway().will_say(text("Done."));
    mira.ask(chat, "Go").await;
    let request = mira.gateway().requests().pop().unwrap();
    request
        .messages
        .last()
        .unwrap()
        .blocks
        .iter()
        .map(|block| match block {
            Block::ToolResult { text, .. } => text.expose().to_owned(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test]
async fn memory_answers_in_the_words_of_the_contract() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    let told = results(&mira, &chat, &[
        json!({"command": "view", "path": "/memories"}),
        json!({"command": "create", "path": "/memories/people/ana.md", "file_text": "# Ana\n- tea\n- dog\n- tea\n"}),
        json!({"command": "create", "path": "/memories/people/ana.md", "file_text": "x"}),
        json!({"command": "view", "path": "/memories"}),
        json!({"command": "view", "path": "/memories/people/ana.md"}),
        json!({"command": "view", "path": "/memories/people/ana.md", "view_range": [2, 3]}),
        json!({"command": "view", "path": "/memories/nobody.md"}),
        json!({"command": "str_replace", "path": "/memories/people/ana.md", "old_str": "dog", "new_str": "cat"}),
        json!({"command": "str_replace", "path": "/memories/people/ana.md", "old_str": "- tea", "new_str": "x"}),
        json!({"command": "str_replace", "path": "/memories/people/ana.md", "old_str": "horse", "new_str": "x"}),
        json!({"command": "insert", "path": "/memories/people/ana.md", "insert_line": 4, "insert_text": "- bird"}),
        json!({"command": "insert", "path": "/memories/people/ana.md", "insert_line": 9, "insert_text": "x"}),
        json!({"command": "insert", "path": "/memories/nobody.md", "insert_line": 0, "insert_text": "x"}),
        json!({"command": "delete", "path": "/memories/people"}),
        json!({"command": "delete", "path": "/memories/people"}),
        json!({"command": "delete", "path": "/memories"}),
        json!({"command": "create", "path": "/memories/a.txt", "file_text": "x"}),
        json!({"command": "create", "path": "/memories/../a.md", "file_text": "x"}),
        json!({"command": "create", "path": "/memories/big.md", "file_text": "x".repeat(65_537)}),
        json!({"command": "fly", "path": "/memories"}),
        json!({"command": "view"}),
    ])
    .await;
    insta::assert_snapshot!(told.join("\n---\n"));
}

#[tokio::test]
async fn a_change_is_in_the_file_and_can_be_searched_when_the_result_is_told() {
    let mira = Life::new().await;
    let chat = mira.chat().await;
    mira.gateway().will_say(calls(&[
        (
            "a",
            "memory",
            json!({"command": "create", "path": "/memories/notes.md", "file_text": "- the violin is in the attic\n"}),
        ),
        ("b", "memory_search", json!({"query": "violin"})),
        ("c", "memory_search", json!({"query": "cello"})),
    ]));
    mira.gateway().will_say(text("Done."));
    mira.ask(&chat, "Where is the violin?").await;
    let request = mira.gateway().requests().pop().unwrap();
    let Block::ToolResult { text, .. } = &request.messages.last().unwrap().blocks[1] else { panic!("a result") };
    assert_eq!(text.expose(), "/memories/notes.md:1\tthe violin is in the attic\n");
    let Block::ToolResult { text, ok: true, .. } = &request.messages.last().unwrap().blocks[2] else {
        panic!("a result")
    };
    assert_eq!(text.expose(), "Nothing was found. Try other words.");
}

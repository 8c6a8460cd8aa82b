//! The stand-in refuses what the service refuses.

use crate::client::client;
use ally_llm::stand_in::{KEY, StandIn};
use serde_json::{Value, json};

/// The status and the message of the answer.
async fn post(server: &StandIn, body: &Value) -> (u16, String) {
    let asked = client()
        .post(format!("{}/v1/messages", server.url()))
        .header("x-api-key", KEY)
        .header("anthropic-version", "2026-10-21")
        .header("content-type", "application/json")
        .body(body.to_string());
    let answer = asked.send().await.expect("the stand-in answers");
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("the body is JSON");
    (status, body["error"]["message"].as_str().unwrap_or_default().to_owned())
}

fn body(messages: Value) -> Value {
    json!({ "model": "claude-sonnet-5-5", "max_tokens": 10, "messages": messages })
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

fn said(text: &str) -> Value {
    json!([{ "role": "user", "content": text }])
}

fn call(id: &str) -> Value {
    json!({ "role": "assistant", "content": [{ "type": "tool_use", "id": id, "name": "time_now", "input": {} }] })
}

fn result(id: &str) -> Value {
    json!({ "type": "tool_result", "tool_use_id": id, "content": "09:00" })
}

#[tokio::test]
async fn what_the_service_refuses_is_refused() {
    let server = StandIn::start().await.expect("loopback is there");
    let user = |content: Value| json!({ "role": "user", "content": content });
    let tool = |name: &str| json!([{ "name": name, "input_schema": { "type": "object" } }]);
    let hello = user(json!("hello"));
    let table = [
        (body(json!([])), "at least one message"),
        (body(json!([{ "role": "assistant", "content": "hi" }])), "first message"),
        (body(json!([user(json!([{ "type": "text", "text": "" }]))])), "must be non-empty"),
        (body(json!([user(json!([{ "type": "text", "text": " \n" }]))])), "non-whitespace"),
        (body(json!([user(json!([]))])), "non-empty content"),
        (body(json!([user(json!([{ "type": "dream" }]))])), "'dream'"),
        (body(json!([hello, call("a"), hello])), "without `tool_result` blocks"),
        (body(json!([hello, call("a")])), "without `tool_result` blocks"),
        (body(json!([user(json!([result("a")]))])), "unexpected `tool_use_id`"),
        (body(json!([hello, call("a"), user(json!([result("a"), result("b")]))])), "unexpected `tool_use_id`"),
        (body(json!([hello, call("a"), user(json!([result("a"), result("a")]))])), "single result"),
        (
            body(json!([hello, call("a"), user(json!([{ "type": "text", "text": "so" }, result("a")]))])),
            "without `tool_result` blocks",
        ),
        (
            body(json!([hello, call("a"), user(json!([result("a")])), call("a"), user(json!([result("a")]))])),
            "must be unique",
        ),
        (
            body(
                json!([hello, { "role": "assistant", "content": [{ "type": "thinking", "thinking": "x", "signature": "y" }] }]),
            ),
            "Invalid `signature`",
        ),
        (with(body(said("hi")), "tools", tool("memory.view")), "should match pattern"),
        (with(body(said("hi")), "tools", tool(&"x".repeat(65))), "should match pattern"),
        (with(body(said("hi")), "tools", json!([{ "name": "x", "input_schema": {} }])), "input_schema"),
        (with(body(said("hi")), "max_tokens", Value::Null), "max_tokens"),
        (with(body(said("hi")), "metadata", json!({ "user_id": "mira@example.org" })), "email"),
        (with(body(said("hi")), "colour", json!("red")), "Extra inputs"),
        (with(body(said("hi")), "temperature", json!(1.0)), "Extra inputs"),
        (
            with(body(said("hi")), "thinking", json!({ "type": "enabled", "budget_tokens": 1024 })),
            "not supported by this model",
        ),
        (with(body(said("hi")), "output_config", json!({ "effort": "heroic" })), "output_config.effort"),
        (
            with(
                with(body(said("hi")), "model", json!("claude-haiku-4-5-20251001")),
                "output_config",
                json!({ "effort": "low" }),
            ),
            "does not support the effort parameter",
        ),
        (
            with(
                with(body(said("hi")), "model", json!("claude-haiku-4-5-20251001")),
                "thinking",
                json!({ "type": "adaptive" }),
            ),
            "not supported by this model",
        ),
        (json!("no object"), "not valid JSON"),
    ];
    for (body, words) in table {
        let (status, message) = post(&server, &body).await;
        assert_eq!(status, 400, "{body}");
        assert!(message.contains(words), "{body}: {message}");
    }
    assert_eq!(post(&server, &with(body(said("hi")), "model", json!("gpt"))).await.0, 404);
}

#[tokio::test]
async fn what_the_service_accepts_is_accepted() {
    let server = StandIn::start().await.expect("loopback is there");
    let round = json!([
        { "role": "user", "content": "hello" },
        { "role": "assistant", "content": [
            { "type": "tool_use", "id": "a", "name": "time_now", "input": {} },
            { "type": "tool_use", "id": "b", "name": "time_now", "input": {} },
        ]},
        { "role": "user", "content": [result("b"), result("a"), { "type": "text", "text": "hurry" }] },
    ]);
    assert_eq!(post(&server, &body(round)).await.0, 200);
}

#[tokio::test]
async fn another_process_can_steer_it() {
    let server = StandIn::start().await.expect("loopback is there");
    let order = async |what: &str, body: Value| {
        let url = format!("{}/stand-in/{what}", server.url());
        client().post(url).body(body.to_string()).send().await.expect("the stand-in answers").status().as_u16()
    };
    assert_eq!(order("turns", json!([{ "steps": [{ "text": "scripted" }] }])).await, 200);
    assert_eq!(order("rules", json!([{ "when": "tea", "turns": [{ "steps": [{ "tool_call": { "tool": "memory_search", "input": {} } }] }] }])).await, 200);
    assert_eq!(order("faults", json!(["hang_up", { "cut_after": 2 }, { "status": { "status": 529 } }])).await, 200);
    assert_eq!(order("pace", json!({ "first_ms": 1, "tokens": 3, "between_ms": 1 })).await, 200);
    assert_eq!(order("faults", json!(["unheard_of"])).await, 400);
}

//! Makes the body of a Messages request. What the service refuses is mended here, so that an old conversation
//! with an odd message in it stays usable.

use super::{Config, NAME, Thinking};
use crate::{Block, Request, Role};
use serde_json::{Value, json};

pub(super) fn body(config: &Config, request: &Request) -> Value {
    let mut body = json!({
        "model": config.model,
        "max_tokens": request.max_tokens,
        "stream": true,
        "messages": messages(request),
    });
    if !request.pseudonym.is_empty() {
        body["metadata"] = json!({ "user_id": request.pseudonym });
    }
    let has_system = !request.system.expose().trim().is_empty();
    if has_system {
        // The service's cache holds tools, then system, then messages: a mark on the last of the first two holds both.
        body["system"] = json!([{ "type": "text", "text": request.system.expose(), "cache_control": cache_mark() }]);
    }
    if !request.tools.is_empty() {
        let mut tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.input }))
            .collect();
        if let (false, Some(last)) = (has_system, tools.last_mut()) {
            last["cache_control"] = cache_mark();
        }
        body["tools"] = Value::Array(tools);
    }
    if config.thinking == Thinking::Adaptive {
        body["thinking"] = json!({ "type": "adaptive", "display": "summarized" });
    }
    body
}

fn cache_mark() -> Value {
    json!({ "type": "ephemeral" })
}

/// Neighbours of one role become one message; a message with nothing left in it is dropped before that.
fn messages(request: &Request) -> Vec<Value> {
    let mut merged: Vec<(Role, Vec<Value>)> = Vec::new();
    for message in &request.messages {
        let blocks: Vec<Value> = message.blocks.iter().filter_map(block).collect();
        match merged.last_mut() {
            _ if blocks.is_empty() => {}
            Some((role, before)) if *role == message.role => before.extend(blocks),
            _ => merged.push((message.role, blocks)),
        }
    }
    for (_, blocks) in merged.iter_mut().filter(|(role, _)| *role == Role::User) {
        // Results of tools have to stand before anything else in their message; otherwise the order stays.
        blocks.sort_by_key(|block| block["type"] != "tool_result");
    }
    if let Some((_, blocks)) = merged.iter_mut().rev().find(|(role, _)| *role == Role::User)
        && let Some(last) = blocks.last_mut()
    {
        last["cache_control"] = cache_mark();
    }
    merged.into_iter().map(|(role, blocks)| json!({ "role": role, "content": blocks })).collect()
}

fn block(block: &Block) -> Option<Value> {
    Some(match block {
        Block::Text { text } if text.expose().trim().is_empty() => return None,
        Block::Text { text } => json!({ "type": "text", "text": text.expose() }),
        Block::ToolCall { call, tool, input } => {
            json!({ "type": "tool_use", "id": call, "name": tool, "input": input })
        }
        Block::ToolResult { call, ok, text } => {
            let mut result = json!({ "type": "tool_result", "tool_use_id": call });
            if !text.expose().trim().is_empty() {
                result["content"] = json!([{ "type": "text", "text": text.expose() }]);
            }
            if !ok {
                result["is_error"] = json!(true);
            }
            result
        }
        Block::Opaque { provider, raw } if provider == NAME => {
            serde_json::from_str(raw.expose()).ok().filter(Value::is_object)?
        }
        Block::Opaque { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, ToolSpec};
    use ally_types::{Secret, Timestamp};

    fn request(messages: Vec<Message>) -> Request {
        Request {
            system: "Be brief.".into(),
            messages,
            tools: vec![ToolSpec {
                name: "time_now".into(),
                description: "Tells the time.".into(),
                input: json!({ "type": "object" }),
            }],
            max_tokens: 64,
            pseudonym: "p1".into(),
            asked_at: Timestamp::from_millis(0),
            timezone: "UTC".into(),
        }
    }

    fn user(blocks: Vec<Block>) -> Message {
        Message { role: Role::User, blocks }
    }

    fn assistant(blocks: Vec<Block>) -> Message {
        Message { role: Role::Assistant, blocks }
    }

    fn text(text: &str) -> Block {
        Block::Text { text: text.into() }
    }

    #[test]
    fn the_body_is_what_the_service_documents() {
        let request = request(vec![
            user(vec![text("What time is it?")]),
            assistant(vec![
                Block::Opaque {
                    provider: NAME.into(),
                    raw: r#"{"type":"thinking","thinking":"hm","signature":"s"}"#.into(),
                },
                Block::Opaque { provider: "other".into(), raw: "{}".into() },
                Block::ToolCall { call: "c1".into(), tool: "time_now".into(), input: json!({}) },
            ]),
            user(vec![Block::ToolResult { call: "c1".into(), ok: false, text: "broken".into() }]),
        ]);
        let body = body(&Config::new(Secret::new("k")), &request);
        insta::assert_snapshot!(serde_json::to_string_pretty(&body).expect("JSON serialises"));
    }

    #[test]
    fn what_the_service_refuses_is_mended() {
        let request = request(vec![
            user(vec![text("one"), text("  \n"), Block::Opaque { provider: NAME.into(), raw: "7".into() }]),
            user(vec![text("two")]),
            assistant(vec![text("")]),
            user(vec![text("three"), Block::ToolResult { call: "c".into(), ok: true, text: "".into() }]),
        ]);
        let body = body(&Config::new(Secret::new("k")), &request);
        assert_eq!(
            body["messages"],
            json!([{ "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "c" },
                { "type": "text", "text": "one" },
                { "type": "text", "text": "two" },
                { "type": "text", "text": "three", "cache_control": { "type": "ephemeral" } },
            ]}])
        );
    }

    #[test]
    fn without_instructions_the_tools_carry_the_mark_of_the_cache() {
        let mut request = request(vec![user(vec![text("hi")])]);
        request.system = " ".into();
        let body = body(&Config { thinking: Thinking::Adaptive, ..Config::new(Secret::new("k")) }, &request);
        assert_eq!(body.get("system"), None);
        assert_eq!(body["tools"][0]["cache_control"], cache_mark());
        assert_eq!(body["thinking"]["type"], "adaptive");
    }
}

//! Makes the body of a chat completions request.

use super::Config;
use crate::{Block, File, FileKind, Message, Request, Role};
use serde_json::{Value, json};

/// A model at home may have a window of little more.
const MOST_TOKENS: u32 = 8192;

pub(super) fn body(config: &Config, request: &Request) -> Value {
    let mut messages = Vec::new();
    if !request.system.expose().trim().is_empty() {
        messages.push(json!({ "role": "system", "content": request.system.expose() }));
    }
    for message in &request.messages {
        match message.role {
            Role::User => user(message, &mut messages),
            Role::Assistant => assistant(message, &mut messages),
        }
    }
    let mut body = json!({
        "model": config.model,
        "max_tokens": request.max_tokens.min(MOST_TOKENS),
        "stream": true,
        "stream_options": { "include_usage": true },
        // A server that can keep conversations is told not to.
        "store": false,
        "messages": messages,
    });
    if !request.tools.is_empty() {
        body["tools"] = request
            .tools
            .iter()
            .map(|tool| {
                json!({ "type": "function", "function": {
                    "name": tool.name, "description": tool.description, "parameters": tool.input,
                }})
            })
            .collect();
    }
    body
}

/// Results of tools are messages of their own here, and stand right after the calls.
fn user(message: &Message, messages: &mut Vec<Value>) {
    for block in &message.blocks {
        if let Block::ToolResult { call, text, .. } = block {
            messages.push(json!({ "role": "tool", "tool_call_id": call, "content": text.expose() }));
        }
    }
    let text = text_of(message);
    if !text.is_empty() {
        messages.push(json!({ "role": "user", "content": text }));
    }
}

fn assistant(message: &Message, messages: &mut Vec<Value>) {
    let calls: Vec<Value> = message
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::ToolCall { call, tool, input } => Some(json!({
                "id": call, "type": "function", "function": { "name": tool, "arguments": input.to_string() },
            })),
            _ => None,
        })
        .collect();
    let text = text_of(message);
    if calls.is_empty() && text.is_empty() {
        return;
    }
    let mut said = json!({ "role": "assistant", "content": if text.is_empty() { Value::Null } else { text.into() } });
    if !calls.is_empty() {
        said["tool_calls"] = Value::Array(calls);
    }
    messages.push(said);
}

fn text_of(message: &Message) -> String {
    let mut whole = String::new();
    for block in &message.blocks {
        let text = match block {
            Block::Text { text } => std::borrow::Cow::Borrowed(text.expose()),
            Block::File { file } => text_of_file(file).into(),
            _ => continue,
        };
        if !text.trim().is_empty() {
            if !whole.is_empty() {
                whole.push_str("\n\n");
            }
            whole.push_str(&text);
        }
    }
    whole
}

/// Every model reads text. Few at home see pictures, and those that do not refuse the whole conversation: so the model
/// is told what it does not see, and can say so.
fn text_of_file(file: &File) -> String {
    let name = file.name.expose().replace(['"', '<', '>', '\n'], " ");
    let text = std::str::from_utf8(&file.bytes).ok().filter(|_| file.kind == FileKind::Text);
    match text {
        // The closing tag cannot come from within, so that what is quoted stays quoted.
        Some(text) => {
            format!("<file name=\"{name}\">\n{}\n</file>", text.replace("</file", "<\\/file").trim_end())
        }
        None => format!("[The person attached \"{name}\" ({}). You cannot see it.]", file.kind.media_type()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToolSpec;
    use ally_types::Timestamp;

    #[test]
    fn the_body_is_what_model_servers_expect() {
        let request = Request {
            system: "Be brief.".into(),
            messages: vec![
                Message { role: Role::User, blocks: vec![Block::Text { text: "What time is it?".into() }] },
                Message {
                    role: Role::Assistant,
                    blocks: vec![
                        Block::Opaque { provider: "anthropic".into(), raw: "{}".into() },
                        Block::ToolCall { call: "c1".into(), tool: "time_now".into(), input: json!({}) },
                    ],
                },
                Message {
                    role: Role::User,
                    blocks: vec![
                        Block::File {
                            file: File {
                                id: "a".into(),
                                name: "a.md".into(),
                                kind: FileKind::Text,
                                size: 12,
                                has_words: true,
                                bytes: bytes::Bytes::from_static(b"hi</file>you"),
                            },
                        },
                        Block::File {
                            file: File {
                                id: "b".into(),
                                name: "b.pdf".into(),
                                kind: FileKind::Pdf { pages: 1 },
                                size: 4,
                                has_words: true,
                                bytes: bytes::Bytes::from_static(b"%PDF"),
                            },
                        },
                        Block::Text { text: "Hurry.".into() },
                        Block::ToolResult { call: "c1".into(), ok: true, text: "09:00".into() },
                    ],
                },
            ],
            tools: vec![ToolSpec {
                name: "time_now".into(),
                description: "Tells the time.".into(),
                input: json!({ "type": "object" }),
            }],
            max_tokens: 64,
            effort: crate::Effort::Normal,
            pseudonym: "p1".into(),
            asked_at: Timestamp::from_millis(0),
            timezone: "UTC".into(),
        };
        let body = body(&Config::new("http://127.0.0.1:11434/v1/", "m"), &request);
        insta::assert_snapshot!(serde_json::to_string_pretty(&body).expect("JSON serialises"));
    }
}

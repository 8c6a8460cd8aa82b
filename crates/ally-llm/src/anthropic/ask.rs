//! Makes the body of a Messages request. What the service refuses is mended here, so that an old conversation
//! with an odd message in it stays usable.

use super::{Config, NAME, can_be_told_to_think};
use crate::{Block, Effort, File, FileKind, Request, Role};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
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
    if can_be_told_to_think(&config.model) {
        body["thinking"] = json!({ "type": "adaptive", "display": "summarized" });
        body["output_config"] = json!({ "effort": effort(request.effort) });
    }
    body
}

/// The same question for the service to count: what only concerns the answer is not taken there.
pub(super) fn counted(config: &Config, request: &Request) -> Value {
    let mut body = body(config, request);
    if let Some(fields) = body.as_object_mut() {
        for of_answer in ["max_tokens", "stream", "metadata"] {
            fields.remove(of_answer);
        }
    }
    body
}

/// The service knows two more above these, but not for every model.
const fn effort(effort: Effort) -> &'static str {
    match effort {
        Effort::Quick => "low",
        Effort::Normal => "medium",
        Effort::Thorough => "high",
    }
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
    // The end of the conversation, and where it ended when the model was asked before: the service looks only a few blocks
    // back for what it has kept, and a step with many calls is longer than that.
    for (_, blocks) in merged.iter_mut().rev().filter(|(role, _)| *role == Role::User).take(2) {
        if let Some(last) = blocks.last_mut() {
            last["cache_control"] = cache_mark();
        }
    }
    merged.into_iter().map(|(role, blocks)| json!({ "role": role, "content": blocks })).collect()
}

fn block(block: &Block) -> Option<Value> {
    Some(match block {
        Block::Text { text } if text.expose().trim().is_empty() => return None,
        Block::Text { text } => json!({ "type": "text", "text": text.expose() }),
        Block::File { file } => self::file(file)?,
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

/// A picture, or a document with its name. What is empty is refused, and a text of blanks too.
fn file(file: &File) -> Option<Value> {
    let encoded = || json!({ "type": "base64", "media_type": file.kind.media_type(), "data": BASE64_STANDARD.encode(&file.bytes) });
    if file.bytes.is_empty() {
        return None;
    }
    let source = match file.kind {
        FileKind::Image { .. } => return Some(json!({ "type": "image", "source": encoded() })),
        FileKind::Pdf { .. } => encoded(),
        FileKind::Text => {
            let text = std::str::from_utf8(&file.bytes).ok().filter(|text| !text.trim().is_empty())?;
            json!({ "type": "text", "media_type": "text/plain", "data": text })
        }
    };
    Some(json!({ "type": "document", "source": source, "title": file.name.expose() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ImageType, Message, ToolSpec};
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
            effort: Effort::Normal,
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
    fn files_are_blocks_of_their_own_kind_and_what_is_empty_is_left_out() {
        let file = |kind, name: &str, bytes: &'static [u8]| Block::File {
            file: File {
                id: "a".into(),
                name: name.into(),
                kind,
                size: bytes.len() as u64,
                has_words: true,
                bytes: bytes::Bytes::from_static(bytes),
            },
        };
        let picture = FileKind::Image { format: ImageType::Webp, width: 1, height: 1 };
        let request = request(vec![user(vec![
            file(picture, "a.webp", b"RIFF"),
            file(FileKind::Pdf { pages: 1 }, "b.pdf", b"%PDF"),
            file(FileKind::Text, "c.md", b"# hi"),
            file(FileKind::Text, "blank.md", b" \n"),
            file(picture, "empty.webp", b""),
            text("What are these?"),
        ])]);
        let body = body(&Config::new(Secret::new("k")), &request);
        assert_eq!(
            body["messages"][0]["content"],
            json!([
                { "type": "image", "source": { "type": "base64", "media_type": "image/webp", "data": "UklGRg==" } },
                { "type": "document", "title": "b.pdf",
                  "source": { "type": "base64", "media_type": "application/pdf", "data": "JVBERg==" } },
                { "type": "document", "title": "c.md",
                  "source": { "type": "text", "media_type": "text/plain", "data": "# hi" } },
                { "type": "text", "text": "What are these?", "cache_control": { "type": "ephemeral" } },
            ])
        );
    }

    #[test]
    fn without_instructions_the_tools_carry_the_mark_of_the_cache() {
        let mut request = request(vec![user(vec![text("hi")])]);
        request.system = " ".into();
        let body = body(&Config::new(Secret::new("k")), &request);
        assert_eq!(body.get("system"), None);
        assert_eq!(body["tools"][0]["cache_control"], cache_mark());
    }

    #[test]
    fn the_effort_is_said_in_the_words_of_the_service_and_not_to_models_that_refuse_it() {
        let mut request = request(vec![user(vec![text("hi")])]);
        for (effort, word) in [(Effort::Quick, "low"), (Effort::Normal, "medium"), (Effort::Thorough, "high")] {
            request.effort = effort;
            let body = body(&Config::new(Secret::new("k")), &request);
            assert_eq!(body["thinking"], json!({ "type": "adaptive", "display": "summarized" }));
            assert_eq!(body["output_config"], json!({ "effort": word }));
        }
        let old = Config { model: "claude-haiku-4-5".into(), ..Config::new(Secret::new("k")) };
        let body = body(&old, &request);
        assert_eq!((body.get("thinking"), body.get("output_config")), (None, None));
    }

    /// Everything that the service reads, in its order, without the marks; and where the marks stand.
    fn read(body: &Value) -> (Vec<String>, Vec<usize>) {
        let (mut parts, mut marks) = (Vec::new(), Vec::new());
        let mut part = |of: &str, block: &Value| {
            let mut block = block.clone();
            if block.as_object_mut().and_then(|block| block.remove("cache_control")).is_some() {
                marks.push(parts.len());
            }
            parts.push(format!("{of} {block}"));
        };
        for place in ["tools", "system"] {
            body[place].as_array().into_iter().flatten().for_each(|block| part(place, block));
        }
        for (at, message) in body["messages"].as_array().into_iter().flatten().enumerate() {
            let of = format!("{at} {}", message["role"]);
            message["content"].as_array().into_iter().flatten().for_each(|block| part(&of, block));
        }
        (parts, marks)
    }

    #[test]
    fn what_the_service_was_asked_to_keep_is_the_beginning_of_the_next_question_byte_by_byte() {
        let config = Config::new(Secret::new("k"));
        let mut messages = vec![user(vec![text("one")])];
        let mut before = read(&body(&config, &request(messages.clone())));
        for step in 0..4 {
            let calls = |number| Block::ToolCall {
                call: format!("c{step}_{number}"),
                tool: "time_now".into(),
                input: json!({}),
            };
            let result = |number| Block::ToolResult { call: format!("c{step}_{number}"), ok: true, text: "9".into() };
            messages.push(assistant((0..25).map(calls).collect()));
            messages.push(user((0..25).map(result).collect()));
            let now = read(&body(&config, &request(messages.clone())));
            let kept = *before.1.last().expect("there is a mark") + 1;
            assert_eq!(now.0[..kept], before.0[..kept]);
            assert!(now.1.contains(&(kept - 1)), "the end of the last question is marked again");
            assert!(now.1.len() <= 4, "the service takes four marks");
            before = now;
        }
    }
}

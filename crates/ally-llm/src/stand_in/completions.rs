//! The same turns in the chat completions format, for the adapter to local model servers.

use super::rules::{Refusal, is_name};
use super::writing::Piece;
use crate::script::{Question, Step, Turn, words};
use crate::{Stop, Usage};
use serde_json::{Value, json};

/// When every answer was made, in seconds: the format wants to know.
const CREATED: u64 = 1_763_700_000;

fn refuse<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(400, "invalid_request_error", message))
}

/// An error in the words of this format.
pub(super) fn refusal(refusal: &Refusal) -> Value {
    json!({ "error": { "message": refusal.message, "type": refusal.kind, "param": null, "code": null } })
}

/// Refuses what the service that invented the format refuses.
pub(super) fn check(body: &Value) -> Result<(), Refusal> {
    if body["model"].as_str().is_none_or(str::is_empty) {
        return refuse("you must provide a model parameter");
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        let name = tool["function"]["name"].as_str().unwrap_or_default();
        if tool["type"] != "function" || !is_name(name, 64) {
            return refuse("Invalid 'tools[0].function.name': string does not match pattern '^[a-zA-Z0-9_-]+$'.");
        }
    }
    let Some(messages) = body["messages"].as_array().filter(|messages| !messages.is_empty()) else {
        return refuse("Invalid 'messages': empty array. Expected an array with minimum length 1.");
    };
    // Calls that the last assistant message made and that have no result yet.
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            let Some(place) = open.iter().position(|call| *call == id) else {
                return refuse(format!(
                    "Invalid parameter: messages[{at}] with role 'tool' must be a response to a preceding message with \
                     'tool_calls'."
                ));
            };
            open.swap_remove(place);
            continue;
        }
        if !open.is_empty() {
            return unanswered(&open);
        }
        let has_content = message["content"].is_string() || message["content"].is_array();
        match role {
            "system" | "developer" | "user" if has_content => {}
            "assistant" => {
                let calls = message["tool_calls"].as_array().into_iter().flatten();
                open.extend(calls.map(|call| call["id"].as_str().unwrap_or_default()));
                if !has_content && open.is_empty() {
                    return refuse(format!("Invalid value for 'content': expected a string, got null. messages[{at}]"));
                }
            }
            _ => return refuse(format!("Invalid value: '{role}' in messages[{at}].")),
        }
    }
    if open.is_empty() { Ok(()) } else { unanswered(&open) }
}

fn unanswered<T>(open: &[&str]) -> Result<T, Refusal> {
    refuse(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The \
         following tool_call_ids did not have response messages: {}",
        open.join(", ")
    ))
}

/// The answer to a request that did not ask for a stream.
pub(super) fn whole(number: u64, model: &str, usage: Usage, turn: &Turn) -> Value {
    let mut text = String::new();
    let mut calls = Vec::new();
    for step in &turn.steps {
        match step {
            Step::Text(more) => text.push_str(more),
            Step::ToolCall { tool, input } => calls.push(json!({
                "id": format!("call_{number}_{}", calls.len()), "type": "function",
                "function": { "name": tool, "arguments": input.to_string() },
            })),
            _ => {}
        }
    }
    let mut message =
        json!({ "role": "assistant", "content": if text.is_empty() { Value::Null } else { text.into() } });
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    json!({
        "id": format!("chatcmpl-{number}"),
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish(turn) }],
        "usage": counted(usage),
    })
}

fn finish(turn: &Turn) -> &'static str {
    match turn.stop() {
        Stop::ToolUse => "tool_calls",
        Stop::MaxTokens => "length",
        Stop::Refused => "content_filter",
        Stop::EndTurn | Stop::Paused | Stop::NeedsModel => "stop",
    }
}

fn counted(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.input + usage.output,
    })
}

/// The pieces of a streamed answer.
pub(super) fn pieces(number: u64, model: &str, usage: Usage, turn: &Turn) -> Vec<Piece> {
    let chunk = |delta: Value, finish: Option<&str>| {
        json!({
            "id": format!("chatcmpl-{number}"),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": model,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        })
    };
    let event = |data: Value| Piece::Event { name: None, data };
    let delta = |data: Value| Piece::Delta { name: None, data };
    let mut pieces = vec![event(chunk(json!({ "role": "assistant", "content": "" }), None))];
    let mut calls = 0;
    for step in &turn.steps {
        match step {
            Step::Text(text) => pieces.extend(words(text).map(|word| delta(chunk(json!({ "content": word }), None)))),
            Step::Thinking(text) => {
                pieces.extend(words(text).map(|word| delta(chunk(json!({ "reasoning_content": word }), None))));
            }
            Step::ToolCall { tool, input } => {
                let call = |more: Value| delta(chunk(json!({ "tool_calls": [more] }), None));
                pieces.push(call(json!({
                    "index": calls, "id": format!("call_{number}_{calls}"), "type": "function",
                    "function": { "name": tool, "arguments": "" },
                })));
                pieces.push(call(json!({ "index": calls, "function": { "arguments": input.to_string() } })));
                calls += 1;
            }
            Step::Hold(gate) => pieces.push(Piece::Hold(gate.clone())),
            Step::Cut => pieces.push(Piece::Cut),
            Step::Fail(_) => pieces.extend([error("server_error"), Piece::End]),
        }
    }
    pieces.push(event(chunk(json!({}), Some(finish(turn)))));
    pieces.push(event(json!({
        "id": format!("chatcmpl-{number}"), "object": "chat.completion.chunk", "created": CREATED, "model": model,
        "choices": [], "usage": counted(usage),
    })));
    pieces.push(Piece::Raw("data: [DONE]\n\n".to_owned()));
    pieces
}

/// An error in the middle of a stream.
pub(super) fn error(kind: &str) -> Piece {
    Piece::Event { name: None, data: json!({ "error": { "type": kind, "message": "Something of the question" } }) }
}

/// What the request asks.
pub(super) fn question(body: &Value) -> Question {
    let mut question = Question::default();
    for message in body["messages"].as_array().into_iter().flatten() {
        match (message["role"].as_str(), message["content"].as_str()) {
            (Some("user"), Some(text)) => question = Question { text: text.to_owned(), answered: 0 },
            (Some("assistant"), _) => question.answered += 1,
            _ => {}
        }
    }
    question
}

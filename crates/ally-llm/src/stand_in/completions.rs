//! The same turns in the chat completions format, for the adapter to local model servers.

use super::writing::Piece;
use crate::script::{Question, Step, Turn, words};
use crate::{Stop, Usage};
use serde_json::{Value, json};

/// The pieces of a streamed answer.
pub(super) fn pieces(number: u64, model: &str, usage: Usage, turn: &Turn) -> Vec<Piece> {
    let chunk = |delta: Value, finish: Option<&str>| {
        json!({
            "id": format!("chatcmpl-{number}"),
            "object": "chat.completion.chunk",
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
    let finish = match turn.stop() {
        Stop::ToolUse => "tool_calls",
        Stop::MaxTokens => "length",
        Stop::Refused => "content_filter",
        Stop::EndTurn | Stop::Paused | Stop::NeedsModel => "stop",
    };
    pieces.push(event(chunk(json!({}), Some(finish))));
    pieces.push(event(json!({
        "id": format!("chatcmpl-{number}"), "object": "chat.completion.chunk", "model": model, "choices": [],
        "usage": {
            "prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.input + usage.output,
        },
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

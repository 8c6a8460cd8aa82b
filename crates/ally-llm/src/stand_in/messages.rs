//! A turn as the Messages protocol says it, whole or as a stream.

use super::rules::{UNKNOWN_BLOCK, signature};
use super::writing::Piece;
use crate::script::{Question, Step, Turn, words};
use crate::{FailureKind, Stop, Usage};
use serde_json::{Value, json};

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) number: u64,
    pub(super) model: String,
    pub(super) usage: Usage,
}

impl Head {
    fn message(&self, content: Value, stop: Option<Stop>, output: u64) -> Value {
        json!({
            "id": format!("msg_stand_in_{}", self.number),
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": stop.map(reason),
            "stop_sequence": null,
            "usage": {
                "input_tokens": self.usage.input,
                "cache_creation_input_tokens": self.usage.cache_write,
                "cache_read_input_tokens": self.usage.cache_read,
                "output_tokens": output,
                "service_tier": "standard",
            },
        })
    }
}

/// A whole answer.
pub(super) fn whole(head: &Head, turn: &Turn) -> Value {
    let content = turn.steps.iter().enumerate().filter_map(|(at, step)| block(head, at, step)).collect();
    head.message(content, Some(turn.stop()), head.usage.output)
}

/// The pieces of a streamed answer, in the order of the service.
pub(super) fn pieces(head: &Head, turn: &Turn, has_unknown_block: bool) -> Vec<Piece> {
    let mut writer = Writer { pieces: Vec::new(), blocks: 0 };
    writer.event("message_start", json!({ "message": head.message(json!([]), None, 1) }));
    if has_unknown_block {
        writer.begin(json!({ "type": UNKNOWN_BLOCK, "id": "dream_1", "sheep": [] }));
        writer.delta(json!({ "type": "sheep_delta", "sheep": ["electric"] }));
        writer.end();
    }
    for (at, step) in turn.steps.iter().enumerate() {
        match step {
            Step::Text(text) => {
                writer.begin(json!({ "type": "text", "text": "" }));
                words(text).for_each(|word| writer.delta(json!({ "type": "text_delta", "text": word })));
                writer.end();
            }
            Step::Thinking(text) => {
                writer.begin(json!({ "type": "thinking", "thinking": "", "signature": "" }));
                words(text).for_each(|word| writer.delta(json!({ "type": "thinking_delta", "thinking": word })));
                writer.delta(json!({ "type": "signature_delta", "signature": signature(text) }));
                writer.end();
            }
            Step::ToolCall { tool, input } => {
                writer.begin(json!({ "type": "tool_use", "id": call(head, at), "name": tool, "input": {} }));
                writer.delta(json!({ "type": "input_json_delta", "partial_json": "" }));
                let letters: Vec<char> = input.to_string().chars().collect();
                for part in letters.chunks(9) {
                    let part: String = part.iter().collect();
                    writer.delta(json!({ "type": "input_json_delta", "partial_json": part }));
                }
                writer.end();
            }
            Step::Hold(gate) => writer.pieces.push(Piece::Hold(gate.clone())),
            Step::Cut => writer.pieces.push(Piece::Cut),
            Step::Fail(failure) => {
                writer.pieces.push(error(kind_of(failure.kind)));
                writer.pieces.push(Piece::End);
            }
        }
    }
    writer.event(
        "message_delta",
        json!({
            "delta": { "stop_reason": reason(turn.stop()), "stop_sequence": null },
            "usage": { "output_tokens": head.usage.output },
        }),
    );
    writer.event("message_stop", json!({}));
    writer.pieces
}

/// An error in the middle of a stream.
pub(super) fn error(kind: &str) -> Piece {
    Piece::Event {
        name: Some("error"),
        data: json!({ "type": "error", "error": { "type": kind, "message": "Something of the question" } }),
    }
}

/// What the request asks.
pub(super) fn question(body: &Value) -> Question {
    let mut question = Question::default();
    for message in body["messages"].as_array().into_iter().flatten() {
        let text = match &message["content"] {
            Value::String(text) => Some(text.as_str()),
            content => {
                content.as_array().and_then(|blocks| blocks.iter().rev().find_map(|block| block["text"].as_str()))
            }
        };
        match (message["role"].as_str(), text) {
            (Some("user"), Some(text)) => question = Question { text: text.to_owned(), answered: 0 },
            (Some("assistant"), _) => question.answered += 1,
            _ => {}
        }
    }
    question
}

struct Writer {
    pieces: Vec<Piece>,
    blocks: u64,
}

impl Writer {
    fn event(&mut self, name: &'static str, mut data: Value) {
        data["type"] = json!(name);
        self.pieces.push(Piece::Event { name: Some(name), data });
    }

    fn begin(&mut self, block: Value) {
        let index = self.blocks;
        self.event("content_block_start", json!({ "index": index, "content_block": block }));
        if index == 0 {
            self.event("ping", json!({}));
        }
    }

    fn delta(&mut self, delta: Value) {
        let data = json!({ "type": "content_block_delta", "index": self.blocks, "delta": delta });
        self.pieces.push(Piece::Delta { name: Some("content_block_delta"), data });
    }

    fn end(&mut self) {
        let index = self.blocks;
        self.event("content_block_stop", json!({ "index": index }));
        self.blocks += 1;
    }
}

fn block(head: &Head, at: usize, step: &Step) -> Option<Value> {
    Some(match step {
        Step::Text(text) => json!({ "type": "text", "text": text }),
        Step::Thinking(text) => json!({ "type": "thinking", "thinking": text, "signature": signature(text) }),
        Step::ToolCall { tool, input } => {
            json!({ "type": "tool_use", "id": call(head, at), "name": tool, "input": input })
        }
        Step::Fail(_) | Step::Cut | Step::Hold(_) => return None,
    })
}

fn call(head: &Head, at: usize) -> String {
    format!("toolu_{}_{at}", head.number)
}

fn reason(stop: Stop) -> &'static str {
    match stop {
        Stop::EndTurn | Stop::NeedsModel => "end_turn",
        Stop::ToolUse => "tool_use",
        Stop::MaxTokens => "max_tokens",
        Stop::Refused => "refusal",
        Stop::Paused => "pause_turn",
    }
}

fn kind_of(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Overloaded => "overloaded_error",
        FailureKind::RateLimited => "rate_limit_error",
        FailureKind::Auth => "authentication_error",
        FailureKind::Quota => "billing_error",
        FailureKind::BadRequest => "invalid_request_error",
        _ => "api_error",
    }
}

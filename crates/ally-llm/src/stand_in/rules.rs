//! What the service refuses, in its own words.

use super::files;
use serde_json::{Value, json};
use std::collections::HashSet;

/// An error of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        Self { status, kind: kind.to_owned(), message: message.into() }
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "type": "error",
            "error": { "type": self.kind, "message": self.message },
            "request_id": "req_stand_in",
        })
    }
}

pub(super) fn refuse<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(400, "invalid_request_error", message))
}

/// The versions of the protocol that are spoken, newest first.
pub(super) const VERSIONS: &[&str] = &[crate::anthropic::VERSION, "2023-06-01"];

/// What the newest version has taken away, even at its default value.
const SAMPLING: &[&str] = &["temperature", "top_p", "top_k"];

/// The fields that a request may have.
const FIELDS: &[&str] = &[
    "model",
    "max_tokens",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "stream",
    "metadata",
    "thinking",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "service_tier",
    "cache_control",
    "output_config",
];

/// What a question that is only counted may not say.
const OF_ANSWERS: &[&str] = &["max_tokens", "stream", "metadata", "stop_sequences", "service_tier"];

/// Whether a call has to say how long the answer may be; counting tokens does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Message,
    CountTokens,
}

/// Checks a request as the service does before it does anything.
pub(super) fn check(body: &Value, call: Call, version: Option<&str>) -> Result<(), Refusal> {
    let Some(fields) = body.as_object() else {
        return refuse("The request body is not valid JSON");
    };
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return refuse(format!("{name}: Extra inputs are not permitted"));
    }
    if call == Call::CountTokens
        && let Some(name) = OF_ANSWERS.iter().find(|name| fields.contains_key(**name))
    {
        return refuse(format!("{name}: Extra inputs are not permitted"));
    }
    if version == Some(VERSIONS[0])
        && let Some(name) = SAMPLING.iter().find(|name| fields.contains_key(**name))
    {
        return refuse(format!("{name}: Extra inputs are not permitted"));
    }
    let Some(model) = body["model"].as_str() else { return refuse("model: Field required") };
    if call == Call::Message {
        match body["max_tokens"].as_i64() {
            None => return refuse("max_tokens: Field required"),
            Some(..=0) => return refuse("max_tokens: Input should be greater than or equal to 1"),
            Some(_) => {}
        }
    }
    if !super::MODELS.contains(&model) {
        return Err(Refusal::new(404, "not_found_error", format!("model: {model}")));
    }
    if body["metadata"]["user_id"].as_str().is_some_and(|id| id.contains('@') || id.len() > 256) {
        return refuse("metadata.user_id: user_id appears to contain an email address");
    }
    thinking(model, body)?;
    system(&body["system"])?;
    tools(&body["tools"])?;
    if marks(body) > 4 {
        return refuse(format!("A maximum of 4 blocks with cache_control may be provided. Found {}.", marks(body)));
    }
    messages(&body["messages"])?;
    files::check_all(&body["messages"])
}

/// Models before 4.6 do not think by themselves and cannot be told how hard to try.
fn thinking(model: &str, body: &Value) -> Result<(), Refusal> {
    let kind = body["thinking"]["type"].as_str();
    let effort = &body["output_config"]["effort"];
    let is_new = crate::anthropic::can_be_told_to_think(model);
    match kind {
        None if body["thinking"].is_null() => {}
        Some("disabled") => {}
        Some("adaptive") if is_new => {}
        Some("enabled") if !is_new => {}
        Some(kind) => return refuse(format!("thinking.type: '{kind}' is not supported by this model")),
        None => return refuse("thinking.type: Field required"),
    }
    match effort.as_str() {
        None if effort.is_null() => Ok(()),
        Some("low" | "medium" | "high") if is_new => Ok(()),
        Some("low" | "medium" | "high") => {
            refuse("output_config.effort: This model does not support the effort parameter.")
        }
        _ => refuse("output_config.effort: Input should be 'low', 'medium' or 'high'"),
    }
}

fn system(system: &Value) -> Result<(), Refusal> {
    let blocks = match system {
        Value::Null | Value::String(_) => return Ok(()),
        Value::Array(blocks) => blocks,
        _ => return refuse("system: Input should be a valid list"),
    };
    for block in blocks {
        if block["type"] != "text" {
            return refuse("system.0: Input should be an object of type text");
        }
        text(block)?;
    }
    Ok(())
}

fn tools(tools: &Value) -> Result<(), Refusal> {
    let mut names = HashSet::new();
    for (at, tool) in tools.as_array().into_iter().flatten().enumerate() {
        let name = tool["name"].as_str().unwrap_or_default();
        if !is_name(name, 64) {
            return refuse(format!("tools.{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'"));
        }
        if !names.insert(name) {
            return refuse("tools: Tool names must be unique.");
        }
        if tool["input_schema"]["type"] != "object" {
            return refuse(format!("tools.{at}.custom.input_schema.type: Field required"));
        }
    }
    Ok(())
}

fn messages(messages: &Value) -> Result<(), Refusal> {
    let Some(messages) = messages.as_array().filter(|messages| !messages.is_empty()) else {
        return refuse("messages: at least one message is required");
    };
    if messages[0]["role"] != "user" {
        return refuse("messages: first message must use the \"user\" role");
    }
    let mut open: Vec<&str> = Vec::new();
    let mut calls = HashSet::new();
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if !["user", "assistant"].contains(&role) {
            return refuse(format!("messages.{at}.role: Input should be 'user' or 'assistant'"));
        }
        let blocks = match &message["content"] {
            Value::String(text) if !text.is_empty() => {
                std::borrow::Cow::Owned(vec![json!({ "type": "text", "text": text })])
            }
            Value::Array(blocks) if !blocks.is_empty() => std::borrow::Cow::Borrowed(blocks),
            Value::String(_) | Value::Array(_) => {
                return refuse(format!(
                    "messages.{at}: all messages must have non-empty content except for the optional final assistant message"
                ));
            }
            _ => return refuse(format!("messages.{at}.content: Input should be a valid list")),
        };
        results(at, role, &blocks, &open)?;
        open.clear();
        for (place, block) in blocks.iter().enumerate() {
            content(at, place, role, block)?;
        }
        // Ids are looked up in the request itself, which outlives this round.
        for block in message["content"].as_array().into_iter().flatten().filter(|block| block["type"] == "tool_use") {
            let id = block["id"].as_str().unwrap_or_default();
            if !calls.insert(id) {
                return refuse("messages: `tool_use` ids must be unique");
            }
            open.push(id);
        }
    }
    let last = messages.last().map(|message| &message["role"]);
    if !open.is_empty() && last.is_some() {
        return unanswered(messages.len() - 1, &open);
    }
    Ok(())
}

fn unanswered(at: usize, ids: &[&str]) -> Result<(), Refusal> {
    refuse(format!(
        "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` \
         block must have a corresponding `tool_result` block in the next message.",
        ids.join(", ")
    ))
}

/// Every call of the message before has exactly one result, and the results stand first.
fn results(at: usize, role: &str, blocks: &[Value], open: &[&str]) -> Result<(), Refusal> {
    let mut answered = HashSet::new();
    let mut is_past_results = false;
    for (place, block) in blocks.iter().enumerate() {
        if block["type"] != "tool_result" {
            is_past_results = true;
            continue;
        }
        let id = block["tool_use_id"].as_str().unwrap_or_default();
        if role != "user" || !open.contains(&id) {
            return refuse(format!(
                "messages.{at}.content.{place}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                 `tool_result` block must have a corresponding `tool_use` block in the previous message."
            ));
        }
        if !answered.insert(id) {
            return refuse(format!(
                "messages.{at}.content.{place}: each tool_use must have a single result. Found multiple `tool_result` \
                 blocks with id: {id}"
            ));
        }
        if is_past_results {
            return unanswered(at.saturating_sub(1), &[id]);
        }
    }
    let missing: Vec<&str> = open.iter().copied().filter(|id| !answered.contains(id)).collect();
    if missing.is_empty() { Ok(()) } else { unanswered(at.saturating_sub(1), &missing) }
}

fn content(at: usize, place: usize, role: &str, block: &Value) -> Result<(), Refusal> {
    match (block["type"].as_str().unwrap_or_default(), role) {
        ("text", _) => text(block),
        ("tool_use", "assistant") => {
            if !is_name(block["id"].as_str().unwrap_or_default(), usize::MAX) {
                return refuse(format!(
                    "messages.{at}.content.{place}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
                ));
            }
            if !is_name(block["name"].as_str().unwrap_or_default(), 200) {
                return refuse(format!(
                    "messages.{at}.content.{place}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{{1,200}}$'"
                ));
            }
            if !block["input"].is_object() {
                return refuse(format!("messages.{at}.content.{place}.tool_use.input: Input should be an object"));
            }
            Ok(())
        }
        ("tool_result", "user") => {
            block["content"].as_array().into_iter().flatten().filter(|part| part["type"] == "text").try_for_each(text)
        }
        ("thinking", "assistant") => {
            let thinking = block["thinking"].as_str().unwrap_or_default();
            if block["signature"].as_str() == Some(signature(thinking).as_str()) {
                Ok(())
            } else {
                refuse(format!("messages.{at}.content.{place}: Invalid `signature` in `thinking` block"))
            }
        }
        ("redacted_thinking" | UNKNOWN_BLOCK, "assistant") => Ok(()),
        ("image" | "document", "user") => files::check(at, place, block),
        (kind, _) => refuse(format!(
            "messages.{at}.content.{place}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
        )),
    }
}

/// The kind of block that [`super::Fault::UnknownBlock`] sends and that may come back.
pub(super) const UNKNOWN_BLOCK: &str = "server_dream";

fn text(block: &Value) -> Result<(), Refusal> {
    match block["text"].as_str() {
        None => refuse("text: Field required"),
        Some("") => refuse("messages: text content blocks must be non-empty"),
        Some(text) if text.trim().is_empty() => {
            refuse("messages: text content blocks must contain non-whitespace text")
        }
        Some(_) => Ok(()),
    }
}

pub(super) fn is_name(name: &str, longest: usize) -> bool {
    !name.is_empty()
        && name.len() <= longest
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn marks(value: &Value) -> usize {
    match value {
        Value::Object(fields) => {
            usize::from(fields.contains_key("cache_control")) + fields.values().map(marks).sum::<usize>()
        }
        Value::Array(values) => values.iter().map(marks).sum(),
        _ => 0,
    }
}

/// A signature that fits only this text.
pub(super) fn signature(thinking: &str) -> String {
    let sum = thinking
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("signed-{sum:016x}")
}

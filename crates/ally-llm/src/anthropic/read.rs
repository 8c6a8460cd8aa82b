//! Reads the events of a Messages stream: a fold without any I/O.

use super::{NAME, refusals};
use crate::wire::Reading;
use crate::{Block, Event, Failure, FailureKind, Stop, Usage, sse};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};

/// An answer that is being read.
#[derive(Debug, Default)]
pub(super) struct Answer {
    open: BTreeMap<u64, Open>,
    usage: Usage,
    stop: Option<Stop>,
    has_begun: bool,
    called_a_tool: bool,
    /// A tool call whose arguments are not whole: allowed only if the limit of tokens cut it.
    has_half_a_call: bool,
}

/// A block that is still growing.
#[derive(Debug)]
enum Open {
    Text(String),
    ToolUse { call: String, tool: String, input: Value, json: String },
    Opaque { block: Map<String, Value>, json: String },
}

const GARBAGE: Failure = Failure::of(FailureKind::Garbage);

impl Reading for Answer {
    fn read(&mut self, event: &sse::Event, answer: &mut VecDeque<Event>) -> Result<(), Failure> {
        let data: Value = serde_json::from_str(event.data.expose()).map_err(|_| GARBAGE)?;
        match data["type"].as_str().ok_or(GARBAGE)? {
            "message_start" => {
                let model = data["message"]["model"].as_str().unwrap_or_default().to_owned();
                answer.push_back(Event::Started { provider: NAME.to_owned(), model, window: None });
                self.count(&data["message"]["usage"], answer);
            }
            "content_block_start" => {
                self.has_begun = true;
                let index = data["index"].as_u64().ok_or(GARBAGE)?;
                let block = begin(&data["content_block"], answer)?;
                self.open.insert(index, block);
            }
            "content_block_delta" => {
                let open = data["index"].as_u64().and_then(|index| self.open.get_mut(&index)).ok_or(GARBAGE)?;
                grow(open, data["delta"].as_object().ok_or(GARBAGE)?, answer)?;
            }
            "content_block_stop" => {
                let open = data["index"].as_u64().and_then(|index| self.open.remove(&index)).ok_or(GARBAGE)?;
                self.end_block(open, answer)?;
            }
            "message_delta" => {
                self.count(&data["usage"], answer);
                if let Some(reason) = data["delta"]["stop_reason"].as_str() {
                    self.stop = Some(self.stop_of(reason));
                }
            }
            "message_stop" => {
                let stop = self.stop.ok_or(GARBAGE)?;
                if !self.open.is_empty() || (self.has_half_a_call && stop != Stop::MaxTokens) {
                    return Err(GARBAGE);
                }
                answer.push_back(Event::Finished { stop });
            }
            "error" => {
                return Err(Failure::of(refusals::of_error(&data["error"]).unwrap_or(FailureKind::Provider)));
            }
            // `ping`, and events that the service may add: it asks clients to let them pass.
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, _: &mut VecDeque<Event>) -> Result<(), Failure> {
        Err(Failure::of(FailureKind::Truncated))
    }

    fn has_begun(&self) -> bool {
        self.has_begun
    }

    fn judge(status: u16, said: &[u8]) -> FailureKind {
        refusals::of_answer(status, said)
    }
}

impl Answer {
    /// The service states totals; a part that it leaves out has not changed.
    fn count(&mut self, stated: &Value, answer: &mut VecDeque<Event>) {
        let before = self.usage;
        let part = |name: &str, had: u64| stated[name].as_u64().unwrap_or(had);
        self.usage = Usage {
            input: part("input_tokens", before.input),
            output: part("output_tokens", before.output),
            cache_read: part("cache_read_input_tokens", before.cache_read),
            cache_write: part("cache_creation_input_tokens", before.cache_write),
        };
        if self.usage != before {
            answer.push_back(Event::Usage { usage: self.usage });
        }
    }

    fn end_block(&mut self, open: Open, answer: &mut VecDeque<Event>) -> Result<(), Failure> {
        let block = match open {
            Open::Text(text) if text.is_empty() => return Ok(()),
            Open::Text(text) => Block::Text { text: text.into() },
            Open::ToolUse { call, tool, input, json } => {
                let input = if json.trim().is_empty() { Ok(input) } else { serde_json::from_str(&json) };
                match input {
                    Ok(input @ Value::Object(_)) => {
                        self.called_a_tool = true;
                        Block::ToolCall { call, tool, input }
                    }
                    // Whether this is garbage is known when the reason for stopping is.
                    _ => {
                        self.has_half_a_call = true;
                        return Ok(());
                    }
                }
            }
            Open::Opaque { mut block, json } => {
                if !json.trim().is_empty() {
                    block.insert("input".to_owned(), serde_json::from_str(&json).map_err(|_| GARBAGE)?);
                }
                Block::Opaque { provider: NAME.to_owned(), raw: Value::Object(block).to_string().into() }
            }
        };
        answer.push_back(Event::Block { block });
        Ok(())
    }

    fn stop_of(&self, reason: &str) -> Stop {
        match reason {
            "max_tokens" | "model_context_window_exceeded" => Stop::MaxTokens,
            "refusal" => Stop::Refused,
            "pause_turn" => Stop::Paused,
            // `tool_use`, `end_turn` and reasons of tomorrow: what matters is whether a call waits for its result.
            _ if self.called_a_tool => Stop::ToolUse,
            _ => Stop::EndTurn,
        }
    }
}

fn begin(block: &Value, answer: &mut VecDeque<Event>) -> Result<Open, Failure> {
    let fields = block.as_object().ok_or(GARBAGE)?;
    let field = |name: &str| block[name].as_str().map(str::to_owned).filter(|text| !text.is_empty());
    Ok(match block["type"].as_str().ok_or(GARBAGE)? {
        "text" => {
            let text = field("text").unwrap_or_default();
            say(&text, answer);
            Open::Text(text)
        }
        "tool_use" => Open::ToolUse {
            call: field("id").ok_or(GARBAGE)?,
            tool: field("name").ok_or(GARBAGE)?,
            input: block["input"].clone(),
            json: String::new(),
        },
        // Thinking is opaque too: its signature fits only its exact text, and it goes back as it came.
        _ => Open::Opaque { block: fields.clone(), json: String::new() },
    })
}

fn grow(open: &mut Open, delta: &Map<String, Value>, answer: &mut VecDeque<Event>) -> Result<(), Failure> {
    let kind = delta.get("type").and_then(Value::as_str).ok_or(GARBAGE)?;
    let text = |name: &str| delta.get(name).and_then(Value::as_str).ok_or(GARBAGE);
    match (open, kind) {
        (Open::Text(whole), "text_delta") => {
            whole.push_str(text("text")?);
            say(text("text")?, answer);
        }
        (Open::ToolUse { json, .. } | Open::Opaque { json, .. }, "input_json_delta") => {
            json.push_str(text("partial_json")?);
        }
        (Open::Opaque { block, .. }, _) => {
            if kind == "thinking_delta" && !text("thinking")?.is_empty() {
                answer.push_back(Event::ThinkingDelta { text: text("thinking")?.into() });
            }
            join(block, delta);
        }
        // Citations of a text and whatever else may come with it: the text is whole without them.
        (Open::Text(_) | Open::ToolUse { .. }, _) => {}
    }
    Ok(())
}

/// Adds a delta to a block of any kind: text grows, lists grow, everything else is replaced.
fn join(block: &mut Map<String, Value>, delta: &Map<String, Value>) {
    for (name, more) in delta.iter().filter(|(name, _)| *name != "type") {
        match (block.get_mut(name), more) {
            (Some(Value::String(whole)), Value::String(more)) => whole.push_str(more),
            (Some(Value::Array(whole)), Value::Array(more)) => whole.extend(more.iter().cloned()),
            _ => {
                block.insert(name.clone(), more.clone());
            }
        }
    }
}

fn say(text: &str, answer: &mut VecDeque<Event>) {
    if !text.is_empty() {
        answer.push_back(Event::TextDelta { text: text.into() });
    }
}

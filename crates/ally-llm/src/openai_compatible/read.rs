//! Reads the events of a chat completions stream: a fold without any I/O, lenient where servers differ.

use super::NAME;
use crate::wire::{Reading, judge_status};
use crate::{Block, Event, Failure, FailureKind, Request, Stop, Usage, sse};
use serde_json::Value;
use std::collections::{HashSet, VecDeque};

/// An answer that is being read.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    has_started: bool,
    has_begun: bool,
    text: String,
    calls: Vec<Call>,
    stop: Option<Stop>,
    /// The ids that are taken: some servers begin to count anew in every answer.
    taken: HashSet<String>,
    /// For ids of our own: the conversation only grows.
    messages_before: usize,
}

#[derive(Debug)]
struct Call {
    index: u64,
    id: String,
    tool: String,
    arguments: String,
}

const GARBAGE: Failure = Failure::of(FailureKind::Garbage);

impl Answer {
    pub(super) fn new(request: &Request) -> Self {
        let blocks = request.messages.iter().flat_map(|message| &message.blocks);
        let taken = blocks.filter_map(|block| match block {
            Block::ToolCall { call, .. } => Some(call.clone()),
            _ => None,
        });
        Self { taken: taken.collect(), messages_before: request.messages.len(), ..Self::default() }
    }
}

impl Reading for Answer {
    fn read(&mut self, event: &sse::Event, answer: &mut VecDeque<Event>) -> Result<(), Failure> {
        if event.data.expose().trim() == "[DONE]" {
            self.stop.get_or_insert(Stop::EndTurn);
            return self.finish(answer);
        }
        let data: Value = serde_json::from_str(event.data.expose()).map_err(|_| GARBAGE)?;
        if !data["error"].is_null() {
            return Err(Failure::of(of_error(&data["error"]).unwrap_or(FailureKind::Provider)));
        }
        if !std::mem::replace(&mut self.has_started, true) {
            let model = data["model"].as_str().unwrap_or_default().to_owned();
            answer.push_back(Event::Started { provider: NAME.to_owned(), model, window: None });
        }
        if let Some(usage) = usage(&data["usage"]) {
            answer.push_back(Event::Usage { usage });
        }
        let choice = &data["choices"][0];
        let delta = &choice["delta"];
        for name in ["reasoning_content", "reasoning"] {
            if let Some(text) = delta[name].as_str().filter(|text| !text.is_empty()) {
                self.has_begun = true;
                answer.push_back(Event::ThinkingDelta { text: text.into() });
                break;
            }
        }
        if let Some(text) = delta["content"].as_str().filter(|text| !text.is_empty()) {
            self.has_begun = true;
            self.text.push_str(text);
            answer.push_back(Event::TextDelta { text: text.into() });
        }
        for part in delta["tool_calls"].as_array().into_iter().flatten() {
            self.has_begun = true;
            self.grow_call(part);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.stop = Some(match reason {
                "length" => Stop::MaxTokens,
                "content_filter" => Stop::Refused,
                _ => Stop::EndTurn,
            });
        }
        Ok(())
    }

    /// Some servers close without `[DONE]`; a stated reason is end enough.
    fn close(&mut self, answer: &mut VecDeque<Event>) -> Result<(), Failure> {
        self.finish(answer)
    }

    fn has_begun(&self) -> bool {
        self.has_begun
    }

    fn judge(status: u16, said: &[u8]) -> FailureKind {
        let body: Value = serde_json::from_slice(said).unwrap_or_default();
        of_error(&body["error"]).unwrap_or_else(|| judge_status(status))
    }
}

impl Answer {
    fn grow_call(&mut self, part: &Value) {
        let index = part["index"].as_u64().unwrap_or(self.calls.len() as u64);
        let id = part["id"].as_str().unwrap_or_default();
        // Ollama gives several whole calls the same index: another id is another call.
        let is_more = |call: &Call| call.index == index && (id.is_empty() || call.id == id);
        let at = self.calls.iter().rposition(is_more).unwrap_or_else(|| {
            self.calls.push(Call { index, id: id.to_owned(), tool: String::new(), arguments: String::new() });
            self.calls.len() - 1
        });
        let call = &mut self.calls[at];
        call.tool.push_str(part["function"]["name"].as_str().unwrap_or_default());
        match &part["function"]["arguments"] {
            Value::String(more) => call.arguments.push_str(more),
            Value::Null => {}
            whole => call.arguments = whole.to_string(),
        }
    }

    fn finish(&mut self, answer: &mut VecDeque<Event>) -> Result<(), Failure> {
        let mut stop = self.stop.ok_or(Failure::of(FailureKind::Truncated))?;
        if !self.text.trim().is_empty() {
            answer.push_back(Event::Block { block: Block::Text { text: std::mem::take(&mut self.text).into() } });
        }
        for (at, call) in std::mem::take(&mut self.calls).into_iter().enumerate() {
            let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
            match serde_json::from_str(arguments) {
                Ok(input @ Value::Object(_)) if !call.tool.is_empty() => {
                    let id = self.id_of(call.id, at);
                    answer.push_back(Event::Block { block: Block::ToolCall { call: id, tool: call.tool, input } });
                    if stop == Stop::EndTurn {
                        stop = Stop::ToolUse;
                    }
                }
                // The limit of tokens cut the last call in the middle: it is not a call.
                _ if stop == Stop::MaxTokens => {}
                _ => return Err(GARBAGE),
            }
        }
        answer.push_back(Event::Finished { stop });
        Ok(())
    }

    /// The server's id, unless it is taken or another provider would refuse it when the conversation moves there.
    fn id_of(&mut self, stated: String, at: usize) -> String {
        let is_plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !stated.is_empty() && stated.len() <= 64 && is_plain(&stated) && self.taken.insert(stated.clone()) {
            return stated;
        }
        format!("call_{}_{at}", self.messages_before)
    }
}

fn usage(stated: &Value) -> Option<Usage> {
    let input = stated["prompt_tokens"].as_u64()?;
    let cache_read = stated["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0);
    Some(Usage {
        input: input.saturating_sub(cache_read),
        output: stated["completion_tokens"].as_u64().unwrap_or(0),
        cache_read,
        cache_write: 0,
    })
}

/// Servers put the kind into `type` or `code`, and some only into words.
fn of_error(error: &Value) -> Option<FailureKind> {
    let words =
        [&error["type"], &error["code"], &error["message"], error].map(|part| part.as_str().unwrap_or_default());
    let words = words.join(" ").to_ascii_lowercase();
    let says = |known: &[&str]| known.iter().any(|word| words.contains(word));
    if says(&["insufficient_quota"]) {
        Some(FailureKind::Quota)
    } else if says(&["context_length", "context length", "context size", "context window", "exceed_context"]) {
        Some(FailureKind::ContextTooLong)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> (Vec<Event>, Option<FailureKind>) {
        let mut reading = Answer { messages_before: 3, ..Answer::default() };
        let mut answer = VecDeque::new();
        let mut failure = None;
        for line in lines {
            let event = sse::Event { name: "message".into(), data: (*line).into(), id: None };
            failure = failure.or(reading.read(&event, &mut answer).err());
        }
        if !matches!(answer.back(), Some(Event::Finished { .. })) && failure.is_none() {
            failure = reading.close(&mut answer).err();
        }
        (answer.into(), failure.map(|failure| failure.kind))
    }

    fn call(id: &str, tool: &str, input: Value) -> Event {
        Event::Block { block: Block::ToolCall { call: id.into(), tool: tool.into(), input } }
    }

    #[test]
    fn several_whole_calls_with_one_index_are_several_calls() {
        let (events, failure) = read(&[
            r#"{"model":"m","choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":"{}"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"y","arguments":{"q":1}}}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            "[DONE]",
        ]);
        assert_eq!(failure, None);
        assert_eq!(
            events[1..],
            [
                call("a", "x", serde_json::json!({})),
                call("b", "y", serde_json::json!({ "q": 1 })),
                Event::Finished { stop: Stop::ToolUse },
            ]
        );
    }

    #[test]
    fn calls_without_an_id_get_one() {
        let (events, _) = read(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"x","arguments":"{\"a\""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]},"finish_reason":"tool_calls"}]}"#,
        ]);
        assert_eq!(events[1], call("call_3_0", "x", serde_json::json!({ "a": 1 })));
    }

    #[test]
    fn an_id_that_is_taken_or_odd_is_replaced() {
        let mut reading =
            Answer { taken: HashSet::from(["call_0".to_owned()]), messages_before: 5, ..Answer::default() };
        let ids = ["call_0", "fine-1", "fine-1", "functions.x:0"].map(|id| reading.id_of(id.to_owned(), 2));
        assert_eq!(ids, ["call_5_2", "fine-1", "call_5_2", "call_5_2"]);
    }

    #[test]
    fn a_stream_without_a_reason_to_stop_was_cut() {
        let (_, failure) = read(&[r#"{"choices":[{"delta":{"content":"hal"}}]}"#]);
        assert_eq!(failure, Some(FailureKind::Truncated));
    }

    #[test]
    fn errors_in_the_stream_have_their_kind() {
        let (_, failure) = read(&[r#"{"error":{"message":"the request exceeds the available context size"}}"#]);
        assert_eq!(failure, Some(FailureKind::ContextTooLong));
        let (_, failure) = read(&[r#"{"error":"boom"}"#]);
        assert_eq!(failure, Some(FailureKind::Provider));
        assert_eq!(Answer::judge(429, br#"{"error":{"code":"insufficient_quota"}}"#), FailureKind::Quota);
        assert_eq!(Answer::judge(503, b"loading"), FailureKind::Overloaded);
    }

    #[test]
    fn a_call_cut_by_the_limit_is_left_out_and_otherwise_garbage() {
        let half = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":"{\"a"}}]}}]}"#;
        let (events, failure) = read(&[half, r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#, "[DONE]"]);
        assert_eq!((events.last(), failure), (Some(&Event::Finished { stop: Stop::MaxTokens }), None));
        let (_, failure) = read(&[half, "[DONE]"]);
        assert_eq!(failure, Some(FailureKind::Garbage));
    }
}

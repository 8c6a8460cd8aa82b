//! Requests, and answers in one piece.

use ally_llm::{Block, Event, Events, Failure, FailureKind, Message, Request, Role, Stop, ToolSpec, Usage};
use ally_types::Timestamp;
use futures_util::StreamExt as _;
use serde_json::json;

/// A conversation that begins with this question.
pub fn asking(text: &str) -> Request {
    Request {
        system: "You are Ally.".into(),
        messages: vec![user(vec![Block::Text { text: text.into() }])],
        tools: vec![ToolSpec {
            name: "time_now".into(),
            description: "Tells the time.".into(),
            input: json!({ "type": "object", "properties": {} }),
        }],
        max_tokens: 1000,
        effort: ally_llm::Effort::default(),
        pseudonym: "psn_1".into(),
        asked_at: Timestamp::from_millis(1_795_000_000_000),
        timezone: "Europe/Berlin".into(),
    }
}

pub fn user(blocks: Vec<Block>) -> Message {
    Message { role: Role::User, blocks }
}

pub fn assistant(blocks: Vec<Block>) -> Message {
    Message { role: Role::Assistant, blocks }
}

/// An answer in one piece.
#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    pub text: String,
    pub deltas: usize,
    pub thinking: String,
    pub blocks: Vec<Block>,
    pub usage: Usage,
    pub stop: Option<Stop>,
    pub failure: Option<Failure>,
}

impl Answer {
    pub fn kind(&self) -> Option<FailureKind> {
        self.failure.map(|failure| failure.kind)
    }
}

/// Reads an answer to its end, and makes sure that there is exactly one.
pub async fn whole(mut events: Events) -> Answer {
    let mut answer = Answer::default();
    while let Some(event) = events.next().await {
        assert_eq!((answer.stop, answer.failure), (None, None), "nothing comes after the end");
        match event {
            Event::Started { .. } => {}
            Event::TextDelta { text } => {
                answer.deltas += 1;
                answer.text.push_str(text.expose());
            }
            Event::ThinkingDelta { text } => answer.thinking.push_str(text.expose()),
            Event::Block { block } => answer.blocks.push(block),
            Event::Usage { usage } => answer.usage = usage,
            Event::Finished { stop } => answer.stop = Some(stop),
            Event::Failed { failure } => answer.failure = Some(failure),
        }
    }
    assert!(answer.stop.is_some() || answer.failure.is_some(), "every answer has an end");
    answer
}

/// Adds the answer and the results of its calls to the conversation.
pub fn continued(
    mut request: Request,
    answer: &Answer,
    result: impl Fn(&str, &serde_json::Value) -> (bool, String),
) -> Request {
    let results = answer.blocks.iter().filter_map(|block| match block {
        Block::ToolCall { call, tool, input } => {
            let (ok, text) = result(tool, input);
            Some(Block::ToolResult { call: call.clone(), ok, text: text.into() })
        }
        _ => None,
    });
    let results: Vec<Block> = results.collect();
    request.messages.push(assistant(answer.blocks.clone()));
    request.messages.push(user(results));
    request
}

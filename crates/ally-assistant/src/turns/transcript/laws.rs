//! Whatever stands in the rows, the conversation is valid.

use super::{build, valid};
use crate::messages::store::{Block, Piece, Stored, ToolCall, ToolResult};
use crate::messages::{Author, Role, Status};
use ally_types::{ChatId, Label, MessageId, SystemChance, SystemClock, Timestamp};
use proptest::prelude::*;
use serde_json::json;

/// One piece of a step, as the model may have sent it.
#[derive(Debug, Clone)]
enum Said {
    Text(&'static str),
    Thinking,
    Opaque,
    Call { has_result: bool, text: &'static str },
}

#[derive(Debug, Clone)]
pub struct Exchange {
    question: &'static str,
    steps: Vec<Vec<Said>>,
    tail: &'static str,
    status: Status,
    author: u8,
}

fn words() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(""), Just("  \n"), Just("hello"), Just("日本 ok")]
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        words().prop_map(Said::Text),
        Just(Said::Thinking),
        Just(Said::Opaque),
        (any::<bool>(), words()).prop_map(|(has_result, text)| Said::Call { has_result, text }),
    ]
}

pub fn exchange() -> impl Strategy<Value = Exchange> {
    let steps = prop::collection::vec(prop::collection::vec(said(), 0..4), 0..4);
    (words(), steps, words(), prop::sample::select(&Status::ALL[..]), 0..3u8)
        .prop_map(|(question, steps, tail, status, author)| Exchange { question, steps, tail, status, author })
}

pub fn row(role: Role, text: &str) -> Stored {
    Stored {
        id: MessageId::new(&SystemClock, &SystemChance),
        chat: ChatId::new(&SystemClock, &SystemChance),
        position: 0,
        role,
        status: Status::Complete,
        text: text.into(),
        author: Author::Person,
        needs_model: false,
        problem: None,
        run: None,
        question: None,
        parent: None,
        siblings: Vec::new(),
        timezone: None,
        created: Timestamp::from_millis(0),
        label: Label::USER,
        blocks: Vec::new(),
        results: Vec::new(),
        approvals: Vec::new(),
        usage: None,
        work: None,
        feedback: None,
    }
}

pub fn rows(exchanges: &[Exchange]) -> Vec<Stored> {
    let mut rows = Vec::new();
    let mut calls = 0;
    for exchange in exchanges {
        rows.push(row(Role::User, exchange.question));
        let mut answer = row(Role::Assistant, exchange.tail);
        answer.status = exchange.status;
        answer.author = match exchange.author {
            0 => Author::Ally,
            1 => Author::Builtin,
            _ => Author::Model { provider: "anthropic".into(), model: "m".into() },
        };
        for (step, pieces) in (1..).zip(&exchange.steps) {
            for said in pieces {
                let piece = match said {
                    Said::Text(text) => Piece::Text((*text).into()),
                    Said::Thinking => Piece::Thinking("hm".into()),
                    Said::Opaque => Piece::Opaque { provider: "anthropic".into(), raw: "{}".into() },
                    Said::Call { has_result, text } => {
                        calls += 1;
                        let call = format!("call_{calls}");
                        if *has_result {
                            answer.results.push(ToolResult {
                                call: call.clone(),
                                ok: true,
                                text: (*text).into(),
                                summary: "".into(),
                                file: None,
                                rule: "",
                                label: Label::TRUSTED,
                            });
                        }
                        Piece::Call(ToolCall { call, tool: "memory".into(), input: json!({}) })
                    }
                };
                answer.blocks.push(Block { step, piece, label: Label::TRUSTED });
            }
        }
        rows.push(answer);
    }
    rows
}

proptest! {
    #[test]
    fn every_prefix_of_a_conversation_is_valid(exchanges in prop::collection::vec(exchange(), 1..6)) {
        let rows = rows(&exchanges);
        for end in 1..=rows.len() {
            let built = build(&rows[..end]);
            if built.is_empty() {
                let says = |row: &Stored| row.role == Role::User && !row.text.expose().trim().is_empty();
                prop_assert!(!rows[..end].iter().any(says), "nothing is built only when nothing was asked");
            } else {
                prop_assert_eq!(valid::fault(&built), None, "{:?}", exchanges);
            }
        }
    }
}

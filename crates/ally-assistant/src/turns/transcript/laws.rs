//! Whatever stands in the rows, the conversation is valid.

use super::{build, valid};
use crate::attachments::Attachment;
use crate::messages::store::{Block, Piece, Stored, ToolCall, ToolResult};
use crate::messages::{Author, Role, Status};
use ally_types::{AttachmentId, ChatId, Label, MessageId, SystemChance, SystemClock, Timestamp};
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
    files: usize,
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
    (words(), 0..3usize, steps, words(), prop::sample::select(&Status::ALL[..]), 0..3u8).prop_map(
        |(question, files, steps, tail, status, author)| Exchange { question, files, steps, tail, status, author },
    )
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
        attachments: Vec::new(),
    }
}

/// A picture of so many bytes: two of them fit into one question.
pub fn picture(size: u64) -> Attachment {
    Attachment {
        id: AttachmentId::new(&SystemClock, &SystemChance),
        name: "cat.png".into(),
        media_type: "image/png",
        size,
        width: Some(750),
        height: Some(1000),
        pages: None,
        label: Label::OUTSIDE,
    }
}

pub fn rows(exchanges: &[Exchange]) -> Vec<Stored> {
    let mut rows = Vec::new();
    let mut calls = 0;
    for exchange in exchanges {
        let mut question = row(Role::User, exchange.question);
        question.attachments = (0..exchange.files).map(|_| picture(9 << 20)).collect();
        rows.push(question);
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
                let has_words = |row: &Stored| !row.text.expose().trim().is_empty() || !row.attachments.is_empty();
                let says = |row: &Stored| row.role == Role::User && has_words(row);
                prop_assert!(!rows[..end].iter().any(says), "nothing is built only when nothing was asked");
            } else {
                prop_assert_eq!(valid::fault(&built), None, "{:?}", exchanges);
            }
        }
    }
}

#[test]
fn files_stand_before_the_words_and_of_those_that_no_longer_fit_only_the_name_is_told() {
    let mut rows = Vec::new();
    for words in ["first", "second", "third"] {
        let mut question = row(Role::User, words);
        question.attachments = vec![picture(9 << 20)];
        rows.push(question);
    }
    let built = build(&rows);
    let told: Vec<String> = built[0]
        .blocks
        .iter()
        .map(|block| match block {
            ally_llm::Block::Text { text } => text.expose().to_owned(),
            ally_llm::Block::File { file } => file.name.expose().to_uppercase(),
            _ => String::new(),
        })
        .collect();
    let gone = "[\"cat.png\" was attached here. It is too long ago to be shown again.]";
    assert_eq!(told, [gone, "first", "CAT.PNG", "second", "CAT.PNG", "third"]);
}

#[test]
fn the_oldest_files_go_first_and_an_older_small_one_does_not_come_back() {
    let mut rows: Vec<_> = [9u64 << 20, 1, 9 << 20, 9 << 20]
        .map(|size| {
            let mut question = row(Role::User, "words");
            question.attachments = vec![picture(size)];
            question
        })
        .into();
    let files = |rows: &[Stored]| {
        build(rows)[0].blocks.iter().filter(|block| matches!(block, ally_llm::Block::File { .. })).count()
    };
    assert_eq!(files(&rows), 3);
    rows[1].attachments.push(picture(9 << 20));
    assert_eq!(files(&rows), 2, "what follows on the last one that did not fit is not shown either");
}

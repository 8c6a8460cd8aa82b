//! A summary of the beginning of a chat, made behind the turn that filled the window: a run of its own that belongs to
//! that turn, with an intent before the call and the summary in the transaction of its outcome. What fails changes
//! nothing, and the next turn that is as full tries again.

use super::store::{self, Summary};
use super::{History, quoted};
use crate::app::{App, Weak};
use crate::events::Event;
use crate::fault::Done;
use crate::messages::Role;
use crate::messages::store::{Piece, Stored};
use crate::turns::prompt;
use crate::usage::store::{self as usage, Call};
use crate::{chats, provider};
use ally_durable::{Begun, Effect, Ending, Error, Executor, Finished, NewRun, Outcome, Run, Step, runs};
use ally_llm::{Effort, Failure, FailureKind, Message, Request, Role as Speaker, Stop, Usage};
use ally_store::{StoreError, Tx};
use ally_types::{ChatId, Content, Label, MessageId, Problem, RunId, SummaryId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

/// The kind of these runs.
pub const KIND: &str = "summary";

/// How a summary is written. The file is versioned with the code, and a snapshot test shows every change of it.
const INSTRUCTIONS: &str = include_str!("../../../prompts/summarise.md");
/// Most tokens of a summary, and most bytes that are kept.
const MOST_TOKENS: u32 = 2048;
const LONGEST: usize = 16 * 1024;
/// Of one message so many bytes are read; what is longer is cut in the middle.
const LONGEST_PART: usize = 8 * 1024;
/// So long it may take.
const WITHIN: Duration = Duration::from_secs(180);

/// Makes summaries.
pub struct Summaries(pub(crate) Weak);

/// What a run of this kind is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Input {
    chat: ChatId,
    /// The answer behind which it is made.
    answer: MessageId,
}

/// Starts the run that makes a summary behind a turn, unless one is being made.
pub fn start(tx: &Tx, app: &App, parent: RunId, chat: ChatId, answer: MessageId) -> Done<()> {
    if !unfinished(tx, chat)?.is_empty() {
        return Ok(());
    }
    let input = serde_json::to_string(&Input { chat, answer }).map_err(|_| Problem::internal())?;
    app.engine().create(
        tx,
        NewRun {
            id: RunId::new(app.clock(), app.chance()),
            kind: KIND,
            subject: chat.to_string(),
            parent: Some(parent),
            key: None,
            input: input.into(),
            label: Label::USER,
        },
    )?;
    Ok(())
}

/// The runs that are making a summary of a chat.
pub fn unfinished(tx: &Tx, chat: ChatId) -> Done<Vec<RunId>> {
    let of_chat = runs::of_subject(tx, &chat.to_string())?.into_iter();
    Ok(of_chat.filter(|run| run.kind == KIND && !run.state.is_ended()).map(|run| run.id).collect())
}

impl Executor for Summaries {
    fn run(&self, run: Run) -> ally_durable::Work {
        let app = self.0.upgrade();
        Box::pin(async move {
            let Some(app) = app else { return Err(Error::NotYours) };
            let input: Input = serde_json::from_str(run.row().input.expose()).map_err(|_| Problem::internal())?;
            make(&app, &run, input).await
        })
    }

    fn ended(&self, _: &Tx, _: &runs::Row, _: Ending) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What a summary is made of.
struct Source {
    request: Request,
    label: Label,
    last: MessageId,
    messages: Vec<MessageId>,
}

async fn make(app: &App, run: &Run, Input { chat, answer }: Input) -> Result<Finished, Error> {
    let inner = app.clone();
    let source = app.store().read(move |tx| source(tx, &inner, chat, answer)).await?;
    let Some(Source { request, label, last, messages }) = source else {
        return run.finish(Ending::Succeeded, |_| Ok(())).await;
    };
    let step = Step::new("summary/model", Effect::Model, label, &json!({ "messages": messages.len() }))?;
    let ticket = match run.begin(vec![step]).await?.pop() {
        Some(Begun::Go(ticket) | Begun::LookUp(ticket)) => ticket,
        _ => return Err(Error::NotYours),
    };
    let mut heard = Heard::default();
    // One that is stopped was begun all the same: what it used counts.
    let end = tokio::select! {
        biased;
        () = run.cancelled() => None,
        end = tokio::time::timeout(WITHIN, hear(app, &request, &mut heard)) => Some(end),
    };
    let is_whole = matches!(end, Some(Ok(Ok(())))) && !heard.text.trim().is_empty();
    let (inner, id) = (app.clone(), run.id());
    let (outcome, ending) = match end {
        None => (Outcome::failed(label, &json!({})), Ending::Cancelled),
        _ if is_whole => (Outcome::done(label, &json!({})), Ending::Succeeded),
        _ => (Outcome::failed(label, &json!({})), Ending::Failed { reason: "no_summary" }),
    };
    let derive = move |tx: &Tx| {
        let now = inner.clock().now();
        if let Some(call) = heard.call() {
            usage::insert(tx, id, chat, None, &call, now)?;
        }
        // Whoever deleted the chat meanwhile wants nothing of it kept.
        if !is_whole || chats::store::live(tx, chat)?.is_none() {
            return Ok(());
        }
        let new = SummaryId::new(inner.clock(), inner.chance());
        let text: Content = shortened(heard.text.trim(), LONGEST).into();
        store::insert(tx, chat, id, &Summary { id: new, last, messages, text, created: now, label })?;
        let gauge = History::until(tx, chat, answer)?.gauge();
        let hub = inner.hub().clone();
        tx.after_commit(move || hub.publish(chat, Some(id), &Event::Context { gauge, summary: Some(new) }));
        Ok(())
    };
    run.settle_and_finish(ticket, outcome, ending, derive).await
}

/// What is to be summarised behind an answer; `None` when there is too little.
fn source(tx: &Tx, app: &App, chat: ChatId, answer: MessageId) -> Done<Option<Source>> {
    if chats::store::live(tx, chat)?.is_none() {
        return Ok(None);
    }
    let history = History::until(tx, chat, answer)?;
    let oldest = history.oldest();
    let Some(last) = oldest.last() else { return Ok(None) };
    let before = history.summary.as_ref();
    let mut messages = before.map(|summary| summary.messages.clone()).unwrap_or_default();
    let mut text = before.map(|summary| quoted(summary).into_inner() + "\n").unwrap_or_default();
    for row in oldest {
        messages.push(row.id);
        let _ = writeln!(text, "[{}] {}", messages.len(), told(row));
    }
    let label = oldest.iter().fold(Label::TRUSTED, |label, row| {
        label.join(prompt::label(std::slice::from_ref(row), &prompt::Standing::default()))
    });
    let label = before.map_or(label, |summary| label.join(summary.label));
    let text = format!("<conversation>\n{}</conversation>", text.replace("</conversation", "<\\/conversation"));
    Ok(Some(Source {
        request: Request {
            system: INSTRUCTIONS.into(),
            messages: vec![Message { role: Speaker::User, blocks: vec![ally_llm::Block::Text { text: text.into() }] }],
            tools: Vec::new(),
            max_tokens: MOST_TOKENS,
            effort: Effort::Quick,
            pseudonym: prompt::pseudonym(app),
            asked_at: app.clock().now(),
            timezone: "UTC".to_owned(),
        },
        label,
        last: last.id,
        messages,
    }))
}

/// A message in plain words.
fn told(row: &Stored) -> String {
    if row.role == Role::User {
        let mut told = format!("Person: {}", shortened(row.text.expose(), LONGEST_PART));
        for file in &row.attachments {
            let _ = write!(told, " (attached: {})", file.name.expose());
        }
        return told;
    }
    let mut told = String::from("Ally: ");
    for block in &row.blocks {
        match &block.piece {
            Piece::Text(text) => told.push_str(&shortened(text.expose(), LONGEST_PART)),
            Piece::Call(call) => {
                let result = row.result_of(&call.call);
                let came_of_it = result.map_or("no result", |result| result.summary.expose());
                let _ = write!(told, " (used {}: {}) ", call.tool, shortened(came_of_it, 500));
            }
            _ => {}
        }
    }
    told.push_str(&shortened(row.text.expose(), LONGEST_PART));
    told
}

/// The beginning and the end of a text that is too long.
fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let (head, tail) = (text.floor_char_boundary(most / 2), text.ceil_char_boundary(text.len() - most / 2));
    format!("{} … {}", &text[..head], &text[tail..])
}

/// What has been heard of a summary.
#[derive(Default)]
struct Heard {
    text: String,
    author: Option<(String, String)>,
    is_own_key: bool,
    usage: Usage,
}

impl Heard {
    fn call(&self) -> Option<Call> {
        let (provider, model) = self.author.clone()?;
        Some(Call { provider, model, is_own_key: self.is_own_key, window: None, usage: self.usage })
    }
}

async fn hear(app: &App, request: &Request, heard: &mut Heard) -> Result<(), Failure> {
    let key = provider::own_key(app).await.map_err(|_| Failure::of(FailureKind::Provider))?;
    heard.is_own_key = key.is_some();
    let mut answering = app.gateway().model(request, key.as_ref()).await?;
    loop {
        match answering.next().await {
            ally_llm::Event::Started { provider, .. } if provider == ally_llm::builtin::NAME => {
                return Err(Failure::of(FailureKind::NoProvider));
            }
            ally_llm::Event::Started { provider, model, .. } => heard.author = Some((provider, model)),
            ally_llm::Event::TextDelta { text } => {
                heard.text.push_str(text.expose());
                if heard.text.len() > LONGEST * 4 {
                    return Err(Failure::of(FailureKind::Garbage));
                }
            }
            ally_llm::Event::Usage { usage } => heard.usage = usage,
            ally_llm::Event::Finished { stop: Stop::EndTurn } => return Ok(()),
            ally_llm::Event::Finished { .. } => return Err(Failure::of(FailureKind::Truncated)),
            ally_llm::Event::Failed { failure } => return Err(failure),
            ally_llm::Event::ThinkingDelta { .. } | ally_llm::Event::Block { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instructions_are_what_the_snapshot_shows() {
        insta::assert_snapshot!(INSTRUCTIONS);
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end_and_no_character_is_cut() {
        assert_eq!(shortened("short", 10), "short");
        assert_eq!(shortened("äääääääääääb", 8), "ää … äb");
    }
}

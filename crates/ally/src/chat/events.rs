//! What a chat tells while somebody watches, over connections that may break.

use super::Fault;
use super::pauses::Pauses;
use super::server::{Asked, Server};
use ally_llm::{Usage, sse};
use ally_types::{ChatId, Content, MessageId, Problem, RunId, WaitId};
use http::{HeaderValue, header};
use serde::Deserialize;
use std::collections::VecDeque;
use std::time::Duration;

/// The server says something every twenty seconds. Longer silence is a connection that broke unnoticed.
const LONGEST_SILENCE: Duration = Duration::from_secs(70);

/// An event, as far as a terminal can show it.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Event {
    #[serde(rename = "message.snapshot")]
    Snapshot { message: Message },
    #[serde(rename = "message.completed")]
    Completed { message: Message },
    #[serde(rename = "text.delta")]
    Text { message: MessageId, text: Content },
    #[serde(rename = "thinking.delta")]
    Thinking { message: MessageId, text: Content },
    #[serde(rename = "tool.called")]
    ToolCalled { message: MessageId, call: String, tool: String },
    #[serde(rename = "tool.finished")]
    ToolFinished { message: MessageId, call: String, ok: bool, summary: Content },
    #[serde(rename = "message.waiting")]
    Waiting { message: MessageId, reason: String, seconds: u32 },
    #[serde(rename = "approval.requested")]
    ApprovalRequested { message: MessageId, approval: Approval },
    #[serde(rename = "error")]
    Error { problem: Problem },
    /// The connection broke. What follows begins where it stopped, or with whole messages.
    #[serde(skip)]
    Lost,
    /// Nothing that is shown here.
    #[serde(other)]
    Other,
}

/// What a person is asked to decide.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Approval {
    pub(super) id: WaitId,
    /// `waiting` while nobody has decided.
    pub(super) status: String,
    pub(super) lines: Vec<ApprovalLine>,
}

/// One thing that is to be done.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ApprovalLine {
    pub(super) line: String,
    pub(super) title: Content,
    pub(super) why: Content,
    pub(super) details: Vec<Detail>,
    pub(super) sources: Vec<Source>,
}

/// A piece of what is to be done.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Detail {
    pub(super) name: String,
    pub(super) text: Content,
}

/// Something from outside that was read before.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Source {
    pub(super) what: String,
}

/// A message.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) id: MessageId,
    pub(super) role: String,
    pub(super) status: Status,
    pub(super) text: Content,
    #[serde(default)]
    pub(super) parts: Vec<Part>,
    #[serde(default)]
    pub(super) approvals: Vec<Approval>,
    #[serde(default)]
    pub(super) run: Option<RunId>,
    #[serde(default)]
    pub(super) usage: Option<Usage>,
    #[serde(default)]
    pub(super) problem: Option<Problem>,
    #[serde(default)]
    pub(super) needs_model: bool,
    pub(super) author: Author,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Queued,
    Streaming,
    Complete,
    Stopped,
    #[serde(other)]
    Broken,
}

impl Status {
    /// Whether nothing more will come.
    pub(super) const fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Streaming)
    }
}

/// Who wrote it.
#[derive(Debug, Deserialize)]
pub(super) struct Author {
    pub(super) kind: String,
}

/// A part of a message.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    Text {
        text: Content,
    },
    Thinking {
        text: Content,
    },
    Tool {
        call: String,
        tool: String,
        status: String,
        #[serde(default)]
        summary: Option<Content>,
    },
    #[serde(other)]
    Other,
}

/// The events of one chat. They go on over broken connections.
pub(super) struct Events {
    path: String,
    last: Option<String>,
    connection: Option<(reqwest::Response, sse::Reader)>,
    waiting: VecDeque<sse::Event>,
    pauses: Pauses,
    is_lost: bool,
}

impl Events {
    /// Begins to watch.
    pub(super) async fn watch(server: &Server, chat: ChatId) -> Result<Self, Fault> {
        let mut events = Self {
            path: format!("/api/v1/chats/{chat}/events"),
            last: None,
            connection: None,
            waiting: VecDeque::new(),
            pauses: Pauses::default(),
            is_lost: false,
        };
        events.connect(server).await?;
        Ok(events)
    }

    async fn connect(&mut self, server: &Server) -> Result<(), Fault> {
        let mut asked = Asked::get(&self.path);
        asked.headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(last) = self.last.as_deref().and_then(|last| HeaderValue::from_str(last).ok()) {
            asked.headers.insert("last-event-id", last);
        }
        self.connection = Some((server.send(&asked).await?, sse::Reader::new(sse::Limits::default())));
        Ok(())
    }

    /// The next event. A fault is one that does not pass by itself. It may be dropped while it waits.
    pub(super) async fn next(&mut self, server: &Server) -> Result<Event, Fault> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.last = event.id;
                self.pauses.start_over();
                return Ok(serde_json::from_str(event.data.expose()).unwrap_or(Event::Other));
            }
            if self.is_lost {
                if !self.pauses.wait().await {
                    return Err(Fault::Broken);
                }
                match self.connect(server).await {
                    Ok(()) => self.is_lost = false,
                    Err(fault) if fault.may_pass() => continue,
                    Err(fault) => return Err(fault),
                }
            }
            if !self.read().await {
                self.connection = None;
                self.is_lost = true;
                return Ok(Event::Lost);
            }
        }
    }

    /// Reads what comes next; `false` when nothing will.
    async fn read(&mut self) -> bool {
        let Some((answer, reader)) = &mut self.connection else { return false };
        let Ok(Ok(Some(bytes))) = tokio::time::timeout(LONGEST_SILENCE, answer.chunk()).await else { return false };
        let mut events = Vec::new();
        let is_readable = reader.feed(&bytes, &mut events).is_ok();
        self.waiting.extend(events);
        is_readable
    }
}

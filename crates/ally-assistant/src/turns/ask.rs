//! Asking a model for one step: the stream to the reader, what is kept of it, and when it is tried again.

use super::{Turn, trouble};
use crate::events::Event as Told;
use crate::gateway::{HeldQuestion, Unasked};
use crate::messages::store::Piece;
use crate::messages::{Author, store};
use crate::provider;
use crate::usage::store::Call;
use ally_llm::{Block, Event, Failure, FailureKind, Request, Stop, Usage};
use ally_types::{Content, chance};
use std::time::Duration;
use tokio::time::Instant;

/// What was said is saved at most this often.
const SAVE_EVERY: Duration = Duration::from_millis(500);
/// Longer silence is a stall. The gateway knows better how patient to be with which provider (a model at home may take
/// five minutes to be read from a disk); this is only for a gateway that forgot us.
const LONGEST_SILENCE: Duration = Duration::from_secs(570);
/// So many more tries, and only while nothing was said.
const RETRIES: u32 = 2;
/// Most text of one step, in bytes. What says more is no answer.
const LONGEST_TEXT: usize = 1024 * 1024;
/// A provider that asks for a longer pause is not waited for.
const LONGEST_PAUSE_SECONDS: u32 = 30;
/// So long all tries together may take to begin. The first one has the patience that its provider is given, which may be
/// more; after that it is not tried again.
const BEGINS_WITHIN: Duration = Duration::from_secs(120);

/// What came of asking.
pub struct Heard {
    /// What was said, in order; of a step that broke off only its text.
    pub pieces: Vec<Piece>,
    /// Who spoke, if anybody did.
    pub author: Option<Author>,
    /// Every call of a model that this took.
    pub calls: Vec<Call>,
    /// How it ended.
    pub end: End,
}

/// How asking ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The step is whole.
    Whole(Stop),
    /// It broke off, or never began.
    Broken(Failure),
    /// The person stopped it.
    Cancelled,
    /// The turn may not take longer.
    TooSlow,
    /// The gateway went away.
    Gone,
}

/// What has been heard so far of one call.
#[derive(Default)]
struct Listening {
    pieces: Vec<Piece>,
    /// Text of this step that the reader has seen.
    text: String,
    thinking: String,
    author: Option<Author>,
    /// Whether it was asked with the person's own key.
    is_own_key: bool,
    window: Option<u64>,
    usage: Option<Usage>,
    is_dirty: bool,
    /// Bytes that came as pieces of text, and as whole blocks, which say the same again.
    told: usize,
    kept: usize,
}

/// Asks for one step, again if it fails before anything was said. At the deadline it ends with what was said so far.
/// `held` is the same question where it is on its way already.
pub async fn ask(turn: &Turn, request: &Request, mut held: Option<HeldQuestion>, deadline: Instant) -> Heard {
    let mut calls = Vec::new();
    let begins_by = Instant::now() + BEGINS_WITHIN;
    for tries in 0.. {
        let mut heard = Listening::default();
        let end = tokio::select! {
            biased;
            () = turn.run.cancelled() => End::Cancelled,
            end = listen(turn, request, held.take(), deadline, (tries > 0).then_some(begins_by), &mut heard) => end,
        };
        calls.extend(heard.call());
        let pause = match end {
            End::Broken(failure) if heard.is_silent() && tries < RETRIES => {
                let pause = pause(turn, failure, tries).filter(|pause| Instant::now() + *pause < begins_by);
                pause.map(|pause| (failure, pause))
            }
            _ => None,
        };
        let Some((failure, pause)) = pause else { return heard.into_heard(calls, end) };
        tell_waiting(turn, failure, pause, heard.author.as_ref()).await;
        tokio::select! {
            () = turn.run.cancelled() => return heard.into_heard(calls, End::Cancelled),
            () = tokio::time::sleep_until(deadline) => return heard.into_heard(calls, End::TooSlow),
            () = tokio::time::sleep(pause) => {}
        }
    }
    unreachable!("the loop ends by itself after the last retry")
}

/// How long to wait before the next try; `None` when trying again makes no sense.
fn pause(turn: &Turn, failure: Failure, tries: u32) -> Option<Duration> {
    if !failure.may_pass() {
        return None;
    }
    match failure.retry_after {
        Some(seconds) if seconds > LONGEST_PAUSE_SECONDS => None,
        Some(seconds) => Some(Duration::from_secs(seconds.into())),
        None => {
            // Full jitter, so that many assistants do not come back in step.
            let most = 500u64 << tries;
            let drawn = u64::from(u16::from_be_bytes(chance::bytes(turn.app.chance())));
            Some(Duration::from_millis(most * drawn / u64::from(u16::MAX)))
        }
    }
}

/// Those who watch hear why nothing comes yet.
async fn tell_waiting(turn: &Turn, failure: Failure, pause: Duration, author: Option<&Author>) {
    let provider = match author {
        Some(Author::Model { provider, .. }) => Some(provider.clone()),
        _ => provider::current(&turn.app).await.ok().and_then(|current| current.provider),
    };
    let title = trouble::sentence(failure, provider.as_deref()).title;
    // A silence that lasted until the patience was over is told as one.
    let title = if failure.kind == FailureKind::Stalled { trouble::silent(provider.as_deref()).title } else { title };
    let seconds = u32::try_from(pause.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
    let told = Told::MessageWaiting { message: turn.answer, reason: title.into_owned(), seconds };
    turn.app.hub().publish(turn.chat, Some(turn.run.id()), &told);
}

/// Hears one call to its end. With `begins_by`, its first word must have come by then.
async fn listen(
    turn: &Turn,
    request: &Request,
    held: Option<HeldQuestion>,
    deadline: Instant,
    begins_by: Option<Instant>,
    heard: &mut Listening,
) -> End {
    let own = match &held {
        Some(_) => None,
        None => match provider::own_key(&turn.app).await {
            Ok(key) => key,
            Err(_) => return End::Broken(Failure::of(FailureKind::Provider)),
        },
    };
    heard.is_own_key = held.as_ref().map_or(own.is_some(), |held| held.is_own_key);
    let asked = async {
        match held {
            Some(held) => held.ask().await,
            None => turn.app.gateway().model(request, own.as_ref()).await,
        }
    };
    let begins_by = begins_by.unwrap_or(deadline).min(deadline);
    let late = if begins_by < deadline { End::Broken(Failure::of(FailureKind::Stalled)) } else { End::TooSlow };
    let mut answering = match tokio::time::timeout_at(begins_by, asked).await {
        Ok(Ok(answering)) => answering,
        Ok(Err(Unasked::Gone)) => return End::Gone,
        Ok(Err(Unasked::Refused(failure))) => return End::Broken(failure),
        Err(_) => return late,
    };
    let mut save_at = Instant::now() + SAVE_EVERY;
    loop {
        let event = tokio::select! {
            event = answering.next() => event,
            () = tokio::time::sleep_until(save_at), if heard.is_dirty => {
                heard.save(turn).await;
                save_at = Instant::now() + SAVE_EVERY;
                continue;
            }
            () = tokio::time::sleep_until(begins_by), if heard.is_silent() => return late,
            () = tokio::time::sleep_until(deadline) => return End::TooSlow,
            () = tokio::time::sleep(LONGEST_SILENCE) => return End::Broken(Failure::of(FailureKind::Stalled)),
        };
        if !heard.has_room_for(&event) {
            return End::Broken(Failure::of(FailureKind::Garbage));
        }
        match event {
            Event::Started { provider, model, window } => {
                heard.window = window;
                heard.began(turn, provider, model);
            }
            Event::TextDelta { text } => heard.say(turn, &text),
            Event::ThinkingDelta { text } => heard.think(turn, &text),
            Event::Block { block } => heard.block(block),
            Event::Usage { usage } => heard.usage = Some(usage),
            Event::Finished { stop } => return End::Whole(stop),
            Event::Failed { .. } if answering.is_gone() => return End::Gone,
            Event::Failed { failure } => return End::Broken(failure),
        }
        if heard.is_dirty && Instant::now() >= save_at {
            heard.save(turn).await;
            save_at = Instant::now() + SAVE_EVERY;
        }
    }
}

impl Listening {
    /// Whether the reader has seen nothing of it yet. Only then it may be asked again.
    const fn is_silent(&self) -> bool {
        self.text.is_empty() && self.thinking.is_empty()
    }

    /// Counts what comes in. A model that never stops would otherwise fill the memory.
    fn has_room_for(&mut self, event: &Event) -> bool {
        match event {
            Event::TextDelta { text } | Event::ThinkingDelta { text } => self.told += text.len(),
            Event::Block { block: Block::Text { text } | Block::Opaque { raw: text, .. } } => self.kept += text.len(),
            Event::Block { block: Block::ToolCall { input, .. } } => self.kept += input.to_string().len(),
            _ => {}
        }
        self.told.max(self.kept) <= LONGEST_TEXT
    }

    fn began(&mut self, turn: &Turn, provider: String, model: String) {
        let author = if provider == "builtin" { Author::Builtin } else { Author::Model { provider, model } };
        turn.app.hub().set_author(turn.chat, turn.answer, author.clone());
        self.author = Some(author);
    }

    fn say(&mut self, turn: &Turn, text: &Content) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(text.expose());
        self.is_dirty = true;
        let told = Told::TextDelta { message: turn.answer, text: text.clone() };
        turn.app.hub().change(turn.chat, turn.run.id(), turn.answer, &told, |live| live.push_text(text.expose()));
    }

    fn think(&mut self, turn: &Turn, text: &Content) {
        if text.is_empty() {
            return;
        }
        self.thinking.push_str(text.expose());
        let told = Told::ThinkingDelta { message: turn.answer, text: text.clone() };
        turn.app.hub().change(turn.chat, turn.run.id(), turn.answer, &told, |live| live.push_thinking(text.expose()));
    }

    fn block(&mut self, block: Block) {
        if !self.thinking.is_empty() {
            self.pieces.push(Piece::Thinking(std::mem::take(&mut self.thinking).into()));
        }
        match block {
            Block::Text { text } if text.is_empty() => {}
            Block::Text { text } => self.pieces.push(Piece::Text(text)),
            Block::ToolCall { call, tool, input } => {
                self.pieces.push(Piece::Call(store::ToolCall { call, tool, input }));
            }
            Block::Opaque { provider, raw } => self.pieces.push(Piece::Opaque { provider, raw }),
            // A model does not answer its own calls, and attaches nothing.
            Block::ToolResult { .. } | Block::File { .. } => {}
        }
    }

    /// Keeps what was said so far. If that fails, the answer goes on: it is kept whole at the end of the step.
    async fn save(&mut self, turn: &Turn) {
        self.is_dirty = false;
        let (id, text, author) = (turn.answer, self.text.clone(), self.author.clone());
        let saved = turn.app.store().write(move |tx| {
            if let Some(author) = &author {
                store::set_author(tx, id, author)?;
            }
            store::set_text(tx, id, &text)
        });
        if saved.await.is_err() {
            ally_types::log::warn("an unfinished answer could not be saved", &[("run", &turn.run.id())]);
        }
    }

    fn call(&self) -> Option<Call> {
        let (provider, model) = match self.author.clone()? {
            Author::Model { provider, model } => (provider, model),
            // Nobody else uses tokens.
            Author::Builtin | Author::Ally | Author::Person | Author::Imported { .. } => return None,
        };
        let Self { is_own_key, window, .. } = *self;
        Some(Call { provider, model, is_own_key, window, usage: self.usage.unwrap_or_default() })
    }

    fn into_heard(mut self, calls: Vec<Call>, end: End) -> Heard {
        if !matches!(end, End::Whole(_)) {
            // A step that is not whole has no calls that could be trusted; its words are kept.
            self.pieces = if self.text.is_empty() { Vec::new() } else { vec![Piece::Text(self.text.into())] };
        }
        Heard { pieces: self.pieces, author: self.author, calls, end }
    }
}

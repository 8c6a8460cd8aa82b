//! The hub: the last events of each chat, and the answers in progress, in memory.
//!
//! Numbers grow over all chats of one epoch (one life of the process). Who comes back with the id of an event that is
//! still here goes on from there; everybody else gets whole messages first. Answers in progress are kept as whole
//! messages under the same lock as the numbers, so a snapshot and the deltas after it always fit together.

use super::Event;
use crate::messages::{Author, Message};
use ally_types::{ChatId, MessageId, RunId};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How many events of a chat are kept, and how many bytes.
const RING_EVENTS: usize = 1024;
const RING_BYTES: usize = 512 * 1024;

/// Where events are published and picked up.
pub struct Hub {
    epoch: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    last: u64,
    is_parked: bool,
    chats: HashMap<ChatId, Channel>,
}

struct Channel {
    ring: VecDeque<(u64, Bytes)>,
    bytes: usize,
    /// The number of the newest event that was dropped from the ring.
    dropped: u64,
    live: HashMap<MessageId, Live>,
    bell: watch::Sender<()>,
}

struct Live {
    message: Message,
    attempt: u32,
}

/// What comes next for a reader.
pub enum Next {
    /// Events, already written, and the number of the last one.
    Events(Vec<Bytes>, u64),
    /// Nothing yet.
    Nothing,
    /// Events were dropped since; whole messages must be sent first.
    Passed,
    /// The assistant goes to sleep.
    Parked,
}

impl Hub {
    /// An empty hub for one epoch.
    pub fn new(epoch: u64) -> Self {
        Self { epoch, inner: Mutex::new(Inner { last: 0, is_parked: false, chats: HashMap::new() }) }
    }

    /// Publishes an event of a run, or of the chat itself.
    pub fn publish(&self, chat: ChatId, run: Option<RunId>, event: &Event) {
        self.lock().push(self.epoch, chat, run, event);
    }

    /// Starts to keep an answer as it is written, and publishes it whole.
    pub fn snapshot(&self, run: RunId, message: Message, attempt: u32) {
        let mut inner = self.lock();
        let chat = message.chat;
        inner.channel(chat).live.insert(message.id, Live { message: message.clone(), attempt });
        inner.push(self.epoch, chat, Some(run), &Event::MessageSnapshot { message, attempt });
    }

    /// Starts to keep an answer without saying so: the event that announces it is published by the caller.
    pub fn watch(&self, message: Message, attempt: u32) {
        self.lock().channel(message.chat).live.insert(message.id, Live { message, attempt });
    }

    /// Changes an answer in progress and publishes what was changed, if there is anything to say.
    pub fn change(&self, chat: ChatId, run: RunId, id: MessageId, event: &Event, change: impl FnOnce(&mut Message)) {
        let mut inner = self.lock();
        if let Some(live) = inner.channel(chat).live.get_mut(&id) {
            change(&mut live.message);
        }
        inner.push(self.epoch, chat, Some(run), event);
    }

    /// Notes who writes an answer; the readers see it with the next whole message.
    pub fn set_author(&self, chat: ChatId, id: MessageId, author: Author) {
        if let Some(live) = self.lock().channel(chat).live.get_mut(&id) {
            live.message.author = author;
        }
    }

    /// The answer is over: it is published whole and no longer kept here.
    pub fn completed(&self, run: RunId, message: Message) {
        let mut inner = self.lock();
        let chat = message.chat;
        inner.channel(chat).live.remove(&message.id);
        inner.push(self.epoch, chat, Some(run), &Event::MessageCompleted { message });
    }

    /// The answer in progress as it is at this moment.
    pub fn live(&self, chat: ChatId, id: MessageId) -> Option<Message> {
        self.lock().chats.get(&chat)?.live.get(&id).map(|live| live.message.clone())
    }

    /// Which life of the process this is.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Attaches a reader: the present number, the answers in progress, and a bell that rings for each new event.
    pub fn attach(&self, chat: ChatId) -> (u64, Vec<(Message, u32)>, watch::Receiver<()>) {
        let mut inner = self.lock();
        let last = inner.last;
        let channel = inner.channel(chat);
        let mut live: Vec<_> = channel.live.values().map(|live| (live.message.clone(), live.attempt)).collect();
        live.sort_by_key(|(message, _)| message.id);
        (last, live, channel.bell.subscribe())
    }

    /// Whether somebody has the stream of a chat open.
    pub fn is_watched(&self, chat: ChatId) -> bool {
        self.lock().chats.get(&chat).is_some_and(|channel| channel.bell.receiver_count() > 0)
    }

    /// Forgets a chat that is gone for good; its streams end.
    pub fn forget(&self, chat: ChatId) {
        self.lock().chats.remove(&chat);
    }

    /// Whether a reader whose last event was `number` of `epoch` can go on without whole messages.
    pub fn can_continue(&self, chat: ChatId, epoch: u64, number: u64) -> bool {
        let inner = self.lock();
        epoch == self.epoch
            && number <= inner.last
            && inner.chats.get(&chat).is_none_or(|channel| number >= channel.dropped)
    }

    /// What comes after event `number` of this epoch.
    pub fn after(&self, chat: ChatId, number: u64) -> Next {
        let inner = self.lock();
        let channel = inner.chats.get(&chat);
        let newer = channel.map(|channel| channel.ring.iter().skip_while(|(at, _)| *at <= number));
        let events: Vec<_> = newer.into_iter().flatten().cloned().collect();
        match (channel, events.last()) {
            (Some(channel), _) if channel.dropped > number => Next::Passed,
            (_, Some((last, _))) => Next::Events(events.iter().map(|(_, bytes)| bytes.clone()).collect(), *last),
            _ if inner.is_parked => Next::Parked,
            _ => Next::Nothing,
        }
    }

    /// Ends all streams: each reader gets what is left, then the comment that the assistant sleeps.
    pub fn park(&self) {
        let mut inner = self.lock();
        inner.is_parked = true;
        for channel in inner.chats.values() {
            channel.bell.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id of an event: `<run>.<epoch>.<n>`, or `chat.<epoch>.<n>` when it belongs to no run.
pub fn event_id(run: Option<RunId>, epoch: u64, number: u64) -> String {
    run.map_or_else(|| format!("chat.{epoch}.{number}"), |run| format!("{run}.{epoch}.{number}"))
}

/// Reads epoch and number back.
pub fn read_event_id(id: &str) -> Option<(u64, u64)> {
    let mut parts = id.splitn(3, '.').skip(1);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl Inner {
    fn channel(&mut self, chat: ChatId) -> &mut Channel {
        self.chats.entry(chat).or_insert_with(|| Channel {
            ring: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            live: HashMap::new(),
            bell: watch::Sender::new(()),
        })
    }

    fn push(&mut self, epoch: u64, chat: ChatId, run: Option<RunId>, event: &Event) {
        self.last += 1;
        let number = self.last;
        let data = serde_json::to_string(event).unwrap_or_default();
        let bytes = ally_http::stream::event(Some(&event_id(run, epoch, number)), &data);
        let channel = self.channel(chat);
        channel.bytes += bytes.len();
        channel.ring.push_back((number, bytes));
        while channel.ring.len() > RING_EVENTS || (channel.bytes > RING_BYTES && channel.ring.len() > 1) {
            if let Some((dropped, bytes)) = channel.ring.pop_front() {
                channel.dropped = dropped;
                channel.bytes -= bytes.len();
            }
        }
        channel.bell.send_replace(());
    }
}

//! The shapes in which other assistants write conversations down, and what Ally makes of them.

use super::tree::{self, Said, Thing};
use super::{Left, Service};
use crate::messages::Role;
use ally_types::Content;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashMap;

/// A conversation in Ally's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Who wrote it down.
    pub service: Service,
    /// Its name there; the same conversation is taken over once.
    pub source: String,
    /// Its title there.
    pub title: Content,
    /// When it was begun, in milliseconds; 0 if nobody knows.
    pub created: i64,
    /// When something was last said in it.
    pub updated: i64,
    /// Whether it was put away there.
    pub is_archived: bool,
    /// What was said, each behind what it answers.
    pub said: Vec<Said>,
    /// What does not come along.
    pub left: Left,
}

/// Either shape; what is not named here is not read.
#[derive(Deserialize)]
struct Raw {
    id: Option<String>,
    conversation_id: Option<String>,
    title: Option<String>,
    create_time: Option<f64>,
    update_time: Option<f64>,
    mapping: Option<HashMap<String, Node>>,
    current_node: Option<String>,
    is_archived: Option<bool>,
    uuid: Option<String>,
    name: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    current_leaf_message_uuid: Option<String>,
    chat_messages: Option<Vec<Message>>,
}

#[derive(Deserialize)]
struct Node {
    message: Option<Turn>,
    parent: Option<String>,
}

#[derive(Deserialize)]
struct Turn {
    author: Option<Author>,
    create_time: Option<f64>,
    content: Option<Body>,
    recipient: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Author {
    role: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    content_type: Option<String>,
    parts: Option<Vec<Piece>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Piece {
    Words(String),
    Thing { content_type: Option<String>, text: Option<String> },
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Metadata {
    attachments: Option<Vec<IgnoredAny>>,
    is_visually_hidden_from_conversation: Option<bool>,
    model_slug: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    uuid: Option<String>,
    parent_message_uuid: Option<String>,
    sender: Option<String>,
    text: Option<String>,
    created_at: Option<String>,
    content: Option<Vec<Block>>,
    attachments: Option<Vec<IgnoredAny>>,
    files: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
}

/// Reads one element of the list; `None` if it is in neither shape.
pub fn read(json: &[u8]) -> Option<Conversation> {
    let raw: Raw = serde_json::from_slice(json).ok()?;
    if raw.mapping.is_some() { chatgpt(raw) } else { claude(raw) }
}

fn chatgpt(raw: Raw) -> Option<Conversation> {
    let source = raw.conversation_id.or(raw.id)?;
    let mut left = Left::default();
    // A map has no order of its own, and the same file shall always come out the same.
    let mut nodes: Vec<_> = raw.mapping?.into_iter().collect();
    nodes.sort_by(|one, other| one.0.cmp(&other.0));
    let things = nodes.into_iter().map(|(name, node)| {
        let at = seconds(node.message.as_ref().and_then(|turn| turn.create_time));
        let said = node.message.and_then(|turn| words_of(turn, &mut left));
        Thing { name, parent: node.parent, at, said }
    });
    let said = tree::grown(things.collect(), raw.current_node.as_deref());
    let (created, updated) = (seconds(raw.create_time), seconds(raw.update_time));
    let chat = conversation(Service::Chatgpt, source, raw.title, (created, updated), said, left);
    Some(Conversation { is_archived: raw.is_archived == Some(true), ..chat })
}

/// What a turn of ChatGPT says to the person, or she to it.
fn words_of(turn: Turn, left: &mut Left) -> Option<(Role, String, Option<String>)> {
    let metadata = turn.metadata;
    let is_hidden = metadata.as_ref().and_then(|data| data.is_visually_hidden_from_conversation) == Some(true);
    let named = metadata.as_ref().and_then(|data| data.attachments.as_ref()).map_or(0, Vec::len);
    let role = turn.author.and_then(|author| author.role);
    let body = turn.content?;
    let (mut words, mut files, mut voice) = (Vec::new(), 0, 0);
    for piece in body.parts.unwrap_or_default() {
        match piece {
            Piece::Words(text) => words.push(text),
            Piece::Thing { content_type, text } => match content_type.as_deref() {
                Some("audio_transcription") => words.extend(text),
                Some(kind) if kind.contains("audio") => voice += 1,
                _ => files += 1,
            },
            Piece::Other(_) => {}
        }
    }
    let kind = body.content_type.unwrap_or_default();
    left.files += count(files.max(named));
    left.voice += voice;
    let is_plain = matches!(kind.as_str(), "text" | "multimodal_text");
    let is_for_all = turn.recipient.is_none_or(|recipient| recipient == "all");
    match role.as_deref() {
        _ if is_hidden => None,
        Some("user") if is_plain => Some((Role::User, joined(&words), None)),
        Some("assistant") if is_plain && is_for_all => {
            Some((Role::Assistant, joined(&words), metadata.and_then(|data| data.model_slug)))
        }
        Some("assistant" | "tool") => {
            left.steps += 1;
            None
        }
        _ => None,
    }
}

fn claude(raw: Raw) -> Option<Conversation> {
    let (messages, source) = (raw.chat_messages?, raw.uuid?);
    let mut left = Left::default();
    // Old exports are a plain list; newer ones say what each message answers.
    let is_tree = messages.iter().any(|message| message.parent_message_uuid.is_some());
    let mut before = None;
    let mut things = Vec::with_capacity(messages.len());
    for (number, message) in messages.into_iter().enumerate() {
        let name = message.uuid.unwrap_or_else(|| number.to_string());
        let parent = if is_tree { message.parent_message_uuid } else { before.replace(name.clone()) };
        let files = message.attachments.map_or(0, |files| files.len()) + message.files.map_or(0, |files| files.len());
        left.files += count(files);
        let mut words = Vec::new();
        for block in message.content.unwrap_or_default() {
            match block.kind.as_deref() {
                Some("text") => words.extend(block.text),
                Some(kind) if kind.contains("image") => left.files += 1,
                _ => left.steps += 1,
            }
        }
        let text = if words.is_empty() { message.text.unwrap_or_default() } else { joined(&words) };
        let role = if message.sender.as_deref() == Some("human") { Role::User } else { Role::Assistant };
        let at = moment(message.created_at.as_deref());
        things.push(Thing { name, parent, at, said: Some((role, text, None)) });
    }
    let said = tree::grown(things, raw.current_leaf_message_uuid.as_deref());
    let (created, updated) = (moment(raw.created_at.as_deref()), moment(raw.updated_at.as_deref()));
    Some(conversation(Service::Claude, source, raw.name, (created, updated), said, left))
}

fn conversation(
    service: Service,
    source: String,
    title: Option<String>,
    (created, updated): (i64, i64),
    said: Vec<Said>,
    left: Left,
) -> Conversation {
    let times = || said.iter().map(|said| said.at).filter(|at| *at > 0);
    let created = if created > 0 { created } else { times().min().unwrap_or(0) };
    let updated = updated.max(created).max(times().max().unwrap_or(0));
    let title = title.unwrap_or_default().into();
    Conversation { service, source, title, created, updated, is_archived: false, said, left }
}

fn joined(words: &[String]) -> String {
    without_marks(words.join("\n\n").trim())
}

/// ChatGPT marks its sources between two private letters, which nobody else can show.
fn without_marks(text: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, behind)) = rest.split_once('\u{E200}') {
        kept.push_str(before);
        // Without its end it is no mark.
        rest = behind.split_once('\u{E201}').map_or(behind, |(_, behind)| behind);
    }
    kept.push_str(rest);
    kept.retain(|letter| letter != '\0');
    kept
}

#[expect(clippy::cast_possible_truncation, reason = "a time that does not fit is bounded")]
fn seconds(time: Option<f64>) -> i64 {
    (time.filter(|time| time.is_finite()).unwrap_or(0.0) * 1000.0).clamp(0.0, 4e12) as i64
}

fn moment(time: Option<&str>) -> i64 {
    let time = time.and_then(|time| time.parse::<jiff::Timestamp>().ok());
    time.map_or(0, |time| time.as_millisecond().clamp(0, 4_000_000_000_000))
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn turn(role: &str, kind: &str, parts: serde_json::Value, more: serde_json::Value) -> Turn {
        let mut turn = json!({ "author": { "role": role }, "content": { "content_type": kind, "parts": parts } });
        turn.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        serde_json::from_value(turn).expect("a turn")
    }

    #[test]
    fn what_a_person_sees_there_comes_along_and_the_rest_is_counted() {
        let none = || json!({});
        let image = || json!({ "content_type": "image_asset_pointer", "asset_pointer": "file-service://x" });
        let voice = json!({ "content_type": "audio_asset_pointer" });
        let heard = json!({ "content_type": "audio_transcription", "text": "Hello", "decoding_id": null });
        for (turn, words, counted) in [
            (turn("user", "text", json!(["Hi ", ""]), none()), Some("Hi"), (0, 0, 0)),
            (turn("assistant", "text", json!(["Hi"]), json!({ "recipient": "all" })), Some("Hi"), (0, 0, 0)),
            (turn("assistant", "text", json!(["x"]), json!({ "recipient": "python" })), None, (0, 0, 1)),
            (turn("assistant", "code", json!(null), none()), None, (0, 0, 1)),
            (turn("assistant", "thoughts", json!(null), none()), None, (0, 0, 1)),
            (turn("tool", "multimodal_text", json!([image()]), none()), None, (1, 0, 1)),
            (turn("system", "text", json!(["Be nice."]), none()), None, (0, 0, 0)),
            (turn("user", "user_editable_context", json!(null), none()), None, (0, 0, 0)),
            (
                turn(
                    "user",
                    "multimodal_text",
                    json!([image(), "Look"]),
                    json!({ "metadata": { "attachments": [{}] } }),
                ),
                Some("Look"),
                (1, 0, 0),
            ),
            (
                turn("user", "multimodal_text", json!([voice, heard]), json!({ "metadata": { "attachments": null } })),
                Some("Hello"),
                (0, 1, 0),
            ),
            (
                turn(
                    "user",
                    "text",
                    json!(["x"]),
                    json!({ "metadata": { "is_visually_hidden_from_conversation": true } }),
                ),
                None,
                (0, 0, 0),
            ),
        ] {
            let mut left = Left::default();
            let said = words_of(turn, &mut left).map(|said| said.1);
            assert_eq!((said.as_deref(), (left.files, left.voice, left.steps)), (words, counted));
        }
    }

    #[test]
    fn marks_of_sources_go_and_other_letters_stay() {
        assert_eq!(without_marks("a\u{E200}cite\u{E202}turn0\u{E201}b\u{E200}c"), "abc");
    }

    #[test]
    fn times_that_cannot_be_are_bounded() {
        assert_eq!(
            (seconds(Some(1.5)), seconds(Some(f64::INFINITY)), seconds(Some(-1.0)), seconds(None)),
            (1500, 0, 0, 0)
        );
        assert_eq!((moment(Some("2024-03-01T10:00:00Z")), moment(Some("yesterday"))), (1_709_287_200_000, 0));
    }
}

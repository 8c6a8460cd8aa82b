//! The conversation as a model sees it: a pure function of the rows.
//!
//! Whatever prefix of the journal exists, the result is one that every provider accepts: it begins and ends with the
//! user, the speakers alternate, no text is empty, and every tool call has exactly one result, right behind it.

use crate::attachments::Attachment;
use crate::attachments::limits::Room;
use crate::messages::store::{Piece, Stored};
use crate::messages::{Author, Role};
use ally_llm::{Block, File, Message, Role as Speaker};
use ally_types::AttachmentId;
use bytes::Bytes;

/// What stands for the result of a call that has none: the model must not believe that it was done.
pub const NO_RESULT: &str = "No result: this was interrupted, and nobody can tell whether it was done.";

/// What stands for the result of a call that waits until the person agrees.
pub const WAITING: &str = "Not run yet: the person was asked to allow this and has not answered.";

/// Builds the conversation from the messages of a chat in their order. The last one may be the answer that is being
/// written; what its unfinished step has said so far is left out, because that step is asked for again.
pub fn build(rows: &[Stored]) -> Vec<Message> {
    let mut built = Builder::default();
    let shown = shown(rows);
    for row in rows {
        match row.role {
            Role::User => built.push(Speaker::User, question(row, &shown)),
            Role::Assistant => built.answer(row),
        }
    }
    built.finish()
}

#[derive(Default)]
struct Builder {
    messages: Vec<Message>,
}

impl Builder {
    /// Adds blocks to the message of the same speaker, or begins a new one.
    fn push(&mut self, role: Speaker, blocks: Vec<Block>) {
        if blocks.is_empty() || (self.messages.is_empty() && role == Speaker::Assistant) {
            return;
        }
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.blocks.extend(blocks),
            _ => self.messages.push(Message { role, blocks }),
        }
    }

    fn answer(&mut self, row: &Stored) {
        let mut rest = row.blocks.as_slice();
        while let Some(first) = rest.first() {
            let end = rest.iter().position(|block| block.step != first.step).unwrap_or(rest.len());
            let (step, behind) = rest.split_at(end);
            rest = behind;
            self.step(row, step.iter().map(|block| &block.piece));
        }
        let is_spoken = row.author != Author::Ally && row.status.is_over();
        if is_spoken {
            self.push(Speaker::Assistant, text(row.text.expose()));
        }
    }

    fn step<'a>(&mut self, row: &Stored, pieces: impl Iterator<Item = &'a Piece> + Clone) {
        let says = |piece: &Piece| match piece {
            Piece::Text(text) => !text.expose().trim().is_empty(),
            Piece::Call(_) => true,
            Piece::Thinking(_) | Piece::Opaque { .. } => false,
        };
        // What only its provider understands cannot stand alone, and the model does not speak first: the beginning of a
        // long chat may be cut off.
        if self.messages.is_empty() || !pieces.clone().any(says) {
            return;
        }
        let (mut said, mut results) = (Vec::new(), Vec::new());
        for piece in pieces {
            match piece {
                Piece::Text(words) => said.extend(text(words.expose())),
                Piece::Thinking(_) => {}
                Piece::Opaque { provider, raw } => {
                    said.push(Block::Opaque { provider: provider.clone(), raw: raw.clone() });
                }
                Piece::Call(call) => {
                    said.push(Block::ToolCall {
                        call: call.call.clone(),
                        tool: call.tool.clone(),
                        input: call.input.clone(),
                    });
                    let (ok, text) = match row.result_of(&call.call) {
                        Some(result) if !result.text.expose().trim().is_empty() => (result.ok, result.text.clone()),
                        Some(result) => (result.ok, "(nothing)".into()),
                        None if row.waits_for_approval(&call.call) => (false, WAITING.into()),
                        None => (false, NO_RESULT.into()),
                    };
                    results.push(Block::ToolResult { call: call.call.clone(), ok, text });
                }
            }
        }
        self.push(Speaker::Assistant, said);
        self.push(Speaker::User, results);
    }

    /// The last word is the user's.
    fn finish(mut self) -> Vec<Message> {
        if self.messages.last().is_some_and(|last| last.role == Speaker::Assistant) {
            self.messages.pop();
        }
        self.messages
    }
}

/// The files that are shown: the newest ones, as many as fit into one question.
fn shown(rows: &[Stored]) -> Vec<AttachmentId> {
    let mut room = Room::WHOLE;
    let mut shown = Vec::new();
    for row in rows.iter().rev() {
        let Some(left) = row.attachments.iter().try_fold(room, Room::beside) else { break };
        room = left;
        shown.extend(row.attachments.iter().map(|file| file.id));
    }
    shown
}

/// Files stand before the words that came with them. Of those that no longer fit only the name is told.
fn question(row: &Stored, shown: &[AttachmentId]) -> Vec<Block> {
    let has_words = !row.text.expose().trim().is_empty();
    let files = row.attachments.iter().map(|file| {
        if shown.contains(&file.id) {
            let Attachment { id, name, size, .. } = file;
            let (id, name, kind, bytes) = (id.to_string(), name.clone(), file.kind(), Bytes::new());
            return Block::File { file: File { id, name, kind, size: *size, has_words, bytes } };
        }
        let name = file.name.expose().replace(['"', '\n'], " ");
        Block::Text { text: format!("[\"{name}\" was attached here. It is too long ago to be shown again.]").into() }
    });
    files.chain(text(row.text.expose())).collect()
}

fn text(words: &str) -> Vec<Block> {
    if words.trim().is_empty() { Vec::new() } else { vec![Block::Text { text: words.into() }] }
}

#[cfg(test)]
pub mod laws;
#[cfg(test)]
pub mod valid;

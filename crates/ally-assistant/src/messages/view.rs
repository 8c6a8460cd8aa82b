//! What everybody sees of a message, made from its rows.

use super::store::{Piece, Stored, ToolCall, ToolResult};
use super::{CallStatus, Message, Part};
use ally_types::Content;

impl Stored {
    /// What everybody sees of it.
    pub fn view(&self) -> Message {
        let mut message = Message {
            id: self.id,
            chat: self.chat,
            run: self.run,
            parent: self.parent,
            version: self.siblings.iter().position(|id| *id == self.id).map_or(1, |at| at + 1),
            versions: self.siblings.len().max(1),
            siblings: self.siblings.clone(),
            role: self.role,
            status: self.status,
            text: Content::default(),
            parts: Vec::new(),
            author: self.author.clone(),
            created: self.created,
            usage: self.usage,
            problem: self.problem.clone(),
            needs_model: self.needs_model,
        };
        for block in &self.blocks {
            match &block.piece {
                Piece::Text(text) => {
                    message.text.push_str(text.expose());
                    message.parts.push(Part::Text { text: text.clone() });
                }
                Piece::Thinking(text) => message.parts.push(Part::Thinking { text: text.clone() }),
                Piece::Call(call) => message.parts.push(self.call_part(call)),
                Piece::Opaque { .. } => {}
            }
        }
        if !self.text.is_empty() {
            message.text.push_str(self.text.expose());
            message.parts.push(Part::Text { text: self.text.clone() });
        }
        message
    }

    /// The result of a call, if it has one yet.
    pub fn result_of(&self, call: &str) -> Option<&ToolResult> {
        self.results.iter().find(|result| result.call == call)
    }

    fn call_part(&self, call: &ToolCall) -> Part {
        let result = self.result_of(&call.call);
        let status = match result {
            Some(result) if result.ok => CallStatus::Ok,
            Some(_) => CallStatus::Failed,
            None if self.status.is_over() => CallStatus::Unknown,
            None => CallStatus::Running,
        };
        Part::Tool {
            call: call.call.clone(),
            tool: call.tool.clone(),
            input: call.input.clone(),
            status,
            summary: result.map(|result| result.summary.clone()),
            file: result.and_then(|result| result.file.clone()),
        }
    }
}

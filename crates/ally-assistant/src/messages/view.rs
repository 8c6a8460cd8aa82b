//! What everybody sees of a message, made from its rows.

use super::store::{Piece, Stored, ToolCall, ToolResult};
use super::{Author, CallStatus, Message, Part, Receipt, Role, claims};
use crate::approvals::ApprovalStatus;
use crate::tools;
use crate::usage::Paid;
use ally_durable::Effect;
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
            attachments: self.attachments.clone(),
            author: self.author.clone(),
            created: self.created,
            approvals: self.approvals.clone(),
            usage: self.usage,
            receipt: None,
            not_verified: None,
            feedback: self.feedback.clone(),
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
        if self.role == Role::Assistant && self.status.is_over() {
            self.account_for(&mut message);
        }
        message
    }

    /// Says what was done, and whether the words claim more.
    fn account_for(&self, message: &mut Message) {
        let calls =
            self.blocks.iter().filter_map(|block| if let Piece::Call(call) = &block.piece { Some(call) } else { None });
        let (done, failed): (Vec<_>, Vec<_>) =
            calls.partition(|call| self.result_of(&call.call).is_some_and(|result| result.ok));
        let changes = done.iter().filter(|call| changes_something(call)).count();
        let calls = self.work.map_or(0, |work| work.calls);
        if calls > 0 || !done.is_empty() || !failed.is_empty() {
            let millis = self.work.and_then(|work| work.millis).filter(|millis| *millis >= 0);
            let paid = self.work.map_or_else(Paid::default, |work| work.paid);
            message.receipt = Some(Receipt {
                calls,
                tools: done.len(),
                failed: failed.len(),
                changes,
                millis,
                own_calls: paid.calls,
                cost_micro_usd: paid.micro_usd(),
            });
        }
        if changes == 0 && matches!(self.author, Author::Model { .. }) {
            message.not_verified = claims::first(message.text.expose()).map(Content::new);
        }
    }

    /// The result of a call, if it has one yet.
    pub fn result_of(&self, call: &str) -> Option<&ToolResult> {
        self.results.iter().find(|result| result.call == call)
    }

    /// Whether a call waits until the person agrees.
    pub fn waits_for_approval(&self, call: &str) -> bool {
        let mut open = self.approvals.iter().filter(|approval| approval.status == ApprovalStatus::Waiting);
        open.any(|approval| approval.lines.iter().any(|line| line.line == call))
    }

    /// What the person put in the place of a call's arguments.
    fn edited(&self, call: &str) -> Option<&serde_json::Value> {
        let mut lines = self.approvals.iter().flat_map(|approval| &approval.lines);
        lines.find(|line| line.line == call && line.edited).map(|line| &line.input)
    }

    fn call_part(&self, call: &ToolCall) -> Part {
        let result = self.result_of(&call.call);
        let status = match result {
            Some(result) if result.ok => CallStatus::Ok,
            Some(_) => CallStatus::Failed,
            None if self.status.is_over() => CallStatus::Unknown,
            None if self.waits_for_approval(&call.call) => CallStatus::Waiting,
            None => CallStatus::Running,
        };
        Part::Tool {
            call: call.call.clone(),
            tool: call.tool.clone(),
            input: self.edited(&call.call).unwrap_or(&call.input).clone(),
            status,
            summary: result.map(|result| result.summary.clone()),
            file: result.and_then(|result| result.file.clone()),
        }
    }
}

/// A tool that is no longer there may have changed something.
fn changes_something(call: &ToolCall) -> bool {
    tools::named(&call.tool).is_none_or(|tool| tool.action(&call.input).effect != Effect::Read)
}

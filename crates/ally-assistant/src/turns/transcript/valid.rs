//! What every provider demands of a conversation, said strictly.

use ally_llm::{Block, Message, Role};

/// The first thing that a provider would refuse.
pub fn fault(messages: &[Message]) -> Option<String> {
    let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return Some("it is empty".into()) };
    if first.role != Role::User || last.role != Role::User {
        return Some("it does not begin and end with the user".into());
    }
    if messages.windows(2).any(|pair| pair[0].role == pair[1].role) {
        return Some("somebody speaks twice in a row".into());
    }
    let mut all_calls: Vec<&str> = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if message.blocks.is_empty() {
            return Some(format!("message {at} is empty"));
        }
        if message.role == Role::Assistant && message.blocks.iter().all(|block| matches!(block, Block::Opaque { .. })) {
            return Some(format!("message {at} says nothing"));
        }
        let mut answered: Vec<&str> = Vec::new();
        let mut has_text = false;
        for block in &message.blocks {
            match (block, message.role) {
                (Block::Text { text }, _) => {
                    has_text = true;
                    if text.expose().trim().is_empty() {
                        return Some(format!("message {at} has an empty text"));
                    }
                }
                // A file stands where text may stand.
                (Block::File { .. }, Role::User) => has_text = true,
                (Block::ToolCall { call, tool, input }, Role::Assistant) => {
                    let plain = |text: &str| {
                        !text.is_empty()
                            && text.len() <= 64
                            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
                    };
                    if !plain(call) || !plain(tool) || !input.is_object() || all_calls.contains(&call.as_str()) {
                        return Some(format!("message {at} has a malformed or repeated call"));
                    }
                    all_calls.push(call);
                }
                (Block::ToolResult { call, text, .. }, Role::User) => {
                    if has_text {
                        return Some(format!("message {at} has a result behind a text"));
                    }
                    if text.expose().trim().is_empty()
                        || !open.contains(&call.as_str())
                        || answered.contains(&call.as_str())
                    {
                        return Some(format!("message {at} has an empty, orphaned or repeated result"));
                    }
                    answered.push(call);
                }
                (Block::Opaque { .. }, Role::Assistant) => {}
                _ => return Some(format!("message {at} has a block of the other side")),
            }
        }
        if message.role == Role::User && answered.len() != open.len() {
            return Some(format!("message {at} leaves a call without a result"));
        }
        open = message
            .blocks
            .iter()
            .filter_map(|block| if let Block::ToolCall { call, .. } = block { Some(call.as_str()) } else { None })
            .collect();
    }
    None
}

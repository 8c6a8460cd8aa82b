//! The calls of tools as they are kept: with names that every provider takes back.

use crate::fault::Done;
use crate::messages::store::{self, ToolCall};
use ally_store::Tx;
use ally_types::ChatId;
use serde_json::json;

/// A call whose id and name every provider accepts when it is replayed, and whose id is the only one of its kind.
pub(super) fn proper(tx: &Tx, chat: ChatId, mut call: ToolCall) -> Done<ToolCall> {
    let is_plain = |text: &str| {
        !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let base = if is_plain(&call.call) { call.call.clone() } else { "call".to_owned() };
    call.call.clone_from(&base);
    let mut number = 1;
    while !is_plain(&call.call) || store::knows_call(tx, chat, &call.call)? {
        number += 1;
        call.call = format!("{}_{number}", &base[..base.len().min(48)]);
    }
    let mut tool: String = call
        .tool
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
        .take(64)
        .collect();
    if !tool.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        tool.insert(0, 'x');
        tool.truncate(64);
    }
    call.tool = tool;
    if !call.input.is_object() {
        call.input = json!({});
    }
    Ok(call)
}

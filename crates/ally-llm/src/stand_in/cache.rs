//! What the service keeps of earlier questions: whole beginnings, up to where a mark stood.

use super::files;
use serde_json::Value;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// So many blocks before a mark are looked at.
const LOOKS_BACK: usize = 20;

/// Beginnings of questions, as hashes.
#[derive(Debug, Default)]
pub(super) struct Cache(HashSet<u64>);

impl Cache {
    /// Tokens of a question that are read from here, and tokens that are here after it.
    pub(super) fn ask(&mut self, body: &Value) -> (u64, u64) {
        let (blocks, marks) = blocks(body);
        let is_near = |at: usize| marks.iter().any(|mark| at <= *mark && mark - at <= LOOKS_BACK);
        let known = blocks.iter().enumerate().rev().find(|(at, (hash, _))| is_near(*at) && self.0.contains(hash));
        let read = known.map_or(0, |(_, (_, tokens))| *tokens);
        self.0.extend(marks.iter().map(|mark| blocks[*mark].0));
        (read, marks.last().map_or(0, |mark| blocks[*mark].1))
    }
}

/// Each block in the order in which the service reads, as the hash and the tokens of all up to it; and which are marked.
fn blocks(body: &Value) -> (Vec<(u64, u64)>, Vec<usize>) {
    let (mut found, mut marks) = (Vec::new(), Vec::new());
    let (mut hasher, mut bytes) = (DefaultHasher::new(), 0);
    let mut add = |of: &str, block: &Value| {
        let mut block = block.clone();
        if block.as_object_mut().and_then(|block| block.remove("cache_control")).is_some() {
            marks.push(found.len());
        }
        let text = block.to_string();
        (of, &text).hash(&mut hasher);
        bytes += files::weight(&block) as u64;
        found.push((hasher.finish(), bytes / 4));
    };
    for place in ["tools", "system"] {
        body[place].as_array().into_iter().flatten().for_each(|block| add(place, block));
    }
    for message in body["messages"].as_array().into_iter().flatten() {
        let role = message["role"].as_str().unwrap_or_default();
        message["content"].as_array().into_iter().flatten().for_each(|block| add(role, block));
    }
    (found, marks)
}

//! What a person has agreed to, as one number: the tool, what the tool takes, the connection and every argument.

use serde_json::Value;
use std::fmt::Write as _;

/// A call, as exactly as it is put before a person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exactly<'a> {
    /// The name of the tool.
    pub tool: &'a str,
    /// The [`digest`] of what the tool takes: a tool that has changed is another one.
    pub schema: &'a str,
    /// Over which connection; empty while it stays in the person's own space.
    pub connection: &'a str,
    /// All arguments.
    pub input: &'a Value,
}

impl Exactly<'_> {
    /// SHA-256 over all of it, as hex. Two calls have the same number only if nothing about them differs; the order of
    /// arguments is nothing.
    pub fn fingerprint(&self) -> String {
        let mut input = String::new();
        write(self.input, &mut input);
        hash(&["ally approval 1", self.tool, self.schema, self.connection, &input])
    }
}

/// SHA-256 of a value, as hex; the order of its fields is nothing.
pub fn digest(value: &Value) -> String {
    let mut canonical = String::new();
    write(value, &mut canonical);
    hash(&[&canonical])
}

/// Each part stands behind its length, so that no two lists of parts look alike.
fn hash(parts: &[&str]) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// JSON with sorted fields and without spaces.
fn write(value: &Value, to: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            to.push('{');
            for (at, (name, value)) in sorted.into_iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                let _ = write!(to, "{comma}{}:", Value::String(name.clone()));
                write(value, to);
            }
            to.push('}');
        }
        Value::Array(items) => {
            to.push('[');
            for (at, item) in items.iter().enumerate() {
                to.push_str(if at == 0 { "" } else { "," });
                write(item, to);
            }
            to.push(']');
        }
        plain => {
            let _ = write!(to, "{plain}");
        }
    }
}

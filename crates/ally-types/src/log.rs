//! The log. A line is a fixed text and named values whose types cannot hold what a person wrote.
//!
//! [`Loggable`] is implemented for ids, numbers, times and `&'static str`, not for `String`; a message, a name or
//! an address therefore does not compile as a value. Lines go to standard error; nothing else in Ally prints there.

use crate::time::{Clock, SystemClock, Timestamp};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU8, Ordering};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Level {
    /// Something broke and somebody should look.
    Error = 1,
    /// Something is not as it should be, and went on.
    Warn = 2,
    /// What happened.
    #[default]
    Info = 3,
    /// What happened, for whoever is looking for a fault.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

/// A value that may stand in a log line.
pub trait Loggable {
    /// Writes the value at the end of the line.
    fn write(&self, line: &mut String);
}

macro_rules! loggable {
    ($($kind:ty),*) => {$(
        impl Loggable for $kind {
            fn write(&self, line: &mut String) {
                let _ = write!(line, "{self}");
            }
        }
    )*};
}

loggable!(u8, u16, u32, u64, usize, i32, i64, bool, Timestamp);

impl Loggable for &'static str {
    fn write(&self, line: &mut String) {
        if !self.is_empty() && self.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') {
            line.push_str(self);
        } else {
            let _ = write!(line, "{self:?}");
        }
    }
}

impl<T: Loggable> Loggable for Option<T> {
    fn write(&self, line: &mut String) {
        match self {
            Some(value) => value.write(line),
            None => line.push('-'),
        }
    }
}

/// Only the kind of an input or output error, never its text, which may hold a path.
impl Loggable for std::io::ErrorKind {
    fn write(&self, line: &mut String) {
        let _ = write!(line, "{self:?}");
    }
}

static MOST: AtomicU8 = AtomicU8::new(Level::Info as u8);

/// Sets how much is written, once at the start of a process.
pub fn set_level(level: Level) {
    MOST.store(level as u8, Ordering::Relaxed);
}

/// Whether lines of this level are written.
pub fn is_on(level: Level) -> bool {
    level as u8 <= MOST.load(Ordering::Relaxed)
}

/// Writes one line: time, level, the fixed text, then `name=value` pairs.
pub fn line(level: Level, text: &'static str, values: &[(&'static str, &dyn Loggable)]) {
    if !is_on(level) {
        return;
    }
    let mut line = String::with_capacity(128);
    let _ = write!(line, "{} {level:?} {text}", SystemClock.now());
    for (name, value) in values {
        let _ = write!(line, " {name}=");
        value.write(&mut line);
    }
    line.push('\n');
    // One write, so that lines of several threads do not mix. A closed terminal is not a reason to stop.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}

/// Something broke and somebody should look.
pub fn error(text: &'static str, values: &[(&'static str, &dyn Loggable)]) {
    line(Level::Error, text, values);
}

/// Something is not as it should be, and went on.
pub fn warn(text: &'static str, values: &[(&'static str, &dyn Loggable)]) {
    line(Level::Warn, text, values);
}

/// What happened.
pub fn info(text: &'static str, values: &[(&'static str, &dyn Loggable)]) {
    line(Level::Info, text, values);
}

/// What happened, for whoever is looking for a fault.
pub fn debug(text: &'static str, values: &[(&'static str, &dyn Loggable)]) {
    line(Level::Debug, text, values);
}

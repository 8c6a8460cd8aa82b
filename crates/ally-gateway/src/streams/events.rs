//! Cuts a stream into whole events, so that a break never leaves half an event in a browser.

use ally_http::stream::PARKED;
use bytes::{Bytes, BytesMut};

/// Longest event. A snapshot holds one message with all its parts.
const LONGEST: usize = 16 << 20;

/// Takes bytes as they come and gives whole events.
#[derive(Default)]
pub(crate) struct Reader {
    waiting: BytesMut,
    /// No end of an event begins before this byte.
    searched: usize,
    last: Option<String>,
}

/// What the bytes so far amount to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Whole events, as they came.
    pub whole: Bytes,
    /// Whether the assistant said that it goes to sleep. What comes after that is dropped.
    pub is_parked: bool,
}

/// An event was longer than anything Ally writes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Reader {
    /// Starts with the id that the browser brought.
    pub fn new(last: Option<String>) -> Self {
        Self { last, ..Self::default() }
    }

    /// The id of the last whole event.
    pub fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Forgets half an event, because the stream broke.
    pub fn cut(&mut self) {
        self.waiting.clear();
        self.searched = 0;
    }

    /// Takes more bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Step, TooLong> {
        self.waiting.extend_from_slice(bytes);
        let mut begin = 0;
        let mut is_parked = false;
        while let Some(found) = self.waiting[self.searched..].windows(2).position(|pair| pair == b"\n\n") {
            let end = self.searched + found + 2;
            let event = &self.waiting[begin..end];
            if event == PARKED.as_bytes() {
                is_parked = true;
                break;
            }
            if let Some(id) = id_of(event) {
                self.last = Some(id);
            }
            begin = end;
            self.searched = end;
        }
        let whole = self.waiting.split_to(begin).freeze();
        if is_parked {
            self.cut();
        } else {
            // The last byte may be the first half of an end.
            self.searched = self.waiting.len().saturating_sub(1);
            if self.waiting.len() > LONGEST {
                return Err(TooLong);
            }
        }
        Ok(Step { whole, is_parked })
    }
}

fn id_of(event: &[u8]) -> Option<String> {
    let line = event.split(|byte| *byte == b'\n').rfind(|line| line.starts_with(b"id:"))?;
    let id = std::str::from_utf8(&line[3..]).ok()?.trim();
    // It will stand in a header again.
    (!id.is_empty() && id.len() <= 200 && id.bytes().all(|byte| byte.is_ascii_graphic())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_whole_however_they_are_cut() {
        let stream =
            "id: run_1.1.1\ndata: {}\n\n: a comment\n\ndata: x\nid: run_1.1.2\n\n: parked\n\nid: no\ndata: late\n\n";
        let shown = "id: run_1.1.1\ndata: {}\n\n: a comment\n\ndata: x\nid: run_1.1.2\n\n";
        for size in 1..=stream.len() {
            let mut reader = Reader::new(None);
            let mut whole = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                let step = reader.push(piece).expect("short events");
                whole.extend_from_slice(&step.whole);
                if step.is_parked {
                    break;
                }
            }
            assert_eq!(String::from_utf8_lossy(&whole), shown, "in pieces of {size}");
            assert_eq!(reader.last(), Some("run_1.1.2"), "in pieces of {size}");
        }
    }

    #[test]
    fn half_an_event_is_not_shown() {
        let mut reader = Reader::new(Some("old".to_owned()));
        assert_eq!(reader.push(b"id: new\ndata: {\"te").expect("short").whole, Bytes::new());
        assert_eq!(reader.last(), Some("old"));
        reader.cut();
        assert_eq!(reader.push(b"data: 1\n\n").expect("short").whole, Bytes::from("data: 1\n\n"));
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut reader = Reader::new(None);
        let piece = vec![b'a'; LONGEST / 2];
        assert!(reader.push(&piece).is_ok());
        assert!(reader.push(&piece).is_ok());
        assert_eq!(reader.push(b"a"), Err(TooLong));
    }
}

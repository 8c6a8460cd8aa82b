//! Reads server-sent events from bytes as they come, with a limit on what one line and one event may hold.

use ally_types::Content;

/// How much is accepted before the sender is taken for broken or hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one line.
    pub line: usize,
    /// Most bytes of the data of one event.
    pub event: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // One whole block of an answer fits in one event many times over.
        Self { line: 4 << 20, event: 8 << 20 }
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its `event` field, `message` when there was none.
    pub name: Content,
    /// Its `data` lines, joined.
    pub data: Content,
    /// The newest `id` of the stream so far: with it a stream can be continued behind this event.
    pub id: Option<String>,
}

/// Why the bytes are no event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A line or an event is larger than the limit.
    #[error("a line or an event of the stream is too long")]
    TooLong,
    /// A line is not UTF-8.
    #[error("the stream is not UTF-8")]
    NotText,
}

/// Takes bytes in pieces of any size and gives whole events.
///
/// Lines are decoded when they are whole, so a character that two pieces share is no special case.
#[derive(Debug, Default)]
pub struct Reader {
    limits: Limits,
    line: Vec<u8>,
    past_first_line: bool,
    after_carriage_return: bool,
    name: String,
    data: String,
    id: Option<String>,
    has_data: bool,
}

impl Reader {
    /// A reader at the beginning of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Reads more bytes and adds the events that became whole. After an error the reader is of no more use.
    pub fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.after_carriage_return) && first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                return self.keep(rest);
            };
            self.keep(&rest[..end])?;
            self.after_carriage_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            self.end_line(events)?;
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Unreadable> {
        if self.line.len() + bytes.len() > self.limits.line {
            return Err(Unreadable::TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let bytes = std::mem::take(&mut self.line);
        let mut line = std::str::from_utf8(&bytes).map_err(|_| Unreadable::NotText)?;
        if !std::mem::replace(&mut self.past_first_line, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event(events);
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.data.len() + value.len() > self.limits.event {
                    return Err(Unreadable::TooLong);
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // A comment has an empty field name. `retry` means nothing here: whoever connects again knows when.
            _ => {}
        }
        Ok(())
    }

    fn end_event(&mut self, events: &mut Vec<Event>) {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.has_data) {
            let name = if name.is_empty() { "message".to_owned() } else { name };
            events.push(Event { name: name.into(), data: data.into(), id: self.id.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<(String, String)>, Unreadable> {
        let mut reader = Reader::new(Limits { line: 64, event: 100 });
        let mut events = Vec::new();
        for piece in pieces {
            reader.feed(piece, &mut events)?;
        }
        Ok(events.into_iter().map(|event| (event.name.into_inner(), event.data.into_inner())).collect())
    }

    fn whole(text: &str) -> Vec<(String, String)> {
        read(&[text.as_bytes()]).expect("the stream is well formed")
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect()
    }

    #[test]
    fn every_way_to_end_a_line_is_read() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["event: a", "data: 1", "", "data:2", "", ""].join(end);
            assert_eq!(whole(&text), pairs(&[("a", "1"), ("message", "2")]), "{end:?}");
        }
    }

    #[test]
    fn comments_unknown_fields_and_events_without_data_say_nothing() {
        assert_eq!(whole(": hello\n\nevent: lost\n\nid: 4\nretry: 3\nodd\ndata: x\n\n"), pairs(&[("message", "x")]));
    }

    #[test]
    fn data_of_several_lines_is_joined_and_only_one_space_is_taken_off() {
        assert_eq!(whole("data:  a\ndata\ndata: b:c\n\n"), pairs(&[("message", " a\n\nb:c")]));
    }

    #[test]
    fn an_id_counts_until_there_is_another() {
        let mut events = Vec::new();
        let text = b"data: a\n\nid: 1.2\ndata: b\n\ndata: c\n\nid: 1.3\n\ndata: d\n\n";
        Reader::new(Limits::default()).feed(text, &mut events).expect("the stream is well formed");
        let ids: Vec<_> = events.iter().map(|event| event.id.as_deref()).collect();
        assert_eq!(ids, [None, Some("1.2"), Some("1.2"), Some("1.3")]);
    }

    #[test]
    fn a_byte_order_mark_counts_only_at_the_very_beginning() {
        assert_eq!(
            whole("\u{feff}data: a\n\ndata: b\n\n\u{feff}data: c\n\n"),
            pairs(&[("message", "a"), ("message", "b")])
        );
    }

    #[test]
    fn an_event_that_is_not_closed_by_an_empty_line_is_not_an_event() {
        assert_eq!(whole("data: a\n\ndata: cut"), pairs(&[("message", "a")]));
    }

    #[test]
    fn a_line_or_an_event_over_the_limit_is_refused_before_it_is_kept() {
        let long = [b'x'; 65];
        assert_eq!(read(&[b"data: ", &long]), Err(Unreadable::TooLong));
        let mut many = Vec::new();
        for _ in 0..3 {
            many.extend_from_slice(b"data: ");
            many.extend_from_slice(&[b'y'; 50]);
            many.push(b'\n');
        }
        assert_eq!(read(&[&many]), Err(Unreadable::TooLong));
    }

    #[test]
    fn what_is_not_utf_8_is_refused() {
        assert_eq!(read(&[b"data: \xff\n\n"]), Err(Unreadable::NotText));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_read_like_the_whole(
            lines in prop::collection::vec("(data: ?|event:|: |)[a-zé漢🦊 :]{0,9}(\n|\r|\r\n)", 0..20),
            cuts in prop::collection::vec(1usize..7, 1..40),
        ) {
            let text = lines.concat();
            let expected = read(&[text.as_bytes()]);
            let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            prop_assert_eq!(&read(&single), &expected);
            let mut pieces = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(&read(&pieces), &expected);
        }

        #[test]
        fn any_bytes_at_all_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&[&bytes]);
        }

        #[test]
        fn what_was_written_as_an_event_is_read_back(name in "[a-z_]{1,12}", data in "[^\r\n\u{0}]{0,20}(\n[^\r\n\u{0}]{0,9}){0,2}") {
            let mut text = format!("event: {name}\n");
            for line in data.split('\n') {
                text.push_str(&format!("data: {line}\n"));
            }
            text.push('\n');
            prop_assume!(data.split('\n').all(|line| line.len() < 50));
            prop_assert_eq!(whole(&text), vec![(name, data)]);
        }
    }
}

//! Takes a long JSON list apart without reading all of it: bytes go in, whole elements come out.

/// Largest element, in bytes.
pub const LARGEST: usize = 32 * 1024 * 1024;

/// Why a file is no list of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It begins as something else.
    NoList,
    /// It ends too early, or has something where nothing belongs.
    Malformed,
}

/// An element of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// Its bytes.
    Whole(Vec<u8>),
    /// It is larger than [`LARGEST`], and was passed over.
    TooLarge,
}

/// Where in the list it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Before,
    Between,
    Inside { depth: u32, in_string: bool, escaped: bool },
    After,
}

/// The list so far.
pub struct Splitter {
    at: At,
    element: Vec<u8>,
    is_too_large: bool,
}

impl Splitter {
    /// At the beginning of a file.
    pub const fn new() -> Self {
        Self { at: At::Before, element: Vec::new(), is_too_large: false }
    }

    /// Reads on in `bytes`, up to the end of an element. Answers how many were read, and the element if one is over.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(usize, Option<Element>), Broken> {
        let mut read = 0;
        while let Some(&byte) = bytes.get(read) {
            match self.at {
                At::Inside { .. } => {
                    let (length, is_over) = self.inside(&bytes[read..]);
                    read += length;
                    if is_over {
                        return Ok((read, Some(self.over())));
                    }
                    continue;
                }
                At::Before => match byte {
                    b'[' => self.at = At::Between,
                    // Some programs put a mark of the byte order first.
                    b' ' | b'\t' | b'\r' | b'\n' | 0xEF | 0xBB | 0xBF => {}
                    _ => return Err(Broken::NoList),
                },
                At::Between => match byte {
                    b'{' => {
                        self.at = At::Inside { depth: 0, in_string: false, escaped: false };
                        continue;
                    }
                    b']' => self.at = At::After,
                    b' ' | b'\t' | b'\r' | b'\n' | b',' => {}
                    _ => return Err(Broken::Malformed),
                },
                At::After if byte.is_ascii_whitespace() => {}
                At::After => return Err(Broken::Malformed),
            }
            read += 1;
        }
        Ok((read, None))
    }

    /// Reads on in an element. Answers how many bytes belong to it, and whether it ends there.
    fn inside(&mut self, bytes: &[u8]) -> (usize, bool) {
        let At::Inside { mut depth, mut in_string, mut escaped } = self.at else { return (0, false) };
        let mut length = bytes.len();
        let mut is_over = false;
        for (before, &byte) in bytes.iter().enumerate() {
            if in_string {
                in_string = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
                continue;
            }
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                (length, is_over) = (before + 1, true);
                break;
            }
        }
        self.at = At::Inside { depth, in_string, escaped };
        if self.is_too_large || self.element.len() + length > LARGEST {
            (self.is_too_large, self.element) = (true, Vec::new());
        } else {
            self.element.extend_from_slice(&bytes[..length]);
        }
        (length, is_over)
    }

    fn over(&mut self) -> Element {
        self.at = At::Between;
        let element = std::mem::take(&mut self.element);
        if std::mem::take(&mut self.is_too_large) { Element::TooLarge } else { Element::Whole(element) }
    }

    /// The file is at its end.
    pub const fn end(&self) -> Result<(), Broken> {
        match self.at {
            At::After => Ok(()),
            At::Before => Err(Broken::NoList),
            At::Between | At::Inside { .. } => Err(Broken::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str, piece: usize) -> Result<Vec<String>, Broken> {
        let (mut splitter, mut found) = (Splitter::new(), Vec::new());
        for mut bytes in text.as_bytes().chunks(piece) {
            while !bytes.is_empty() {
                let (read, element) = splitter.read(bytes)?;
                bytes = &bytes[read..];
                found.extend(element.map(|element| match element {
                    Element::Whole(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    Element::TooLarge => "too large".to_owned(),
                }));
            }
        }
        splitter.end().map(|()| found)
    }

    #[test]
    fn elements_come_out_whole_however_the_bytes_come_in() {
        let text = "\u{FEFF} [{\"a\":\"]}\\\"{\\\\\"} ,\n{\"b\":[{},[]]}] \n";
        for piece in 1..text.len() {
            assert_eq!(elements(text, piece), Ok(vec!["{\"a\":\"]}\\\"{\\\\\"}".into(), "{\"b\":[{},[]]}".into()]));
        }
        assert_eq!(elements("[]", 9), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_list_of_objects_says_why() {
        for (text, why) in [
            ("", Broken::NoList),
            ("{\"a\":1}", Broken::NoList),
            ("<html>", Broken::NoList),
            ("[1]", Broken::Malformed),
            ("[{}", Broken::Malformed),
            ("[{\"a\":\"", Broken::Malformed),
            ("[{}] [", Broken::Malformed),
        ] {
            assert_eq!(elements(text, 3), Err(why), "{text}");
        }
    }

    #[test]
    fn an_element_that_is_too_large_is_passed_over_and_those_behind_it_come() {
        let text = format!("[{{\"a\":\"{}\"}},{{\"b\":1}}]", "x".repeat(LARGEST));
        assert_eq!(elements(&text, 1 << 16), Ok(vec!["too large".into(), "{\"b\":1}".into()]));
    }
}

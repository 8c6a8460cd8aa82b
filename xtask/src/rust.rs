//! Rust source with its comments and literals blanked, so that a rule sees only code.

/// The same text, line for line, with comments, strings and characters replaced by spaces.
pub fn code_only(source: &str) -> String {
    let mut scanner = Scanner { rest: source, out: String::with_capacity(source.len()), previous: '\n' };
    while scanner.step() {}
    scanner.out
}

/// The line on which the tests of a source file begin, if it has some; they stand last.
pub fn first_test_line(code: &str) -> Option<usize> {
    code.lines().position(|line| line.trim_start().starts_with("#[cfg(test)]")).map(|index| index + 1)
}

/// Whether `word` stands in `line` as a word of its own.
pub fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(is_part)
            && !line[at + word.len()..].chars().next().is_some_and(is_part)
    })
}

struct Scanner<'a> {
    rest: &'a str,
    out: String,
    previous: char,
}

impl Scanner<'_> {
    /// Takes one comment, one literal or one character of code. False at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        if self.rest.starts_with("//") {
            self.blank(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment(self.rest));
        } else if let Some(length) = self.raw_string() {
            self.blank(length);
        } else if first == '"' {
            self.blank(quoted(self.rest));
        } else if first == '\''
            && let Some(length) = character(self.rest)
        {
            self.blank(length);
        } else {
            self.out.push(first);
            self.previous = first;
            self.rest = &self.rest[first.len_utf8()..];
        }
        true
    }

    fn blank(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.out.extend(taken.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.previous = ' ';
        self.rest = rest;
    }

    /// `r"…"`, `r#"…"#`, `br"…"`; not an identifier that ends in `r`.
    fn raw_string(&self) -> Option<usize> {
        if self.previous.is_alphanumeric() || self.previous == '_' {
            return None;
        }
        let after_prefix = self.rest.strip_prefix("br").or_else(|| self.rest.strip_prefix('r'))?;
        let hashes = after_prefix.len() - after_prefix.trim_start_matches('#').len();
        let body = after_prefix[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let opening = self.rest.len() - body.len();
        Some(body.find(&end).map_or(self.rest.len(), |at| opening + at + end.len()))
    }
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `'a'` and `'\n'`; `None` for a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        return text[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map(|(at, _)| at + 3);
    }
    let (at, second) = chars.next()?;
    (second == '\'').then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let source = "let a = \"unsafe \\\" // no\"; // unsafe\nlet c = '\"'; let d = '\\''; /* unsafe /* x */ */ fn f<'a>() {}\nlet r = r#\"unsafe \" here\"#; var\"x\"";
        let code = code_only(source);
        assert_eq!(code.lines().count(), source.lines().count());
        assert!(!code.contains("unsafe"), "{code}");
        assert!(code.contains("fn f<'a>() {}"), "{code}");
        assert!(code.contains("let r = "), "{code}");
    }

    #[test]
    fn a_word_is_not_part_of_another() {
        assert!(has_word("unsafe {", "unsafe"));
        assert!(!has_word("unsafe_code", "unsafe"));
        assert!(has_word("not_unsafe unsafe", "unsafe"));
    }
}

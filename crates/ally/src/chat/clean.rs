//! Takes out of a text everything by which it could command the terminal that shows it.
//!
//! What a model writes may come from a page that it read. A terminal obeys escape sequences: they move the cursor, put
//! words into the clipboard, hide where a link leads. So none of them is printed.

/// Cleans a text that comes in pieces; a sequence may begin in one and end in another.
#[derive(Debug, Default)]
pub(super) struct Cleaner {
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// What comes is shown.
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// In a control sequence (CSI), until its last letter.
    Sequence,
    /// In a string for the terminal (OSC, DCS and their kind), until its end, at the longest until the line ends.
    Command,
    /// After ESC in such a string.
    CommandEscape,
}

impl Cleaner {
    /// What may be printed of the next piece.
    pub(super) fn clean(&mut self, piece: &str) -> String {
        let mut shown = String::with_capacity(piece.len());
        for character in piece.chars() {
            self.take(character, &mut shown);
        }
        shown
    }

    fn take(&mut self, character: char, shown: &mut String) {
        use State::{Command, CommandEscape, Escape, Sequence, Text};
        if character == '\n' {
            self.state = Text;
            shown.push('\n');
            return;
        }
        self.state = match (self.state, character) {
            (CommandEscape, '\\') | (Command, '\u{7}' | '\u{18}' | '\u{1a}' | '\u{9c}') => Text,
            (Command, '\u{1b}') => CommandEscape,
            (Command, _) => Command,
            (Escape | CommandEscape, '[') => Sequence,
            (Escape | CommandEscape, ']' | 'P' | 'X' | '^' | '_') => Command,
            (Escape | CommandEscape, ' '..='/') => Escape,
            (Escape | CommandEscape, '0'..='~') => Text,
            (Sequence, ' '..='?') => Sequence,
            (Sequence, '@'..='~') => Text,
            (_, '\u{1b}') => Escape,
            (_, '\u{9b}') => Sequence,
            (_, '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}') => Command,
            _ => {
                show(character, shown);
                Text
            }
        };
    }
}

fn show(character: char, shown: &mut String) {
    match character {
        '\u{2028}' | '\u{2029}' => shown.push('\n'),
        '\t' => shown.push('\t'),
        _ if character.is_control() || is_hidden(character) => {}
        _ => shown.push(character),
    }
}

/// Characters that turn the direction of the text around them, or say something that nobody can see.
fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// A text as one line of at most so many characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let clean = Cleaner::default().clean(text);
    let words: Vec<&str> = clean.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(most) {
        None => line,
        Some(_) => line.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a hostile text holds, and what is left of it.
    const CORPUS: [(&str, &str); 26] = [
        ("plain\ttext\nin lines", "plain\ttext\nin lines"),
        ("é 漢 👩‍👩‍👧 नमस्ते", "é 漢 👩‍👩‍👧 नमस्ते"),
        ("a\u{1b}[31mred\u{1b}[0mb", "aredb"),
        ("a\u{1b}[2J\u{1b}[1;1Hb", "ab"),
        ("a\u{1b}[?1049hb", "ab"),
        ("a\u{1b}cb", "ab"),
        ("a\u{1b}(0b", "ab"),
        ("a\u{1b}]0;title\u{7}b", "ab"),
        ("a\u{1b}]52;c;cm0gLXJm\u{7}b", "ab"),
        ("a\u{1b}]8;;https://evil.example\u{1b}\\bank\u{1b}]8;;\u{1b}\\b", "abankb"),
        ("a\u{1b}P$q\"p\u{1b}\\b", "ab"),
        ("a\u{1b}_payload\u{1b}\\b", "ab"),
        ("a\u{9b}31mb", "ab"),
        ("a\u{9d}52;c;eA==\u{9c}b", "ab"),
        ("a\u{90}x\u{9c}b", "ab"),
        ("a\u{84}\u{85}\u{88}b", "ab"),
        ("never ends \u{1b}]52;c;AAAA\nthe next line", "never ends \nthe next line"),
        ("cut \u{1b}[38;5", "cut "),
        ("cut off\u{1b}[38;5\nthe next line", "cut off\nthe next line"),
        ("over\rwritten\u{8}\u{8}\u{7}\u{0}\u{7f}", "overwritten"),
        ("win\r\ndows", "win\ndows"),
        ("user\u{202e}gpj.exe\u{202c}", "usergpj.exe"),
        ("\u{2066}a\u{2069}\u{200f}\u{61c}b", "ab"),
        ("a\u{feff}\u{2060}\u{e0041}\u{e007f}b", "ab"),
        ("a\u{2028}b\u{2029}c", "a\nb\nc"),
        ("\u{1b}\u{1b}[31m\u{1b}[é", "é"),
    ];

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (hostile, clean) in CORPUS {
            assert_eq!(Cleaner::default().clean(hostile), clean, "{hostile:?}");
        }
    }

    #[test]
    fn a_sequence_that_comes_in_pieces_is_no_less_of_one() {
        for (hostile, clean) in CORPUS {
            let mut cleaner = Cleaner::default();
            let mut buffer = [0; 4];
            let pieces = hostile.chars().map(|character| cleaner.clean(character.encode_utf8(&mut buffer)));
            assert_eq!(pieces.collect::<String>(), clean, "{hostile:?}");
        }
    }

    #[test]
    fn a_quiet_line_is_one_line_of_the_width_that_is_there() {
        assert_eq!(one_line(" a\n\tb\u{1b}[2J  c ", 20), "a b c");
        assert_eq!(one_line("12345", 5), "12345");
        assert_eq!(one_line("123456", 5), "1234…");
    }
}

//! The title that a chat gets from its first message, until the person gives it another: its first sentence, without
//! markup. No model is asked for it.

use ally_types::Content;

/// Longest title of this kind, in characters.
const ENOUGH: usize = 60;
/// A first sentence of so few words is a greeting, if more comes after it.
const GREETING: usize = 2;

/// A short title for a chat that begins with this text.
pub fn of(text: &str) -> Content {
    let plain = words(text);
    let first = sentence(&plain);
    let rest = &plain[first.len()..];
    let is_short = first.split_whitespace().count() <= GREETING && rest.starts_with(' ');
    let is_greeting = is_short && !text.trim_start().starts_with('#');
    let telling = if is_greeting { sentence(rest.trim_start()) } else { first };
    shorten(telling.trim().trim_end_matches(['.', ':', ',', ';', '!', '。', '！'])).into()
}

/// The text in one line, without what only formats it; code only where there is nothing else.
fn words(text: &str) -> String {
    let mut is_code = false;
    let (mut said, mut code) = (String::new(), String::new());
    for line in text.lines().take(200) {
        let line = line.trim();
        if line.starts_with("```") || line.starts_with("~~~") {
            is_code = !is_code;
            continue;
        }
        let into = if is_code { &mut code } else { &mut said };
        let bare = if is_code { line.to_owned() } else { unmarked(line) };
        if bare.is_empty() {
            continue;
        }
        if !into.is_empty() {
            // A list or a heading has no full stop; its end is that of a sentence.
            into.push_str(if is_block(line) { ". " } else { " " });
        }
        into.push_str(&bare);
        if line.starts_with('#') {
            into.push('.');
        }
    }
    let chosen = if said.is_empty() { code } else { said };
    let one_line = chosen.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.chars().filter(|letter| !letter.is_control()).take(2000).collect()
}

fn is_block(line: &str) -> bool {
    line.starts_with(['#', '-', '*', '+', '>', '|'])
}

/// A line without the marks of Markdown.
fn unmarked(line: &str) -> String {
    let numbered = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let line = numbered.strip_prefix(". ").or_else(|| numbered.strip_prefix(") ")).unwrap_or(line);
    let line = line.trim_start_matches(['#', '>', '-', '*', '+', ' ']);
    let line = line.strip_prefix("[ ]").or_else(|| line.strip_prefix("[x]")).unwrap_or(line);
    without_links(line).replace(['*', '`', '|'], "").replace("__", "").replace("~~", "").trim().to_owned()
}

/// `[words](address)` becomes its words.
fn without_links(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some((before, link)) = rest.split_once('[') {
        let parts = link.split_once("](").and_then(|(words, more)| Some((words, more.split_once(')')?.1)));
        let Some((words, after)) = parts else { break };
        out.push_str(before.strip_suffix('!').unwrap_or(before));
        out.push_str(words);
        rest = after;
    }
    out + rest
}

/// The first sentence with its end, as it stands at the beginning of the text.
fn sentence(text: &str) -> &str {
    let mut before = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let end = at + letter.len_utf8();
        let next = letters.peek().map(|(_, letter)| *letter);
        let ends = match letter {
            '。' | '！' | '？' => true,
            '!' | '?' => next.is_none_or(char::is_whitespace),
            // Not after "e.g.", "Dr." or "3."
            '.' => before > 2 && next.is_none_or(char::is_whitespace),
            _ => false,
        };
        if ends {
            return &text[..end];
        }
        before = if letter.is_alphabetic() { before + 1 } else { 0 };
    }
    text
}

/// At most [`ENOUGH`] characters, cut between words.
fn shorten(text: &str) -> String {
    if text.chars().count() <= ENOUGH {
        return text.to_owned();
    }
    let cut: String = text.chars().take(ENOUGH - 1).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before);
    let kept = if whole.chars().count() * 2 > ENOUGH { whole } else { &cut };
    format!("{}…", kept.trim_end_matches([',', ';', ':', ' ', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_sentence_without_markup() {
        for (text, title) in [
            ("  What is\nthis? And that?", "What is this?"),
            ("Hi Ally! Can you plan a weekend in Lisbon? We are four.", "Can you plan a weekend in Lisbon?"),
            ("Hello", "Hello"),
            ("# Trip to **Rome**\n\nWe go in May.", "Trip to Rome"),
            ("Summarise [this page](https://example.org/a?b=c) for me.", "Summarise this page for me"),
            ("- [ ] buy some milk\n- [ ] call Ana", "buy some milk"),
            ("# Invoices\nPlease sum these.", "Invoices"),
            ("Ask Dr. Meier about e.g. the bill. Then write.", "Ask Dr. Meier about e.g. the bill"),
            ("```rust\nfn main() {}\n```\nWhy does this `not` compile?", "Why does this not compile?"),
            ("```\nonly code\n```", "only code"),
            ("東京は何時ですか？教えてください。", "東京は何時ですか？"),
            (
                "What about [brackets] and 3.14 or https://example.org?",
                "What about [brackets] and 3.14 or https://example.org?",
            ),
            ("***", ""),
        ] {
            assert_eq!(of(text).expose(), title, "{text}");
        }
    }

    #[test]
    fn a_long_title_is_cut_between_words_and_never_in_a_character() {
        let long = of(&"word ".repeat(40));
        assert_eq!(long.expose(), "word word word word word word word word word word word…");
        let unspaced = of(&"ä".repeat(300));
        assert_eq!(unspaced.expose().chars().count(), ENOUGH);
        for text in ["!", "[", "[a](", "![x](y", "1. ", "```", "a\u{0}b", "] [x](y) ["] {
            let _ = of(text);
        }
    }
}

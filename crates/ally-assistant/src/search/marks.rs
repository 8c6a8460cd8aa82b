//! Which pieces of a text are what was looked for: the words as they are, at their beginning, or in another form.

use super::is_unspaced;
use ally_types::Content;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

/// A piece of the words around a hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Snip {
    /// The words.
    pub text: Content,
    /// Whether they are what was looked for.
    pub marked: bool,
}

/// The text in pieces, those that fit one of the words marked.
pub fn mark(text: &str, words: &[String]) -> Vec<Snip> {
    let wanted: Vec<String> = words.iter().map(|word| plain(word)).filter(|word| !word.is_empty()).collect();
    let mut snips: Vec<Snip> = Vec::new();
    let mut push = |piece: &str, marked: bool| match snips.last_mut() {
        _ if piece.is_empty() => {}
        Some(last) if last.marked == marked => last.text.push_str(piece),
        _ => snips.push(Snip { text: piece.into(), marked }),
    };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_alphanumeric();
        let end = rest.find(|letter: char| letter.is_alphanumeric() != is_word).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        if is_word && piece.chars().any(is_unspaced) {
            within(piece, &wanted, &mut push);
        } else {
            push(piece, is_word && fits(&plain(piece), &wanted));
        }
    }
    snips
}

/// Where nothing stands between words, each occurrence is marked by itself.
fn within(piece: &str, wanted: &[String], push: &mut impl FnMut(&str, bool)) {
    let mut marked = vec![false; piece.len()];
    for word in wanted {
        for (at, found) in piece.match_indices(word.as_str()) {
            marked[at..at + found.len()].fill(true);
        }
    }
    for (at, letter) in piece.char_indices() {
        push(&piece[at..at + letter.len_utf8()], marked[at]);
    }
}

fn fits(word: &str, wanted: &[String]) -> bool {
    let root = stem(word);
    wanted.iter().any(|one| word.starts_with(one.as_str()) || stem(one) == root)
}

/// A word without the ending that its forms differ by; the index knows better, this is only for the eye.
fn stem(word: &str) -> &str {
    let endings = ["ings", "ing", "edly", "ed", "es", "ly", "s"];
    let shorter = endings.iter().find_map(|ending| word.strip_suffix(ending).filter(|rest| rest.chars().count() >= 3));
    let shorter = shorter.unwrap_or(word);
    shorter.strip_suffix('e').filter(|rest| rest.chars().count() >= 3).unwrap_or(shorter)
}

/// Small letters without accents.
fn plain(word: &str) -> String {
    word.nfkd().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        mark(text, &words)
            .into_iter()
            .map(|snip| if snip.marked { format!("[{}]", snip.text.expose()) } else { snip.text.into_inner() })
            .collect()
    }

    #[test]
    fn words_are_marked_as_they_stand_in_the_text() {
        assert_eq!(shown("We fly to Lissabon, then on.", &["lissab"]), "We fly to [Lissabon], then on.");
        assert_eq!(shown("Running and ran", &["run", "runs"]), "[Running] and ran");
        assert_eq!(shown("Café crème", &["cafe"]), "[Café] crème");
        assert_eq!(shown("東京都は東京", &["東京"]), "[東京]都は[東京]");
        assert_eq!(shown("cafeteria <b>", &["tea"]), "cafeteria <b>");
        assert_eq!(shown("", &["x"]), "");
        for text in ["ﬁ ẞ İ \u{301}\u{301}", "a\u{0}b", "👨‍👩‍👧 x"] {
            let whole: String = mark(text, &["fi".to_owned()]).iter().map(|snip| snip.text.expose()).collect();
            assert_eq!(whole, text, "nothing is lost");
        }
    }
}

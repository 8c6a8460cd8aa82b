//! Passwords: which are accepted, and how they are kept.

pub(crate) mod hash;
pub(crate) mod store;

use ally_types::{Problem, Secret};
use unicode_normalization::UnicodeNormalization as _;

/// NIST SP 800-63B-4 asks for 15 characters where a password is the only factor and 8 where there is a second.
/// Ally will offer second factors and slows guessing down, so it stands between them: 12.
const FEWEST_CHARACTERS: usize = 12;

/// More would only cost time to normalise; it is far above any pass phrase.
const MOST_BYTES: usize = 1024;

/// The passwords that are tried first, in lower case, one per line.
const COMMON: &str = include_str!("passwords/common.txt");

/// The form in which a password is hashed: NFC, so that it is the same from every keyboard. Nothing is trimmed, cut
/// or folded.
pub(crate) fn normal(password: &Secret) -> Secret {
    Secret::new(password.expose().nfc().collect::<String>())
}

/// Says whether a new password may be used. `about` holds what the person is known by: her address and her name.
pub(crate) fn check_new(password: &Secret, about: &[&str], field: &'static str) -> Result<(), Problem> {
    let normal = normal(password);
    let text = normal.expose();
    if text.len() > MOST_BYTES || password.expose().len() > MOST_BYTES {
        return Err(Problem::new(422, "password_too_long", "The password is longer than 1,024 bytes.")
            .next("Choose a shorter one.")
            .at(field));
    }
    if text.chars().count() < FEWEST_CHARACTERS {
        return Err(Problem::new(422, "password_too_short", "The password has fewer than 12 characters.")
            .next("Choose a longer one. Four words in a row work well.")
            .at(field));
    }
    if is_easy(text, about) {
        return Err(Problem::new(422, "password_common", "This password is among the first that are tried.")
            .next("Choose one that is not a well-known word, a row of keys, or made of your name or address.")
            .at(field));
    }
    Ok(())
}

/// Whether a password is on the list, a repetition, a row, or a well-known word or the person's own name with
/// something short around it.
fn is_easy(text: &str, about: &[&str]) -> bool {
    let lower = text.to_lowercase();
    let letters: Vec<char> = lower.chars().collect();
    let repeats = (1..=letters.len() / 3).any(|size| letters.iter().zip(&letters[size..]).all(|(a, b)| a == b));
    let is_row = letters.windows(2).all(|pair| (pair[1] as u32).wrapping_sub(pair[0] as u32) == 1)
        || letters.windows(2).all(|pair| (pair[0] as u32).wrapping_sub(pair[1] as u32) == 1);
    if repeats || is_row {
        return true;
    }
    let bare: String = letters.iter().filter(|letter| letter.is_alphanumeric()).collect();
    let core = bare.trim_matches(|letter: char| letter.is_ascii_digit());
    if core.is_empty() && bare.len() == lower.len() {
        return true;
    }
    if COMMON.lines().any(|word| word == lower || word == bare || (word.len() > 3 && word == core)) {
        return true;
    }
    let own = about.iter().flat_map(|known| known.split(|letter: char| !letter.is_alphanumeric()));
    let own = own.chain(["ally", "assistant"]).map(str::to_lowercase).filter(|word| word.chars().count() > 2);
    let rest = own.fold(bare.clone(), |rest, word| rest.replace(&word, ""));
    rest.len() < bare.len() && (rest.chars().count() < 6 || COMMON.lines().any(|common| common == rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_and_not_the_first_guess() {
        let about = ["mira.olsen@example.com", "Mira Olsen"];
        let kind = |text: &str| check_new(&Secret::new(text), &about, "password").err().map(|problem| problem.kind);
        for good in [
            "correct horse battery staple",
            "kestrel-umbra-40-fjord",
            "🦊🐢🦉🌵🍋🎻🚲🧭🪁🫐🧩🗻",
            "ab\0xq zf\0gh ij\0kl",
        ] {
            assert_eq!(kind(good), None, "{good}");
        }
        for short in ["", "short", "elevenchars", "🦊🐢🦉"] {
            assert_eq!(kind(short).as_deref(), Some("password_too_short"), "{short}");
        }
        for easy in [
            "password1234",
            "Password!!1234",
            "qwertyuiop123",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "123456789012",
            "abcdefghijklm",
            "mira.olsen1234",
            "example-mira-1",
            "allyassistant1",
            "iloveyou1234567",
        ] {
            assert_eq!(kind(easy).as_deref(), Some("password_common"), "{easy}");
        }
        assert_eq!(kind(&"x y".repeat(400)).as_deref(), Some("password_too_long"));
        assert_eq!(kind(&"a good long phrase, ".repeat(50)).as_deref(), Some("password_common"), "a repetition");
    }
}

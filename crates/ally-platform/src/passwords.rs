//! Passwords: which are accepted, and how they are kept.

mod easy;
pub(crate) mod hash;
pub(crate) mod store;

use ally_types::{Problem, Secret};
use unicode_normalization::UnicodeNormalization as _;

/// NIST SP 800-63B-4 asks for 15 characters where a password is the only factor and 8 where there is a second.
/// Ally will offer second factors and slows guessing down, so it stands between them: 12.
const FEWEST_CHARACTERS: usize = 12;

/// More would only cost time to normalise; it is far above any pass phrase.
const MOST_BYTES: usize = 1024;

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
    if easy::is_easy(text, about) {
        return Err(Problem::new(422, "password_common", "This password is among the first that are tried.")
            .next("Choose one that is not a well-known word, a row of keys, or made of your name or address.")
            .at(field));
    }
    Ok(())
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

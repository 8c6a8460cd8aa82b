//! Passwords that are guessed first: a short list, and the rules by which people and guessing programs vary it. The
//! rules stand for a list of millions.

/// The words that are tried first, in lower case, one per line.
const COMMON: &str = include_str!("common.txt");

/// Rows and columns of the keyboards that people have.
const ROWS: &[&str] = &[
    "`1234567890-=",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "8ik,",
    "9ol.",
];

/// Fewer letters than this that do not follow from the one before are no secret.
const FEWEST_SURPRISES: usize = 5;

/// A well-known word with less than this beside it is still that word.
const FEWEST_OTHER_LETTERS: usize = 6;

/// Whether a password is on the list, a repetition, a row of keys, or made of well-known words or the person's own
/// names with something short around them.
pub(super) fn is_easy(text: &str, about: &[&str]) -> bool {
    let lower = text.to_lowercase();
    let letters: Vec<char> = lower.chars().collect();
    let repeats = (1..=letters.len() / 3).any(|size| letters.iter().zip(&letters[size..]).all(|(a, b)| a == b));
    if repeats || surprises(&letters) < FEWEST_SURPRISES || is_only_numbers(&lower) {
        return true;
    }
    let bare: String = letters.iter().filter(|letter| letter.is_alphanumeric()).collect();
    let core = bare.trim_matches(|letter: char| letter.is_ascii_digit());
    if COMMON.lines().any(|word| word == lower || word == bare || (word.len() > 3 && word == core)) {
        return true;
    }
    is_made_of_common_words(&only_letters(&lower)) || is_made_of_common_words(&unmasked(&lower)) || is_own(&bare, about)
}

/// How many letters do not follow from the one before: by being the same, the next in the alphabet, or the next key.
fn surprises(letters: &[char]) -> usize {
    let follows = |a: char, b: char| {
        a == b
            || (a as u32).abs_diff(b as u32) == 1
            || ROWS.iter().any(|row| {
                let mut pairs = row.chars().zip(row.chars().skip(1));
                pairs.any(|pair| pair == (a, b) || pair == (b, a))
            })
    };
    letters.windows(2).filter(|pair| !follows(pair[0], pair[1])).count() + 1
}

/// A date, a telephone number.
fn is_only_numbers(lower: &str) -> bool {
    lower.chars().all(|letter| letter.is_ascii_digit() || " -./:_,+()".contains(letter))
}

fn only_letters(lower: &str) -> String {
    lower.chars().filter(|letter| letter.is_alphabetic()).collect()
}

/// The word that hides behind digits and signs in place of letters.
fn unmasked(lower: &str) -> String {
    let inner = lower.trim_matches(|letter: char| !letter.is_alphabetic() && letter != '$' && letter != '@');
    let seen = |letter| match letter {
        '@' | '4' => 'a',
        '3' | '€' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        other => other,
    };
    only_letters(&inner.chars().map(seen).collect::<String>())
}

/// Whether one or two of the words are nearly all there is.
fn is_made_of_common_words(text: &str) -> bool {
    let mut rest = text.to_owned();
    for _ in 0..2 {
        let words = COMMON.lines().filter(|word| word.len() > 3 && word.chars().all(char::is_alphabetic));
        let Some(longest) = words.filter(|word| rest.contains(word)).max_by_key(|word| word.len()) else { break };
        // What stood before and what stood behind it do not become a word together.
        rest = rest.replacen(longest, " ", 1);
    }
    rest != text && only_letters(&rest).chars().count() < FEWEST_OTHER_LETTERS
}

/// Whether the person's own names are nearly all there is.
fn is_own(bare: &str, about: &[&str]) -> bool {
    let own = about.iter().flat_map(|known| known.split(|letter: char| !letter.is_alphanumeric()));
    let own = own.chain(["ally", "assistant"]).map(str::to_lowercase).filter(|word| word.chars().count() > 2);
    let rest = own.fold(bare.to_owned(), |rest, word| rest.replace(&word, ""));
    rest.len() < bare.len()
        && (rest.chars().count() < FEWEST_OTHER_LETTERS || COMMON.lines().any(|common| common == rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_common_word_is_refused_with_whatever_people_add_to_it() {
        let mut tried = 0;
        let is_digit = |letter: char| letter.is_ascii_digit();
        for word in COMMON.lines().filter(|word| word.len() > 3 && word.chars().all(char::is_alphabetic)) {
            let capital: String = word[..1].to_uppercase() + &word[1..];
            let masked = word.replace('a', "@").replace('o', "0").replace('e', "3").replace('s', "$");
            // A digit at an end in place of a letter cannot be told from the digits beside it.
            let is_told = |form: &&str| !form.starts_with(is_digit) && !form.ends_with(is_digit);
            for form in [word, &capital, &word.to_uppercase(), &masked].into_iter().filter(is_told) {
                for end in ["1234", "123456789", "2026!", "_1987", "!!!!!!!!", "00000000", "!1", "."] {
                    for easy in [format!("{form}{end}"), format!("{end}{form}")] {
                        assert!(is_easy(&easy, &[]), "{easy}");
                        tried += 1;
                    }
                }
            }
        }
        assert!(tried > 10_000, "{tried}");
    }

    #[test]
    fn rows_of_keys_dates_and_pairs_of_words_are_refused() {
        for easy in [
            "qwertyuiop[]",
            "1qaz2wsx3edc4rfv",
            "asdfghjkl;'12",
            "poiuytrewq12",
            "qwertz123456",
            "azertyuiop789",
            "zxcvbnm,./zxc",
            "aabbccddeeff",
            "abcdefg1234567",
            "9876543210abc",
            "aaaaaabbbbbb",
            "24-12-1987 24.12",
            "+49 30 1234567",
            "summer2026winter",
            "monkeydragon!!77",
            "ilovechocolate9",
            "P@55w0rd!2026",
            "$uperman_1999",
            "mypasswordis1",
        ] {
            assert!(is_easy(easy, &[]), "{easy}");
        }
    }

    #[test]
    fn what_somebody_thought_of_is_taken() {
        for good in [
            "correct horse battery staple",
            "kestrel umbra fjord 40",
            "the shadow of a yellow kite",
            "tree were weeds dressed",
            "my sister hates green peas",
            "wir fahren morgen nach ulm",
            "¿dónde está la biblioteca?",
            "猫が窓辺で静かに眠っている",
            "8$2!9#4@7&3*kq",
            "xk7-92p-vb4-mm1",
            "Tr4vel-lamp-Okra",
            "rainy tuesday in lund",
        ] {
            assert!(!is_easy(good, &["mira.olsen@example.com", "Mira Olsen"]), "{good}");
        }
    }
}

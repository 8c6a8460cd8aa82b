//! Which lines an assistant may write: those of the code that it is made of, with values that hold no words.
//!
//! Whoever has an assistant in hand knows what its person wrote, and may write what they like into the pipe. So a line
//! passes only if its text is one of ours, word for word, and the names of its values are too. Of the values pass
//! numbers, ids, moments, and words from short lists; everything else is replaced.

use super::Text;
use ally_sandbox::Wall;
use ally_types::log::Level;

/// Texts, names and crates, one each line; `cargo xtask generate` writes it, and `cargo xtask tidy` compares.
const CATALOGUE: &str = include_str!("catalogue.txt");

/// What stands in place of a value that does not pass.
const HIDDEN: &str = "?";
/// No line of ours has more values.
const MOST_VALUES: usize = 12;

/// The line, if it is one of ours: its level, and what of it may pass on. The time in front of it the host writes better.
pub(super) fn read(line: &[u8]) -> Option<(Level, Text)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.splitn(3, ' ');
    let (_, level, rest) = (words.next()?, words.next()?, words.next()?);
    let level = match level {
        "Error" => Level::Error,
        "Warn" => Level::Warn,
        "Info" => Level::Info,
        "Debug" => Level::Debug,
        "Trace" => Level::Trace,
        _ => return None,
    };
    let is_it = |text: &&str| rest.strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let text = all("text ").filter(is_it).max_by_key(|text| text.len())?;
    let mut passes = text.to_owned();
    let values = rest[text.len()..].split_ascii_whitespace();
    for (at, pair) in values.enumerate() {
        let (name, value) = pair.split_once('=').filter(|_| at < MOST_VALUES)?;
        let name = all("name ").find(|known| *known == name)?;
        passes.push_str(&format!(" {name}={}", passing(name, value)));
    }
    Some((level, Text(passes)))
}

fn all(kind: &'static str) -> impl Iterator<Item = &'static str> {
    CATALOGUE.lines().filter_map(move |line| line.strip_prefix(kind))
}

/// What of a value may pass.
fn passing<'a>(name: &str, value: &'a str) -> &'a str {
    let is_word =
        || matches!(value, "-" | "true" | "false") || KINDS.contains(&value) || Wall::from_name(value).is_some();
    if is_number(value) || is_id(value) || is_moment(value) || is_word() {
        return value;
    }
    // Of the place of a panic its crate; with line and column that is enough to find it.
    let of_crate = value.split('/').next().unwrap_or_default();
    if name == "file" && all("crate ").any(|known| known == of_crate) { of_crate } else { HIDDEN }
}

fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Such as `run_01KAJBCH803YXKPHSFE9B8P6TQ`.
fn is_id(value: &str) -> bool {
    let Some((kind, rest)) = value.split_once('_') else { return false };
    let is_kind = (2..=4).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_rest = rest.len() == 26 && rest.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    is_kind && is_rest
}

/// Such as `2026-11-21T12:00:00.000Z`.
fn is_moment(value: &str) -> bool {
    value.len() == 24
        && value.bytes().zip(b"0000-00-00T00:00:00.000Z").all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            sign => byte == *sign,
        })
}

/// Kinds of errors, as [`std::io::ErrorKind`] names them.
const KINDS: &[&str] = &[
    "AddrInUse",
    "AddrNotAvailable",
    "AlreadyExists",
    "ArgumentListTooLong",
    "BrokenPipe",
    "ConnectionAborted",
    "ConnectionRefused",
    "ConnectionReset",
    "CrossesDevices",
    "Deadlock",
    "DirectoryNotEmpty",
    "ExecutableFileBusy",
    "FileTooLarge",
    "HostUnreachable",
    "Interrupted",
    "InvalidData",
    "InvalidFilename",
    "InvalidInput",
    "IsADirectory",
    "NetworkDown",
    "NetworkUnreachable",
    "NotADirectory",
    "NotConnected",
    "NotFound",
    "NotSeekable",
    "Other",
    "OutOfMemory",
    "PermissionDenied",
    "QuotaExceeded",
    "ReadOnlyFilesystem",
    "ResourceBusy",
    "StaleNetworkFileHandle",
    "StorageFull",
    "TimedOut",
    "TooManyLinks",
    "Uncategorized",
    "UnexpectedEof",
    "Unsupported",
    "WouldBlock",
    "WriteZero",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(line: &str) -> Option<String> {
        read(format!("2026-11-21T12:00:00.000Z {line}").as_bytes()).map(|(level, text)| format!("{level:?} {}", text.0))
    }

    #[test]
    fn a_line_of_ours_passes_with_its_level_and_what_is_not_ours_does_not() {
        let run = "run_01KAJBCH803YXKPHSFE9B8P6TQ";
        for line in [
            "Warn connections were cut".to_owned(),
            format!("Warn a run pauses because the database failed run={run}"),
            format!("Error a run panicked run={run} attempt=2"),
            "Warn a connection could not be accepted error=PermissionDenied".to_owned(),
            "Error a wall does not stand wall=landlock kind=-".to_owned(),
        ] {
            assert_eq!(passed(&line), Some(line));
        }
        for line in [
            "Warn connections were cut by Mira",
            "Warn connections were cut, Mira",
            "Warn connections were cutMira",
            "Mira connections were cut",
            "Warn the aubergine is ready",
            "Warn connections were cut aubergine=1",
            "Warn connections were cut run",
            "Warn",
            "",
        ] {
            assert_eq!(passed(line), None, "{line}");
        }
        assert_eq!(read(b"connections were cut"), None, "without a time and a level it is nobody's");
        assert_eq!(read("2026-11-21T12:00:00.000Z Warn connections were cut\u{202e}".as_bytes()), None);
    }

    #[test]
    fn a_value_that_could_hold_words_is_replaced() {
        for (value, passes) in [
            ("12", "12"),
            ("-7", "-7"),
            ("2026-11-21T12:00:00.000Z", "2026-11-21T12:00:00.000Z"),
            ("aubergine", HIDDEN),
            ("Aubergine", HIDDEN),
            ("run_aubergine", HIDDEN),
            ("123456789012345678901", HIDDEN),
            ("\"quoted\"", HIDDEN),
            ("a=b", HIDDEN),
            ("", HIDDEN),
        ] {
            let line = format!("Error the database failed code={value}");
            assert_eq!(passed(&line), Some(format!("Error the database failed code={passes}")));
        }
        let panic = |file: &str| passed(&format!("Error panic file={file} line=3 column=9"));
        assert_eq!(
            panic("ally-assistant/src/turns.rs").as_deref(),
            Some("Error panic file=ally-assistant line=3 column=9")
        );
        assert_eq!(panic("aubergine/src/turns.rs").as_deref(), Some("Error panic file=? line=3 column=9"));
        let many = " code=1".repeat(MOST_VALUES + 1);
        assert_eq!(passed(&format!("Error the database failed{many}")), None);
    }
}

//! Files that go along with the next question.

use super::{Fault, Server, clean};
use crate::chat::server::Asked;
use ally_types::{AttachmentId, Content};
use http::HeaderValue;
use serde::Deserialize;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What is typed in a conversation, before a path.
const COMMAND: &str = "/attach";
/// More than the server takes; what is larger is not even read.
const LARGEST: u64 = 32 << 20;

/// A file that the server has.
#[derive(Debug, Deserialize)]
pub(super) struct Attached {
    pub(super) id: AttachmentId,
    name: Content,
}

impl Attached {
    /// Its name, to be shown.
    pub(super) fn shown(&self) -> String {
        clean::one_line(self.name.expose(), 120)
    }
}

/// The path behind the command, if it is one. A space in a path needs no care, and quotes around it are left out.
pub(super) fn asked_for(line: &str) -> Option<PathBuf> {
    let rest = line.trim().strip_prefix(COMMAND)?;
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return None;
    }
    let path = rest.trim();
    let bare = ['"', '\''].iter().find_map(|quote| path.strip_prefix(*quote)?.strip_suffix(*quote));
    Some(bare.unwrap_or(path).into())
}

/// Reads a file and hands it to the server.
pub(super) async fn upload(server: &Server, path: &Path) -> Result<Attached, Fault> {
    let unread = || {
        let shown = clean::one_line(&path.to_string_lossy(), 200);
        Fault::said(format!("The file \"{shown}\" cannot be read."), "Check its path and who may read it.")
    };
    let file = std::fs::File::open(path).map_err(|_| unread())?;
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return Err(unread());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|_| unread())?;
    let mut asked = Asked::make_of("/api/v1/attachments", bytes);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    asked.headers.insert("attachment-name", encoded(&name));
    server.call(asked).await
}

/// A name as a header may hold it.
fn encoded(name: &str) -> HeaderValue {
    let letters = name.bytes().map(|byte| match byte {
        b'-' | b'_' | b'.' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    HeaderValue::try_from(letters.collect::<String>()).expect("what is percent-encoded is a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_told_from_a_question_that_begins_like_it() {
        let path = |line| asked_for(line).map(|path| path.to_string_lossy().into_owned());
        assert_eq!(path("/attach cat.png").as_deref(), Some("cat.png"));
        assert_eq!(path(" /attach  \"my cat.png\" ").as_deref(), Some("my cat.png"));
        assert_eq!(path("/attach my cat.png").as_deref(), Some("my cat.png"));
        assert_eq!(path("/attach").as_deref(), Some(""));
        assert_eq!(path("/attached is what?"), None);
        assert_eq!(path("what does /attach do?"), None);
    }

    #[test]
    fn a_name_fits_into_a_header() {
        assert_eq!(encoded("Grüße 1.pdf"), "Gr%C3%BC%C3%9Fe%201.pdf");
        assert_eq!(encoded("a\nb"), "a%0Ab");
    }
}

//! Paths of memory files: relative to `/memories`, Markdown only, and never a way out.

/// A path that is safe to join to the root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotePath(String);

/// What a path of the memory tool may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A directory, relative to the root and without slashes at its ends; empty for `/memories` itself.
    Directory(String),
    /// A file.
    File(NotePath),
}

/// The path leads out of `/memories`, or cannot be a path of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPlace;

const LONGEST: usize = 240;
const LONGEST_NAME: usize = 100;
const DEEPEST: usize = 6;

impl NotePath {
    /// Reads a path relative to the root, such as `people/ana.md`.
    pub fn parse(path: &str) -> Option<Self> {
        (is_safe(path) && !leads_through_a_file(path)).then(|| Self::stored(path)).flatten()
    }

    /// A path that was taken in before: it cannot lead out, but a name that is refused today may stand in it.
    pub(super) fn stored(path: &str) -> Option<Self> {
        (is_safe(path) && path.ends_with(".md")).then(|| Self(path.to_owned()))
    }

    /// One of our own paths.
    pub(super) fn known(path: &'static str) -> Self {
        Self(path.to_owned())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As the model sees it.
    pub fn shown(&self) -> String {
        format!("/memories/{}", self.0)
    }
}

impl Place {
    /// Reads a path as the model writes it, such as `/memories/people/ana.md`.
    pub fn parse(path: &str) -> Result<Self, NotAPlace> {
        let below = path.strip_prefix("/memories").ok_or(NotAPlace)?;
        let below = below.trim_end_matches('/');
        if below.is_empty() {
            return Ok(Self::Directory(String::new()));
        }
        let below = below.strip_prefix('/').ok_or(NotAPlace)?;
        if let Some(file) = NotePath::parse(below) {
            return Ok(Self::File(file));
        }
        let is_place = is_safe(below) && !leads_through_a_file(below);
        if is_place { Ok(Self::Directory(below.to_owned())) } else { Err(NotAPlace) }
    }
}

/// No way up, nothing hidden, nothing absolute, no character that a file system or a terminal treats in its own way.
fn is_safe(path: &str) -> bool {
    let is_odd =
        |c: char| c.is_control() || matches!(c, '\\' | ':' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    !path.is_empty()
        && path.len() <= LONGEST
        && !path.contains(is_odd)
        && path.split('/').count() <= DEEPEST
        && path
            .split('/')
            .all(|name| !name.is_empty() && !name.starts_with('.') && name.len() <= LONGEST_NAME && name.trim() == name)
}

/// Whether a directory on the way has the name of a note. One name cannot be both, and a file is never written into
/// another one.
fn leads_through_a_file(path: &str) -> bool {
    let (directories, _) = path.rsplit_once('/').unwrap_or_default();
    directories.split('/').any(|name| name.to_lowercase().ends_with(".md"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out() {
        for path in [
            "/memories/../x.md",
            "/memories/a/../../x.md",
            "/etc/passwd",
            "memories/x.md",
            "/memoriesx/y.md",
            "/memories/./x.md",
            "/memories//x.md",
            "/memories/.hidden.md",
            "/memories/a\\b.md",
            "/memories/a\0.md",
            "/memories/a:b.md",
            "/memories/\u{202e}dm.md",
            "/memories/ x.md",
            "/memories/a/b/c/d/e/f/g.md",
            "/memories/notes.md/x.md",
            "/memories/a/Notes.MD/b/x.md",
            "/memories/notes.md/x",
            "",
        ] {
            assert_eq!(Place::parse(path), Err(NotAPlace), "{path:?}");
        }
        assert_eq!(Place::parse("/memories/"), Ok(Place::Directory(String::new())));
        assert_eq!(Place::parse("/memories/people"), Ok(Place::Directory("people".to_owned())));
        assert!(matches!(Place::parse("/memories/people/Ana María.md"), Ok(Place::File(_))));
        assert_eq!(NotePath::parse("notes.txt"), None);
    }
}

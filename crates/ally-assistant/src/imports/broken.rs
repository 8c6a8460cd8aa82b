//! Why a file cannot be taken over, and what the person can do about it.

use super::splitter;
use crate::fault::Fault;
use ally_types::Problem;

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It is neither a ZIP nor a list.
    Kind,
    /// A ZIP that is cut off, damaged, or packed in a way that nobody uses for exports.
    Zip,
    /// A ZIP of something else.
    NoConversations,
    /// A ZIP that opens with a password only.
    Password,
    /// A ZIP that would become far too large.
    Bomb,
    /// A list that is cut off, or is not JSON.
    Json,
    /// A list of something else.
    Shape,
    /// A list of nothing.
    Empty,
    /// It is gone from the disk.
    Gone,
    /// There is no room for what is in it.
    Full,
    /// It ended too often in the middle.
    Attempts,
}

impl Broken {
    const ALL: [Self; 11] = [
        Self::Kind,
        Self::Zip,
        Self::NoConversations,
        Self::Password,
        Self::Bomb,
        Self::Json,
        Self::Shape,
        Self::Empty,
        Self::Gone,
        Self::Full,
        Self::Attempts,
    ];

    /// The word kept in a column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "import_wrong_kind",
            Self::Zip => "import_zip_broken",
            Self::NoConversations => "import_no_conversations",
            Self::Password => "import_password",
            Self::Bomb => "import_too_large",
            Self::Json => "import_json_broken",
            Self::Shape => "import_wrong_shape",
            Self::Empty => "import_empty",
            Self::Gone => "import_file_gone",
            Self::Full => "space_full",
            Self::Attempts => "import_interrupted",
        }
    }

    /// Reads the word back.
    pub fn from_stored(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|broken| broken.as_str() == word)
    }

    /// What the person is told.
    pub fn problem(self) -> Problem {
        const AGAIN: &str = "Download the export again, and choose the new file.";
        let (title, next) = match self {
            Self::Kind => (
                "This file is neither a ZIP nor a conversations.json.",
                "Choose the ZIP that ChatGPT or Claude sent you, or the conversations.json in it.",
            ),
            Self::Zip => ("This ZIP is cut off or damaged.", AGAIN),
            Self::NoConversations => (
                "There is no conversations.json in this ZIP.",
                "Choose the ZIP with your data that ChatGPT or Claude sent you.",
            ),
            Self::Password => (
                "This ZIP is protected with a password.",
                "Unpack it on your computer, and choose the conversations.json in it.",
            ),
            Self::Bomb => (
                "What is in this ZIP is larger than Ally reads.",
                "Unpack it on your computer, and choose the conversations.json in it. It may have 2 GB.",
            ),
            Self::Json => ("The list of conversations in this file is cut off or damaged.", AGAIN),
            Self::Shape => (
                "This is not the list of conversations of ChatGPT or Claude.",
                "Choose the ZIP that ChatGPT or Claude sent you, or the conversations.json in it.",
            ),
            Self::Empty => ("There is no conversation in this file.", "Choose another file."),
            Self::Gone => ("The file is no longer here.", "Choose it again. What was imported is kept."),
            Self::Full => (
                "Your space is full. What was imported so far is kept.",
                "Delete chats that you no longer need, then go on.",
            ),
            Self::Attempts => (
                "The import was interrupted several times. What was imported so far is kept.",
                "Go on; if it stops again, ask whoever runs this installation.",
            ),
        };
        let status = if self == Self::Full { 507 } else { 422 };
        Problem::new(status, self.as_str(), title).next(next)
    }
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        broken.problem().into()
    }
}

impl From<splitter::Broken> for Broken {
    fn from(broken: splitter::Broken) -> Self {
        match broken {
            splitter::Broken::NoList => Self::Kind,
            splitter::Broken::Malformed => Self::Json,
        }
    }
}

impl From<splitter::Broken> for Fault {
    fn from(broken: splitter::Broken) -> Self {
        Broken::from(broken).into()
    }
}

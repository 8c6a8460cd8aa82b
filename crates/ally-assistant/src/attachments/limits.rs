//! How much may be attached. What Anthropic's documentation allows (platform.claude.com/docs, "Vision" and "PDF support",
//! November 2026), with room for everything else of a question.

use super::Attachment;
use crate::fault::Done;
use ally_llm::FileKind;
use ally_types::Problem;

/// Bytes of a picture. The service takes 5 MB, and counts the letters of base64, four for three bytes.
pub const LARGEST_PICTURE: usize = 5 * 1024 * 1024 / 4 * 3;
/// Pixels of a side of a picture.
pub const LONGEST_SIDE: u32 = 8000;
/// Bytes of a text; more is more than a model reads.
pub const LARGEST_TEXT: usize = 512 * 1024;
/// Bytes of a PDF: as much as all files of a question.
pub const LARGEST_PDF: usize = MOST_BYTES as usize;
/// Pages of all PDFs of a question.
pub const MOST_PAGES: u32 = 100;
/// Bytes of a page, where nobody can tell how many pages there are.
pub const USUAL_PAGE: u64 = 100 * 1024;
/// Most pages that are guessed: whoever guesses too many takes a file out of a conversation that it would fit into.
pub const MOST_GUESSED: u32 = 20;
/// Files of a message.
pub const MOST_FILES: usize = 20;
/// Pictures of a question: with more, the service demands that each is small.
pub const MOST_PICTURES: usize = 20;
/// Bytes of all files of a question. The service takes 32 MB in all, in letters of base64.
pub const MOST_BYTES: u64 = 22 * 1024 * 1024;
/// Letters of a name.
pub const LONGEST_NAME: usize = 200;

/// What a question may still hold.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    bytes: u64,
    pictures: usize,
    pages: u32,
}

impl Room {
    /// All of it.
    pub const WHOLE: Self = Self { bytes: MOST_BYTES, pictures: MOST_PICTURES, pages: MOST_PAGES };

    /// What is left beside this file; `None` if it does not fit.
    pub fn beside(self, file: &Attachment) -> Option<Self> {
        let bytes = self.bytes.checked_sub(file.size)?;
        let pictures = usize::from(matches!(file.kind(), FileKind::Image { .. }));
        let (pictures, pages) =
            (self.pictures.checked_sub(pictures)?, self.pages.checked_sub(file.pages.unwrap_or(0))?);
        Some(Self { bytes, pictures, pages })
    }
}

/// Whether all these files fit into one question.
pub fn check_together(files: &[Attachment]) -> Done<()> {
    if files.iter().try_fold(Room::WHOLE, Room::beside).is_some() {
        return Ok(());
    }
    Err(Problem::new(422, "attachments_too_large", "These files together are more than a model reads at once.")
        .at("attachments")
        .next("Send them in several messages: at most 22 MB, 20 pictures and 100 pages of PDF in each.")
        .into())
}

/// More files than a message takes.
pub fn too_many_files() -> Problem {
    Problem::new(422, "too_many_attachments", "A message takes at most 20 files.")
        .at("attachments")
        .next("Send the others with another message.")
}

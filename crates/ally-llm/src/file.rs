//! Files in a question: what they are, what they weigh, and how a question travels with them.
//!
//! Their bytes are no part of the JSON. On the way from an assistant to the gateway they follow it, one after the other,
//! so that neither side writes them in letters: four bytes with the length of the JSON, the JSON, the bytes.

use crate::{Block, Request};
use ally_types::Content;
use bytes::{Buf as _, Bytes};
use serde::{Deserialize, Serialize};

/// The content type of a question with files.
pub const WITH_FILES: &str = "application/vnd.ally.question";

/// A file that a model is given.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct File {
    /// How whoever asks calls it.
    pub id: String,
    /// Its name, as the person sees it.
    pub name: Content,
    /// What it is.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// Whether words came with it; they stand behind it.
    pub has_words: bool,
    /// The bytes; empty where they are not needed yet.
    #[serde(skip)]
    pub bytes: Bytes,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum FileKind {
    /// A picture.
    Image {
        /// How it is written.
        format: ImageType,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A PDF.
    Pdf {
        /// How many pages it seems to have.
        pages: u32,
    },
    /// Text in UTF-8.
    Text,
}

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageType {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
}

impl ImageType {
    /// Its name on the wire.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// Pixels that make a token; a large picture is made smaller before it is read, so it has no more than so many tokens.
const PIXELS: u64 = 750;
const MOST_OF_A_PICTURE: u64 = 4800;
/// A page is read as text and as a picture.
const PAGE: u64 = 2500;

impl FileKind {
    /// The name of its type on the wire.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Image { format, .. } => format.media_type(),
            Self::Pdf { .. } => "application/pdf",
            Self::Text => "text/plain",
        }
    }

    /// Tokens that a file of this kind and size has, by our own estimate: sooner too many than too few.
    pub fn tokens(self, size: u64) -> u64 {
        match self {
            Self::Image { width, height, .. } => {
                (u64::from(width) * u64::from(height)).div_ceil(PIXELS).clamp(1, MOST_OF_A_PICTURE)
            }
            Self::Pdf { pages } => PAGE * u64::from(pages.max(1)),
            Self::Text => (size * 2).div_ceil(7),
        }
    }
}

impl File {
    /// Tokens that it has, by our own estimate.
    pub fn tokens(&self) -> u64 {
        self.kind.tokens(self.size)
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} of {} bytes]", self.kind.media_type(), self.size)
    }
}

impl Request {
    /// Its files, in order.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.messages.iter().flat_map(|message| &message.blocks).filter_map(|block| match block {
            Block::File { file } => Some(file),
            _ => None,
        })
    }

    /// What travels before the bytes of its files.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn head(&self) -> Result<Bytes, serde_json::Error> {
        let mut head = vec![0; 4];
        serde_json::to_writer(&mut head, self)?;
        let length = u32::try_from(head.len() - 4).unwrap_or(u32::MAX);
        head[..4].copy_from_slice(&length.to_be_bytes());
        Ok(head.into())
    }

    /// Reads a question with its files; `None` if it does not hold what it says.
    pub fn with_files(mut whole: Bytes) -> Option<Self> {
        let length = usize::try_from(whole.try_get_u32().ok()?).ok()?;
        if whole.len() < length {
            return None;
        }
        let mut request: Self = serde_json::from_slice(&whole.split_to(length)).ok()?;
        for block in request.messages.iter_mut().flat_map(|message| &mut message.blocks) {
            if let Block::File { file } = block {
                let size = usize::try_from(file.size).ok().filter(|size| *size <= whole.len())?;
                file.bytes = whole.split_to(size);
            }
        }
        whole.is_empty().then_some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Effort, Message, Role};
    use ally_types::Timestamp;
    use proptest::prelude::*;

    fn file(bytes: &'static [u8]) -> Block {
        let kind = FileKind::Image { format: ImageType::Png, width: 10, height: 10 };
        let bytes = Bytes::from_static(bytes);
        Block::File {
            file: File { id: "a".into(), name: "a.png".into(), kind, size: bytes.len() as u64, has_words: true, bytes },
        }
    }

    fn request() -> Request {
        let blocks = vec![file(b"one"), file(b""), file(b"three"), Block::Text { text: "What is this?".into() }];
        Request {
            system: "Be brief.".into(),
            messages: vec![Message { role: Role::User, blocks }],
            tools: Vec::new(),
            max_tokens: 64,
            effort: Effort::Normal,
            pseudonym: "p1".into(),
            asked_at: Timestamp::from_millis(0),
            timezone: "UTC".into(),
        }
    }

    fn whole(request: &Request) -> Vec<u8> {
        let mut whole = request.head().expect("JSON serialises").to_vec();
        request.files().for_each(|file| whole.extend_from_slice(&file.bytes));
        whole
    }

    #[test]
    fn a_question_arrives_with_its_files_and_a_part_of_it_does_not_arrive() {
        let request = request();
        let whole = whole(&request);
        assert_eq!(Request::with_files(whole.clone().into()), Some(request));
        for end in 0..whole.len() {
            assert_eq!(Request::with_files(whole[..end].to_vec().into()), None, "{end} bytes");
        }
        let more = [whole, vec![0]].concat();
        assert_eq!(Request::with_files(more.into()), None);
    }

    proptest! {
        #[test]
        fn whatever_arrives_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Request::with_files(bytes.into());
        }
    }

    #[test]
    fn a_file_does_not_print_itself() {
        assert_eq!(format!("{:?}", file(b"secret")), "File { file: [image/png of 6 bytes] }");
    }

    #[test]
    fn tokens_are_those_of_pixels_pages_and_letters() {
        let image = |width, height| FileKind::Image { format: ImageType::Png, width, height }.tokens(1);
        assert_eq!((image(1000, 1000), image(8000, 8000), image(1, 1)), (1334, 4800, 1));
        assert_eq!((FileKind::Pdf { pages: 3 }.tokens(9), FileKind::Text.tokens(700)), (7500, 200));
    }
}

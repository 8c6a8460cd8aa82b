//! What a file is, by its bytes. What somebody says that it is does not count.

use super::limits;
use super::picture::{self, Picture};
use ally_llm::ImageType;
use ally_types::Problem;

/// How the types are called.
pub const PDF: &str = "application/pdf";
/// All text, whatever it is about.
pub const TEXT: &str = "text/plain";

/// So many bytes are enough to know.
pub const ENOUGH: usize = 16;

/// What the first bytes of a file look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// A picture.
    Picture(ImageType),
    /// A PDF.
    Pdf,
    /// Text, as far as one can see, or something else.
    Other,
}

/// Looks at the first bytes.
pub fn looks(head: &[u8]) -> Looks {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Looks::Picture(ImageType::Png),
        [0xff, 0xd8, 0xff, ..] => Looks::Picture(ImageType::Jpeg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Looks::Picture(ImageType::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Looks::Picture(ImageType::Webp),
        [b'%', b'P', b'D', b'F', b'-', ..] => Looks::Pdf,
        _ => Looks::Other,
    }
}

/// The picture format with this name.
pub fn format(media_type: &str) -> Option<ImageType> {
    let all = [ImageType::Png, ImageType::Jpeg, ImageType::Gif, ImageType::Webp];
    all.into_iter().find(|format| format.media_type() == media_type)
}

/// The same name, kept for ever; what nobody knows is shown as text.
pub fn known(media_type: &str) -> &'static str {
    match format(media_type) {
        Some(format) => format.media_type(),
        None if media_type == PDF => PDF,
        None => TEXT,
    }
}

/// A picture without what it says beside itself.
pub fn picture(format: ImageType, bytes: &[u8]) -> Result<Picture, Problem> {
    let picture = picture::cleaned(format, bytes).ok_or_else(broken_picture)?;
    if picture.width > limits::LONGEST_SIDE || picture.height > limits::LONGEST_SIDE {
        return Err(Problem::new(422, "picture_too_large", "This picture has more than 8000 pixels on a side.")
            .next("Make it smaller, then attach it again."));
    }
    Ok(picture)
}

/// Text in UTF-8, without the mark that some programs put before it.
pub fn text(bytes: &[u8]) -> Result<&str, Problem> {
    let bare = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let is_odd = |byte: &u8| *byte == 0x7f || (*byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b));
    let odd = bare.iter().filter(|byte| is_odd(byte)).count();
    let is_wide = bare.starts_with(b"\xff\xfe") || bare.starts_with(b"\xfe\xff");
    if !is_wide && odd > 0 {
        return Err(unknown(bare));
    }
    match std::str::from_utf8(bare) {
        Ok(text) if text.trim().is_empty() => Err(empty()),
        Ok(text) => Ok(text),
        Err(_) => Err(Problem::new(415, "text_not_utf8", "The letters of this file are not in UTF-8.")
            .next("Save it as UTF-8 in your editor, then attach it again.")),
    }
}

/// Nothing is in a file.
pub fn empty() -> Problem {
    Problem::new(422, "attachment_empty", "There is nothing in this file.").next("Choose another file.")
}

/// A file is too large for what it is.
pub fn too_large(what: Looks) -> Problem {
    let (title, next) = match what {
        Looks::Picture(_) => {
            ("This picture is larger than 3.75 MB.", "Make it smaller or save it as JPEG, then attach it again.")
        }
        Looks::Pdf => ("This PDF is larger than 22 MB.", "Split it, or save it with smaller pictures."),
        Looks::Other => ("This file is larger than 512 kB.", "Attach a part of it."),
    };
    Problem::new(413, "attachment_too_large", title).next(next)
}

/// Not everything that is readable somewhere is readable for a model.
fn unknown(bytes: &[u8]) -> Problem {
    let next = match bytes {
        [b'P', b'K', 3, 4, ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            "Save a document or table as PDF, or take the files out of an archive; then attach those."
        }
        [_, _, _, _, b'f', b't', b'y', b'p', ..] | [b'I', b'I', 0x2a, 0, ..] | [b'M', b'M', 0, 0x2a, ..] => {
            "Save the picture as JPEG or PNG, then attach it again."
        }
        _ => "Attach a picture (PNG, JPEG, GIF, WebP), a PDF or a text file.",
    };
    Problem::new(415, "attachment_type", "A model cannot read files of this type.").next(next)
}

fn broken_picture() -> Problem {
    Problem::new(422, "picture_broken", "This picture is damaged, or only a part of it.")
        .next("Open it in a picture program and save it again, then attach that.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_decide_what_a_file_is() {
        for (head, what) in [
            (&b"\x89PNG\r\n\x1a\n"[..], Looks::Picture(ImageType::Png)),
            (b"\xff\xd8\xff\xe0", Looks::Picture(ImageType::Jpeg)),
            (b"GIF89a", Looks::Picture(ImageType::Gif)),
            (b"RIFF\0\0\0\0WEBP", Looks::Picture(ImageType::Webp)),
            (b"%PDF-1.7", Looks::Pdf),
            (b"<svg xmlns", Looks::Other),
            (b"GIF", Looks::Other),
            (b"", Looks::Other),
        ] {
            assert_eq!(looks(head), what, "{head:?}");
        }
    }

    #[test]
    fn text_is_utf8_and_nothing_else() {
        let kind = |bytes: &[u8]| text(bytes).map(str::to_owned).map_err(|problem| problem.kind.into_owned());
        assert_eq!(kind("Grüße\n\t東京\r\n".as_bytes()), Ok("Grüße\n\t東京\r\n".to_owned()));
        assert_eq!(kind(b"\xef\xbb\xbfa,b\n"), Ok("a,b\n".to_owned()));
        for (bytes, problem) in [
            (&b" \n"[..], "attachment_empty"),
            (b"Gr\xfc\xdfe", "text_not_utf8"),
            (b"\xff\xfea\0b\0", "text_not_utf8"),
            (b"PK\x03\x04", "attachment_type"),
            (b"a\0b", "attachment_type"),
        ] {
            assert_eq!(kind(bytes), Err(problem.to_owned()), "{bytes:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_what_helps() {
        for (bytes, word) in
            [(&b"PK\x03\x04word"[..], "PDF"), (b"\0\0\0\x18ftypheic", "JPEG"), (b"\x7fELF", "text file")]
        {
            let problem = text(bytes).expect_err("it is no text");
            assert!(problem.next_step.expect("a next step").contains(word), "{bytes:?}");
        }
    }
}

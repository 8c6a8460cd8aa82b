//! Pictures without what they say beside themselves: where, when, by whom and with which camera they were taken. The
//! picture itself is not written anew, and which side is up stays.

mod exif;
mod gif;
mod jpeg;
mod png;
mod webp;

use ally_llm::ImageType;

/// A picture that shows nothing but itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Width in pixels, as it is looked at.
    pub width: u32,
    /// Height in pixels, as it is looked at.
    pub height: u32,
}

/// The picture without its metadata; `None` if it is damaged.
pub fn cleaned(format: ImageType, bytes: &[u8]) -> Option<Picture> {
    let (bytes, (width, height), turned) = match format {
        ImageType::Png => png::cleaned(bytes)?,
        ImageType::Jpeg => jpeg::cleaned(bytes)?,
        ImageType::Gif => gif::cleaned(bytes)?,
        ImageType::Webp => webp::cleaned(bytes)?,
    };
    let (width, height) = if turned.is_on_its_side() { (height, width) } else { (width, height) };
    (width > 0 && height > 0).then_some(Picture { bytes, width, height })
}

/// A picture in its own way of writing: its bytes, its sides, and how it has to be turned.
type Parts = (Vec<u8>, (u32, u32), exif::Turned);

/// Reads from the front of some bytes; nothing is there that is not there.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn be16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn be32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn le32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests;

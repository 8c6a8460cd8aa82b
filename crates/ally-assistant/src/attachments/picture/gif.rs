//! GIF: blocks one after the other. Comments and what applications put there go; how often a film is repeated stays.

use super::exif::Turned;
use super::{Parts, Reader};

pub fn cleaned(bytes: &[u8]) -> Option<Parts> {
    let mut reader = Reader(bytes);
    let head = reader.take(13)?;
    let side = |at: usize| u32::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let sides = (side(6), side(8));
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend_from_slice(head);
    kept.extend_from_slice(reader.take(colours(head[10]))?);
    let mut has_picture = false;
    loop {
        match reader.byte() {
            // Some programs forget the end.
            None | Some(0x3b) => break,
            Some(0x21) => {
                let label = reader.byte()?;
                let before = reader.0;
                skip_blocks(&mut reader)?;
                let block = &before[..before.len() - reader.0.len()];
                let is_repeat = block.get(1..12).is_some_and(|name| name == b"NETSCAPE2.0" || name == b"ANIMEXTS1.0");
                if label == 0xf9 || (label == 0xff && is_repeat) {
                    kept.extend_from_slice(&[0x21, label]);
                    kept.extend_from_slice(block);
                }
            }
            Some(0x2c) => {
                let before = reader.0;
                let place = reader.take(9)?;
                reader.take(colours(place[8]))?;
                reader.byte()?;
                skip_blocks(&mut reader)?;
                kept.push(0x2c);
                kept.extend_from_slice(&before[..before.len() - reader.0.len()]);
                has_picture = true;
            }
            Some(_) => return None,
        }
    }
    kept.push(0x3b);
    has_picture.then_some((kept, sides, Turned::NOT))
}

/// Bytes of the table of colours that these flags announce.
const fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Blocks with their length before them, until an empty one.
fn skip_blocks(reader: &mut Reader<'_>) -> Option<()> {
    loop {
        let length = reader.byte()?;
        if length == 0 {
            return Some(());
        }
        reader.take(length.into())?;
    }
}

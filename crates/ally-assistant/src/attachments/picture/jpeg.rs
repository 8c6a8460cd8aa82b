//! JPEG: segments with a mark, and the picture between them. What stands behind its end (a film, another picture) goes.

use super::exif::Turned;
use super::{Parts, Reader};

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP14: u8 = 0xee;

pub fn cleaned(bytes: &[u8]) -> Option<Parts> {
    let mut reader = Reader(bytes);
    if reader.take(2)? != [0xff, SOI] {
        return None;
    }
    let (mut kept, mut sides, mut turned, mut has_picture) =
        (Vec::with_capacity(bytes.len()), None, Turned::NOT, false);
    // Some cameras forget the end.
    while let Some(mark) = mark(&mut reader) {
        match mark {
            EOI => break,
            // They have no length.
            0x01 | 0xd0..=0xd7 => continue,
            SOI => return None,
            _ => {}
        }
        let length = usize::from(reader.be16()?).checked_sub(2)?;
        let segment = reader.take(length)?;
        match mark {
            APP0 => keep(&mut kept, mark, &jfif(segment)),
            APP1 => {
                if segment.starts_with(b"Exif\0\0") && turned == Turned::NOT {
                    turned = Turned::of(segment);
                }
            }
            // Which colours the numbers mean.
            APP2 if segment.starts_with(b"ICC_PROFILE\0") => keep(&mut kept, mark, segment),
            APP14 if segment.starts_with(b"Adobe") => keep(&mut kept, mark, segment),
            // Other things of applications, and comments.
            0xe0..=0xef | 0xfe => {}
            SOS => {
                keep(&mut kept, mark, segment);
                let coded = coded(reader.0);
                kept.extend_from_slice(reader.take(coded)?);
                has_picture = has_picture || coded > 0;
            }
            _ => {
                if is_frame(mark) {
                    let mut frame = Reader(segment);
                    frame.byte()?;
                    let (height, width) = (frame.be16()?, frame.be16()?);
                    sides = sides.or(Some((u32::from(width), u32::from(height))));
                }
                keep(&mut kept, mark, segment);
            }
        }
    }
    if !has_picture {
        return None;
    }
    let mut whole = vec![0xff, SOI];
    if let Some(block) = turned.block() {
        keep(&mut whole, APP1, &[b"Exif\0\0", block.as_slice()].concat());
    }
    whole.append(&mut kept);
    whole.extend_from_slice(&[0xff, EOI]);
    Some((whole, sides?, turned))
}

/// The next mark; any number of 0xff may stand before it.
fn mark(reader: &mut Reader<'_>) -> Option<u8> {
    if reader.byte()? != 0xff {
        return None;
    }
    loop {
        match reader.byte()? {
            0xff => {}
            0 => return None,
            mark => return Some(mark),
        }
    }
}

/// How far the picture goes: to the next mark that is not one of its own.
fn coded(bytes: &[u8]) -> usize {
    let mut pairs = bytes.windows(2);
    pairs.position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff | 0xd0..=0xd7)).unwrap_or(bytes.len())
}

/// The head without the small picture that it may hold.
fn jfif(segment: &[u8]) -> Vec<u8> {
    match segment.get(..12) {
        Some(head) if head.starts_with(b"JFIF\0") => [head, &[0, 0]].concat(),
        _ => Vec::new(),
    }
}

const fn is_frame(mark: u8) -> bool {
    matches!(mark, 0xc0..=0xcf) && !matches!(mark, 0xc4 | 0xc8 | 0xcc)
}

fn keep(kept: &mut Vec<u8>, mark: u8, segment: &[u8]) {
    let Ok(length) = u16::try_from(segment.len() + 2) else { return };
    if mark == APP0 && segment.is_empty() {
        return;
    }
    kept.extend_from_slice(&[0xff, mark]);
    kept.extend_from_slice(&length.to_be_bytes());
    kept.extend_from_slice(segment);
}

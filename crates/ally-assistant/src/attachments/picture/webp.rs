//! WebP: chunks with a name in a container. EXIF, XMP and whatever nobody knows go.

use super::exif::Turned;
use super::{Parts, Reader};

/// Flags of the extended head that announce EXIF and XMP.
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

pub fn cleaned(bytes: &[u8]) -> Option<Parts> {
    let mut reader = Reader(bytes);
    reader.take(4)?;
    let length = usize::try_from(reader.le32()?).ok()?;
    let mut chunks = Reader(reader.take(length)?.strip_prefix(b"WEBP")?);
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend_from_slice(b"WEBP");
    let (mut sides, mut turned, mut flags_at, mut has_picture) = (None, Turned::NOT, None, false);
    while !chunks.0.is_empty() {
        let name: &[u8; 4] = chunks.take(4)?.try_into().ok()?;
        let length = usize::try_from(chunks.le32()?).ok()?;
        let chunk = chunks.take(length)?;
        if length % 2 == 1 && !chunks.0.is_empty() {
            chunks.byte()?;
        }
        match name {
            b"VP8X" => {
                sides = Some(extended(chunk)?);
                // Behind the name and the length that are written below.
                flags_at = Some(kept.len() + 8);
            }
            b"VP8 " => sides = sides.or(Some(lossy(chunk)?)),
            b"VP8L" => sides = sides.or(Some(lossless(chunk)?)),
            b"ALPH" | b"ANIM" | b"ANMF" | b"ICCP" => {}
            b"EXIF" => {
                turned = Turned::of(chunk);
                continue;
            }
            _ => continue,
        }
        has_picture = has_picture || matches!(name, b"VP8 " | b"VP8L" | b"ANMF");
        keep(&mut kept, name, chunk)?;
    }
    let block = flags_at.and_then(|_| turned.block());
    if let Some(flags) = flags_at.and_then(|at| kept.get_mut(at)) {
        *flags &= !(HAS_EXIF | HAS_XMP);
        *flags |= if block.is_some() { HAS_EXIF } else { 0 };
    }
    match block {
        Some(block) => keep(&mut kept, b"EXIF", &block)?,
        None => turned = Turned::NOT,
    }
    let length = u32::try_from(kept.len()).ok()?.to_le_bytes();
    has_picture.then_some(([b"RIFF".as_slice(), &length, &kept].concat(), sides?, turned))
}

fn keep(kept: &mut Vec<u8>, name: &[u8; 4], chunk: &[u8]) -> Option<()> {
    kept.extend_from_slice(name);
    kept.extend_from_slice(&u32::try_from(chunk.len()).ok()?.to_le_bytes());
    kept.extend_from_slice(chunk);
    if chunk.len() % 2 == 1 {
        kept.push(0);
    }
    Some(())
}

fn extended(chunk: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| {
        let bytes = chunk.get(at..at + 3)?;
        Some(1 + u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]))
    };
    Some((side(4)?, side(7)?))
}

fn lossy(chunk: &[u8]) -> Option<(u32, u32)> {
    let sides = chunk.get(3..10)?.strip_prefix(&[0x9d, 0x01, 0x2a])?;
    let side = |at: usize| u32::from(u16::from_le_bytes([sides[at], sides[at + 1]]) & 0x3fff);
    Some((side(0), side(2)))
}

fn lossless(chunk: &[u8]) -> Option<(u32, u32)> {
    let sides: [u8; 4] = chunk.strip_prefix(&[0x2f])?.get(..4)?.try_into().ok()?;
    let sides = u32::from_le_bytes(sides);
    Some((1 + (sides & 0x3fff), 1 + ((sides >> 14) & 0x3fff)))
}

//! PNG: chunks with a name. Only those stay that say how the picture looks.

use super::exif::Turned;
use super::{Parts, Reader};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What is needed, and what says how it looks: transparency, colours, size on paper, movement.
const KEPT: [&[u8; 4]; 19] = [
    b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"hIST", b"pHYs",
    b"acTL", b"fcTL", b"fdAT", b"cICP", b"mDCV", b"cLLI", b"IEND",
];

pub fn cleaned(bytes: &[u8]) -> Option<Parts> {
    let mut reader = Reader(bytes.strip_prefix(SIGNATURE)?);
    let (mut kept, mut sides, mut turned) = (Vec::with_capacity(bytes.len()), None, Turned::NOT);
    let (mut behind_head, mut has_picture) = (0, false);
    loop {
        let length = usize::try_from(reader.be32()?).ok()?;
        let name: &[u8; 4] = reader.take(4)?.try_into().ok()?;
        let chunk = reader.take(length)?;
        let sum = reader.take(4)?;
        if sides.is_none() {
            // The head is the first of them.
            let mut head = Reader(if name == b"IHDR" { chunk } else { return None });
            sides = Some((head.be32()?, head.be32()?));
        }
        if name == b"eXIf" {
            turned = Turned::of(chunk);
        }
        let is_needed = name[0].is_ascii_uppercase();
        if !KEPT.contains(&name) {
            if is_needed {
                return None;
            }
            continue;
        }
        has_picture = has_picture || (name == b"IDAT" && length > 0);
        kept.extend_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
        kept.extend_from_slice(name);
        kept.extend_from_slice(chunk);
        kept.extend_from_slice(sum);
        if behind_head == 0 {
            behind_head = kept.len();
        }
        if name == b"IEND" {
            break;
        }
    }
    if !has_picture {
        return None;
    }
    let (head, rest) = kept.split_at(behind_head);
    let turn = turned.block().map(|block| exif_chunk(&block)).unwrap_or_default();
    Some(([SIGNATURE, head, &turn, rest].concat(), sides?, turned))
}

fn exif_chunk(block: &[u8; 26]) -> Vec<u8> {
    let named = [b"eXIf".as_slice(), block].concat();
    [&26u32.to_be_bytes(), named.as_slice(), &sum(&named).to_be_bytes()].concat()
}

/// The check sum of a chunk (CRC-32), bit by bit: there is one of 30 bytes in a picture.
fn sum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

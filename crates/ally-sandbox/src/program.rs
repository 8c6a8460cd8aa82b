//! Whether a program needs libraries beside it: a reader of the few bytes of ELF that say so.

use std::io::{self, Read};
use std::path::Path;

/// Enough for the header and its table in every program that a linker makes.
const HEAD: u64 = 4096;
const LOADER_WANTED: u32 = 3;

/// Whether the program asks for a loader, and so for system libraries. A file that is not ELF counts as dynamic.
pub fn is_dynamic(program: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    std::fs::File::open(program)?.take(HEAD).read_to_end(&mut head)?;
    Ok(asks_for_loader(&head).unwrap_or(true))
}

/// Looks for a `PT_INTERP` entry; `None` if this is not a 64-bit little-endian ELF file.
fn asks_for_loader(head: &[u8]) -> Option<bool> {
    if head.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let table = usize::try_from(u64::from_le_bytes(head.get(32..40)?.try_into().ok()?)).ok()?;
    let size = usize::from(u16::from_le_bytes(head.get(54..56)?.try_into().ok()?));
    let count = usize::from(u16::from_le_bytes(head.get(56..58)?.try_into().ok()?));
    for entry in 0..count {
        let at = table.checked_add(entry * size)?;
        if u32::from_le_bytes(head.get(at..at.checked_add(4)?)?.try_into().ok()?) == LOADER_WANTED {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_an_interpreter_is_dynamic_and_one_without_is_not() {
        let mut head = vec![0; 64 + 2 * 56];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        head[32] = 64;
        head[54] = 56;
        head[56] = 2;
        assert_eq!(asks_for_loader(&head), Some(false));
        head[64 + 56] = 3;
        assert_eq!(asks_for_loader(&head), Some(true));
        assert_eq!(asks_for_loader(b"#!/bin/sh"), None);
        head.truncate(80);
        assert_eq!(asks_for_loader(&head), None);
    }
}

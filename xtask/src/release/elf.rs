//! What a program's file says of itself, read from the ELF header: not every machine has a tool that shows it.

use std::fmt;
use std::path::Path;

/// Names are those of the ELF specification, without their prefixes.
const DYN: u16 = 3;
const INTERP: u32 = 3;
const DYNAMIC: u32 = 2;
const GNU_STACK: u32 = 0x6474_e551;
const GNU_RELRO: u32 = 0x6474_e552;
const SYMTAB: u32 = 2;
const EXECUTABLE: u32 = 1;
const NEEDED: u64 = 1;
const FLAGS_1: u64 = 0x6fff_fffb;
const FLAG_NOW: u64 = 0x1;
const FLAG_PIE: u64 = 0x0800_0000;

/// What matters of a program's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// It asks for a loader or a library.
    pub needs_others: bool,
    /// It can stand anywhere in memory, so that an attacker cannot know where.
    pub is_position_independent: bool,
    /// Tables of the linker cannot be written once the program runs.
    pub is_sealed: bool,
    /// Its stack is no code.
    pub has_plain_stack: bool,
    /// Names of functions were taken out.
    pub is_stripped: bool,
}

impl Facts {
    /// Reads them from a file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        Self::of(&bytes).ok_or_else(|| format!("{} is not a 64-bit ELF file.", path.display()))
    }

    /// `None` if this is no 64-bit little-endian ELF file, or a broken one.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let file = File(bytes);
        if bytes.get(..6)? != b"\x7fELF\x02\x01" {
            return None;
        }
        let mut facts = Self {
            needs_others: false,
            is_position_independent: false,
            is_sealed: false,
            has_plain_stack: false,
            is_stripped: true,
        };
        let (mut is_bound_at_start, mut has_relro, mut says_pie) = (false, false, false);
        for at in file.table(32, 54)? {
            match file.u32(at)? {
                INTERP => facts.needs_others = true,
                GNU_RELRO => has_relro = true,
                GNU_STACK => facts.has_plain_stack = file.u32(at + 4)? & EXECUTABLE == 0,
                DYNAMIC => {
                    let (start, size) = (file.usize(at + 8)?, file.usize(at + 32)?);
                    for entry in (start..start.checked_add(size)?).step_by(16) {
                        match file.u64(entry)? {
                            0 => break,
                            NEEDED => facts.needs_others = true,
                            FLAGS_1 => {
                                let flags = file.u64(entry + 8)?;
                                is_bound_at_start = flags & FLAG_NOW != 0;
                                says_pie = flags & FLAG_PIE != 0;
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        for at in file.table(40, 58)? {
            facts.is_stripped &= file.u32(at + 4)? != SYMTAB;
        }
        facts.is_position_independent = file.u16(16)? == DYN && says_pie;
        facts.is_sealed = has_relro && is_bound_at_start;
        Some(facts)
    }

    /// Fails unless the file can be what we ship.
    pub fn insist(self, must_be_stripped: bool) -> Result<(), String> {
        let wrong = [
            (self.needs_others, "needs a loader or libraries beside it"),
            (!self.is_position_independent, "cannot stand anywhere in memory (not a PIE)"),
            (!self.is_sealed, "leaves tables of the linker writable"),
            (!self.has_plain_stack, "asks for a stack that can be run as code"),
            (must_be_stripped && !self.is_stripped, "still holds the names of its functions"),
        ];
        let wrong: Vec<&str> = wrong.iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, words)| *words).collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("The file {}.", wrong.join(", "))) }
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |is: bool, yes: &'static str, no: &'static str| if is { yes } else { no };
        write!(
            f,
            "{}, {}, {}, {}",
            word(self.needs_others, "dynamic", "static"),
            word(self.is_position_independent, "position-independent", "at a fixed place"),
            word(self.is_sealed, "sealed tables", "writable tables"),
            word(self.is_stripped, "stripped", "with names"),
        )
    }
}

/// Little-endian numbers at their places; `None` beyond the end.
struct File<'a>(&'a [u8]);

impl File<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.bytes(at).map(u64::from_le_bytes)
    }

    fn usize(&self, at: usize) -> Option<usize> {
        self.u64(at).and_then(|number| usize::try_from(number).ok())
    }

    /// Where the entries of a table start: its place stands at `place`, the size and number of its entries at `shape`.
    fn table(&self, place: usize, shape: usize) -> Option<impl Iterator<Item = usize>> {
        let (start, size, count) =
            (self.usize(place)?, usize::from(self.u16(shape)?), usize::from(self.u16(shape + 2)?));
        start.checked_add(size.checked_mul(count)?)?;
        Some((0..count).map(move |number| start + number * size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_that_runs_this_test_is_dynamic_and_position_independent() {
        let facts = Facts::read(&std::env::current_exe().expect("a path")).expect("an ELF file");
        assert!(facts.needs_others && facts.is_position_independent && facts.has_plain_stack, "{facts}");
        assert!(facts.insist(false).expect_err("not to be shipped").contains("libraries beside it"));
    }

    #[test]
    fn what_is_no_program_or_a_broken_one_is_not_read_as_one() {
        assert_eq!(Facts::of(b"#!/bin/sh"), None);
        let whole = std::fs::read(std::env::current_exe().expect("a path")).expect("readable");
        for length in [0, 5, 20, 63, 200, 4096] {
            assert_eq!(Facts::of(&whole[..length]), None, "cut after {length} bytes");
        }
    }
}

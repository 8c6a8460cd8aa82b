//! Reads the conversations of a file one after the other, in little memory. The same file gives them the same numbers
//! each time, so that whoever was interrupted goes on where it was.

use super::archive::Archive;
use super::splitter::{Element, Splitter};
use crate::fault::Done;
use std::path::Path;

/// So much is read at once.
const PIECE: usize = 64 * 1024;

/// The conversations of a file.
pub struct Reader {
    archive: Archive,
    splitter: Option<Splitter>,
    piece: Vec<u8>,
    used: usize,
    length: usize,
    number: u32,
}

impl Reader {
    /// Opens a file at its beginning.
    pub fn open(path: &Path) -> Done<Self> {
        let archive = Archive::open(path)?;
        Ok(Self { archive, splitter: None, piece: vec![0; PIECE], used: 0, length: 0, number: 0 })
    }

    /// The next conversation and its number, from 1; `None` at the end of the file.
    pub fn next(&mut self) -> Done<Option<(u32, Element)>> {
        loop {
            let Some(splitter) = &mut self.splitter else {
                if !self.archive.next()? {
                    return Ok(None);
                }
                self.splitter = Some(Splitter::new());
                continue;
            };
            if self.used == self.length {
                (self.used, self.length) = (0, self.archive.read(&mut self.piece)?);
                if self.length == 0 {
                    splitter.end()?;
                    self.splitter = None;
                    continue;
                }
            }
            let (read, element) = splitter.read(&self.piece[self.used..self.length])?;
            self.used += read;
            if let Some(element) = element {
                self.number += 1;
                return Ok(Some((self.number, element)));
            }
        }
    }
}

//! `host/uids`: which server has which user id. Lines are only added, so that a number is never given twice.

use crate::disk;
use ally_types::ServerId;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The open file and what stands in it.
#[derive(Debug)]
pub(crate) struct Uids {
    file: File,
    length: u64,
    given: BTreeMap<ServerId, u32>,
    next: u32,
}

impl Uids {
    /// Opens the file or makes it. A last line that was cut off by a crash was never used, and goes.
    pub(crate) fn open(path: &Path, first: u32) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        disk::sync_directory_of(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut uids = Self { file, length: whole as u64, given: BTreeMap::new(), next: first };
        for line in text[..whole].lines() {
            let (uid, server) = line.split_once(' ').ok_or(io::ErrorKind::InvalidData)?;
            let uid: u32 = uid.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            uids.next = uids.next.max(uid.checked_add(1).ok_or(io::ErrorKind::InvalidData)?);
            uids.given.insert(server.parse().map_err(|_| io::ErrorKind::InvalidData)?, uid);
        }
        if whole < text.len() {
            uids.file.set_len(uids.length)?;
        }
        Ok(uids)
    }

    /// The user id of a server, reserved now if it has none. It is on the disk before it is answered.
    pub(crate) fn reserve(&mut self, server: ServerId) -> io::Result<u32> {
        if let Some(uid) = self.given.get(&server) {
            return Ok(*uid);
        }
        let uid = self.next;
        let next = uid.checked_add(1).ok_or(io::ErrorKind::QuotaExceeded)?;
        let line = format!("{uid} {server}\n");
        // From the last whole line on, so that what a full disk cut off is written over.
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()?;
        self.length += line.len() as u64;
        self.next = next;
        self.given.insert(server, uid);
        Ok(uid)
    }

    /// All servers there are.
    pub(crate) fn servers(&self) -> Vec<ServerId> {
        self.given.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_types::{SystemChance, SystemClock};

    #[test]
    fn a_number_is_given_once_even_after_a_cut_line_and_a_lower_first_number() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("uids");
        let [mira, jon, ana] = [(); 3].map(|()| ServerId::new(&SystemClock, &SystemChance));
        let mut uids = Uids::open(&path, 200_000).expect("opens");
        assert_eq!(uids.reserve(mira).expect("reserves"), 200_000);
        assert_eq!(uids.reserve(jon).expect("reserves"), 200_001);
        assert_eq!(uids.reserve(mira).expect("reserves"), 200_000);
        OpenOptions::new().append(true).open(&path).and_then(|mut file| file.write_all(b"200002 srv_0")).expect("cut");
        let mut uids = Uids::open(&path, 100).expect("opens again");
        assert_eq!(uids.servers(), {
            let mut both = vec![mira, jon];
            both.sort();
            both
        });
        assert_eq!(uids.reserve(ana).expect("reserves"), 200_002);
        let text = std::fs::read_to_string(&path).expect("reads");
        assert_eq!(text, format!("200000 {mira}\n200001 {jon}\n200002 {ana}\n"));
    }
}

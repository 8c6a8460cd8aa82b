//! The file that was brought along: `conversations.json` as it is, or the ZIP with it. Of a ZIP only the members with
//! that name are read, one after the other and in little memory; nothing of it is written anywhere.

use super::broken::Broken;
use crate::fault::Done;
use ally_store::StoreError;
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// Most bytes that may come out of one file.
pub const MOST_UNPACKED: u64 = 2 * 1024 * 1024 * 1024;
/// Text becomes at most so many times smaller; what grows more was made to fill a disk.
const MOST_GROWTH: u64 = 200;
/// Below this nobody cares how much it grows.
const SMALL: u64 = 16 * 1024 * 1024;
/// Most entries of a ZIP that are looked at, and most bytes of their list.
const MOST_ENTRIES: u64 = 200_000;
const LONGEST_LIST: u64 = 64 * 1024 * 1024;
/// So much is read at once.
const PIECE: usize = 64 * 1024;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";

/// A list of conversations in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Member {
    /// Where its header begins; where its bytes begin if it has none.
    offset: u64,
    /// How many bytes it has in the file.
    packed: u64,
    /// How many it says to have.
    size: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The file itself.
    Bare,
    /// In a ZIP, as it is.
    Stored,
    /// In a ZIP, made smaller.
    Deflated,
}

/// The file, and where in it somebody reads.
pub struct Archive {
    file: File,
    length: u64,
    members: Vec<Member>,
    /// The one that is read, and how many of its bytes are not read yet.
    open: Option<(Member, u64)>,
    inflate: Box<InflateState>,
    input: Vec<u8>,
    used: usize,
    /// How many bytes came out of this member, and of all.
    came: u64,
    unpacked: u64,
    packed: u64,
}

impl Archive {
    /// Opens a file and finds its lists of conversations, in their order.
    pub fn open(path: &Path) -> Done<Self> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Broken::Gone.into()),
            opened => opened.map_err(StoreError::from)?,
        };
        let length = file.metadata().map_err(StoreError::from)?.len();
        let mut members = match beginning(&mut file)? {
            LOCAL | END => members(&mut file, length)?,
            _ => vec![Member { offset: 0, packed: length, size: length, kind: Kind::Bare }],
        };
        members.reverse();
        let inflate = InflateState::new_boxed(DataFormat::Raw);
        let (input, used, came, unpacked, packed) = (Vec::new(), 0, 0, 0, 0);
        Ok(Self { file, length, members, open: None, inflate, input, used, came, unpacked, packed })
    }

    /// Opens the next list; `false` if there is none.
    pub fn next(&mut self) -> Done<bool> {
        let Some(member) = self.members.pop() else { return Ok(false) };
        let mut offset = member.offset;
        if member.kind != Kind::Bare {
            let mut head = [0; 30];
            read_at(&mut self.file, offset, &mut head)?;
            if head[..4] != LOCAL {
                return Err(Broken::Zip.into());
            }
            offset += 30 + u64::from(short(&head, 26)) + u64::from(short(&head, 28));
        }
        if offset.checked_add(member.packed).is_none_or(|end| end > self.length) {
            return Err(Broken::Zip.into());
        }
        self.file.seek(SeekFrom::Start(offset)).map_err(StoreError::from)?;
        self.inflate.reset(DataFormat::Raw);
        self.open = Some((member, member.packed));
        (self.used, self.came) = (0, 0);
        self.input.clear();
        Ok(true)
    }

    /// Reads on in the list that is open; 0 at its end.
    pub fn read(&mut self, output: &mut [u8]) -> Done<usize> {
        let Some((member, _)) = self.open else { return Ok(0) };
        let read = if member.kind == Kind::Deflated { self.inflated(output)? } else { self.plain(output)? };
        self.came += read as u64;
        self.unpacked += read as u64;
        if self.unpacked > MOST_UNPACKED || (self.unpacked > SMALL && self.unpacked / MOST_GROWTH > self.packed) {
            return Err(Broken::Bomb.into());
        }
        if read == 0 {
            self.open = None;
            if self.came != member.size {
                return Err(Broken::Zip.into());
            }
        }
        Ok(read)
    }

    fn plain(&mut self, output: &mut [u8]) -> Done<usize> {
        if self.used == self.input.len() && !self.fill()? {
            return Ok(0);
        }
        let length = output.len().min(self.input.len() - self.used);
        output[..length].copy_from_slice(&self.input[self.used..self.used + length]);
        self.used += length;
        Ok(length)
    }

    fn inflated(&mut self, output: &mut [u8]) -> Done<usize> {
        loop {
            let has_more = self.used < self.input.len() || self.fill()?;
            let went = inflate(&mut self.inflate, &self.input[self.used..], output, MZFlush::None);
            self.used += went.bytes_consumed;
            match went.status {
                _ if went.bytes_written > 0 => return Ok(went.bytes_written),
                Ok(MZStatus::StreamEnd) => return Ok(0),
                Ok(MZStatus::Ok) | Err(MZError::Buf) if has_more => {}
                _ => return Err(Broken::Zip.into()),
            }
        }
    }

    /// Reads more of the member that is open; `false` when there is nothing more.
    fn fill(&mut self) -> Done<bool> {
        let Some((_, left)) = &mut self.open else { return Ok(false) };
        let length = usize::try_from(*left).unwrap_or(usize::MAX).min(PIECE);
        self.input.resize(length, 0);
        self.used = 0;
        self.file.read_exact(&mut self.input).map_err(cut)?;
        *left -= length as u64;
        self.packed += length as u64;
        Ok(length > 0)
    }
}

/// The first four bytes; fewer are followed by zeroes.
fn beginning(file: &mut File) -> Done<[u8; 4]> {
    let mut four = [0; 4];
    let mut rest = four.as_mut_slice();
    while !rest.is_empty() {
        let read = file.read(rest).map_err(StoreError::from)?;
        if read == 0 {
            break;
        }
        rest = &mut rest[read..];
    }
    Ok(four)
}

/// The lists of conversations that stand in a ZIP, by what its list of entries says.
fn members(file: &mut File, length: u64) -> Done<Vec<Member>> {
    let (offset, size, count) = list(file, length)?;
    if count > MOST_ENTRIES || size > LONGEST_LIST {
        return Err(Broken::Bomb.into());
    }
    if offset.checked_add(size).is_none_or(|end| end > length) {
        return Err(Broken::Zip.into());
    }
    let mut list = vec![0; usize::try_from(size).unwrap_or(0)];
    read_at(file, offset, &mut list)?;
    let (mut rest, mut found, mut is_locked) = (list.as_slice(), Vec::new(), false);
    for _ in 0..count {
        let head = rest.get(..46).filter(|head| head[..4] == CENTRAL).ok_or(Broken::Zip)?;
        let (name, extra, comment) = (short(head, 28), short(head, 30), short(head, 32));
        let name_end = 46 + usize::from(name);
        let extra_end = name_end + usize::from(extra);
        let end = extra_end + usize::from(comment);
        let entry = rest.get(..end).ok_or(Broken::Zip)?;
        if is_list(&entry[46..name_end]) {
            // Bit 0: the member can be read with a password only.
            is_locked |= short(head, 8) & 1 == 1;
            found.push((entry[46..name_end].to_vec(), member(entry, &entry[name_end..extra_end])?));
        }
        rest = &rest[end..];
    }
    if is_locked {
        return Err(Broken::Password.into());
    }
    if found.is_empty() {
        return Err(Broken::NoConversations.into());
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found.into_iter().map(|(_, member)| member).collect())
}

/// Whether a name, whatever directories stand before it, is that of a list of conversations: `conversations.json`, or
/// one of several, `conversations-003.json`.
fn is_list(name: &[u8]) -> bool {
    let last = name.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    let Some(number) = last.strip_prefix(b"conversations").and_then(|rest| rest.strip_suffix(b".json")) else {
        return false;
    };
    number.is_empty() || number.strip_prefix(b"-").is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
}

fn member(entry: &[u8], extra: &[u8]) -> Result<Member, Broken> {
    let kind = match short(entry, 10) {
        0 => Kind::Stored,
        8 => Kind::Deflated,
        _ => return Err(Broken::Zip),
    };
    let (mut size, mut packed, mut offset) = (long(entry, 24), long(entry, 20), long(entry, 42));
    // Numbers that do not fit stand behind the name, in this order, and only those.
    let mut large = large_numbers(extra);
    for number in [&mut size, &mut packed, &mut offset] {
        if *number == u64::from(u32::MAX) {
            *number = large.next().ok_or(Broken::Zip)?;
        }
    }
    Ok(Member { offset, packed, size, kind })
}

fn large_numbers(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut numbers = Vec::new();
    while let Some((head, rest)) = extra.split_at_checked(4) {
        let Some((field, rest)) = rest.split_at_checked(usize::from(short(head, 2))) else { break };
        if short(head, 0) == 1 {
            numbers.extend(field.chunks_exact(8).map(|number| very_long(number, 0)));
        }
        extra = rest;
    }
    numbers.into_iter()
}

/// Where a ZIP's list of entries begins, how long it is, and how many entries it has.
fn list(file: &mut File, length: u64) -> Done<(u64, u64, u64)> {
    // Behind the last record stands a comment of at most 65,535 bytes.
    let tail_length = length.min(22 + 65_535);
    let mut tail = vec![0; usize::try_from(tail_length).unwrap_or(0)];
    read_at(file, length - tail_length, &mut tail)?;
    let begins = |at: &usize| tail[*at..].starts_with(&END);
    let at = (0..=tail.len().saturating_sub(22)).rev().find(begins).ok_or(Broken::Zip)?;
    let end = tail.get(at..at + 22).ok_or(Broken::Zip)?;
    let (count, size, offset) = (u64::from(short(end, 10)), long(end, 12), long(end, 16));
    let is_large = count == u64::from(u16::MAX) || [size, offset].contains(&u64::from(u32::MAX));
    let Some(locator) = at.checked_sub(20).and_then(|from| tail.get(from..at)).filter(|_| is_large) else {
        return Ok((offset, size, count));
    };
    if locator[..4] != LOCATOR_64 {
        return Ok((offset, size, count));
    }
    let mut end = [0; 56];
    read_at(file, very_long(locator, 8), &mut end)?;
    if end[..4] != END_64 {
        return Err(Broken::Zip.into());
    }
    Ok((very_long(&end, 48), very_long(&end, 40), very_long(&end, 32)))
}

fn read_at(file: &mut File, offset: u64, bytes: &mut [u8]) -> Done<()> {
    file.seek(SeekFrom::Start(offset)).map_err(StoreError::from)?;
    file.read_exact(bytes).map_err(cut)
}

/// A file that ends where it says to go on is broken; anything else is the disk's fault.
fn cut(error: std::io::Error) -> crate::fault::Fault {
    if error.kind() == std::io::ErrorKind::UnexpectedEof { Broken::Zip.into() } else { StoreError::from(error).into() }
}

fn short(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(short(bytes, at)) | u64::from(short(bytes, at + 2)) << 16
}

fn very_long(bytes: &[u8], at: usize) -> u64 {
    long(bytes, at) | long(bytes, at + 4) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lists_of_conversations_are_read_wherever_they_stand() {
        for name in
            ["conversations.json", "a/b/conversations.json", "../../conversations.json", "x\\conversations-012.json"]
        {
            assert!(is_list(name.as_bytes()), "{name}");
        }
        for name in [
            "shared_conversations.json",
            "._conversations.json",
            "conversations.json/",
            "conversations-a.json",
            "user.json",
        ] {
            assert!(!is_list(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit_stand_behind_the_name() {
        let mut entry = vec![0; 46];
        entry[10] = 8;
        entry[20..28].fill(0xFF);
        entry[42..46].copy_from_slice(&7_u32.to_le_bytes());
        let mut extra = vec![9, 9, 2, 0, 1, 1, 1, 0, 16, 0];
        extra.extend(5_000_000_000_u64.to_le_bytes());
        extra.extend(4_000_u64.to_le_bytes());
        let found = Member { offset: 7, packed: 4_000, size: 5_000_000_000, kind: Kind::Deflated };
        assert_eq!(member(&entry, &extra), Ok(found));
        assert_eq!(member(&entry, &extra[..6]), Err(Broken::Zip));
    }
}

//! The one thing of EXIF that stays: how a picture has to be turned.

/// How a picture has to be turned to be looked at, as EXIF numbers it; 1 is not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turned(u8);

impl Turned {
    pub const NOT: Self = Self(1);

    /// Whether its sides change places.
    pub const fn is_on_its_side(self) -> bool {
        self.0 >= 5
    }

    /// Reads the number out of an EXIF block, with or without the name that some formats put before it.
    pub fn of(block: &[u8]) -> Self {
        Self::read(block.strip_prefix(b"Exif\0\0").unwrap_or(block)).unwrap_or(Self::NOT)
    }

    fn read(tiff: &[u8]) -> Option<Self> {
        let is_big = match tiff.get(..4)? {
            b"MM\0*" => true,
            b"II*\0" => false,
            _ => return None,
        };
        let word = |at: usize| {
            let bytes: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
            Some(if is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
        };
        let long = |at: usize| {
            let bytes: [u8; 4] = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
            Some(if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
        };
        let directory = usize::try_from(long(4)?).ok()?;
        let count = usize::from(word(directory)?);
        let entries = (0..count).map(|entry| directory.saturating_add(2).saturating_add(12 * entry));
        let mut entries = entries.map_while(|at| Some((at, word(at)?)));
        let (at, _) = entries.find(|(_, tag)| *tag == ORIENTATION)?;
        let number = word(at.checked_add(8)?)?;
        u8::try_from(number).ok().filter(|number| (1..=8).contains(number)).map(Self)
    }

    /// An EXIF block that says this and nothing else; `None` where there is nothing to say.
    pub fn block(self) -> Option<[u8; 26]> {
        if self == Self::NOT {
            return None;
        }
        let mut block = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
        block[19] = self.0;
        Some(block)
    }
}

/// The tag under which it stands.
const ORIENTATION: u16 = 0x0112;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(Turned::NOT.block(), None);
        for number in 2..=8 {
            let block = Turned(number).block().expect("it says something");
            assert_eq!(Turned::of(&block), Turned(number));
            assert_eq!(Turned::of(&[b"Exif\0\0", block.as_slice()].concat()), Turned(number));
            assert_eq!(Turned(number).is_on_its_side(), number > 4);
        }
    }

    #[test]
    fn nonsense_turns_nothing() {
        for block in
            [&b""[..], b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03\0\0\0\x01\0\x09"]
        {
            assert_eq!(Turned::of(block), Turned::NOT);
        }
        let mut small = *b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(Turned::of(&small), Turned(6));
        small[18] = 9;
        assert_eq!(Turned::of(&small), Turned::NOT);
    }
}

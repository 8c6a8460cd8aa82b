//! What can be told of a PDF without reading it: whether it is whole, whether it is encrypted, how many pages it has.

use ally_types::Problem;

/// So many bytes are kept between two pieces, so that no word is cut in two.
const OVERLAP: usize = 64;
/// The head of a PDF that is made to be read page by page stands here.
const HEAD: usize = 1024;
/// The mark of the end stands so near the end of the file.
const NEAR_THE_END: u64 = 2048;

/// Looks at a PDF piece by piece.
#[derive(Debug, Default)]
pub struct Scan {
    head: Vec<u8>,
    /// What was read and not looked at yet, and what stood before it.
    rest: Vec<u8>,
    before: u64,
    pages: u32,
    is_encrypted: bool,
    /// Where the last mark of the end stands.
    end: Option<u64>,
}

impl Scan {
    /// Reads on.
    pub fn read(&mut self, bytes: &[u8]) {
        let missing = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..missing]);
        self.rest.extend_from_slice(bytes);
        self.look(self.rest.len().saturating_sub(OVERLAP));
    }

    /// The number of pages, where it can be seen.
    ///
    /// # Errors
    /// It is encrypted, or not whole.
    pub fn finish(mut self) -> Result<Option<u32>, Problem> {
        self.look(self.rest.len());
        if self.end.is_none_or(|end| self.before - end > NEAR_THE_END) {
            return Err(Problem::new(422, "pdf_broken", "This PDF is damaged, or only a part of it.")
                .next("Save or download it again, then attach that."));
        }
        if self.is_encrypted {
            return Err(Problem::new(422, "pdf_encrypted", "This PDF is encrypted, so a model cannot read it.")
                .next("Save it without a password (printing it as a PDF does), then attach that."));
        }
        let pages = stated(&self.head).unwrap_or(self.pages);
        Ok((pages > 0).then_some(pages))
    }

    /// Looks for words that begin in the next so many bytes, and lets those go.
    fn look(&mut self, count: usize) {
        let mut from = 0;
        while let Some(next) = self.rest[from..count].iter().position(|byte| matches!(byte, b'/' | b'%')) {
            let at = from + next;
            let here = &self.rest[at..];
            if here.starts_with(b"%%EOF") {
                self.end = Some(self.before + at as u64);
            } else if let Some(rest) = here.strip_prefix(b"/Encrypt") {
                let value = rest.trim_ascii_start();
                self.is_encrypted |= value.starts_with(b"<<") || value.first().is_some_and(u8::is_ascii_digit);
            } else if let Some(rest) = here.strip_prefix(b"/Type") {
                let is_whole_word = |rest: &[u8]| !rest.first().is_some_and(u8::is_ascii_alphanumeric);
                let is_page = rest.trim_ascii_start().strip_prefix(b"/Page").is_some_and(is_whole_word);
                self.pages = self.pages.saturating_add(u32::from(is_page));
            }
            from = at + 1;
        }
        self.rest.drain(..count);
        self.before += count as u64;
    }
}

/// The number of pages that the head says.
fn stated(head: &[u8]) -> Option<u32> {
    let find = |text: &[u8], word: &[u8]| text.windows(word.len()).position(|window| window == word);
    let dictionary = &head[find(head, b"/Linearized")?..];
    let dictionary = &dictionary[..find(dictionary, b">>")?];
    let number = dictionary[find(dictionary, b"/N ")? + 3..].trim_ascii_start();
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&number[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is found when it comes in pieces of this size.
    fn scanned(pdf: &[u8], size: usize) -> Result<Option<u32>, String> {
        let mut scan = Scan::default();
        pdf.chunks(size).for_each(|piece| scan.read(piece));
        scan.finish().map_err(|problem| problem.kind.into_owned())
    }

    #[test]
    fn pages_are_counted_and_encrypted_or_broken_ones_are_known_however_they_arrive() {
        let padding = "x".repeat(100);
        let two = format!("%PDF-1.4 <</Type /Pages /Count 2>> <</Type/Page>>{padding}<</Type /Page\n>> %%EOF\n");
        let linear = "%PDF-1.5 <</Linearized 1/L 9/N 12/O 5>> stream %%EOF";
        for size in [1, 2, 3, 7, 63, 64, 65, 1000] {
            assert_eq!(scanned(two.as_bytes(), size), Ok(Some(2)), "pieces of {size}");
            assert_eq!(scanned(linear.as_bytes(), size), Ok(Some(12)));
            assert_eq!(scanned(b"%PDF-1.5 packed %%EOF", size), Ok(None));
            let locked = "%PDF-1.4 trailer <</Encrypt 5 0 R>> %%EOF";
            assert_eq!(scanned(locked.as_bytes(), size), Err("pdf_encrypted".to_owned()));
            assert_eq!(scanned(b"%PDF-1.4 /EncryptMetadata false %%EOF", size), Ok(None));
            assert_eq!(scanned(&two.as_bytes()[..two.len() - 3], size), Err("pdf_broken".to_owned()));
        }
        let cut = format!("%PDF-1.4 %%EOF{}", "y".repeat(3000));
        assert_eq!(scanned(cut.as_bytes(), 500), Err("pdf_broken".to_owned()));
    }

    proptest! {
        #[test]
        fn whatever_stands_in_it_pieces_change_nothing(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"/%TypePageEncrypt <N0\n".to_vec())], 0..400),
            size in 1usize..80,
        ) {
            prop_assert_eq!(scanned(&bytes, size), scanned(&bytes, bytes.len().max(1)));
        }
    }
}

//! Randomness that is handed in, so that a test can choose it.

/// A source of unpredictable bytes.
pub trait Chance: Send + Sync {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
        getrandom::fill(bytes).expect("the kernel's generator cannot fail once the machine has booted");
    }
}

/// Draws an array of `N` bytes.
pub fn bytes<const N: usize>(chance: &dyn Chance) -> [u8; N] {
    let mut drawn = [0; N];
    chance.fill(&mut drawn);
    drawn
}

/// Draws a random token of `N` bytes in lower-case hexadecimal.
pub fn hex<const N: usize>(chance: &dyn Chance) -> String {
    encode_hex(&bytes::<N>(chance))
}

/// Writes bytes in lower-case hexadecimal.
pub fn encode_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

/// Reads lower- or upper-case hexadecimal; `None` for anything else.
pub fn decode_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

//! Sealing: XChaCha20-Poly1305 under a 256-bit key, with the place of the data as associated data.
//!
//! Sealed bytes are `version (1) · nonce (24) · ciphertext and tag`. The nonce is random: 192 bits are enough
//! for any number of seals under one key (draft-irtf-cfrg-xchacha section 2).

use crate::{Chance, Sealed, chance};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroize;

const VERSION: u8 = 1;
const NONCE: usize = 24;

/// A 256-bit key. Prints as dots and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

/// The key does not fit, the bytes were changed, or they belong somewhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CannotOpen;

impl std::fmt::Display for CannotOpen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sealed data could not be opened")
    }
}

impl std::error::Error for CannotOpen {}

impl Key {
    /// Takes 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Draws a new key.
    pub fn new(random: &dyn Chance) -> Self {
        Self(chance::bytes(random))
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = chance::decode_hex(text)?;
        let key = bytes.as_slice().try_into().ok().map(Self);
        bytes.zeroize();
        key
    }

    /// The key in hexadecimal, for a boot document.
    pub fn to_hex(&self) -> String {
        chance::encode_hex(&self.0)
    }

    /// The bytes themselves.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals `plain`. `place` names where the result will be kept (`"provider_key/1"`); opening with another place fails,
    /// so a row cannot be moved to another row.
    pub fn seal<T>(&self, random: &dyn Chance, place: &str, plain: &[u8]) -> Sealed<T> {
        let nonce: [u8; NONCE] = chance::bytes(random);
        let cipher = XChaCha20Poly1305::new(&self.0.into());
        let payload = Payload { msg: plain, aad: place.as_bytes() };
        let body = cipher.encrypt(&XNonce::from(nonce), payload).expect("sealing fails only beyond 256 GiB");
        let mut bytes = Vec::with_capacity(1 + NONCE + body.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&body);
        Sealed::from_bytes(bytes)
    }

    /// Opens what [`Key::seal`] made for the same place.
    pub fn open<T>(&self, place: &str, sealed: &Sealed<T>) -> Result<Vec<u8>, CannotOpen> {
        let bytes = sealed.as_bytes();
        if bytes.len() < 1 + NONCE || bytes[0] != VERSION {
            return Err(CannotOpen);
        }
        let nonce: [u8; NONCE] = bytes[1..=NONCE].try_into().map_err(|_| CannotOpen)?;
        let payload = Payload { msg: &bytes[1 + NONCE..], aad: place.as_bytes() };
        XChaCha20Poly1305::new(&self.0.into()).decrypt(&XNonce::from(nonce), payload).map_err(|_| CannotOpen)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("••••")
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemChance;

    #[test]
    fn sealed_data_opens_only_with_its_key_in_its_place() {
        let key = Key::new(&SystemChance);
        let sealed: Sealed<String> = key.seal(&SystemChance, "provider_key/1", b"sk-123");
        assert_eq!(key.open("provider_key/1", &sealed), Ok(b"sk-123".to_vec()));
        assert_eq!(key.open("provider_key/2", &sealed), Err(CannotOpen));
        assert_eq!(Key::new(&SystemChance).open("provider_key/1", &sealed), Err(CannotOpen));
        let mut changed = sealed.as_bytes().to_vec();
        *changed.last_mut().expect("sealed bytes are never empty") ^= 1;
        assert_eq!(key.open("provider_key/1", &Sealed::<String>::from_bytes(changed)), Err(CannotOpen));
        assert_eq!(key.open("provider_key/1", &Sealed::<String>::from_bytes(vec![1])), Err(CannotOpen));
    }
}

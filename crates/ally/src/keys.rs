//! The two root keys, and what is derived from them.
//!
//! The platform's root key makes the password pepper and the session key; the region's makes the gateway's signing
//! seed and sealing key and the key that wraps people's keys. They are two files, so that whoever has one does not
//! have the other (DESIGN section 2).

use ally_types::Chance;
use ally_types::seal::Key;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// A link in the place of a key would let whoever can make one choose what is read or overwritten.
const NO_LINK: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

/// Reads a root key, or makes it where there is none. The file is hexadecimal, readable by its owner only.
///
/// # Errors
/// The file cannot be read or written, or does not hold a key.
pub fn root(path: &Path, random: &dyn Chance) -> io::Result<Key> {
    match OpenOptions::new().read(true).custom_flags(NO_LINK).open(path) {
        Ok(mut file) => {
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            Key::from_hex(text.trim())
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the key file holds no key"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, random),
        Err(error) => Err(error),
    }
}

fn make(path: &Path, random: &dyn Chance) -> io::Result<Key> {
    let key = Key::new(random);
    let half_written = path.with_extension("new");
    match std::fs::remove_file(&half_written) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(NO_LINK).open(&half_written)?;
    file.write_all(key.to_hex().as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&half_written, path)?;
    if let Some(directory) = path.parent() {
        std::fs::File::open(directory)?.sync_all()?;
    }
    Ok(key)
}

/// Derives a key for one purpose (HKDF-SHA-256, RFC 5869).
pub fn derive(root: &Key, purpose: &str) -> Key {
    use ring::hkdf;
    let material = hkdf::Salt::new(hkdf::HKDF_SHA256, b"ally/1").extract(root.expose());
    let info = [purpose.as_bytes()];
    let output = material.expand(&info, hkdf::HKDF_SHA256).expect("32 bytes are well within HKDF's limit");
    let mut bytes = [0; 32];
    output.fill(&mut bytes).expect("the length is that of the hash");
    Key::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_types::SystemChance;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_root_key_is_made_once_and_read_ever_after() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("platform.key");
        let made = root(&path, &SystemChance).expect("made");
        assert_eq!(root(&path, &SystemChance).expect("read"), made);
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_ne!(derive(&made, "pepper").to_hex(), derive(&made, "session").to_hex());
        std::fs::write(&path, "half").expect("written");
        assert_eq!(root(&path, &SystemChance).expect_err("refused").kind(), io::ErrorKind::InvalidData);
    }
}

//! BLAKE3 digests: of bytes, of framed fields, and of files together with the identity they were
//! read under. No memory of earlier results; that is `store`'s stat index.

mod content;
mod file;
mod framed;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use content::Content;
pub use file::{hash_file, open_regular};
pub use framed::Hasher;

/// A BLAKE3 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// All zeros: stands where there is no content, such as for a directory.
    pub const ZERO: Self = Self([0; 32]);

    /// A digest from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A digest from a slice of exactly 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// A digest from 64 lower-case hexadecimal digits, the form [`fmt::Display`] writes: one
    /// digest has one name.
    #[must_use]
    pub fn from_hex(hex: impl AsRef<[u8]>) -> Option<Self> {
        let hex: &[u8; 64] = hex.as_ref().try_into().ok()?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight bytes as a number: a key for tables that can live with a collision.
    #[must_use]
    pub fn short(&self) -> u64 {
        self.0[..8].iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Digest({self})")
    }
}

/// Digest of some bytes.
#[must_use]
pub fn hash_bytes(bytes: &[u8]) -> Digest {
    Digest(*blake3::hash(bytes).as_bytes())
}

/// Digest of some bytes under a key: says nothing of the bytes to whoever lacks the key.
#[must_use]
pub fn hash_keyed(key: &[u8; 32], bytes: &[u8]) -> Digest {
    Digest(*blake3::keyed_hash(key, bytes).as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digest_of_nothing_is_the_published_one() {
        let published = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(hash_bytes(b"").to_string(), published);
        assert_eq!(hash_bytes(b"").short(), 0xaf13_49b9_f5f9_a1a6);
    }

    #[test]
    fn only_lower_case_hex_of_full_length_is_a_name() {
        let hex = hash_bytes(b"x").to_string();
        assert_eq!(Digest::from_hex(hex.to_uppercase()), None);
        assert_eq!(Digest::from_hex(&hex[1..]), None);
        assert_eq!(Digest::from_hex(format!("{}g", &hex[1..])), None);
    }

    #[test]
    fn a_key_changes_the_digest() {
        assert_ne!(hash_keyed(&[1; 32], b"x"), hash_keyed(&[2; 32], b"x"));
        assert_ne!(hash_keyed(&[0; 32], b"x"), hash_bytes(b"x"));
    }

    proptest! {
        #[test]
        fn hex_round_trips(bytes: [u8; 32]) {
            let digest = Digest::from_bytes(bytes);
            prop_assert_eq!(Digest::from_hex(digest.to_string()), Some(digest));
        }
    }
}

//! Digest of a sequence of fields, framed so that no two sequences share their bytes.

use crate::{Content, Digest};

/// Takes the digest of fields, each preceded by its length: `["ab", "c"]` and `["a", "bc"]` differ.
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    content: Content,
}

impl Hasher {
    /// A digest of no field yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field of bytes.
    pub fn field(&mut self, bytes: &[u8]) -> &mut Self {
        self.content.update(&(bytes.len() as u64).to_le_bytes());
        self.content.update(bytes);
        self
    }

    /// Adds a digest as a field.
    pub fn digest(&mut self, digest: &Digest) -> &mut Self {
        self.field(digest.as_bytes())
    }

    /// Adds a number as a field.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.field(&number.to_le_bytes())
    }

    /// Digest of the fields added so far.
    #[must_use]
    pub fn finish(&self) -> Digest {
        self.content.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(fields: &[Vec<u8>]) -> Digest {
        let mut hasher = Hasher::new();
        for field in fields {
            hasher.field(field);
        }
        hasher.finish()
    }

    #[test]
    fn moving_a_byte_between_fields_changes_the_digest() {
        assert_ne!(of(&[b"ab".into(), b"c".into()]), of(&[b"a".into(), b"bc".into()]));
        assert_ne!(of(&[b"".into()]), of(&[]));
    }

    proptest! {
        #[test]
        fn equal_digests_mean_equal_fields(
            one in prop::collection::vec(prop::collection::vec(0u8..2, 0..3), 0..4),
            other in prop::collection::vec(prop::collection::vec(0u8..2, 0..3), 0..4),
        ) {
            prop_assert_eq!(of(&one) == of(&other), one == other);
        }
    }
}

//! Digest of a stream of content, taken piece by piece.

use std::io;

use crate::Digest;

/// Takes the digest of what is written to it: the same as [`crate::hash_bytes`] of it all.
#[derive(Clone, Debug, Default)]
pub struct Content {
    hasher: blake3::Hasher,
}

impl Content {
    /// A digest of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Bytes added so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.hasher.count()
    }

    /// Whether nothing was added yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Digest of what was added so far.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest::from_bytes(*self.hasher.finalize().as_bytes())
    }
}

impl io::Write for Content {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_give_the_digest_of_the_whole() {
        let mut content = Content::new();
        content.update(b"ab");
        content.update(b"c");
        assert_eq!((content.finish(), content.len()), (crate::hash_bytes(b"abc"), 3));
    }
}

//! Entries and texts as the words that records are made of.

use crate::layout::{ENTRY_WORDS, Entry};

pub(crate) const WORD: usize = 8;

/// How many words so many bytes fill.
#[must_use]
pub const fn words(bytes: usize) -> usize {
    bytes.div_ceil(WORD)
}

pub(crate) fn entry_word(entry: &Entry, index: usize) -> u64 {
    debug_assert!(index < ENTRY_WORDS);
    // SAFETY: an entry is that many whole words, without gaps, and as aligned as they are.
    unsafe { core::ptr::from_ref(entry).cast::<u64>().add(index).read() }
}

/// Eight bytes of a text, filled up with zeros. Reads nothing outside of it.
#[must_use]
pub fn text_word(text: &[u8], index: usize) -> u64 {
    let at = index * WORD;
    if at + WORD <= text.len() {
        // SAFETY: the eight bytes lie within the text.
        return unsafe { text.as_ptr().add(at).cast::<u64>().read_unaligned() };
    }
    let mut word = 0;
    let mut next = text.len();
    while next > at {
        next -= 1;
        // SAFETY: less than the text's length.
        word = word << 8 | u64::from(unsafe { *text.as_ptr().add(next) });
    }
    word
}

//! The writers' side: say it is the same as before, or reserve, write, commit.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU64, fence};

use crate::layout::{
    CAPACITY, COMPARED_WORDS, ENTRY_WORDS, Entry, LENGTH, PADDING, RECENT, RESERVED, Shared,
    WRITTEN,
};

/// Room that is kept for those who found room, made their call, and come to record it: a call
/// that opens can't be made again.
const MARGIN: u64 = CAPACITY / 4;
const WORD: usize = 8;

/// The ring is full: take the slow way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

/// One process's view of the ring.
#[derive(Clone, Copy, Debug)]
pub struct Writer(*const Shared);

impl Writer {
    /// A writer to nothing, to be replaced before it is used.
    #[must_use]
    pub const fn none() -> Self {
        Self(core::ptr::null())
    }

    /// A writer to the ring that is mapped at `address`.
    ///
    /// # Safety
    /// [`crate::BYTES`] bytes there stay readable and writable.
    #[must_use]
    pub const unsafe fn at(address: *const u8) -> Self {
        Self(address.cast())
    }

    fn shared(&self) -> &Shared {
        // SAFETY: promised to `at`; everything in it is atomic, and any bits are valid.
        unsafe { &*self.0 }
    }

    /// Whether calls may be made without the helper's seeing them, and there is room to record one.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let shared = self.shared();
        let used = shared.head.load(Relaxed).wrapping_sub(shared.tail.load(Relaxed));
        shared.off.load(Acquire) == 0 && used < CAPACITY - MARGIN
    }

    /// Whether calls are to be recorded that say nothing, too.
    pub fn wants_every_call(&self) -> bool {
        self.shared().every.load(Relaxed) != 0
    }

    /// A call was made and can't be recorded.
    pub fn lose(&self) {
        self.shared().lost.store(1, Release);
    }

    /// Records a call. `base` and `path` are as long as `entry` says.
    ///
    /// # Errors
    /// If the ring is full.
    pub fn record(&self, entry: &Entry, base: &[u8], path: &[u8]) -> Result<(), NoRoom> {
        let length = (1 + ENTRY_WORDS) * WORD + round_up(base.len()) + round_up(path.len());
        let slot = if self.wants_every_call() { None } else { self.slot(entry, path) };
        if slot.is_some_and(|slot| self.is_known(slot, length, entry, base, path)) {
            self.shared().repeated.fetch_add(1, Relaxed);
            return Ok(());
        }
        let position = self.reserve(length as u64)?;
        self.write(position + 1, entry, base, path);
        self.word(position).store(length as u64 | WRITTEN, Release);
        if let Some(slot) = slot {
            slot.store(position * WORD as u64 + 1, Release);
        }
        Ok(())
    }

    /// Takes a stretch of the ring. Returns the number of its first word, counted from the first
    /// that ever was.
    fn reserve(&self, length: u64) -> Result<u64, NoRoom> {
        let shared = self.shared();
        loop {
            let head = shared.head.load(Acquire);
            let to_end = CAPACITY - head % CAPACITY;
            let (taken, state) =
                if length > to_end { (to_end, PADDING) } else { (length, RESERVED) };
            let used = head.wrapping_sub(shared.tail.load(Acquire));
            if used.saturating_add(taken) > CAPACITY {
                return Err(NoRoom);
            }
            if shared.head.compare_exchange(head, head + taken, Relaxed, Relaxed).is_ok() {
                let position = head / WORD as u64;
                self.word(position).store(taken | state, Release);
                if state == RESERVED {
                    return Ok(position);
                }
            }
        }
    }

    fn word(&self, position: u64) -> &AtomicU64 {
        const WORDS: u64 = CAPACITY / WORD as u64;
        let index = (position % WORDS) as usize;
        // SAFETY: the index is less than the array's length.
        unsafe { self.shared().data.get_unchecked(index) }
    }

    fn write(&self, position: u64, entry: &Entry, base: &[u8], path: &[u8]) {
        for index in 0..ENTRY_WORDS {
            self.word(position + index as u64).store(entry_word(entry, index), Relaxed);
        }
        let position = position + ENTRY_WORDS as u64;
        self.write_text(position, base);
        self.write_text(position + (round_up(base.len()) / WORD) as u64, path);
    }

    fn write_text(&self, position: u64, text: &[u8]) {
        for index in 0..round_up(text.len()) / WORD {
            self.word(position + index as u64).store(text_word(text, index), Relaxed);
        }
    }

    fn slot(&self, entry: &Entry, path: &[u8]) -> Option<&AtomicU64> {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut hash = entry.ino ^ u64::from(entry.number) << 32 ^ path.len() as u64;
        for index in 0..round_up(path.len()) / WORD {
            hash = (hash.rotate_left(23) ^ text_word(path, index)).wrapping_mul(FACTOR);
        }
        self.shared().recent.get((hash >> 40) as usize % RECENT)
    }

    /// Whether the record that `slot` points to is the same, and not yet read: what is read may
    /// have been about an earlier state of the world.
    fn is_known(
        &self,
        slot: &AtomicU64,
        length: usize,
        entry: &Entry,
        base: &[u8],
        path: &[u8],
    ) -> bool {
        let Some(at) = slot.load(Acquire).checked_sub(1) else { return false };
        let unread = || at.wrapping_sub(self.shared().tail.load(Acquire)) < CAPACITY;
        let position = at / WORD as u64;
        let written = || self.word(position).load(Acquire) == length as u64 | WRITTEN;
        if length as u64 & !LENGTH != 0 || !unread() || !written() {
            return false;
        }
        let is =
            |offset: usize, word| self.word(position + 1 + offset as u64).load(Relaxed) == word;
        let base_words = round_up(base.len()) / WORD;
        let same = (0..COMPARED_WORDS).all(|index| is(index, entry_word(entry, index)))
            && (0..base_words).all(|index| is(ENTRY_WORDS + index, text_word(base, index)))
            && (0..round_up(path.len()) / WORD)
                .all(|index| is(ENTRY_WORDS + base_words + index, text_word(path, index)));
        // What was compared was the record only if it is still there.
        fence(Acquire);
        same && unread() && written()
    }
}

const fn round_up(bytes: usize) -> usize {
    (bytes + WORD - 1) & !(WORD - 1)
}

fn entry_word(entry: &Entry, index: usize) -> u64 {
    debug_assert!(index < ENTRY_WORDS);
    // SAFETY: an entry is that many whole words, without gaps, and as aligned as they are.
    unsafe { core::ptr::from_ref(entry).cast::<u64>().add(index).read() }
}

/// Eight bytes of a text, filled up with zeros. Reads nothing outside of it.
fn text_word(text: &[u8], index: usize) -> u64 {
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

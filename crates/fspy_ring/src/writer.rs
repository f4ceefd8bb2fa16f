//! The writers' side: ask whether it is on record, or reserve, write, commit.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::fingerprint::Fingerprint;
use crate::layout::{
    CAPACITY, ENTRY_WORDS, Entry, KNOWN, PADDING, RESERVED, Shared, VARIABLE, WRITTEN,
};
use crate::text::{WORD, entry_word, text_word, words};

/// Room that is kept for those who found room, made their call, and come to record it.
const MARGIN: u64 = CAPACITY / 4;

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
    #[must_use]
    pub fn wants_every_call(&self) -> bool {
        self.shared().every.load(Relaxed) != 0
    }

    /// Stands for what names mean now: as long as it is the same, no link, directory or working
    /// directory of the step was moved by the step itself. `None` while one may be on the move.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        let generation = self.shared().generation.load(Acquire);
        generation.is_multiple_of(2).then_some(generation)
    }

    /// A call was made of which nothing needs to be recorded.
    pub fn count(&self) {
        self.shared().repeated.fetch_add(1, Relaxed);
    }

    /// Whether the same call is on record; it is counted then.
    #[must_use]
    pub fn knows(&self, call: Fingerprint) -> bool {
        let known = self.has(call);
        if known {
            self.count();
        }
        known
    }

    /// Whether the same is on record, which counts as no call.
    #[must_use]
    pub fn has(&self, same: Fingerprint) -> bool {
        self.slot(same).load(Acquire) == same.0
    }

    /// Records that a variable was looked up and not found, once. Without room it is not recorded.
    pub fn record_variable(&self, name: &[u8]) {
        let path_length = name.len() as u16;
        let entry = Entry { number: VARIABLE, path_length, ..Entry::default() };
        let same = Fingerprint::new(&entry, 0, name, 0);
        if self.is_open() && !self.has(same) && self.record(&entry, &[], name).is_ok() {
            self.remember(same);
        }
    }

    /// A call was recorded, and need not be once more.
    pub fn remember(&self, call: Fingerprint) {
        self.slot(call).store(call.0, Release);
    }

    fn slot(&self, call: Fingerprint) -> &AtomicU64 {
        let index = (call.0 >> 40) as usize % KNOWN;
        // SAFETY: the index is less than the array's length.
        unsafe { self.shared().known.get_unchecked(index) }
    }

    /// Records a call. `base` and `path` are as long as `entry` says.
    ///
    /// # Errors
    /// If the ring is full.
    pub fn record(&self, entry: &Entry, base: &[u8], path: &[u8]) -> Result<(), NoRoom> {
        let length = ((1 + ENTRY_WORDS + words(base.len()) + words(path.len())) * WORD) as u64;
        let position = self.reserve(length)?;
        self.write(position + 1, entry, base, path);
        self.word(position).store(length | WRITTEN, Release);
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
        self.write_text(position + words(base.len()) as u64, path);
    }

    fn write_text(&self, position: u64, text: &[u8]) {
        for index in 0..words(text.len()) {
            self.word(position + index as u64).store(text_word(text, index), Relaxed);
        }
    }
}

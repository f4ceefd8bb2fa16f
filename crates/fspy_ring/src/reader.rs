//! The reader's side: takes out what was written, in order, past what is still being written.

extern crate alloc;

use alloc::vec::Vec;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::layout::{
    CAPACITY, ENTRY_WORDS, Entry, LENGTH, LONGEST, PADDING, READ, RESERVED, Shared, WRITTEN,
};

const WORD: u64 = 8;
/// How often a reservation whose length is not written yet is looked at again: its writer is two
/// instructions away from that, unless it was interrupted there, or died.
const PATIENCE: u32 = 1_000;

/// Why not everything could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A writer was stopped in the few instructions in which nobody can tell how long its record
    /// will be; looking again later helps, unless it died there.
    Stopped,
    /// What is in the ring no writer wrote.
    Nonsense,
}

/// A recorded call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What is of fixed size.
    pub entry: Entry,
    /// Directory that the path starts from, if it is relative; that is listed.
    pub base: Vec<u8>,
    /// The path as the call named it.
    pub path: Vec<u8>,
}

/// The only reader.
#[derive(Debug)]
pub struct Reader {
    shared: *const Shared,
    /// The record that was read last: its memory is used again.
    record: Record,
}

// SAFETY: all that is shared is atomic; the reader itself is used by one thread at a time.
unsafe impl Send for Reader {}

impl Reader {
    /// A reader of the ring that is mapped at `address`.
    ///
    /// # Safety
    /// [`crate::BYTES`] bytes there stay readable and writable, and there is no other reader.
    #[must_use]
    pub unsafe fn at(address: *const u8) -> Self {
        Self { shared: address.cast(), record: Record::default() }
    }

    fn shared(&self) -> &Shared {
        // SAFETY: promised to `at`; everything in it is atomic, and any bits are valid.
        unsafe { &*self.shared }
    }

    /// Sends every call the slow way from now on.
    pub fn turn_off(&self) {
        self.shared().off.store(1, Release);
    }

    /// Has every call recorded, however often it was before.
    pub fn want_every_call(&self) {
        self.shared().every.store(1, Release);
    }

    /// Whether nothing was written since the last look.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared().head.load(Acquire) == self.shared().tail.load(Relaxed)
    }

    /// What names mean is about to change: nothing that is on record counts, and nothing recorded
    /// until [`Reader::settle`].
    pub fn unsettle(&self) {
        self.shared().generation.fetch_or(1, AcqRel);
    }

    /// What was about to change has changed.
    pub fn settle(&self) {
        let generation = self.generation() | 1;
        self.shared().generation.store(generation.wrapping_add(1), Release);
    }

    /// See [`crate::Writer::generation`]; odd while anything may be on the move.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared().generation.load(Acquire)
    }

    /// How many calls were the same as one on record, or say nothing.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.shared().repeated.load(Relaxed)
    }

    /// Takes out what is written. Returns whether nothing is left that is being written.
    ///
    /// # Errors
    /// If there is anything that can't be; what came before it was taken.
    pub fn drain(&mut self, mut take: impl FnMut(&Record)) -> Result<bool, Broken> {
        let head = self.shared().head.load(Acquire);
        let mut at = self.shared().tail.load(Relaxed);
        if head.wrapping_sub(at) > CAPACITY || !head.is_multiple_of(WORD) {
            return Err(Broken::Nonsense);
        }
        let mut unbroken = true;
        while at < head {
            let (length, state) = self.reservation(at)?;
            if length > head - at {
                return Err(Broken::Nonsense);
            }
            match state {
                RESERVED => unbroken = false,
                WRITTEN => {
                    self.read(at, length)?;
                    take(&self.record);
                    self.word(at).store(length | READ, Relaxed);
                }
                PADDING | READ => {}
                _ => return Err(Broken::Nonsense),
            }
            if unbroken {
                self.free(at, length);
            }
            at += length;
        }
        Ok(unbroken)
    }

    /// Length and state of what begins at `at`.
    fn reservation(&self, at: u64) -> Result<(u64, u64), Broken> {
        for _ in 0..PATIENCE {
            let word = self.word(at).load(Acquire);
            let (length, state) = (word & LENGTH, word & !LENGTH);
            if word == 0 {
                core::hint::spin_loop();
            } else if length == 0
                || !length.is_multiple_of(WORD)
                || at % CAPACITY + length > CAPACITY
            {
                return Err(Broken::Nonsense);
            } else {
                return Ok((length, state));
            }
        }
        Err(Broken::Stopped)
    }

    /// Makes a stretch fit for new records: all zero.
    fn free(&self, at: u64, length: u64) {
        for offset in (0..length).step_by(8) {
            self.word(at + offset).store(0, Relaxed);
        }
        self.shared().tail.store(at + length, Release);
    }

    fn read(&mut self, at: u64, length: u64) -> Result<(), Broken> {
        let fixed = (1 + ENTRY_WORDS as u64) * WORD;
        let mut entry = Entry::default();
        for index in 0..ENTRY_WORDS {
            let word = self.word(at + (1 + index as u64) * WORD).load(Relaxed);
            // SAFETY: an entry is that many whole words, and any bits are valid.
            unsafe { core::ptr::from_mut(&mut entry).cast::<u64>().add(index).write(word) };
        }
        let sizes = [usize::from(entry.base_length), usize::from(entry.path_length)];
        let rounded = sizes.map(|size| (size as u64).next_multiple_of(WORD));
        let sane = sizes.iter().all(|&size| size <= LONGEST);
        if length < fixed || !sane || fixed + rounded[0] + rounded[1] != length {
            return Err(Broken::Nonsense);
        }
        let mut record = core::mem::take(&mut self.record);
        record.entry = entry;
        self.read_text(at + fixed, sizes[0], &mut record.base);
        self.read_text(at + fixed + rounded[0], sizes[1], &mut record.path);
        self.record = record;
        Ok(())
    }

    fn read_text(&self, at: u64, length: usize, into: &mut Vec<u8>) {
        let count = (length as u64).div_ceil(WORD);
        into.clear();
        for index in 0..count {
            into.extend_from_slice(&self.word(at + index * WORD).load(Relaxed).to_ne_bytes());
        }
        into.truncate(length);
    }

    fn word(&self, at: u64) -> &AtomicU64 {
        const WORDS: u64 = CAPACITY / WORD;
        &self.shared().data[(at / WORD % WORDS) as usize]
    }
}

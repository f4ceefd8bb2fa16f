//! The directory that a relative path starts from, by name: asked of the kernel, and kept until the
//! step moves a directory or changes into another.
//!
//! What is kept belongs to a thread, for threads may have directories of their own; or to the directory
//! that a descriptor refers to. Threads are told apart by where they keep their own variables: a
//! child of `vfork` is taken for its parent, so the helper lets nothing be kept while such a child may
//! be in another directory.

use core::mem::MaybeUninit;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicU64, fence};

use fspy_ring::{Entry, Writer, hash, text_word, words};

use crate::hook::{Unrecorded, thread};
use crate::sys::{self, call, call_past};
use crate::user::is_special;

/// Longest name of a directory, with its end: the stack may be small.
const LONGEST: usize = 256;
const WORDS: usize = words(LONGEST) + 1;
const SLOTS: usize = 32;

/// A directory, as a path; empty if none is needed.
pub(crate) struct Base {
    words: [MaybeUninit<u64>; WORDS],
    length: usize,
    hash: u64,
}

/// What a kept name is kept for.
#[derive(Clone, Copy)]
struct Key {
    /// A thread with a bit above; an open directory's mount, whichever descriptor refers to it.
    of: u64,
    dev: u64,
    ino: u64,
    /// When it was last changed: another with the same number is younger.
    ctime_ns: i64,
    /// What names meant.
    names: u64,
}

/// An open directory.
pub(crate) struct Directory {
    pub(crate) found: Entry,
    /// The mount it was reached by, if that is known: through another it has another name.
    pub(crate) mount: Option<u64>,
}

impl Base {
    pub(crate) const fn none() -> Self {
        Self { words: [MaybeUninit::uninit(); WORDS], length: 0, hash: 0 }
    }

    pub(crate) fn text(&self) -> &[u8] {
        // SAFETY: so many bytes were written, by the kernel or from what was kept.
        unsafe { core::slice::from_raw_parts(self.words.as_ptr().cast(), self.length) }
    }

    /// [`hash`] of the text; 0 if there is none.
    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn find_working_directory(
        &mut self,
        ring: Writer,
        names: Option<u64>,
    ) -> Result<(), Unrecorded> {
        const THREAD: u64 = 1 << 63;
        let key = |names| Key { of: THREAD | thread_pointer(), dev: 0, ino: 0, ctime_ns: 0, names };
        self.find(ring, names.map(key), |buffer| {
            // SAFETY: the buffer is longer than said.
            unsafe { call(sys::GETCWD, [buffer, LONGEST as i64, 0, 0, 0, 0]) - 1 }
        })
    }

    /// Of an open directory.
    pub(crate) fn find_descriptor(
        &mut self,
        ring: Writer,
        descriptor: i32,
        directory: &Directory,
        names: Option<u64>,
    ) -> Result<(), Unrecorded> {
        let &Entry { dev, ino, ctime_ns, .. } = &directory.found;
        let key = names.zip(directory.mount);
        let key = key.map(|(names, of)| Key { of, dev, ino, ctime_ns, names });
        self.find(ring, key, |buffer| {
            let link = Link::to(descriptor);
            let args = [link.0.as_ptr() as i64, buffer, LONGEST as i64, 0, 0, 0];
            // SAFETY: a path with its end, and a buffer longer than said.
            unsafe { call_past(sys::READLINK, args) }
        })
    }

    fn find(
        &mut self,
        ring: Writer,
        key: Option<Key>,
        ask: impl FnOnce(i64) -> i64,
    ) -> Result<(), Unrecorded> {
        if key.is_some_and(|key| slot(key).load(key, self)) {
            return Ok(());
        }
        let length = ask(self.words.as_mut_ptr() as i64);
        // A name that fills the buffer may have been cut.
        if length <= 0 || length >= LONGEST as i64 {
            return Err(Unrecorded);
        }
        self.length = length as usize;
        let is_gone = self.text().last() == Some(&b')');
        if self.text().first() != Some(&b'/') || is_gone || is_special(self.text()) {
            return Err(Unrecorded);
        }
        self.hash = hash(self.text());
        // Only if it was asked for while names meant what the key says.
        if let Some(key) = key.filter(|key| ring.generation() == Some(key.names)) {
            slot(key).store(key, self);
        }
        Ok(())
    }
}

/// Whether a program may read its thread pointer. Set once, before any instruction leads here.
pub(crate) static mut READS_POINTER: bool = false;

/// A number for this thread.
fn thread_pointer() -> u64 {
    // SAFETY: written before any instruction led here, never again.
    if !unsafe { READS_POINTER } {
        return u64::from(thread());
    }
    let pointer: u64;
    // SAFETY: the processor and the kernel allow it.
    unsafe { core::arch::asm!("rdfsbase {}", out(reg) pointer, options(nomem, nostack)) };
    pointer
}

/// A name that is kept. Readers and writers of all threads and handlers meet here: nobody waits, and
/// whoever was disturbed does without.
struct Slot {
    /// Odd while it is being written.
    version: AtomicU32,
    length: AtomicU32,
    key: [AtomicU64; 5],
    hash: AtomicU64,
    words: [AtomicU64; WORDS],
}

static KEPT: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];

fn slot(key: Key) -> &'static Slot {
    let index = (key.of ^ key.of >> 12 ^ key.ino) as usize % SLOTS;
    // SAFETY: the index is less than the array's length.
    unsafe { KEPT.get_unchecked(index) }
}

impl Key {
    const fn words(self) -> [u64; 5] {
        [self.of, self.dev, self.ino, self.ctime_ns.cast_unsigned(), self.names]
    }
}

impl Slot {
    const fn new() -> Self {
        Self {
            version: AtomicU32::new(0),
            length: AtomicU32::new(0),
            key: [const { AtomicU64::new(0) }; 5],
            hash: AtomicU64::new(0),
            words: [const { AtomicU64::new(0) }; WORDS],
        }
    }

    /// True if it is kept for this key, and was not changed meanwhile.
    fn load(&self, key: Key, base: &mut Base) -> bool {
        let version = self.version.load(Acquire);
        let is_for = self.key.iter().zip(key.words()).all(|(own, word)| own.load(Relaxed) == word);
        let length = self.length.load(Relaxed) as usize;
        if !version.is_multiple_of(2) || !is_for || length == 0 || length >= LONGEST {
            return false;
        }
        for (into, word) in base.words.iter_mut().zip(&self.words).take(words(length)) {
            *into = MaybeUninit::new(word.load(Relaxed));
        }
        base.length = length;
        base.hash = self.hash.load(Relaxed);
        fence(Acquire);
        self.version.load(Relaxed) == version
    }

    fn store(&self, key: Key, base: &Base) {
        let version = self.version.load(Relaxed);
        let free = version.is_multiple_of(2);
        let taken = || self.version.compare_exchange(version, version + 1, Acquire, Relaxed);
        if !free || taken().is_err() {
            return;
        }
        fence(Release);
        for (own, word) in self.key.iter().zip(key.words()) {
            own.store(word, Relaxed);
        }
        for (index, own) in self.words.iter().enumerate().take(words(base.length)) {
            own.store(text_word(base.text(), index), Relaxed);
        }
        self.hash.store(base.hash, Relaxed);
        self.length.store(base.length as u32, Relaxed);
        self.version.store(version.wrapping_add(2), Release);
    }
}

/// `/proc/self/fd/N` and its end, spelt as nobody else does: who watches with another tracer knows by
/// that whose call it is.
struct Link([u8; 32]);

impl Link {
    fn to(descriptor: i32) -> Self {
        const START: &[u8; 15] = b"/proc//self/fd/";
        let mut text = Self([0; 32]);
        let mut length = START.len();
        for (index, &byte) in START.iter().enumerate() {
            text.0[index] = byte;
        }
        let mut divisor = 1_000_000_000;
        while divisor > 0 {
            let digit = (descriptor / divisor % 10) as u8;
            if length > START.len() || digit > 0 || divisor == 1 {
                if let Some(place) = text.0.get_mut(length) {
                    *place = b'0' + digit;
                }
                length += 1;
            }
            divisor /= 10;
        }
        text
    }
}

//! How the shared memory is laid out, and the numbers both sides must agree on.

use core::sync::atomic::{AtomicU32, AtomicU64};

/// Address of the one page from which the filter lets file calls through. Low enough to be out of
/// the way of the sanitizers' shadow memory, and not one of those that rr and Riker use.
pub const PAGE: usize = 0x6ace_0000;
/// Where the instruction pointer stands during a call made there: after the `syscall` instruction.
pub const PAGE_EXIT: u64 = PAGE as u64 + 2;
/// No descriptor has this number: `openat` on it asks the helper for the ring.
pub const HANDSHAKE_DIR: i32 = 0x7ace_0001;
/// Nor this: `openat` on it tells the helper of a call that was made and can't be recorded. Its
/// second argument points to [`REPORTED_WORDS`] words: the call's number, its arguments, its result.
pub const REPORT_DIR: i32 = 0x7ace_0002;
/// As above.
pub const REPORTED_WORDS: usize = 8;
/// Calls that may be made from the page: `open`, `openat`, `stat`, `lstat`, `newfstatat`, `statx`,
/// `access`, `faccessat`, `faccessat2`, `readlink`, `readlinkat`, `getdents64`.
pub const FAST: [u32; 12] = [262, 257, 4, 6, 332, 21, 269, 439, 267, 89, 2, LIST];
/// `getdents64`: recorded with the directory as [`Entry`]'s base and identity, and no path.
pub const LIST: u32 = 217;
/// No call has this number: its records are of variables that were looked up and not found, by name.
pub const VARIABLE: u32 = 0x7ace_0003;
/// Longer names of variables are not recorded.
pub const LONGEST_NAME: usize = 255;
/// Most places in the C library that are patched.
pub const MAX_SITES: usize = 128;

/// Bytes of records that the ring holds.
pub(crate) const CAPACITY: u64 = 1 << 21;
/// Slots in the table of what is on record.
pub(crate) const KNOWN: usize = 1 << 15;
/// Size of the whole.
pub const BYTES: usize = size_of::<Shared>();
/// Longest path, and longest directory it starts from, that are recorded; longer ones go the slow
/// way.
pub const LONGEST: usize = 1024;

/// What stands at the beginning of the shared memory.
#[repr(C, align(4096))]
pub(crate) struct Shared {
    /// Every call is to take the slow way from now on.
    pub(crate) off: AtomicU32,
    /// Every call is to be recorded, however often it was before.
    pub(crate) every: AtomicU32,
    _flags: [u64; 7],
    /// Calls that were the same as one on record, or say nothing.
    pub(crate) repeated: AtomicU64,
    _count: [u64; 7],
    /// Where the next record begins; only grows.
    pub(crate) head: AtomicU64,
    _from: [u64; 7],
    /// Where the first record begins that is not read; only grows.
    pub(crate) tail: AtomicU64,
    _between: [u64; 7],
    /// Changes with what names mean; see [`crate::Writer::generation`].
    pub(crate) generation: AtomicU64,
    _after: [u64; 7],
    /// Fingerprints of calls that are on record, each in the slot it hashes to.
    pub(crate) known: [AtomicU64; KNOWN],
    pub(crate) data: [AtomicU64; CAPACITY as usize / 8],
}

/// States of a record, in the upper half of its first word; its length is in the lower.
pub(crate) const RESERVED: u64 = 1 << 32;
pub(crate) const WRITTEN: u64 = 2 << 32;
/// Nothing, up to the end of the buffer.
pub(crate) const PADDING: u64 = 3 << 32;
/// Read, but not given free, because an earlier one is not written yet.
#[cfg(feature = "reader")]
pub(crate) const READ: u64 = 4 << 32;
#[cfg(feature = "reader")]
pub(crate) const LENGTH: u64 = u32::MAX as u64;

/// One call, as the hook records it: what was asked, what came of it, and what was there.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Number of the call.
    pub number: u32,
    /// Its flags: of `open`, or `AT_…`.
    pub flags: u32,
    /// Bits asked for by `access`.
    pub bits: u32,
    /// 0, or the negative `errno`.
    pub result: i32,
    /// Identity of what was there; all zero if nothing was.
    pub dev: u64,
    /// As above.
    pub ino: u64,
    /// As above.
    pub size: u64,
    /// As above, nanoseconds.
    pub mtime_ns: i64,
    /// As above, nanoseconds.
    pub ctime_ns: i64,
    /// As above.
    pub mode: u32,
    /// Length of the directory that a relative path starts from, or that is listed; 0 if there is
    /// none.
    pub base_length: u16,
    /// Length of the path.
    pub path_length: u16,
    /// The thread that made the call. Not compared when calls are.
    pub thread: u32,
    /// What the [`Handshake`] said its program is. Not compared.
    pub program: u32,
}

/// Words of an [`Entry`].
pub(crate) const ENTRY_WORDS: usize = size_of::<Entry>() / 8;
/// Words of it that make calls the same: all but the last, which says who made the call.
pub(crate) const COMPARED_WORDS: usize = ENTRY_WORDS - 1;

/// What is replaced in a library.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// `syscall; cmp rax, -4096`: the comparison moves along.
    Wide = 0,
    /// `syscall; cmp rax, -4095`
    WideOrEqual = 1,
    /// `syscall; cmp eax, -4096`
    Narrow = 2,
    /// The moves with which libc's function `syscall` begins, and the instruction after them, which
    /// stays for all calls that are not [`FAST`].
    Function = 3,
    /// `mov rax, [rsp + N]; syscall`, `N` any small number: the same.
    FromStack = 4,
}

/// `mov rax, rdi; mov rdi, rsi; mov rsi, rdx; mov rdx, rcx; mov r10, r8; mov r8, r9;
/// mov r9, [rsp + 8]; syscall`
const FUNCTION: [u8; 25] = [
    0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x4d, 0x89, 0xc2, 0x4d,
    0x89, 0xc8, 0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05,
];

/// Where the `N` of [`SiteKind::FromStack`] is.
pub const NUMBER: usize = 4;

impl SiteKind {
    /// Those of one `syscall` instruction and what follows it.
    pub const COMPARED: [Self; 3] = [Self::Wide, Self::WideOrEqual, Self::Narrow];
    /// How many there are.
    pub const COUNT: usize = 5;

    /// The instructions that must be there; `N` is zero here.
    #[must_use]
    pub const fn code(self) -> &'static [u8] {
        match self {
            Self::Wide => &[0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff],
            Self::WideOrEqual => &[0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff],
            Self::Narrow => &[0x0f, 0x05, 0x3d, 0x00, 0xf0, 0xff, 0xff],
            Self::Function => &FUNCTION,
            Self::FromStack => &[0x48, 0x8b, 0x44, 0x24, 0x00, 0x0f, 0x05],
        }
    }

    /// Whether a byte may stand at a place of them.
    #[must_use]
    pub fn allows(self, index: usize, byte: u8) -> bool {
        let is_number = matches!(self, Self::FromStack) && index == NUMBER;
        if is_number { byte < 0x80 } else { self.code().get(index) == Some(&byte) }
    }

    /// Whether code begins with them.
    #[must_use]
    pub fn begins(self, code: &[u8]) -> bool {
        let code = code.get(..self.code().len());
        code.is_some_and(|code| (0..).zip(code).all(|(index, &byte)| self.allows(index, byte)))
    }

    /// How many bytes of them are replaced: whole instructions, room for a jump.
    #[must_use]
    pub const fn replaced(self) -> usize {
        match self {
            Self::Function => 6,
            Self::FromStack => 5,
            _ => self.code().len(),
        }
    }
}

/// What the helper writes into the memory of a process that asks for the ring: which instructions
/// to replace.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct Handshake {
    /// A number for the program that the process runs.
    pub program: u64,
    /// Where variables are looked up.
    pub lookup: Entrance,
    /// How many of the following count.
    pub count: u64,
    /// One [`Site`] each, packed; in the order of their addresses, one library after the other.
    pub sites: [u64; MAX_SITES],
}

/// Where a function begins: whole instructions that do the same wherever they are, with room for a
/// jump in their place.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entrance {
    /// Where they are; 0 if there is no such function.
    pub address: u64,
    /// How many bytes they are.
    pub length: u64,
    /// The instructions.
    pub code: [u8; Entrance::ROOM],
}

impl Entrance {
    /// Most bytes that are moved.
    pub const ROOM: usize = 24;
}

/// A place to be patched in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Address of the first instruction that is replaced.
    pub address: u64,
    /// What is there.
    pub kind: SiteKind,
    /// It is the first in its library.
    pub first: bool,
}

impl Site {
    /// As one word.
    #[must_use]
    pub const fn packed(self) -> u64 {
        self.address << 4 | (self.first as u64) << 3 | self.kind as u64
    }

    /// From one word; `None` if it is none.
    #[must_use]
    pub const fn unpacked(word: u64) -> Option<Self> {
        let kind = match word & 7 {
            0 => SiteKind::Wide,
            1 => SiteKind::WideOrEqual,
            2 => SiteKind::Narrow,
            3 => SiteKind::Function,
            4 => SiteKind::FromStack,
            _ => return None,
        };
        Some(Self { address: word >> 4, kind, first: word & 8 != 0 })
    }
}

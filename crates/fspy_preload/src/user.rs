//! The program's memory, where the kernel has just read or written it: paths, and what it said of
//! files.

use fspy_ring::{Entry, LONGEST};

/// `STATX_BASIC_STATS`, and three more that no program asks for together: who watches with another
/// tracer knows by them which calls are this library's own.
pub(crate) const OWN_MASK: u32 = 0x7ff | 0x1000 | 0x2000;
/// What an identity is made of: type, mode, mtime, ctime, inode, size.
const IDENTITY: u32 = 0x1 | 0x2 | 0x40 | 0x80 | 0x100 | 0x200;

/// The kernel's `struct stat`.
#[repr(C)]
pub(crate) struct Stat {
    dev: u64,
    ino: u64,
    links: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    _pad: u32,
    rdev: u64,
    size: u64,
    block_size: i64,
    blocks: i64,
    atime: [i64; 2],
    mtime: [i64; 2],
    ctime: [i64; 2],
    _unused: [i64; 3],
}

impl Stat {
    // SAFETY: all zero is valid.
    pub(crate) const ZERO: Self = unsafe { core::mem::zeroed() };

    pub(crate) fn entry(&self) -> Entry {
        Entry {
            dev: self.dev,
            ino: self.ino,
            size: self.size,
            mode: self.mode,
            mtime_ns: time(self.mtime[0], self.mtime[1]),
            ctime_ns: time(self.ctime[0], self.ctime[1]),
            ..Entry::default()
        }
    }
}

/// The kernel's `struct statx_timestamp`.
#[repr(C)]
struct Moment {
    seconds: i64,
    nanos: u32,
    _pad: i32,
}

impl Moment {
    fn time(&self) -> i64 {
        time(self.seconds, i64::from(self.nanos))
    }
}

/// The kernel's `struct statx`.
#[repr(C)]
pub(crate) struct Statx {
    mask: u32,
    block_size: u32,
    attributes: u64,
    links: u32,
    uid: u32,
    gid: u32,
    mode: u16,
    _pad: u16,
    ino: u64,
    size: u64,
    blocks: u64,
    attributes_mask: u64,
    atime: Moment,
    btime: Moment,
    ctime: Moment,
    mtime: Moment,
    rdev: [u32; 2],
    dev: [u32; 2],
    mount: u64,
    _rest: [u64; 13],
}

impl Statx {
    // SAFETY: all zero is valid.
    pub(crate) const ZERO: Self = unsafe { core::mem::zeroed() };

    /// `None` if it does not say enough.
    pub(crate) fn entry(&self) -> Option<Entry> {
        (self.mask & IDENTITY == IDENTITY).then(|| Entry {
            dev: device(self.dev),
            ino: self.ino,
            size: self.size,
            mode: u32::from(self.mode),
            mtime_ns: self.mtime.time(),
            ctime_ns: self.ctime.time(),
            ..Entry::default()
        })
    }
}

impl Statx {
    /// The mount it is reached by; `None` if the kernel does not say.
    pub(crate) fn mount(&self) -> Option<u64> {
        const MOUNT: u32 = 0x1000;
        (self.mask & MOUNT != 0).then_some(self.mount)
    }
}

/// As `stat` has it.
fn device([major, minor]: [u32; 2]) -> u64 {
    u64::from(minor & 0xff | major << 8 | (minor & !0xff) << 12)
}

pub(crate) fn time(seconds: i64, nanos: i64) -> i64 {
    const NANOS: i64 = 1_000_000_000;
    seconds.wrapping_mul(NANOS).wrapping_add(nanos)
}

/// A text in the program's memory; `None` if it is long. Reads whole words where they are aligned,
/// as the C library does: they end where pages do.
///
/// # Safety
/// The kernel has just read it.
pub(crate) unsafe fn text<'a>(start: *const u8) -> Option<&'a [u8]> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut length = 0;
    while length <= LONGEST {
        // SAFETY: all before was not the end.
        let at = unsafe { start.add(length) };
        if at.addr().is_multiple_of(8) {
            #[expect(clippy::cast_ptr_alignment, reason = "it is aligned")]
            // SAFETY: in the page of a byte that may be read.
            let word = unsafe { at.cast::<u64>().read_volatile() };
            let zeros = word.wrapping_sub(ONES) & !word & ONES << 7;
            if zeros == 0 {
                length += 8;
                continue;
            }
            length += (zeros.trailing_zeros() / 8) as usize;
            break;
        }
        // SAFETY: as above.
        if unsafe { at.read_volatile() } == 0 {
            break;
        }
        length += 1;
    }
    // SAFETY: so many bytes were just read.
    (length <= LONGEST).then(|| unsafe { core::slice::from_raw_parts(start, length) })
}

/// What lies in `/proc` depends on who looks, and what lies in `/dev` may lead there: whether any
/// component is named so.
pub(crate) fn is_special(path: &[u8]) -> bool {
    let mut start = 0;
    let mut index = 0;
    while index <= path.len() {
        if path.get(index).is_none_or(|&byte| byte == b'/') {
            if matches!(path.get(start..index), Some(b"proc" | b"dev")) {
                return true;
            }
            start = index + 1;
        }
        index += 1;
    }
    false
}

//! Stands for the system calls of the patched instructions: calls that only look are made past the
//! filter and recorded, all others where the filter sees them.
//!
//! Nothing is read from the program's memory before the kernel has read it, so that a bad pointer
//! stays `EFAULT`. What can't be recorded, for whatever reason, is made once more where the helper
//! sees it: looking twice does no harm. An open is not repeated, so all is made sure of before it.

use core::mem::MaybeUninit;

use fspy_ring::{Entry, LONGEST, Writer};

use crate::entry::Registers;
use crate::sys::{self, call, call_past};

/// Longest directory of a relative path, as a path, that is recorded: the stack may be small.
const BASE: usize = 256;
const AT_FDCWD: i32 = -100;
const AT_NOFOLLOW: i64 = 0x100;
const AT_NO_AUTOMOUNT: i64 = 0x800;
const FORMAT: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
/// `O_NOCTTY`, `O_NONBLOCK`, `O_LARGEFILE`, `O_DIRECTORY`, `O_NOFOLLOW`, `O_NOATIME`, `O_CLOEXEC`:
/// with no other flag, an open for reading changes nothing.
const HARMLESS: i64 =
    0o400 | 0o4000 | 0o100_000 | 0o200_000 | O_NOFOLLOW | 0o1_000_000 | 0o2_000_000;
const O_NOFOLLOW: i64 = 0o400_000;

/// Where calls are recorded. Set once, before any instruction leads here.
pub(crate) static mut RING: Writer = Writer::none();

/// A path argument: where it starts and what follows of it.
#[derive(Clone, Copy)]
struct Named {
    dir: i32,
    path: *const u8,
    /// `AT_SYMLINK_NOFOLLOW` or nothing.
    nofollow: i64,
}

/// What is asked of it.
#[derive(Clone, Copy)]
enum Question {
    Stat,
    Access,
    Readlink,
}

/// The kernel's `struct stat`.
#[repr(C)]
struct Stat {
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

/// The call can't be recorded.
struct Unrecorded;

/// Makes the call that the registers describe. Returns what the kernel would.
pub(crate) unsafe extern "C" fn hook(registers: &Registers) -> i64 {
    // SAFETY: written before any instruction led here, never again.
    let ring = unsafe { RING };
    let [first, second, third, fourth, ..] = registers.args;
    // SAFETY: in each case the calls made are, or look at the same as, the one asked for.
    unsafe {
        if !ring.is_open() {
            return seen(registers);
        }
        match registers.number {
            sys::OPEN => open(ring, registers, at(AT_FDCWD, first, nofollow(second)), second),
            sys::OPENAT => open(ring, registers, at(dir(first), second, nofollow(third)), third),
            sys::STAT => look(ring, registers, at(AT_FDCWD, first, 0), Question::Stat),
            sys::LSTAT => look(ring, registers, at(AT_FDCWD, first, AT_NOFOLLOW), Question::Stat),
            sys::NEWFSTATAT => {
                look(ring, registers, at(dir(first), second, fourth), Question::Stat)
            }
            sys::STATX => look(ring, registers, at(dir(first), second, third), Question::Stat),
            sys::ACCESS => look(ring, registers, at(AT_FDCWD, first, 0), Question::Access),
            sys::FACCESSAT => look(ring, registers, at(dir(first), second, 0), Question::Access),
            sys::FACCESSAT2 => {
                look(ring, registers, at(dir(first), second, fourth), Question::Access)
            }
            sys::READLINK => {
                look(ring, registers, at(AT_FDCWD, first, AT_NOFOLLOW), Question::Readlink)
            }
            sys::READLINKAT => {
                look(ring, registers, at(dir(first), second, AT_NOFOLLOW), Question::Readlink)
            }
            _ => seen(registers),
        }
    }
}

/// Makes the call where the helper sees it.
unsafe fn seen(registers: &Registers) -> i64 {
    // SAFETY: it is the program's own call.
    unsafe { call(registers.number, registers.args) }
}

fn at(dir: i32, path: i64, flags: i64) -> Named {
    Named { dir, path: path as *const u8, nofollow: flags & AT_NOFOLLOW }
}

const fn nofollow(open_flags: i64) -> i64 {
    if open_flags & O_NOFOLLOW == 0 { 0 } else { AT_NOFOLLOW }
}

/// The kernel looks at the low half only.
const fn dir(argument: i64) -> i32 {
    argument as i32
}

unsafe fn look(ring: Writer, registers: &Registers, named: Named, question: Question) -> i64 {
    // SAFETY: the program's own call; it changes nothing but the program's memory.
    let result = unsafe { call_past(registers.number, registers.args) };
    let missing = matches!(result, sys::ENOENT | sys::ENOTDIR);
    let is_no_link = matches!(question, Question::Readlink) && result == sys::EINVAL;
    if sys::failed(result) && !missing && !is_no_link {
        // SAFETY: looking again changes nothing.
        return unsafe { seen(registers) };
    }
    if named.path.is_null() {
        // An open descriptor was asked about; its open was recorded.
        return result;
    }
    let shown = if missing { result } else { 0 };
    // SAFETY: the answer lies where the kernel has just put it.
    let recorded = unsafe { found(registers, named, question, missing) }.and_then(|found| {
        // SAFETY: the kernel has just read it.
        match unsafe { text(named.path) } {
            // As above, or nothing was asked.
            Some([]) if !ring.wants_every_call() => Ok(()),
            Some([]) => write(ring, registers, named.nofollow, &[], &[], shown, found),
            Some(path) => record(ring, registers, named, path, shown, found),
            None => Err(Unrecorded),
        }
    });
    match recorded {
        Ok(()) => result,
        // SAFETY: looking again changes nothing.
        Err(Unrecorded) => unsafe { seen(registers) },
    }
}

/// Identity of what was looked at.
unsafe fn found(
    registers: &Registers,
    named: Named,
    question: Question,
    missing: bool,
) -> Result<Entry, Unrecorded> {
    let answer = match (question, registers.number) {
        _ if missing => return Ok(Entry::default()),
        (Question::Stat, sys::STAT | sys::LSTAT) => registers.args[1],
        (Question::Stat, sys::NEWFSTATAT) => registers.args[2],
        // SAFETY: looks only.
        _ => return unsafe { identity(named) }.map_err(|_| Unrecorded),
    };
    // SAFETY: the kernel has just filled it.
    Ok(unsafe { entry(&*(answer as *const Stat)) })
}

unsafe fn open(ring: Writer, registers: &Registers, named: Named, flags: i64) -> i64 {
    if flags & 0xffff_ffff & !HARMLESS != 0 || named.path.is_null() {
        // SAFETY: the program's own call.
        return unsafe { seen(registers) };
    }
    // SAFETY: looks only; then the path was read by the kernel.
    let before = unsafe { identity(named) };
    let (expected, found) = match before {
        Ok(entry) if matches!(entry.mode & FORMAT, REGULAR | DIRECTORY) => (0, entry),
        Err(errno @ (sys::ENOENT | sys::ENOTDIR)) => (errno, Entry::default()),
        // SAFETY: the program's own call.
        _ => return unsafe { seen(registers) },
    };
    // SAFETY: the kernel has just read it.
    let path = unsafe { text(named.path) };
    let mut base = Base::new();
    let Some(path) = path.filter(|path| !path.is_empty() && base.find(named.dir, path).is_ok())
    else {
        // SAFETY: the program's own call.
        return unsafe { seen(registers) };
    };
    // SAFETY: the program's own call.
    let result = unsafe { call_past(registers.number, registers.args) };
    if result == sys::EINTR {
        return result;
    }
    if sys::failed(result) && result != expected {
        // SAFETY: it failed, so nothing is done twice.
        return unsafe { seen(registers) };
    }
    // What was not there a moment ago and now is was put there by somebody else.
    if (result >= 0 && expected != 0)
        || write(ring, registers, flags, path, base.text(), expected, found).is_err()
    {
        ring.lose();
    }
    result
}

/// Records a call that was made.
fn record(
    ring: Writer,
    registers: &Registers,
    named: Named,
    path: &[u8],
    result: i64,
    found: Entry,
) -> Result<(), Unrecorded> {
    if path.first() == Some(&b'/') {
        if is_special(path) {
            return Err(Unrecorded);
        }
        return write(ring, registers, named.nofollow, path, &[], result, found);
    }
    record_relative(ring, registers, named, path, result, found)
}

/// Apart, for what it needs of the stack.
#[inline(never)]
fn record_relative(
    ring: Writer,
    registers: &Registers,
    named: Named,
    path: &[u8],
    result: i64,
    found: Entry,
) -> Result<(), Unrecorded> {
    let mut base = Base::new();
    base.find(named.dir, path)?;
    write(ring, registers, named.nofollow, path, base.text(), result, found)
}

fn write(
    ring: Writer,
    registers: &Registers,
    flags: i64,
    path: &[u8],
    base: &[u8],
    result: i64,
    found: Entry,
) -> Result<(), Unrecorded> {
    let bits = match registers.number {
        sys::ACCESS => registers.args[1],
        sys::FACCESSAT | sys::FACCESSAT2 => registers.args[2],
        _ => 0,
    };
    // SAFETY: a call on nothing.
    let pid = unsafe { call(sys::GETPID, [0; 6]) };
    let entry = Entry {
        number: registers.number as u32,
        flags: flags as u32,
        bits: bits as u32,
        result: result as i32,
        base_length: base.len() as u32,
        path_length: path.len() as u32,
        pid: pid as u32,
        ..found
    };
    ring.record(&entry, base, path).map_err(|_| Unrecorded)
}

/// The directory that a relative path starts from.
struct Base {
    bytes: [MaybeUninit<u8>; BASE],
    length: usize,
}

impl Base {
    const fn new() -> Self {
        Self { bytes: [MaybeUninit::uninit(); BASE], length: 0 }
    }

    fn text(&self) -> &[u8] {
        // SAFETY: so many bytes were written by the kernel.
        unsafe { core::slice::from_raw_parts(self.bytes.as_ptr().cast(), self.length) }
    }

    /// Asks the kernel for its name. Fails if it has none, or one too long.
    fn find(&mut self, dir: i32, path: &[u8]) -> Result<(), Unrecorded> {
        if path.first() == Some(&b'/') {
            return if is_special(path) { Err(Unrecorded) } else { Ok(()) };
        }
        let buffer = self.bytes.as_mut_ptr() as i64;
        let length = if dir == AT_FDCWD {
            // SAFETY: the buffer is as long as said.
            unsafe { call(sys::GETCWD, [buffer, BASE as i64, 0, 0, 0, 0]) - 1 }
        } else {
            let link = Link::to(dir)?;
            let args = [link.0.as_ptr() as i64, buffer, BASE as i64, 0, 0, 0];
            // SAFETY: a path with its end, and a buffer as long as said.
            unsafe { call_past(sys::READLINK, args) }
        };
        // A name that fills the buffer may have been cut.
        if length <= 0 || length >= BASE as i64 {
            return Err(Unrecorded);
        }
        self.length = length as usize;
        let text = self.text();
        let is_gone = text.last() == Some(&b')');
        if text.first() != Some(&b'/') || is_gone || is_special(text) {
            return Err(Unrecorded);
        }
        Ok(())
    }
}

/// `/proc/self/fd/N` and its end.
struct Link([u8; 32]);

impl Link {
    fn to(descriptor: i32) -> Result<Self, Unrecorded> {
        const START: &[u8; 14] = b"/proc/self/fd/";
        if descriptor < 0 {
            return Err(Unrecorded);
        }
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
        Ok(text)
    }
}

/// What lies in `/proc` depends on who looks, and what lies in `/dev` may lead there: whether any
/// component is named so.
fn is_special(path: &[u8]) -> bool {
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

/// A text in the program's memory; `None` if it is long.
///
/// # Safety
/// The kernel has just read it.
unsafe fn text<'a>(start: *const u8) -> Option<&'a [u8]> {
    let mut length = 0;
    while length <= LONGEST {
        // SAFETY: all before was not the end.
        if unsafe { start.add(length).read_volatile() } == 0 {
            // SAFETY: so many bytes were just read.
            return Some(unsafe { core::slice::from_raw_parts(start, length) });
        }
        length += 1;
    }
    None
}

/// What is at a path now, or the `errno`.
unsafe fn identity(named: Named) -> Result<Entry, i64> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    let flags = named.nofollow | AT_NO_AUTOMOUNT;
    let args = [i64::from(named.dir), named.path as i64, stat.as_mut_ptr() as i64, flags, 0, 0];
    // SAFETY: the path is the kernel's to check, and the buffer large enough.
    let result = unsafe { call_past(sys::NEWFSTATAT, args) };
    if sys::failed(result) {
        return Err(result);
    }
    // SAFETY: the kernel has just filled it.
    Ok(entry(unsafe { stat.assume_init_ref() }))
}

fn entry(stat: &Stat) -> Entry {
    const NANOS: i64 = 1_000_000_000;
    let time = |[seconds, nanos]: [i64; 2]| seconds.wrapping_mul(NANOS).wrapping_add(nanos);
    Entry {
        dev: stat.dev,
        ino: stat.ino,
        size: stat.size,
        mode: stat.mode,
        mtime_ns: time(stat.mtime),
        ctime_ns: time(stat.ctime),
        number: 0,
        flags: 0,
        bits: 0,
        result: 0,
        base_length: 0,
        path_length: 0,
        pid: 0,
    }
}

//! Stands for the system calls of the patched instructions: calls that only look are made past the
//! filter and recorded, all others where the filter sees them.
//!
//! Opens that succeed are made once, others again where one call does not tell enough. Nothing is
//! read from the program's memory before the kernel has read it, so that a bad pointer stays `EFAULT`.
//! What can't be recorded, for whatever reason, is made again where the helper sees it; a file that is
//! open by then is reported to it.

use fspy_ring::{Entry, Fingerprint, Writer};

use crate::base::{Base, Directory};
use crate::entry::Registers;
use crate::sys::{self, call, call_past, failed};
use crate::user::{self, Stat, Statx};

const AT_FDCWD: i32 = -100;
const AT_NOFOLLOW: i64 = 0x100;
const FORMAT: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
/// `O_NOCTTY`, `O_NONBLOCK`, `O_LARGEFILE`, `O_DIRECTORY`, `O_NOFOLLOW`, `O_NOATIME`, `O_CLOEXEC`:
/// with no other flag, an open for reading changes nothing.
const HARMLESS: i64 =
    0o400 | 0o4000 | 0o100_000 | 0o200_000 | O_NOFOLLOW | 0o1_000_000 | 0o2_000_000;
const O_NOFOLLOW: i64 = 0o400_000;

/// Where calls are recorded. Set once, before any instruction leads here.
pub(crate) static mut RING: Writer = Writer::none();
/// What the helper calls this program. As above.
pub(crate) static mut PROGRAM: u32 = 0;

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

/// What a call found.
#[derive(Clone, Copy)]
enum Found {
    Is(Entry),
    /// The call did not say.
    At(Named),
}

/// The call can't be recorded.
pub(crate) struct Unrecorded;

/// Makes the call that the registers describe. Returns what the kernel would.
pub(crate) unsafe extern "C" fn hook(registers: &Registers) -> i64 {
    // SAFETY: written before any instruction led here, never again.
    let ring = unsafe { RING };
    if !ring.is_open() {
        // SAFETY: the program's own call.
        return unsafe { seen(registers) };
    }
    let made = Made { ring, registers, names: ring.generation() };
    let [first, second, third, fourth, ..] = registers.args;
    // SAFETY: in each case the call made is the program's own.
    unsafe {
        match registers.number {
            sys::OPEN => made.open(at(AT_FDCWD, first, nofollow(second)), second),
            sys::OPENAT => made.open(at(dir(first), second, nofollow(third)), third),
            sys::STAT => made.look(at(AT_FDCWD, first, 0), Question::Stat),
            sys::LSTAT => made.look(at(AT_FDCWD, first, AT_NOFOLLOW), Question::Stat),
            sys::NEWFSTATAT => made.look(at(dir(first), second, fourth), Question::Stat),
            sys::STATX => made.look(at(dir(first), second, third), Question::Stat),
            sys::ACCESS => made.look(at(AT_FDCWD, first, 0), Question::Access),
            sys::FACCESSAT => made.look(at(dir(first), second, 0), Question::Access),
            sys::FACCESSAT2 => made.look(at(dir(first), second, fourth), Question::Access),
            sys::READLINK => made.look(at(AT_FDCWD, first, AT_NOFOLLOW), Question::Readlink),
            sys::READLINKAT => made.look(at(dir(first), second, AT_NOFOLLOW), Question::Readlink),
            sys::GETDENTS64 => made.list(dir(first)),
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

/// A call that is being made.
struct Made<'a> {
    ring: Writer,
    registers: &'a Registers,
    /// What names meant before it.
    names: Option<u64>,
}

impl Made<'_> {
    /// Makes the call past the filter.
    unsafe fn past(&self) -> i64 {
        // SAFETY: the program's own call.
        let result = unsafe { call_past(self.registers.number, self.registers.args) };
        self.registers.result.set(result);
        result
    }

    unsafe fn look(&self, named: Named, question: Question) -> i64 {
        // SAFETY: the program's own call.
        let result = unsafe { self.past() };
        // SAFETY: it was made.
        if unsafe { self.looked(named, question, result) }.is_err() {
            // SAFETY: as above.
            return unsafe { self.again_where_seen(named) };
        }
        result
    }

    unsafe fn looked(
        &self,
        named: Named,
        question: Question,
        result: i64,
    ) -> Result<(), Unrecorded> {
        let is_no_link =
            matches!(question, Question::Readlink) && result == sys::EINVAL && self.has_room();
        if failed(result) && !is_missing(result) && !is_no_link {
            return Err(Unrecorded);
        }
        if named.path.is_null() {
            // An open descriptor was asked about; its open was recorded.
            self.ring.count();
            return Ok(());
        }
        // SAFETY: the kernel has just read it: a link's text was asked for with room for it.
        let path = unsafe { user::text(named.path) }.ok_or(Unrecorded)?;
        if path.is_empty() {
            return self.nothing_named(named, result);
        }
        if is_missing(result) {
            return self.write(named, named.nofollow, path, result, Found::Is(Entry::default()));
        }
        // SAFETY: the answer lies where the kernel has just put it.
        let found = unsafe { self.answer(question) };
        self.write(named, named.nofollow, path, 0, found.map_or(Found::At(named), Found::Is))
    }

    /// As above, or nothing was asked.
    fn nothing_named(&self, named: Named, result: i64) -> Result<(), Unrecorded> {
        if self.ring.wants_every_call() {
            let result = if is_missing(result) { result } else { 0 };
            return self.put(named.nofollow, None, &[], result, Found::Is(Entry::default()));
        }
        self.ring.count();
        Ok(())
    }

    /// Whether there is room for a link's text; without, its path is not even read.
    fn has_room(&self) -> bool {
        let [_, _, third, fourth, ..] = self.registers.args;
        let room = if self.registers.number == sys::READLINK { third } else { fourth };
        room as i32 > 0
    }

    /// What the kernel said about what it found, if it said all of it.
    unsafe fn answer(&self, question: Question) -> Option<Entry> {
        let [_, second, third, _, fifth, _] = self.registers.args;
        // SAFETY: the kernel has just filled it.
        unsafe {
            match (question, self.registers.number) {
                (Question::Stat, sys::STAT | sys::LSTAT) => {
                    Some((*(second as *const Stat)).entry())
                }
                (Question::Stat, sys::NEWFSTATAT) => Some((*(third as *const Stat)).entry()),
                (Question::Stat, sys::STATX) => (*(fifth as *const Statx)).entry(),
                _ => None,
            }
        }
    }

    unsafe fn open(&self, named: Named, flags: i64) -> i64 {
        if flags & 0xffff_ffff & !HARMLESS != 0 || named.path.is_null() {
            // SAFETY: the program's own call.
            return unsafe { seen(self.registers) };
        }
        // SAFETY: the program's own call.
        let result = unsafe { self.past() };
        // SAFETY: it was made.
        if unsafe { self.opened(named, flags, result) }.is_err() {
            if failed(result) && result != sys::EINTR {
                // SAFETY: as above.
                return unsafe { self.again_where_seen(named) };
            }
            self.report();
        }
        result
    }

    unsafe fn opened(&self, named: Named, flags: i64, result: i64) -> Result<(), Unrecorded> {
        let (shown, found) = match result {
            0.. => (0, described(result as i32)?),
            missing if is_missing(missing) => (missing, Entry::default()),
            _ => return Err(Unrecorded),
        };
        // SAFETY: the kernel has just read it.
        let path = unsafe { user::text(named.path) }.ok_or(Unrecorded)?;
        if path.is_empty() {
            return self.nothing_named(named, result);
        }
        self.write(named, flags, path, shown, Found::Is(found))
    }

    /// What is recorded is what the directory was *before* it was read: so whatever joins it
    /// afterwards shows, if its times can tell.
    ///
    /// Not inlined, for what it needs of the stack.
    #[inline(never)]
    unsafe fn list(&self, descriptor: i32) -> i64 {
        let mut base = Base::none();
        let settled = settled_directory(descriptor).and_then(|directory| {
            base.find_descriptor(self.ring, descriptor, &directory, self.names)?;
            Ok(directory.found)
        });
        let Ok(found) = settled else {
            // SAFETY: the program's own call.
            return unsafe { seen(self.registers) };
        };
        // SAFETY: as above.
        let result = unsafe { self.past() };
        if failed(result) {
            // SAFETY: as above.
            return unsafe { seen(self.registers) };
        }
        if self.put(0, Some(&base), &[], 0, Found::Is(found)).is_err() {
            self.report();
        }
        result
    }

    /// Records a call that named something.
    fn write(
        &self,
        named: Named,
        flags: i64,
        path: &[u8],
        result: i64,
        found: Found,
    ) -> Result<(), Unrecorded> {
        if path.first() == Some(&b'/') {
            return self.put(flags, None, path, result, found);
        }
        self.write_relative(named, flags, path, result, found)
    }

    /// Apart, for what it needs of the stack.
    #[inline(never)]
    fn write_relative(
        &self,
        named: Named,
        flags: i64,
        path: &[u8],
        result: i64,
        found: Found,
    ) -> Result<(), Unrecorded> {
        let mut base = Base::none();
        if named.dir == AT_FDCWD {
            base.find_working_directory(self.ring, self.names)?;
        } else {
            let directory = directory(named.dir)?;
            base.find_descriptor(self.ring, named.dir, &directory, self.names)?;
        }
        self.put(flags, Some(&base), path, result, found)
    }

    /// Records a call, unless the same is on record.
    fn put(
        &self,
        flags: i64,
        base: Option<&Base>,
        path: &[u8],
        result: i64,
        found: Found,
    ) -> Result<(), Unrecorded> {
        let (base, base_hash) = base.map_or((&[][..], 0), |base| (base.text(), base.hash()));
        let bits = match self.registers.number {
            sys::ACCESS => self.registers.args[1],
            sys::FACCESSAT | sys::FACCESSAT2 => self.registers.args[2],
            _ => 0,
        };
        let known = match found {
            Found::Is(entry) => entry,
            // Who asks for it again learns nothing that is not on record.
            Found::At(_) => Entry::default(),
        };
        let with = |found: Entry| Entry {
            number: self.registers.number as u32,
            flags: flags as u32,
            bits: bits as u32,
            result: result as i32,
            base_length: base.len() as u16,
            path_length: path.len() as u16,
            ..found
        };
        let names = self.names.filter(|_| !self.ring.wants_every_call());
        let same = names.map(|names| Fingerprint::new(&with(known), base_hash, path, names));
        if same.is_some_and(|same| self.ring.knows(same)) {
            return Ok(());
        }
        if user::is_special(path) {
            return Err(Unrecorded);
        }
        let mut entry = match found {
            Found::Is(entry) => with(entry),
            // SAFETY: a path that the kernel has just read.
            Found::At(path) => with(unsafe { self.looked_again(path) }?),
        };
        entry.thread = thread();
        // SAFETY: written before any instruction led here, never again.
        entry.program = unsafe { PROGRAM };
        self.ring.record(&entry, base, path).map_err(|_| Unrecorded)?;
        if let Some(same) = same {
            self.ring.remember(same);
        }
        Ok(())
    }

    /// What is at the path of a call that did not say, *before* the call, which is therefore made
    /// again: somebody may have put something else there since.
    unsafe fn looked_again(&self, named: Named) -> Result<Entry, Unrecorded> {
        // SAFETY: promised by the caller.
        let found = unsafe { identity(named) }?;
        // SAFETY: the program's own call, which only looks.
        let again = unsafe { call_past(self.registers.number, self.registers.args) };
        if again == self.registers.result.get() { Ok(found) } else { Err(Unrecorded) }
    }

    /// Makes a call again that changed nothing, where the helper looks before it.
    #[cold]
    unsafe fn again_where_seen(&self, named: Named) -> i64 {
        // SAFETY: the program's own call. What is there tells whoever watches with another tracer
        // that the next call is this one again.
        unsafe {
            let _ = identity(named);
            seen(self.registers)
        }
    }

    /// Tells the helper of an open that was made, and waits until it has looked.
    #[cold]
    fn report(&self) {
        let dir = i64::from(fspy_ring::REPORT_DIR);
        let args = [dir, core::ptr::from_ref(self.registers) as i64, 0, 0, 0, 0];
        // SAFETY: without a helper, an open on a descriptor that nobody has. A signal whose handler
        // does not want calls to go on may come before the helper has it.
        while unsafe { call(sys::OPENAT, args) } == sys::EINTR {}
    }
}

const fn is_missing(result: i64) -> bool {
    matches!(result, sys::ENOENT | sys::ENOTDIR)
}

/// This thread's number.
///
/// Asked for each time, because nothing in memory tells it: a child of a raw `fork` has a copy of what
/// libc, or this library, keeps there, and one of a raw `clone` may share it together with the
/// register that tells threads apart. The helper takes a call for a sign that all that its thread did
/// before is done, so a child must not pass for its parent, which may be within a `rename`.
pub(crate) fn thread() -> u32 {
    // SAFETY: a call on nothing.
    unsafe { call(sys::GETTID, [0; 6]) as u32 }
}

/// What an open descriptor refers to.
fn described(descriptor: i32) -> Result<Entry, Unrecorded> {
    let mut stat = Stat::ZERO;
    let args = [i64::from(descriptor), &raw mut stat as i64, 0, 0, 0, 0];
    // SAFETY: the buffer is large enough.
    if failed(unsafe { call(sys::FSTAT, args) }) { Err(Unrecorded) } else { Ok(stat.entry()) }
}

/// The directory that a descriptor refers to, as it is now.
fn directory(descriptor: i32) -> Result<Directory, Unrecorded> {
    const AT_EMPTY_PATH: i64 = 0x1000;
    let mut statx = Statx::ZERO;
    let (mask, buffer) = (i64::from(user::OWN_MASK), &raw mut statx as i64);
    let args = [i64::from(descriptor), c"".as_ptr() as i64, AT_EMPTY_PATH, mask, buffer, 0];
    // SAFETY: a path with its end, and a buffer that is large enough.
    if descriptor < 0 || failed(unsafe { call_past(sys::STATX, args) }) {
        return Err(Unrecorded);
    }
    let found = statx.entry().filter(is_directory).ok_or(Unrecorded)?;
    Ok(Directory { found, mount: statx.mount() })
}

/// As above, if nothing changed in it for so long that a change from now on shows in its times:
/// clocks of file systems tick up to every two seconds.
fn settled_directory(descriptor: i32) -> Result<Directory, Unrecorded> {
    const CLOCK_REALTIME_COARSE: i64 = 5;
    const TICK_NS: i64 = 3_000_000_000;
    let mut now = [0_i64; 2];
    let args = [CLOCK_REALTIME_COARSE, now.as_mut_ptr() as i64, 0, 0, 0, 0];
    // SAFETY: the buffer is large enough.
    if failed(unsafe { call(sys::CLOCK_GETTIME, args) }) {
        return Err(Unrecorded);
    }
    let directory = directory(descriptor)?;
    let latest = directory.found.mtime_ns.max(directory.found.ctime_ns);
    let settled = latest < user::time(now[0], now[1]).wrapping_sub(TICK_NS);
    if settled { Ok(directory) } else { Err(Unrecorded) }
}

/// What is at a path now.
unsafe fn identity(named: Named) -> Result<Entry, Unrecorded> {
    let mut statx = Statx::ZERO;
    let (mask, buffer) = (i64::from(user::OWN_MASK), &raw mut statx as i64);
    let args = [i64::from(named.dir), named.path as i64, named.nofollow, mask, buffer, 0];
    // SAFETY: the path is the kernel's to check, and the buffer large enough.
    if failed(unsafe { call_past(sys::STATX, args) }) {
        return Err(Unrecorded);
    }
    statx.entry().ok_or(Unrecorded)
}

/// Whether it is a directory.
const fn is_directory(entry: &Entry) -> bool {
    entry.mode & FORMAT == DIRECTORY
}

//! `open` and its kin: reading, writing, making a file.

use fspy_trace::{Change, Op, State};
use stat::{Kind, is_within};

use super::{Described, Scene};
use crate::look;
use crate::memory;
use crate::resolve::{Found, Place, Start};
use crate::syscalls::At;
use crate::thread::Target;

const READ: u8 = 4;
const WRITE: u8 = 2;
/// `struct open_how`: flags, mode, resolve.
const OPEN_HOW_SIZE: usize = 24;

/// The flags of an open, as questions.
#[derive(Clone, Copy)]
struct Flags(u64);

impl Flags {
    #[expect(clippy::cast_sign_loss, reason = "flags are bits")]
    fn has(self, bits: i32) -> bool {
        let bits = u64::from(bits as u32);
        self.0 & bits == bits
    }

    fn writes(self) -> bool {
        self.has(libc::O_WRONLY) || self.has(libc::O_RDWR)
    }

    fn exclusive(self) -> bool {
        self.has(libc::O_CREAT | libc::O_EXCL)
    }

    fn follows(self) -> bool {
        !self.has(libc::O_NOFOLLOW) && !self.exclusive()
    }

    /// Whether the call makes a missing file.
    fn makes(self) -> bool {
        self.has(libc::O_CREAT) && !self.has(libc::O_PATH) && !self.has(libc::O_DIRECTORY)
    }

    /// The bits that opening so asks for.
    fn bits(self) -> u8 {
        match (self.writes(), self.has(libc::O_RDWR)) {
            (false, _) => READ,
            (true, false) => WRITE,
            (true, true) => READ | WRITE,
        }
    }

    /// What opening an existing file so does to it.
    fn op(self) -> Op {
        match self.writes() {
            _ if self.has(libc::O_TRUNC | libc::O_CREAT) => Op::Change(Change::Replace),
            _ if self.has(libc::O_TRUNC) => Op::Change(Change::Overwrite),
            true if self.has(libc::O_APPEND) => Op::Change(Change::Append),
            true if self.has(libc::O_RDWR) => Op::Change(Change::Modify),
            true => Op::Change(Change::Write),
            false => Op::Read,
        }
    }
}

impl Scene<'_> {
    pub(super) fn open(&mut self, at: At, flags: u64) -> Described {
        let flags = Flags(flags);
        let path = self.text(at.path)?;
        let place = self.place_of(&path, at.dir, flags.follows());
        if flags.makes() {
            self.attempted(&path, at.dir, &place);
        }
        self.opened(place, flags);
        Ok(())
    }

    pub(super) fn creat(&mut self) -> Described {
        let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
        self.open(At { dir: None, path: 0 }, u64::from(flags.unsigned_abs()))
    }

    pub(super) fn open_how(&mut self) -> Described {
        let how = memory::bytes(self.thread.0, self.arg(2), OPEN_HOW_SIZE)?;
        let field = |at: usize| {
            let bytes = how.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u64::from_ne_bytes)
        };
        let (flags, resolve) = (Flags(field(0)), field(16));
        let path = self.text(1)?;
        let place = self.restricted(&path, flags, resolve);
        self.opened(place, flags);
        Ok(())
    }

    /// `openat2` may forbid what resolving does, or change what `/` means.
    fn restricted(&mut self, path: &[u8], flags: Flags, resolve: u64) -> Place {
        let (beneath, in_root) =
            (resolve & libc::RESOLVE_BENEATH != 0, resolve & libc::RESOLVE_IN_ROOT != 0);
        if !beneath && !in_root {
            let known = self.found.events.len();
            let place = self.place_of(path, Some(0), flags.follows());
            let crossed = self.found.events.len() > known;
            if crossed && resolve & libc::RESOLVE_NO_SYMLINKS != 0 {
                // The kernel stops at the first link.
                self.found.events.truncate(known + 1);
                return super::nowhere();
            }
            return place;
        }
        let Target::Path(dir) = self.base(Some(0)) else { return super::nowhere() };
        if beneath && path.starts_with(b"/") {
            return super::nowhere();
        }
        let start = Start { thread: self.thread, dir: dir.clone(), root: dir.clone() };
        let place = self.walked(&start, path, flags.follows());
        if is_within(&place.path, &dir) { place } else { super::nowhere() }
    }

    fn opened(&mut self, place: Place, flags: Flags) {
        match place.found {
            Found::Missing { last: true } if flags.makes() => {
                // Old bytes would have stayed, all or in part: what is there then is another file.
                let looked =
                    flags.has(libc::O_EXCL) || flags.has(libc::O_RDWR) || !flags.has(libc::O_TRUNC);
                self.made(&place.path, looked);
            }
            _ => {
                if let Some((path, state)) = self.existing(place) {
                    self.opened_existing(&path, state, flags);
                }
            }
        }
    }

    fn opened_existing(&mut self, path: &[u8], state: State, flags: Flags) {
        let directory = state.kind() == Some(Kind::Dir);
        let looks_only = directory
            || flags.exclusive()
            || flags.has(libc::O_PATH)
            || flags.has(libc::O_DIRECTORY);
        let op = match state {
            State::Link(..) if !flags.exclusive() => Op::Follow,
            _ if looks_only => Op::Exists,
            _ if !self.opens(path, &state, flags) => Op::Access(flags.bits()),
            _ => flags.op(),
        };
        if matches!(op, Op::Change(_)) && !flags.has(libc::O_CREAT) {
            // It would have failed had there been nothing.
            self.emit(path, Op::Exists, state.clone());
        }
        self.emit(path, op, state);
    }

    /// Whether the open will be permitted.
    #[expect(clippy::unused_self, reason = "reads as a question about the scene")]
    fn opens(&self, path: &[u8], state: &State, flags: Flags) -> bool {
        // What everybody may read needs no further look; most files read are of that kind.
        let everybody = 0o444;
        let readable = |mode: u32| mode & everybody == everybody;
        let plain_read = !flags.writes() && !flags.has(libc::O_TRUNC);
        (plain_read && state.id().is_some_and(|id| readable(id.mode)))
            || look::permits(path, flags.bits())
    }

    pub(super) fn truncate(&mut self, length: [usize; 2]) -> Described {
        let place = self.place(At { dir: None, path: 0 }, true)?;
        let Some((path, state)) = self.existing(place) else { return Ok(()) };
        let op = match state.kind() {
            Some(Kind::File) if !look::permits(&path, WRITE) => Op::Access(WRITE),
            Some(Kind::File) if self.is_zero(length) => Op::Change(Change::Overwrite),
            Some(Kind::File) => Op::Change(Change::Modify),
            _ => Op::Exists,
        };
        // It would have failed had there been nothing.
        self.emit(&path, Op::Exists, state.clone());
        self.emit(&path, op, state);
        Ok(())
    }

    fn is_zero(&self, parts: [usize; 2]) -> bool {
        parts.into_iter().all(|position| self.arg(position) == 0)
    }

    pub(super) fn truncate_fd(&mut self, length: [usize; 2]) {
        let change = if self.is_zero(length) { Change::Replace } else { Change::Modify };
        self.through_descriptor(0, Op::Change(change));
    }
}

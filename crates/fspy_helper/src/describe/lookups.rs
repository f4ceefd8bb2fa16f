//! Calls that look without reading content: `stat`, `access`, `readlink` and those that only show
//! that something is there.

use fspy_trace::{Op, State};

use super::{Described, Scene};
use crate::syscalls::{At, Follow};

impl Scene<'_> {
    pub(super) fn stat(&mut self, at: At, follow: Follow) -> Described {
        self.look(at, follow, Op::Stat)
    }

    pub(super) fn exists(&mut self, at: At, follow: Follow) -> Described {
        self.look(at, follow, Op::Exists)
    }

    pub(super) fn access(&mut self, at: At, mode: usize, flags: Option<usize>) -> Described {
        let follow = match flags {
            Some(flags) => Follow::Unless(flags),
            None => Follow::Always,
        };
        let bits = u8::try_from(self.flags(mode) & 7).unwrap_or(7);
        self.look(at, follow, Op::Access(bits))
    }

    pub(super) fn readlink(&mut self, at: At) -> Described {
        self.look(at, Follow::Never, Op::Exists)
    }

    /// An empty path (`AT_EMPTY_PATH`) asks about an open file: its open was described.
    fn look(&mut self, at: At, follow: Follow, op: Op) -> Described {
        let place = self.place(at, self.follows(follow))?;
        if let Some((path, state)) = self.existing(place) {
            let op = if matches!(state, State::Link(..)) { Op::Follow } else { op };
            self.emit(&path, op, state);
        }
        Ok(())
    }
}

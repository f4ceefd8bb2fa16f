//! Calls that change permission bits, owner, times, extended attributes or allocation.

use fspy_trace::{Change, Op};

use super::{Described, Scene};
use crate::look;
use crate::syscalls::{At, Follow};
use crate::thread::Target;

impl Scene<'_> {
    pub(super) fn change(&mut self, at: At, follow: Follow, change: Change) -> Described {
        // `futimens` is `utimensat` without a path; others take an empty one with `AT_EMPTY_PATH`.
        let path = match (at.dir, self.arg(at.path)) {
            (Some(_), 0) => Vec::new(),
            _ => self.text(at.path)?,
        };
        if let (Some(dir), true) = (at.dir, path.is_empty()) {
            self.through_descriptor(dir, Op::Change(change));
            return Ok(());
        }
        let place = self.place_of(&path, at.dir, self.follows(follow));
        if let Some((path, state)) = self.existing(place) {
            self.emit(&path, Op::Change(change), state);
        }
        Ok(())
    }

    /// A change of whatever file a descriptor refers to, if it has a name.
    pub(super) fn through_descriptor(&mut self, position: usize, op: Op) {
        if let Target::Path(path) = self.base(Some(position)) {
            let state = look::state_or_error(&path);
            self.emit(&path, op, state);
        }
    }
}

//! Calls that make, move or take away names.

use fspy_trace::{Change, Op, State};
use stat::{Kind, is_within};

use super::{Described, Scene};
use crate::look;
use crate::resolve::{Found, Place};
use crate::syscalls::At;
use crate::thread::Target;

const NO_REPLACE: i32 = 1;
const EXCHANGE: i32 = 2;

/// One end of a rename: a path and what is there.
type End = (Vec<u8>, State);

impl Scene<'_> {
    /// `mkdir`, `mknod`, `symlink`.
    pub(super) fn create(&mut self, at: At) -> Described {
        let path = self.text(at.path)?;
        let place = self.place_of(&path, at.dir, false);
        self.attempted(&path, at.dir, &place);
        self.created(place);
        Ok(())
    }

    pub(super) fn created(&mut self, place: Place) {
        if place.found == (Found::Missing { last: true }) {
            self.made(&place.path, true);
        } else if let Some((path, state)) = self.existing(place) {
            self.emit(&path, Op::Exists, state);
        }
    }

    pub(super) fn unlink(&mut self, at: At, flags: Option<usize>) -> Described {
        if self.has_flag(flags, libc::AT_REMOVEDIR) {
            return self.rmdir(at);
        }
        self.remove(at, |_, state| state.kind() != Some(Kind::Dir))
    }

    pub(super) fn rmdir(&mut self, at: At) -> Described {
        self.remove(at, |path, state| state.kind() == Some(Kind::Dir) && is_empty(path))
    }

    fn remove(&mut self, at: At, removable: fn(&[u8], &State) -> bool) -> Described {
        let place = self.place(at, false)?;
        if let Some((path, state)) = self.existing(place) {
            let removed = removable(&path, &state) && self.may_change_names(&path);
            let op = if removed { Op::Change(Change::Delete) } else { Op::Exists };
            self.emit(&path, op, state);
        }
        Ok(())
    }

    pub(super) fn link(&mut self, from: At, to: At, flags: Option<usize>) -> Described {
        let follow = self.has_flag(flags, libc::AT_SYMLINK_FOLLOW);
        let source = self.text(from.path)?;
        let published = source.is_empty() && self.has_flag(flags, libc::AT_EMPTY_PATH);
        let source = if published {
            self.published(from.dir)
        } else {
            self.place_of(&source, from.dir, follow)
        };
        let target = self.place(to, false)?;
        // A file without a name (`O_TMPFILE`) has nothing to be known by but its new name.
        let nameless = source.found == Found::Elsewhere;
        let source = self.existing(source);
        if !nameless && source.is_none() {
            return Ok(());
        }
        if self.linkable(source.as_ref(), &target) {
            self.linked(source);
        }
        self.created(target);
        Ok(())
    }

    /// The file behind a descriptor that is about to be given a name.
    fn published(&self, dir: Option<usize>) -> Place {
        match self.base(dir) {
            Target::Path(path) => {
                let found = Found::Here(look::state_or_error(&path));
                Place { path, found, crossed: Vec::new() }
            }
            Target::Deleted(_) | Target::Nameless => super::nowhere(),
        }
    }

    #[expect(clippy::unused_self, reason = "reads as a question about the scene")]
    fn linkable(&self, source: Option<&End>, target: &Place) -> bool {
        let free = target.found == Found::Missing { last: true };
        let fits = source.is_none_or(|(_, state)| {
            state.kind() != Some(Kind::Dir) && same_device(state, &target.path)
        });
        free && fits
    }

    /// Whoever has a second name for a file can read it without a further call on the first.
    fn linked(&mut self, source: Option<End>) {
        let Some((path, state)) = source else { return };
        let op = if matches!(state, State::Link(..)) { Op::Follow } else { Op::Read };
        self.emit(&path, op, state.clone());
        self.emit(&path, Op::Change(Change::LinkCount), state);
    }

    pub(super) fn rename(&mut self, from: At, to: At, flags: Option<usize>) -> Described {
        let (from, to) = (self.place(from, false)?, self.place(to, false)?);
        let exchange = self.has_flag(flags, EXCHANGE);
        let keep = self.has_flag(flags, NO_REPLACE);
        let Some(from) = self.existing(from) else { return Ok(()) };
        let Some(to) = self.destination(to) else {
            self.looked_at(from);
            return Ok(());
        };
        let renames = renames(&from, &to, exchange, keep)
            && self.may_change_names(&from.0)
            && self.may_change_names(&to.0);
        if renames {
            self.moved(&from, &to, exchange);
        } else {
            self.looked_at(from);
            self.looked_at(to);
        }
        Ok(())
    }

    /// Where something may be moved to, and what is there.
    fn destination(&mut self, to: Place) -> Option<End> {
        match to.found {
            Found::Missing { last: true } => Some((to.path, State::Absent)),
            _ => self.existing(to),
        }
    }

    fn looked_at(&mut self, end: End) {
        self.emit(&end.0, Op::Exists, end.1);
    }

    fn moved(&mut self, from: &End, to: &End, exchange: bool) {
        self.found.renames.push((from.0.clone(), to.0.clone()));
        if exchange {
            self.found.renames.push((to.0.clone(), from.0.clone()));
        }
        let inside = descendants(from);
        let inside_other = if exchange { descendants(to) } else { Vec::new() };
        let gone = if exchange { Change::Replace } else { Change::Delete };
        self.emit(&from.0, Op::Change(gone), from.1.clone());
        let arrives = if to.1 == State::Absent { Change::Create } else { Change::Replace };
        self.emit(&to.0, Op::Change(arrives), to.1.clone());
        self.moved_inside(&from.0, &to.0, inside);
        self.moved_inside(&to.0, &from.0, inside_other);
    }

    /// Everything below a directory moves with it.
    fn moved_inside(&mut self, from: &[u8], to: &[u8], inside: Vec<End>) {
        for (relative, state) in inside {
            let [old, new] = [from, to].map(|dir| stat::join(dir, &relative));
            self.emit(&old, Op::Change(Change::Delete), state);
            let before = look::state_or_error(&new);
            let arrives = if before == State::Absent { Change::Create } else { Change::Replace };
            self.emit(&new, Op::Change(arrives), before);
        }
    }
}

/// Whether the kernel will do it, as far as what is there decides.
fn renames(from: &End, to: &End, exchange: bool, keep: bool) -> bool {
    let is_dir = |end: &End| end.1.kind() == Some(Kind::Dir);
    let both_there = to.1 != State::Absent;
    let same_file = match (from.1.id(), to.1.id()) {
        (Some(one), Some(other)) => (one.dev, one.ino) == (other.dev, other.ino),
        _ => false,
    };
    let replaceable =
        !both_there || (!keep && is_dir(from) == is_dir(to) && (!is_dir(to) || is_empty(&to.0)));
    let fits = if exchange { both_there } else { replaceable };
    fits && !same_file && !is_within(&to.0, &from.0) && same_device(&from.1, &to.0)
}

/// Names are not moved or linked from one file system to another.
fn same_device(state: &State, target: &[u8]) -> bool {
    let parent = look::state_or_error(stat::parent(target).unwrap_or(b"/"));
    match (state.id(), parent.id()) {
        (Some(one), Some(other)) => one.dev == other.dev,
        _ => true,
    }
}

fn is_empty(dir: &[u8]) -> bool {
    std::fs::read_dir(stat::as_path(dir)).is_ok_and(|mut entries| entries.next().is_none())
}

/// Everything below a directory, by relative path, parents first. Nothing for what is none.
fn descendants(top: &End) -> Vec<End> {
    let mut all = Vec::new();
    let mut dirs = Vec::new();
    if top.1.kind() == Some(Kind::Dir) {
        dirs.push(Vec::new());
    }
    while let Some(dir) = dirs.pop() {
        let path = if dir.is_empty() { top.0.clone() } else { stat::join(&top.0, &dir) };
        for name in super::listing::names(&path).unwrap_or_default() {
            let relative = if dir.is_empty() { name } else { stat::join(&dir, &name) };
            let state = look::state_or_error(&stat::join(&top.0, &relative));
            if state.kind() == Some(Kind::Dir) {
                dirs.push(relative.clone());
            }
            all.push((relative, state));
        }
    }
    all
}

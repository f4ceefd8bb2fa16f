//! Notified calls that were described before. Programs that start alike look alike, so most calls
//! of a process are those of one before it: a single look says whether such a call finds what it
//! found then, and then it has nothing to add.
//!
//! Kept as long as names mean the same, as [`super::places`] are. What others move meanwhile shows:
//! what the path leads to is looked at each time, and the links on the way are on record already.

use std::collections::HashMap;

use fspy_trace::{Fold, Op, State};
use rustix::io::Errno;
use stat::StatId;

use crate::describe::Findings;
use crate::look;

/// More calls are not kept.
const MOST: usize = 1 << 15;

/// What a call wants to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    /// Which kind of call it is, and what is asked of the path.
    pub(crate) question: (u8, u64),
    /// Whether a link in the last component is followed.
    pub(crate) follow: bool,
    /// Absolute, as the call means it.
    pub(crate) path: Vec<u8>,
}

/// What was there: each path with what it led to.
type Ends = Vec<(Vec<u8>, Option<StatId>)>;

/// The calls that are known.
#[derive(Debug, Default)]
pub(crate) struct Repeated {
    known: HashMap<Asked, Ends>,
    generation: u64,
}

impl Repeated {
    /// As [`super::places::Places::keep_only`].
    pub(super) fn keep_only(&mut self, generation: u64) {
        if self.generation != generation || generation % 2 == 1 || self.known.len() >= MOST {
            self.known.clear();
            self.generation = generation;
        }
    }

    /// What the path leads to, if that is what it led to before, and is on record.
    #[expect(clippy::option_option, reason = "nothing may be there, and that may be known")]
    pub(crate) fn knows(&self, asked: &Asked, fold: &Fold) -> Option<Option<StatId>> {
        let ends = self.known.get(asked)?;
        let ((_, end), others) = ends.split_first()?;
        let is_same = |path: &[u8], follow: bool, end: &Option<StatId>| match looked(path, follow) {
            Ok(id) => Some(id) == *end,
            Err(errno) => errno == Errno::NOENT && end.is_none(),
        };
        let same = is_same(&asked.path, asked.follow, end)
            && others.iter().all(|(path, end)| is_same(path, false, end))
            // What the command changed itself is described anew.
            && !ends.iter().any(|(path, _)| fold.has_changed(path));
        same.then_some(*end)
    }

    /// A call was described, and that is to be put on record.
    pub(crate) fn learns(&mut self, asked: Asked, found: &Findings) {
        if self.generation.is_multiple_of(2)
            && let Some(ends) = ends(&asked, found)
        {
            self.known.insert(asked, ends);
        }
    }
}

fn looked(path: &[u8], follow: bool) -> rustix::io::Result<StatId> {
    let stat = if follow { rustix::fs::stat(path) } else { rustix::fs::lstat(path) };
    stat.map(|stat| look::identity(&stat))
}

/// What the path led to, first, and then what the kernel opens besides; `None` if the call says more
/// than that, or says it of its own process.
fn ends(asked: &Asked, found: &Findings) -> Option<Ends> {
    let Findings { events, incomplete, renames, peers, attempts, .. } = found;
    let plain = incomplete.is_empty() && renames.is_empty() && peers.is_empty();
    if !plain || !attempts.is_empty() || found.world_changes || found.new_session {
        return None;
    }
    let mut ends = Ends::new();
    for event in events {
        let is_look = !matches!(event.op, Op::Change(_) | Op::List(_));
        let own = match &event.before {
            State::Link(_, text) => names_proc(text) || names_proc(&event.path),
            State::Error(_) => true,
            _ => names_proc(&event.path),
        };
        if !is_look || own {
            return None;
        }
        if event.op == Op::Exec {
            ends.push((event.path.clone(), event.before.id().copied()));
        }
    }
    if ends.is_empty() {
        let last = events.last()?;
        ends.push((last.path.clone(), last.before.id().copied()));
    }
    (!names_proc(&asked.path)).then_some(ends)
}

/// Whether a path may lead through `/proc`, which is another one to each process.
fn names_proc(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').any(|part| part == b"proc")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::describe::Event;

    fn asked(path: &Path) -> Asked {
        Asked { question: (0, 0), follow: true, path: stat::as_bytes(path).to_vec() }
    }

    fn found(path: &Path, op: Op) -> Findings {
        let path = stat::as_bytes(path).to_vec();
        let before = look::state_or_error(&path);
        Findings { events: vec![Event { path, op, before }], ..Findings::default() }
    }

    #[test]
    fn a_call_is_known_as_long_as_it_finds_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (file, none) = (dir.path().join("file"), dir.path().join("none"));
        fs::write(&file, "a").unwrap();
        let (mut repeated, mut fold) = (Repeated::default(), Fold::new());
        assert!(repeated.knows(&asked(&file), &fold).is_none());
        repeated.learns(asked(&file), &found(&file, Op::Read));
        repeated.learns(asked(&none), &found(&none, Op::Exists));
        assert!(
            repeated.knows(&asked(&file), &fold).is_some()
                && repeated.knows(&asked(&none), &fold).is_some()
        );
        fs::write(&file, "other").unwrap();
        fs::write(&none, "").unwrap();
        assert!(
            repeated.knows(&asked(&file), &fold).is_none()
                && repeated.knows(&asked(&none), &fold).is_none()
        );
        repeated.learns(asked(&file), &found(&file, Op::Read));
        let state = look::state_or_error(stat::as_bytes(&file));
        fold.add(stat::as_bytes(&file), Op::Change(fspy_trace::Change::Write), &state);
        assert!(repeated.knows(&asked(&file), &fold).is_none());
    }

    #[test]
    fn nothing_is_known_any_more_when_names_mean_something_else() {
        let dir = tempfile::tempdir().unwrap();
        let (mut repeated, fold) = (Repeated::default(), Fold::new());
        for (generation, known) in [(0, true), (1, false), (2, true)] {
            repeated.keep_only(generation);
            assert!(repeated.knows(&asked(dir.path()), &fold).is_none());
            repeated.learns(asked(dir.path()), &found(dir.path(), Op::Exists));
            assert_eq!(repeated.knows(&asked(dir.path()), &fold).is_some(), known, "{generation}");
        }
    }

    #[test]
    fn the_interpreter_must_be_the_same_too() {
        let dir = tempfile::tempdir().unwrap();
        let [program, interpreter] = ["program", "interpreter"].map(|name| dir.path().join(name));
        fs::write(&program, "").unwrap();
        fs::write(&interpreter, "").unwrap();
        let (mut repeated, fold) = (Repeated::default(), Fold::new());
        let mut both = found(&program, Op::Exec);
        both.events.extend(found(&interpreter, Op::Exec).events);
        repeated.learns(asked(&program), &both);
        assert!(repeated.knows(&asked(&program), &fold).is_some());
        fs::write(&interpreter, "other").unwrap();
        assert!(repeated.knows(&asked(&program), &fold).is_none());
    }

    #[test]
    fn what_is_another_to_each_process_is_never_known() {
        let dir = tempfile::tempdir().unwrap();
        let (mut repeated, fold) = (Repeated::default(), Fold::new());
        let link = dir.path().join("link");
        symlink("/proc/self/fd/0", &link).unwrap();
        for path in [Path::new("/proc/version"), &link] {
            repeated.learns(asked(path), &found(path, Op::Follow));
            assert!(repeated.knows(&asked(path), &fold).is_none(), "{path:?}");
        }
        let mut incomplete = found(dir.path(), Op::Exists);
        incomplete.incomplete.push(fspy_trace::Incomplete::HelperLost);
        repeated.learns(asked(dir.path()), &incomplete);
        assert!(repeated.knows(&asked(dir.path()), &fold).is_none());
    }
}

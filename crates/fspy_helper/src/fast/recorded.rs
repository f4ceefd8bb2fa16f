//! Says what a recorded call saw: the path is walked now, what was at its end is on record.
//!
//! Whatever the step itself changed since was told before this was read; what others changed shows
//! in the identity, which is then the recorded one, so that the end of the step finds a difference.

use fspy_ring::Record;
use fspy_trace::{Fold, Incomplete, Op, State};
use rustix::io::Errno;
use stat::{Kind, StatId};

use crate::describe::{Event, Findings};
use crate::look;
use crate::resolve::{Found, Place, Start, resolve};
use crate::syscalls::{Call, Index, Meaning};
use crate::thread::Thread;

/// `AT_SYMLINK_NOFOLLOW`.
const NO_FOLLOW: u32 = 0x100;

/// A record with the call it is of.
pub(crate) struct Recorded {
    pub(crate) call: &'static Call,
    record: Record,
}

impl Recorded {
    /// `None` if no such call is ever recorded.
    pub(crate) fn new(record: Record, index: &Index) -> Option<Self> {
        let call = index.native(record.entry.number)?;
        fspy_ring::FAST.contains(&call.number).then_some(Self { call, record })
    }

    /// The process that made it.
    pub(crate) fn pid(&self) -> u32 {
        self.record.entry.pid
    }

    /// What was there, if anything was.
    fn identity(&self) -> Option<StatId> {
        let entry = &self.record.entry;
        (entry.result == 0).then_some(StatId {
            dev: entry.dev,
            ino: entry.ino,
            size: entry.size,
            mtime_ns: entry.mtime_ns,
            ctime_ns: entry.ctime_ns,
            mode: entry.mode,
        })
    }

    fn follows(&self) -> bool {
        let flags = self.record.entry.flags;
        match self.call.meaning {
            Meaning::Open { .. } => flags & libc::O_NOFOLLOW.cast_unsigned() == 0,
            _ => flags & NO_FOLLOW == 0,
        }
    }

    fn op(&self, state: &State) -> Op {
        let entry = &self.record.entry;
        let directory = entry.flags & libc::O_DIRECTORY.cast_unsigned() != 0;
        match self.call.meaning {
            _ if matches!(state, State::Link(..)) => Op::Follow,
            Meaning::Stat { .. } => Op::Stat,
            Meaning::Access { .. } => Op::Access(u8::try_from(entry.bits & 7).unwrap_or(7)),
            Meaning::Open { .. } if !directory && state.kind() != Some(Kind::Dir) => Op::Read,
            _ => Op::Exists,
        }
    }
}

/// Describes one call. Links that are younger than `started_ns` and not the step's own may have
/// led elsewhere when the call was made.
pub(crate) fn describe(recorded: &Recorded, known: &Fold, started_ns: i64) -> Findings {
    let mut findings = Findings::default();
    let record = &recorded.record;
    findings.named.push(record.path.clone());
    if record.path.is_empty() {
        return findings;
    }
    let thread = Thread(recorded.pid());
    let start = Start { thread, dir: record.base.clone(), root: b"/".to_vec() };
    let mut place = resolve(&start, &record.path, recorded.follows());
    for (link, state) in std::mem::take(&mut place.crossed) {
        let young = state.id().is_some_and(|id| id.ctime_ns >= started_ns);
        if young && !known.has_changed(&link) {
            findings.incomplete.push(Incomplete::HelperLost);
        }
        findings.events.push(Event { path: link, op: Op::Follow, before: state });
    }
    if place.path.starts_with(b"/proc/") {
        // What a process that may be gone saw there, through a link, is no input if it was there.
        if recorded.identity().is_none_or(|id| Some(id.dev) != look::device(b"/proc")) {
            findings.incomplete.push(Incomplete::HelperLost);
        }
        return findings;
    }
    match (recorded.identity(), place) {
        (Some(id), place) => present(recorded, id, place, known, &mut findings),
        (None, place) => missing(recorded, place, known, &mut findings),
    }
    findings
}

/// Something was there.
fn present(recorded: &Recorded, id: StatId, place: Place, known: &Fold, findings: &mut Findings) {
    let before = match place.found {
        Found::Here(state) if state.id() == Some(&id) => state,
        // The same file, with other bytes or other permissions by now.
        Found::Here(state) if same_file(&state, &id) && id.kind() != Kind::Link => {
            State::Present(id)
        }
        _ => {
            // Another file by now, or none. Unless the step did that, nobody can tell what it saw.
            if !known.has_changed(&place.path) {
                findings.incomplete.push(Incomplete::HelperLost);
            }
            State::Present(id)
        }
    };
    let op = recorded.op(&before);
    findings.events.push(Event { path: place.path, op, before });
}

fn same_file(state: &State, id: &StatId) -> bool {
    state.id().is_some_and(|now| (now.dev, now.ino) == (id.dev, id.ino))
}

/// Nothing was there, or something on the way was no directory.
fn missing(recorded: &Recorded, place: Place, known: &Fold, findings: &mut Findings) {
    let no_directory = recorded.record.entry.result == -Errno::NOTDIR.raw_os_error();
    let before = match place.found {
        Found::NotDirectory(state) if no_directory => state,
        // A trailing slash after a file.
        Found::Here(state) if no_directory && state.kind() != Some(Kind::Dir) => state,
        // If something is there by now: that it was not shows when the end is compared with this.
        Found::Missing { .. } | Found::Here(_) => State::Absent,
        Found::Elsewhere => return,
        Found::NotDirectory(_) | Found::Refused(_) => {
            if !known.has_changed(&place.path) {
                findings.incomplete.push(Incomplete::HelperLost);
            }
            State::Absent
        }
    };
    findings.events.push(Event { path: place.path, op: Op::Exists, before });
}

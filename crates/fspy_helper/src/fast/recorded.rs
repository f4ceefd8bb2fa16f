//! Says what a recorded call saw: what was at the end of its path is on record, the way to it is
//! walked now.
//!
//! Whatever the step itself changed since was told before this was read; what others changed shows
//! in the identity, which is then the recorded one, so that the end of the step finds a difference.

use fspy_ring::Record;
use fspy_trace::{Fold, Incomplete, Op, State};
use rustix::io::Errno;
use stat::{Kind, StatId, join};

use super::places::{Crossed, Leads, Places};
use crate::describe::{Event, Findings, entries};
use crate::look;
use crate::resolve::{Found, Place, Start, resolve};
use crate::syscalls::{Call, Index, Meaning};
use crate::thread::Thread;

/// `AT_SYMLINK_NOFOLLOW`.
const NO_FOLLOW: u32 = 0x100;

/// A record with the call it is of.
pub(crate) struct Recorded<'a> {
    pub(crate) call: &'static Call,
    record: &'a Record,
}

impl<'a> Recorded<'a> {
    /// `None` if no such call is ever recorded.
    pub(crate) fn new(record: &'a Record, index: &Index) -> Option<Self> {
        let call = index.native(record.entry.number)?;
        fspy_ring::FAST.contains(&call.number).then_some(Self { call, record })
    }

    /// The path as the call named it, or the directory that was listed.
    pub(crate) fn name(&self) -> &[u8] {
        let is_list = matches!(self.call.meaning, Meaning::List);
        if is_list { &self.record.base } else { &self.record.path }
    }

    /// The thread that made it.
    pub(crate) fn thread(&self) -> u32 {
        self.record.entry.thread
    }

    /// The number of its program.
    pub(super) fn program(&self) -> u32 {
        self.record.entry.program
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

    fn failed_with(&self, errno: Errno) -> bool {
        self.record.entry.result == -errno.raw_os_error()
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

/// What describing records may look at.
pub(super) struct Scene<'a> {
    pub(super) places: &'a mut Places,
    pub(super) known: &'a Fold,
}

impl Scene<'_> {
    /// Adds what one call gave away.
    pub(super) fn describe(&mut self, recorded: &Recorded<'_>, findings: &mut Findings) {
        if matches!(recorded.call.meaning, Meaning::List) {
            self.listed(recorded, findings);
        } else if !recorded.record.path.is_empty() {
            self.named(recorded, findings);
        }
    }

    fn named(&mut self, recorded: &Recorded<'_>, findings: &mut Findings) {
        let place = match self.directly(recorded, findings) {
            Some(place) => place,
            None => by_walking(recorded, findings),
        };
        if place.path.starts_with(b"/proc/") {
            // What a process that may be gone saw there, through a link, is no input if it was
            // there.
            if recorded.identity().is_none_or(|id| Some(id.dev) != look::device(b"/proc")) {
                findings.incomplete.push(Incomplete::HelperLost);
            }
            return;
        }
        match recorded.identity() {
            Some(id) => self.present(recorded, id, place, findings),
            None => self.missing(recorded, place, findings),
        }
    }

    /// Where a path leads, if that is known of its directory, and the rest is on record or takes one
    /// look.
    fn directly(&mut self, recorded: &Recorded<'_>, findings: &mut Findings) -> Option<Place> {
        let Record { base, path, .. } = recorded.record;
        let (directory, name) = stat::split(base, path)?;
        let (leads, links) = self.places.of(Thread(recorded.thread()), &directory);
        let absent = recorded.failed_with(Errno::NOENT);
        let (path, found) = match leads {
            Leads::To(directory) => {
                let path = join(directory, name);
                let found = match recorded.identity() {
                    Some(id) => in_directory(&path, id, recorded.follows()),
                    None if absent => not_in_directory(&path, recorded.follows()),
                    None => None,
                };
                (path, found)
            }
            Leads::Missing(first) if absent => {
                (first.clone(), Some(Found::Missing { last: false }))
            }
            _ => return None,
        };
        crossed(links, findings);
        Some(Place { path, found: found?, crossed: Vec::new() })
    }

    /// Something was there.
    fn present(&self, recorded: &Recorded<'_>, id: StatId, place: Place, findings: &mut Findings) {
        let before = match place.found {
            Found::Here(state) if state.id() == Some(&id) => state,
            // The same file, with other bytes or other permissions by now.
            Found::Here(state) if same_file(&state, &id) && id.kind() != Kind::Link => {
                State::Present(id)
            }
            _ => {
                // Another file by now, or none. Unless the step did that, nobody can tell what it
                // saw.
                self.unsure(&place.path, findings);
                State::Present(id)
            }
        };
        let op = recorded.op(&before);
        findings.events.push(Event { path: place.path, op, before });
    }

    /// Nothing was there, or something on the way was no directory.
    fn missing(&self, recorded: &Recorded<'_>, place: Place, findings: &mut Findings) {
        let no_directory = recorded.failed_with(Errno::NOTDIR);
        let before = match place.found {
            Found::NotDirectory(state) if no_directory => state,
            // A trailing slash after a file.
            Found::Here(state) if no_directory && state.kind() != Some(Kind::Dir) => state,
            Found::Elsewhere => return,
            // If something is there by now: that it was not shows when the end is compared with
            // this.
            Found::Missing { .. } | Found::Here(_) if !no_directory => State::Absent,
            // What was no directory is gone, or is one.
            _ => {
                self.unsure(&place.path, findings);
                State::Absent
            }
        };
        findings.events.push(Event { path: place.path, op: Op::Exists, before });
    }

    /// A directory was read. It is read again here: what it held is told by whether it is the same.
    fn listed(&self, recorded: &Recorded<'_>, findings: &mut Findings) {
        let path = recorded.record.base.clone();
        let Some(id) = recorded.identity().filter(|_| !self.known.knows_listing(&path)) else {
            return;
        };
        let entries = entries(&path);
        let unchanged = look::state(&path).is_ok_and(|state| state.id() == Some(&id));
        let op = match entries {
            Ok(entries) if unchanged => Op::List(entries),
            _ => {
                self.unsure(&path, findings);
                Op::Exists
            }
        };
        findings.events.push(Event { path, op, before: State::Present(id) });
    }

    fn unsure(&self, path: &[u8], findings: &mut Findings) {
        if !self.known.has_changed(path) {
            findings.incomplete.push(Incomplete::HelperLost);
        }
    }
}

/// Where a path leads, component by component.
fn by_walking(recorded: &Recorded<'_>, findings: &mut Findings) -> Place {
    let thread = Thread(recorded.thread());
    let start = Start { thread, dir: recorded.record.base.clone(), root: b"/".to_vec() };
    let mut place = resolve(&start, &recorded.record.path, recorded.follows());
    let links = std::mem::take(&mut place.crossed);
    let (own, links): (Crossed, Crossed) = links.into_iter().partition(is_own_directory);
    if !own.is_empty() && !place.path.starts_with(b"/proc/") {
        // The process is gone, and with it where its links led.
        findings.incomplete.push(Incomplete::HelperLost);
    }
    crossed(links, findings);
    place
}

/// Links on the way, as they are now. If one led elsewhere when the call was made, it leads now to
/// where the call would find the same: the same file, or nothing. So what is told is true, though
/// not what happened.
fn crossed(links: Crossed, findings: &mut Findings) {
    for (link, state) in links {
        findings.events.push(Event { path: link, op: Op::Follow, before: state });
    }
}

/// What is at `path`, whose directory is no link, if it may be said without a walk: `id` was there.
fn in_directory(path: &[u8], id: StatId, follows: bool) -> Option<Found> {
    if !follows && id.kind() != Kind::Link {
        return Some(Found::Here(State::Present(id)));
    }
    let state = look::state(path).ok()?;
    let is_its_own_end = !follows || !matches!(state, State::Link(..));
    (is_its_own_end && same_file(&state, &id)).then_some(Found::Here(state))
}

/// As above, where nothing was there: a link that leads nowhere may be.
fn not_in_directory(path: &[u8], follows: bool) -> Option<Found> {
    let missing = !follows || look::state(path) == Err(Errno::NOENT);
    missing.then_some(Found::Missing { last: true })
}

fn same_file(state: &State, id: &StatId) -> bool {
    state.id().is_some_and(|now| (now.dev, now.ino) == (id.dev, id.ino))
}

/// A link that leads to the process that looks.
fn is_own_directory((link, _): &(Vec<u8>, State)) -> bool {
    matches!(&link[..], b"/proc/self" | b"/proc/thread-self")
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")] // Only there is a fast way.
mod tests {
    use super::*;

    /// What is said of a failed `stat` of `path`.
    fn said(path: &std::path::Path, errno: Errno) -> Findings {
        let path = stat::as_bytes(path).to_vec();
        let length = u16::try_from(path.len()).unwrap();
        let result = -errno.raw_os_error();
        let entry =
            fspy_ring::Entry { number: 4, result, path_length: length, ..Default::default() };
        let record = Record { entry, base: Vec::new(), path };
        let (mut places, known) = (Places::default(), Fold::new());
        let mut scene = Scene { places: &mut places, known: &known };
        let mut findings = Findings::default();
        scene.describe(&Recorded::new(&record, &Index::new()).unwrap(), &mut findings);
        findings
    }

    #[test]
    fn what_was_no_directory_and_is_gone_is_not_taken_to_have_been_missing() {
        let dir = tempfile::tempdir().unwrap();
        let within = dir.path().join("file/within");
        assert_eq!(said(&within, Errno::NOENT).incomplete, []);
        assert_eq!(said(&within, Errno::NOTDIR).incomplete, [Incomplete::HelperLost]);
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert_eq!(said(&within, Errno::NOTDIR).incomplete, []);
        assert_eq!(said(&within, Errno::NOENT).incomplete, [Incomplete::HelperLost]);
        std::fs::remove_file(dir.path().join("file")).unwrap();
        std::fs::create_dir_all(&within).unwrap();
        assert_eq!(said(&within, Errno::NOENT).incomplete, []);
        assert_eq!(said(&within, Errno::NOTDIR).incomplete, [Incomplete::HelperLost]);
    }
}

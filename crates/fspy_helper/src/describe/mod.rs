//! Says what a call is about to do: from its arguments and what is there now to events. One file
//! per kind of call; here is what they share.

mod attributes;
mod handles;
mod listing;
mod lookups;
mod names;
mod opens;
mod peers;
mod programs;
mod repeated;

use fspy_trace::{Change, Fold, Incomplete, Op, Peer, State};
use stat::{StatId, is_within};

use crate::fast::{Known, Leads, Places};
use crate::listen::Notification;
use crate::look;
use crate::memory::{self, Unread};
use crate::resolve::{Found, Place, Start, resolve};
use crate::syscalls::{At, Call, Follow, Meaning};
use crate::thread::{Target, Thread};
use crate::tree::Family;

pub(crate) use listing::entries;
pub(crate) use programs::Interpreters;

/// One observation, not yet folded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) path: Vec<u8>,
    pub(crate) op: Op,
    pub(crate) before: State,
}

/// Everything one call gave away.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) events: Vec<Event>,
    pub(crate) execs: Vec<Vec<u8>>,
    pub(crate) renames: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) incomplete: Vec<Incomplete>,
    /// Paths may mean other files to the process from now on.
    pub(crate) world_changes: bool,
    /// The process is about to leave its session for one of its own.
    pub(crate) new_session: bool,
    /// Names that could not be made, because a directory on the way is missing: that directory,
    /// and the name.
    pub(crate) attempts: Vec<(Vec<u8>, Vec<u8>)>,
    /// What is about to be executed: the file that the call names.
    pub(crate) program: Option<StatId>,
    /// Paths as the call named them, for the call log.
    pub(crate) named: Vec<Vec<u8>>,
}

/// What describing a call may look at.
pub(crate) struct Scene<'a> {
    thread: Thread,
    args: [u64; 6],
    known: &'a Fold,
    interpreters: &'a mut Interpreters,
    family: &'a Family,
    /// Where directories lead, if that is kept.
    places: Option<&'a mut Places>,
    /// A path argument that was read already, by its position.
    read: Option<(usize, Vec<u8>)>,
    /// A directory that was asked for already, by the position of its descriptor.
    started: Option<(Option<usize>, Target)>,
    found: Findings,
}

/// Nothing to add if the memory named by the call can't be read: the call fails, or the trace is
/// marked.
type Described = Result<(), Unread>;

/// Describes one call. `kept` is what is known of calls and directories, where that is kept.
pub(crate) fn describe(
    notification: &Notification,
    call: &Call,
    known: &Fold,
    interpreters: &mut Interpreters,
    family: &Family,
    kept: Option<Known<'_>>,
) -> Findings {
    let (repeated, places) = kept.map(|kept| (kept.repeated, kept.places)).unzip();
    let mut scene = Scene {
        thread: Thread(notification.tid),
        args: notification.args,
        known,
        interpreters,
        family,
        places,
        read: None,
        started: None,
        found: Findings::default(),
    };
    match repeated {
        Some(repeated) => scene.describe_once(&call.meaning, repeated),
        None => scene.describe_now(&call.meaning),
    }
    scene.found
}

impl Scene<'_> {
    fn describe_now(&mut self, meaning: &Meaning) {
        if let Err(Unread::Refused) = self.describe(meaning) {
            self.found.incomplete.push(Incomplete::UnreadableMemory);
        }
    }

    fn describe(&mut self, meaning: &Meaning) -> Described {
        match *meaning {
            Meaning::Open { at, flags } => self.open(at, self.flags(flags)),
            Meaning::OpenHow => self.open_how(),
            Meaning::Creat => self.creat(),
            Meaning::OpenHandle => self.open_handle(),
            Meaning::Stat { at, follow } => self.stat(at, follow),
            Meaning::Exists { at, follow } => self.exists(at, follow),
            Meaning::Access { at, mode, flags } => self.access(at, mode, flags),
            Meaning::Readlink { at } => self.readlink(at),
            Meaning::Exec { at, flags } => self.exec(at, flags),
            Meaning::Rename { from, to, flags } => self.rename(from, to, flags),
            Meaning::Link { from, to, flags } => self.link(from, to, flags),
            Meaning::Unlink { at, flags } => self.unlink(at, flags),
            Meaning::Rmdir { at } => self.rmdir(at),
            Meaning::Create { at } => self.create(at),
            Meaning::Truncate { length } => self.truncate(length),
            Meaning::Change { at, follow, change } => self.change(at, follow, change),
            Meaning::Bind => self.bind(),
            Meaning::Connect => self.connect(),
            Meaning::SocketCall => self.socket_call(),
            Meaning::Chroot => self.chroot(),
            Meaning::List
            | Meaning::TruncateFd { .. }
            | Meaning::ChangeFd { .. }
            | Meaning::Namespace
            | Meaning::Session => {
                self.describe_without_memory(meaning);
                Ok(())
            }
        }
    }

    /// Calls whose arguments are all numbers.
    fn describe_without_memory(&mut self, meaning: &Meaning) {
        match *meaning {
            Meaning::List => self.list(),
            Meaning::TruncateFd { length } => self.truncate_fd(length),
            Meaning::ChangeFd { fd, change } => self.through_descriptor(fd, Op::Change(change)),
            Meaning::Namespace => self.found.world_changes = true,
            Meaning::Session => self.found.new_session = true,
            _ => {}
        }
    }

    fn chroot(&mut self) -> Described {
        self.found.world_changes = true;
        self.exists(At { dir: None, path: 0 }, Follow::Always)
    }

    fn arg(&self, position: usize) -> u64 {
        self.args.get(position).copied().unwrap_or(0)
    }

    /// An `int` argument: the kernel looks at its low half only.
    #[expect(clippy::cast_possible_truncation, reason = "as the kernel does")]
    fn int(&self, position: usize) -> i32 {
        self.arg(position) as i32
    }

    #[expect(clippy::cast_sign_loss, reason = "flags are bits")]
    fn flags(&self, position: usize) -> u64 {
        u64::from(self.int(position) as u32)
    }

    fn has_flag(&self, position: Option<usize>, bit: i32) -> bool {
        position.is_some_and(|position| self.int(position) & bit != 0)
    }

    fn follows(&self, follow: Follow) -> bool {
        match follow {
            Follow::Always => true,
            Follow::Never => false,
            Follow::Unless(arg) => !self.has_flag(Some(arg), libc::AT_SYMLINK_NOFOLLOW),
            Follow::IfBit { arg, bit, follow } => (self.flags(arg) & bit != 0) == follow,
        }
    }

    /// A path argument, as the call names it.
    fn text(&mut self, position: usize) -> Result<Vec<u8>, Unread> {
        let text = match self.read.take() {
            Some((read, text)) if read == position => text,
            _ => memory::string(self.thread.0, self.arg(position))?,
        };
        self.found.named.push(text.clone());
        // Refused before anything is looked at.
        if memory::is_too_long(&text) { Err(Unread::Fault) } else { Ok(text) }
    }

    fn emit(&mut self, path: &[u8], op: Op, before: State) {
        self.found.events.push(Event { path: path.to_vec(), op, before });
    }

    /// What a path argument leads to; links on the way are reported.
    fn place(&mut self, at: At, follow: bool) -> Result<Place, Unread> {
        let path = self.text(at.path)?;
        Ok(self.place_of(&path, at.dir, follow))
    }

    fn place_of(&mut self, path: &[u8], dir: Option<usize>, follow: bool) -> Place {
        if path.is_empty() {
            return nowhere();
        }
        let base =
            if path.starts_with(b"/") { Target::Path(b"/".to_vec()) } else { self.base(dir) };
        match base {
            Target::Path(dir) => {
                if let Some(place) = self.in_known_directory(&dir, path, follow) {
                    return place;
                }
                let start = Start { thread: self.thread, dir, root: b"/".to_vec() };
                self.walked(&start, path, follow)
            }
            Target::Deleted(old) => below_deleted(old),
            Target::Nameless => nowhere(),
        }
    }

    /// What is at a path whose directory was walked to before, if one look says.
    fn in_known_directory(&mut self, base: &[u8], path: &[u8], follow: bool) -> Option<Place> {
        let (directory, name) = stat::split(base, path)?;
        let (leads, links) = self.places.as_mut()?.of(self.thread, &directory);
        let (path, last) = match leads {
            Leads::To(directory) => (stat::join(directory, name), true),
            Leads::Missing(first) => (first.clone(), false),
            Leads::Elsewhere => return None,
        };
        let found = match look::state(&path) {
            Ok(State::Link(..)) if follow => return None,
            Ok(state) if last => Found::Here(state),
            Err(rustix::io::Errno::NOENT) => Found::Missing { last },
            _ => return None,
        };
        for (link, state) in links {
            self.emit(&link, Op::Follow, state);
        }
        Some(Place { path, found, crossed: Vec::new() })
    }

    fn walked(&mut self, start: &Start, path: &[u8], follow: bool) -> Place {
        let mut place = resolve(start, path, follow);
        for (link, state) in std::mem::take(&mut place.crossed) {
            self.emit(&link, Op::Follow, state);
        }
        place
    }

    /// The directory that a relative path starts from.
    fn base(&self, dir: Option<usize>) -> Target {
        if let Some((_, target)) = self.started.as_ref().filter(|(known, _)| *known == dir) {
            return target.clone();
        }
        match dir.map(|position| self.int(position)) {
            None | Some(libc::AT_FDCWD) => self.thread.cwd(),
            Some(descriptor) => self.thread.descriptor(descriptor),
        }
    }

    /// What is there, if anything is; if not, that is reported.
    fn existing(&mut self, place: Place) -> Option<(Vec<u8>, State)> {
        let before = match place.found {
            Found::Here(state) => return Some((place.path, state)),
            // A loop is known by its links, and they were reported.
            Found::Elsewhere | Found::Refused(libc::ELOOP) => return None,
            Found::Missing { .. } => State::Absent,
            Found::NotDirectory(state) => state,
            Found::Refused(errno) => State::Error(errno),
        };
        self.emit(&place.path, Op::Exists, before);
        None
    }

    /// A name is about to be made in a directory that is missing. Another thread may be making that
    /// directory right now: its call was answered, or is next, and may be carried out before this.
    fn attempted(&mut self, path: &[u8], dir: Option<usize>, place: &Place) {
        if place.found != (Found::Missing { last: false }) {
            return;
        }
        let base =
            if path.starts_with(b"/") { Target::Path(b"/".to_vec()) } else { self.base(dir) };
        let Target::Path(base) = base else { return };
        let full = stat::normal(&stat::join(&base, path));
        // Elsewhere only if a link was crossed.
        if is_within(&full, &place.path) {
            self.found.attempts.push((place.path.clone(), full));
        }
    }

    /// Whether names in the directory of `path` may be changed. If not, that is what was learnt.
    fn may_change_names(&mut self, path: &[u8]) -> bool {
        const WRITE: u8 = 2;
        const SEARCH: u8 = 1;
        let parent = stat::parent(path).unwrap_or(b"/");
        let may = look::permits(parent, WRITE | SEARCH);
        if !may {
            self.emit(parent, Op::Access(WRITE), look::state_or_error(parent));
        }
        may
    }

    /// A name is about to be made where none is.
    fn made(&mut self, path: &[u8], looked: bool) {
        let may = self.may_change_names(path);
        // That it is refused shows, too, that there was nothing to open.
        if looked || !may {
            self.emit(path, Op::Exists, State::Absent);
        }
        if may {
            self.emit(path, Op::Change(Change::Create), State::Absent);
        }
    }
}

/// A relative path in a directory that is gone leads nowhere, which matters as long as it is gone.
fn below_deleted(old: Vec<u8>) -> Place {
    match look::state(&old) {
        Err(rustix::io::Errno::NOENT) => {
            Place { path: old, found: Found::Missing { last: false }, crossed: Vec::new() }
        }
        _ => nowhere(),
    }
}

fn nowhere() -> Place {
    Place { path: Vec::new(), found: Found::Elsewhere, crossed: Vec::new() }
}

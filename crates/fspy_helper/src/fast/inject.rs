//! Gets the library into programs, without a variable and without a file: the loader is told of
//! an `/etc/ld.so.preload` that names it, and is handed it, and the library asks for the ring.
//!
//! Each step is taken only right after the one before, by the same process. Anything else that a
//! process does in between is answered as ever.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fspy_ring::{Entrance, HANDSHAKE_DIR, Handshake, MAX_SITES, Site};
use rustix::fs::{MemfdFlags, memfd_create};

use super::habits::{Program, program};
use super::memory_map::{c_library, has_one_thread, is_plain_loader};
use super::{Workshop, needs};
use crate::listen::{Notification, Waiting};
use crate::look;
use crate::memory;
use crate::syscalls::{Call, Meaning};

/// What the loader looks for first.
const LIST: &[u8] = b"/etc/ld.so.preload";
/// How the library is called in the list: no file has this name.
const NAME: &[u8] = b"/taskrunner-preload.so";

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is none of the library's, and still waits.
    NotOurs,
    /// It was answered, and means what it always means.
    Given,
    /// It was answered, and is no call of the program's.
    Hidden,
}

/// How far a process is.
#[derive(Debug)]
enum Stage {
    /// It has just been executed.
    Fresh,
    /// It knows that there is a list. Holds the library, open: who is told of it must get it.
    Told(OwnedFd),
    /// It has the list, and will ask how long it is.
    Listed(OwnedFd, Sized),
    /// It has the library, and will ask what it is.
    Loaded(Sized),
}

/// Whether the loader has asked about the descriptor it was given last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sized {
    NotYet,
    Asked,
}

/// The state of one step's processes.
#[derive(Debug)]
pub(crate) struct Injection {
    workshop: Arc<Workshop>,
    stages: HashMap<u32, Stage>,
    /// Which program each process runs.
    programs: HashMap<u32, Program>,
    /// Programs of which a process was started.
    met: HashSet<Program>,
    /// Programs that have the library, in the order of the numbers they were given.
    given: Vec<Program>,
    stopped: bool,
}

impl Injection {
    pub(crate) fn new(workshop: Arc<Workshop>) -> Self {
        Self {
            workshop,
            stages: HashMap::new(),
            programs: HashMap::new(),
            met: HashSet::new(),
            given: Vec::new(),
            stopped: false,
        }
    }

    /// Gives the library to no further program.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether any process was given the ring.
    pub(crate) fn is_anywhere(&self) -> bool {
        !self.given.is_empty()
    }

    pub(crate) fn executes(&mut self, tid: u32) {
        self.programs.remove(&tid);
        self.stages.insert(tid, Stage::Fresh);
    }

    /// A process made a call.
    pub(crate) fn counts(&mut self, pid: u32) {
        if let Some(&program) = self.programs.get(&pid) {
            lock(&self.workshop.habits).counts(program);
        }
    }

    /// As above, by the number that the program was given.
    pub(crate) fn counts_program(&mut self, number: u32) {
        let program = usize::try_from(number).ok().and_then(|number| self.given.get(number));
        if let Some(&program) = program {
            lock(&self.workshop.habits).counts(program);
        }
    }

    /// Answers a call if it is a step of getting the library in.
    pub(crate) fn answer(
        &mut self,
        listener: &impl Waiting,
        notification: &Notification,
        call: &Call,
        ring: &impl AsFd,
    ) -> Answer {
        let tid = notification.tid;
        let Some(stage) = self.stages.remove(&tid) else { return Answer::NotOurs };
        let (next, answer) = self.step(stage, listener, notification, call, ring);
        if let Some(next) = next {
            self.stages.insert(tid, next);
        }
        answer
    }

    /// The stage that a process is in after this call, and how the call was answered.
    fn step(
        &mut self,
        stage: Stage,
        listener: &impl Waiting,
        notification: &Notification,
        call: &Call,
        ring: &impl AsFd,
    ) -> (Option<Stage>, Answer) {
        let id = notification.id;
        match stage {
            // If its first call is another one, it is not the loader of a dynamic program.
            Stage::Fresh => match self.wanted(notification, call) {
                Some(library) if listener.is_valid(id) && listener.succeed(id) => {
                    (Some(Stage::Told(library)), Answer::Given)
                }
                _ => (None, Answer::NotOurs),
            },
            Stage::Told(library) => {
                let given = opens(call)
                    && names(notification, call, LIST)
                    && list().is_ok_and(|list| listener.give(id, list.as_fd()));
                // Where there is no such list, nobody would have opened it.
                let real = look::state(LIST).is_ok();
                match (given, real) {
                    (true, true) => (Some(Stage::Listed(library, Sized::NotYet)), Answer::Given),
                    (true, false) => (Some(Stage::Listed(library, Sized::NotYet)), Answer::Hidden),
                    (false, _) => (None, Answer::NotOurs),
                }
            }
            Stage::Listed(library, Sized::NotYet) if asks_size(notification, call) => {
                (Some(Stage::Listed(library, Sized::Asked)), Answer::NotOurs)
            }
            Stage::Listed(library, sized) => {
                let given = opens(call)
                    && names(notification, call, NAME)
                    && listener.give(id, library.as_fd());
                if given {
                    (Some(Stage::Loaded(Sized::NotYet)), Answer::Hidden)
                } else {
                    // What else is on the list comes first.
                    (Some(Stage::Listed(library, sized)), Answer::NotOurs)
                }
            }
            Stage::Loaded(Sized::NotYet) if asks_size(notification, call) => {
                (Some(Stage::Loaded(Sized::Asked)), Answer::NotOurs)
            }
            Stage::Loaded(_) if is_handshake(notification, call) => {
                if !self.shakes_hands(listener, notification, ring.as_fd()) {
                    listener.proceed(id);
                }
                (None, Answer::Hidden)
            }
            // The loader reads other libraries meanwhile.
            Stage::Loaded(sized) => (Some(Stage::Loaded(sized)), Answer::NotOurs),
        }
    }

    /// The library, if it is to be given to the process: opened anew each time, as the loader moves
    /// its position.
    fn wanted(&mut self, notification: &Notification, call: &Call) -> Option<OwnedFd> {
        let asks =
            matches!(call.meaning, Meaning::Access { .. }) && names(notification, call, LIST);
        if !asks || !self.wants(notification) {
            return None;
        }
        Some(File::open(&self.workshop.library).ok()?.into())
    }

    fn wants(&mut self, notification: &Notification) -> bool {
        if self.stopped {
            return false;
        }
        let tid = notification.tid;
        let executable = format!("/proc/{tid}/exe");
        let Ok(stat) = rustix::fs::stat(&executable) else { return false };
        let program = program(&look::identity(&stat));
        self.programs.insert(tid, program);
        // What is cheap to tell comes first: most processes of a build are small. The first of a
        // program in a step gets it in any case: what is seen of variables depends on no other step.
        let pays = lock(&self.workshop.habits).starts(program);
        (self.met.insert(program) || pays)
            && self.is_fit(program, executable.as_bytes())
            && is_plain_loader(tid, notification.instruction)
    }

    fn is_fit(&self, program: Program, executable: &[u8]) -> bool {
        let mut fit = lock(&self.workshop.fit);
        *fit.entry(program).or_insert_with(|| needs::is_fit(executable))
    }

    /// Tells the library what to patch, and hands out the ring.
    fn shakes_hands(
        &mut self,
        listener: &impl Waiting,
        notification: &Notification,
        ring: BorrowedFd<'_>,
    ) -> bool {
        let tid = notification.tid;
        if self.stopped || !has_one_thread(tid) {
            return false;
        }
        let (lookup, sites) = self.to_patch(tid);
        let mut bytes = (self.given.len() as u64).to_ne_bytes().to_vec();
        bytes.extend([lookup.address, lookup.length].into_iter().flat_map(u64::to_ne_bytes));
        bytes.extend(lookup.code);
        let count = std::iter::once(sites.len() as u64);
        bytes.extend(count.chain(sites).flat_map(u64::to_ne_bytes));
        let given = bytes.len() <= size_of::<Handshake>()
            && listener.is_valid(notification.id)
            && memory::write(tid, notification.args[1], &bytes).is_ok()
            && listener.give(notification.id, ring);
        if given {
            self.given.extend(self.programs.get(&tid));
        }
        given
    }

    /// Where to patch a process, the sites in order, as [`Handshake`] wants it.
    fn to_patch(&self, tid: u32) -> (Entrance, Vec<u64>) {
        let (mut lookup, mut found) = (Entrance::default(), Vec::new());
        for code in c_library(tid) {
            let Some(id) = code.identity() else { continue };
            let library = lock(&self.workshop.libraries).get(&code.path, &id);
            let mut first = true;
            found.extend(library.sites.iter().filter_map(|site| {
                let address = code.address(site.offset)?;
                let first = std::mem::take(&mut first);
                Some(Site { address, kind: site.kind, first }.packed())
            }));
            let function = library.lookup.and_then(|function| {
                let address = code.address(function.address)?;
                Some(Entrance { address, ..function })
            });
            lookup = function.unwrap_or(lookup);
        }
        found.truncate(MAX_SITES);
        (lookup, found)
    }
}

fn is_handshake(notification: &Notification, call: &Call) -> bool {
    call.name == "openat" && low(notification.args[0]) == HANDSHAKE_DIR
}

/// `fstat`, as libraries make it: without a path.
fn asks_size(notification: &Notification, call: &Call) -> bool {
    let Meaning::Stat { at, .. } = call.meaning else { return false };
    let address = notification.args.get(at.path).copied().unwrap_or(0);
    at.dir.is_some() && memory::string(notification.tid, address).as_deref() == Ok(b"")
}

fn opens(call: &Call) -> bool {
    matches!(call.meaning, Meaning::Open { .. })
}

/// Whether a call names this path.
fn names(notification: &Notification, call: &Call, path: &[u8]) -> bool {
    let (Meaning::Access { at, .. } | Meaning::Open { at, .. }) = call.meaning else {
        return false;
    };
    let address = notification.args.get(at.path).copied().unwrap_or(0);
    memory::string(notification.tid, address).as_deref() == Ok(path)
}

#[expect(clippy::cast_possible_truncation, reason = "as the kernel does")]
pub(super) fn low(argument: u64) -> i32 {
    argument as i32
}

/// What the list holds, and the library besides.
fn list() -> std::io::Result<OwnedFd> {
    let file = memfd_create("taskrunner-list", MemfdFlags::CLOEXEC)?;
    let own = fs::read(stat::as_path(LIST)).unwrap_or_default();
    File::from(file.try_clone()?).write_all(&[&own[..], b"\n", NAME, b"\n"].concat())?;
    Ok(file)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

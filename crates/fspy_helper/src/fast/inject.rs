//! Gets the library into programs, without a variable and without a file: the loader is told of
//! an `/etc/ld.so.preload` that names it, and is handed it, and the library asks for the ring.
//!
//! Each step is taken only right after the one before, by the same process. Anything else that a
//! process does in between is answered as ever.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use fspy_ring::{Entrance, HANDSHAKE_DIR, Handshake, MAX_SITES, Site};
use rustix::fs::{MemfdFlags, memfd_create};
use stat::StatId;

use super::habits::{Program, program};
use super::memory_map::{c_library, has_one_thread, is_plain_loader};
use super::{Workshop, needs};
use crate::listen::{Notification, Waiting};
use crate::look;
use crate::memory;
use crate::syscalls::{Call, Meaning};

/// What the loader looks for first.
const LIST: &[u8] = b"/etc/ld.so.preload";
/// What the loader asks for `$ORIGIN`.
const EXECUTABLE: &[u8] = b"/proc/self/exe";
/// How the library is called in the list: no file has this name.
const NAME: &[u8] = b"/taskrunner-preload.so";

/// Its code is shorter, and what is loaded first lies further away.
const LOADER_CODE: u64 = 1 << 18;

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
    /// It has the list.
    Listed(OwnedFd),
    /// It has the library.
    Loaded,
}

/// A process, by what is known since it was executed.
#[derive(Clone, Copy, Debug)]
struct Running {
    program: Program,
    /// An address in its loader, once that has called.
    loader: Option<u64>,
}

/// The state of one step's processes.
#[derive(Debug)]
pub(crate) struct Injection {
    workshop: Arc<Workshop>,
    stages: HashMap<u32, Stage>,
    /// What each process runs.
    running: HashMap<u32, Running>,
    /// Programs of which a process was started.
    met: HashSet<Program>,
    /// Programs that have the library, in the order of the numbers they were given, and how many
    /// calls of each were recorded that are not counted yet.
    given: Vec<(Program, u64)>,
    stopped: bool,
}

impl Injection {
    pub(crate) fn new(workshop: Arc<Workshop>) -> Self {
        Self {
            workshop,
            stages: HashMap::new(),
            running: HashMap::new(),
            met: HashSet::new(),
            given: Vec::new(),
            stopped: false,
        }
    }

    /// Gives the library to no further program.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
        self.count_recorded();
    }

    fn count_recorded(&mut self) {
        let mut habits = lock(&self.workshop.habits);
        for (program, calls) in &mut self.given {
            habits.counts(*program, std::mem::take(calls));
        }
    }

    /// Whether any process was given the ring.
    pub(crate) fn is_anywhere(&self) -> bool {
        !self.given.is_empty()
    }

    pub(crate) fn executes(&mut self, tid: u32, file: Option<&StatId>) {
        match file {
            Some(file) => {
                let running = Running { program: program(file), loader: None };
                self.running.insert(tid, running);
            }
            None => drop(self.running.remove(&tid)),
        }
        self.stages.insert(tid, Stage::Fresh);
    }

    /// A process made a call from this address that the library would record. The loader's own come
    /// before the library, nearly all.
    pub(crate) fn counts(&mut self, tid: u32, instruction: u64) {
        if let Some(&Running { program, loader: Some(loader) }) = self.running.get(&tid)
            && instruction.abs_diff(loader) > LOADER_CODE
        {
            lock(&self.workshop.habits).counts(program, 1);
        }
    }

    /// As above, by the number that the program was given.
    pub(crate) fn counts_program(&mut self, number: u32) {
        let given = usize::try_from(number).ok().and_then(|number| self.given.get_mut(number));
        if let Some((_, calls)) = given {
            *calls += 1;
        }
    }

    /// Answers a call, which names this path, if it is a step of getting the library in.
    pub(crate) fn answer(
        &mut self,
        listener: &impl Waiting,
        notification: &Notification,
        call: &Call,
        named: &[u8],
        ring: &impl AsFd,
    ) -> Answer {
        let tid = notification.tid;
        let Some(stage) = self.stages.remove(&tid) else { return Answer::NotOurs };
        let (next, answer) = self.step(stage, listener, notification, (call, named), ring);
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
        (call, named): (&Call, &[u8]),
        ring: &impl AsFd,
    ) -> (Option<Stage>, Answer) {
        let id = notification.id;
        match stage {
            // `$ORIGIN` in what a program says of where its libraries are comes before everything else.
            Stage::Fresh if named == EXECUTABLE => (Some(Stage::Fresh), Answer::NotOurs),
            // If its first call is another one, it is not the loader of a dynamic program.
            Stage::Fresh => match self.wanted(notification, call, named) {
                Some(library) if listener.is_valid(id) && listener.succeed(id) => {
                    (Some(Stage::Told(library)), Answer::Given)
                }
                _ => (None, Answer::NotOurs),
            },
            Stage::Told(library) => {
                let given = opens(call)
                    && named == LIST
                    && list(&self.workshop.list)
                        .is_some_and(|list| listener.give(id, list.as_fd()));
                // Where there is no such list, nobody would have opened it.
                let real = look::state(LIST).is_ok();
                match (given, real) {
                    (true, true) => (Some(Stage::Listed(library)), Answer::Given),
                    (true, false) => (Some(Stage::Listed(library)), Answer::Hidden),
                    (false, _) => (None, Answer::NotOurs),
                }
            }
            Stage::Listed(library) => {
                let given = opens(call) && named == NAME && listener.give(id, library.as_fd());
                if given {
                    (Some(Stage::Loaded), Answer::Hidden)
                } else {
                    // What else is on the list comes first.
                    (Some(Stage::Listed(library)), Answer::NotOurs)
                }
            }
            Stage::Loaded if is_handshake(notification, call) => {
                if !self.shakes_hands(listener, notification, ring.as_fd()) {
                    listener.proceed(id);
                }
                (None, Answer::Hidden)
            }
            // The loader reads other libraries meanwhile.
            Stage::Loaded => (Some(Stage::Loaded), Answer::NotOurs),
        }
    }

    /// The library, if it is to be given to the process: opened anew each time, as the loader moves
    /// its position.
    fn wanted(
        &mut self,
        notification: &Notification,
        call: &Call,
        named: &[u8],
    ) -> Option<OwnedFd> {
        let asks = matches!(call.meaning, Meaning::Access { .. }) && named == LIST;
        if !asks || !self.wants(notification) {
            return None;
        }
        Some(File::open(&self.workshop.library).ok()?.into())
    }

    fn wants(&mut self, notification: &Notification) -> bool {
        let tid = notification.tid;
        let Some(running) = self.running.get_mut(&tid) else { return false };
        running.loader = Some(notification.instruction);
        let program = running.program;
        if self.stopped {
            return false;
        }
        self.count_recorded();
        // What is cheap to tell comes first: most processes of a build are small. The first of a
        // program in a step gets it in any case: what is seen of variables depends on no other step.
        let pays = lock(&self.workshop.habits).starts(program);
        (self.met.insert(program) || pays)
            && self.is_fit(tid)
            && is_plain_loader(tid, notification.instruction)
    }

    /// Whether what the process runs may be given the library: of a script, its interpreter.
    fn is_fit(&self, tid: u32) -> bool {
        let executable = format!("/proc/{tid}/exe");
        let Ok(stat) = rustix::fs::stat(&executable) else { return false };
        let mut fit = lock(&self.workshop.fit);
        *fit.entry(program(&look::identity(&stat)))
            .or_insert_with(|| needs::is_fit(executable.as_bytes()))
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
            self.given.extend(self.running.get(&tid).map(|running| (running.program, 0)));
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

fn opens(call: &Call) -> bool {
    matches!(call.meaning, Meaning::Open { .. })
}

#[expect(clippy::cast_possible_truncation, reason = "as the kernel does")]
pub(super) fn low(argument: u64) -> i32 {
    argument as i32
}

/// What the list holds, and the library besides; opened anew, as the loader moves its position.
fn list(made: &OnceLock<OwnedFd>) -> Option<OwnedFd> {
    let own = fs::read(stat::as_path(LIST)).ok();
    if own.is_some() {
        // It may be another one the next time.
        return filled(&own.unwrap_or_default()).ok();
    }
    if made.get().is_none() {
        let _ = made.set(filled(b"").ok()?);
    }
    let path = format!("/proc/self/fd/{}", made.get()?.as_raw_fd());
    Some(File::open(path).ok()?.into())
}

fn filled(own: &[u8]) -> std::io::Result<OwnedFd> {
    let file = memfd_create("taskrunner-list", MemfdFlags::CLOEXEC)?;
    File::from(file.try_clone()?).write_all(&[own, b"\n", NAME, b"\n"].concat())?;
    Ok(file)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

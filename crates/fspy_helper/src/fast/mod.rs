//! The fast way: programs that carry the preload library record calls that only look in a ring,
//! and the helper reads them from there, always before it answers a call that came the slow way.
//!
//! That keeps the order. Whatever a program did before a call that changes something is read while
//! that call waits, so that the names in it still mean what they meant.

mod any_call;
mod elf;
mod entrance;
mod habits;
mod inject;
mod memory_map;
mod moving;
mod nameless;
mod needs;
mod places;
mod recorded;
mod repeated;
mod report;
mod ring;
mod sites;
mod variables;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use fspy_ring::FAST;
use fspy_trace::Fold;
use stat::StatId;

pub(crate) use inject::Answer;
pub(crate) use moving::moves;
pub(crate) use nameless::{FLAGS as NO_NAME, Nameless, WITHIN_PAGE};
pub(crate) use places::{Leads, Places};
pub(crate) use repeated::{Asked, Repeated};
pub(crate) use report::{Reported, reported};

use habits::{Habits, Program};
use inject::Injection;
use moving::Moving;
use recorded::{Recorded, Scene};
use ring::Ring;
use sites::Libraries;
use variables::Variables;

use crate::describe::Findings;
use crate::listen::{Notification, Waiting};
use crate::look;
use crate::syscalls::{Call, Index};

/// How soon the ring is looked at again after something was in it.
const BUSY: Duration = Duration::from_millis(2);
/// How soon otherwise.
const QUIET: Duration = Duration::from_millis(50);

/// Where the C library and its loader usually are.
const USUAL: [&str; 4] = [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
    "/lib64/ld-linux-x86-64.so.2",
];

/// More ways than a machine has C libraries: each is a test in the filter.
const MOST_WAYS: usize = 8;

/// What all steps of a run share.
#[derive(Debug)]
pub(crate) struct Workshop {
    /// The preload library.
    library: PathBuf,
    libraries: Mutex<Libraries>,
    /// How this machine's C library asks about open files.
    nameless: OnceLock<Vec<Nameless>>,
    /// The list that names the library, where the machine has none.
    list: OnceLock<OwnedFd>,
    habits: Mutex<Habits>,
    /// Whether a program may be given the library.
    fit: Mutex<HashMap<Program, bool>>,
}

impl Workshop {
    /// With the preload library at `library`; `None` if no program could load it from there.
    pub(crate) fn new(library: PathBuf) -> Option<Arc<Self>> {
        let workshop = Self {
            library,
            libraries: Mutex::default(),
            nameless: OnceLock::new(),
            list: OnceLock::new(),
            habits: Mutex::default(),
            fit: Mutex::default(),
        };
        ring::is_loadable(&workshop.library).then(|| Arc::new(workshop))
    }

    /// Looks for what to patch in this machine's C library before the first step asks: that takes
    /// milliseconds, and nothing runs yet. Who asks meanwhile waits.
    pub(crate) fn prepare(self: &Arc<Self>) {
        let workshop = Arc::clone(self);
        // Without the thread, the first step waits.
        let _ = std::thread::Builder::new().spawn(move || workshop.nameless().len());
    }

    /// How this machine's C library asks about open files, each way once.
    pub(crate) fn nameless(&self) -> &[Nameless] {
        self.nameless.get_or_init(|| {
            let mut libraries = self.libraries.lock().unwrap_or_else(PoisonError::into_inner);
            let mut found = Vec::new();
            for path in USUAL {
                if let Ok(stat) = rustix::fs::stat(path) {
                    let library = libraries.get(path.as_bytes(), &look::identity(&stat));
                    found.extend_from_slice(&library.nameless);
                }
            }
            found.sort_unstable();
            found.dedup();
            found.truncate(MOST_WAYS);
            found
        })
    }
}

/// What notified calls are described by, where it is kept.
pub(crate) struct Known<'a> {
    /// Calls that need no second description.
    pub(crate) repeated: &'a mut Repeated,
    /// Where directories lead.
    pub(crate) places: &'a mut Places,
}

/// The fast way of one step.
#[derive(Debug)]
pub(crate) struct Fast {
    ring: Ring,
    injection: Injection,
    places: Places,
    /// `None` once paths may mean other files to some process than to others.
    repeated: Option<Repeated>,
    moving: Moving,
    variables: Variables,
    /// Something was in the ring when it was last looked at.
    busy: bool,
}

impl Fast {
    /// `None` if the memory for it can't be had.
    pub(crate) fn new(workshop: Arc<Workshop>) -> Option<Self> {
        Some(Self {
            ring: Ring::new().ok()?,
            injection: Injection::new(workshop),
            places: Places::default(),
            repeated: Some(Repeated::default()),
            moving: Moving::default(),
            variables: Variables::default(),
            busy: false,
        })
    }

    /// Has every call recorded, for a call log.
    pub(crate) fn want_every_call(&self) {
        self.ring.want_every_call();
    }

    /// Names of variables that were looked up and not found, sorted.
    pub(crate) fn take_variables(&mut self) -> Vec<Vec<u8>> {
        self.variables.take()
    }

    /// What was recorded since the last time, call by call, told on top of what is `known`, by whom the
    /// findings are taken. True if something was lost.
    pub(crate) fn read(
        &mut self,
        index: &Index,
        known: &mut Fold,
        mut tell: impl FnMut(&Recorded<'_>, &mut Findings, &mut Fold),
    ) -> bool {
        let Self { ring, injection, places, moving, variables, .. } = self;
        self.busy = !ring.is_empty();
        let generation = ring.generation();
        let (mut made_up, mut arrived) = (false, Vec::new());
        // One for all: most calls have little to say, and there are many.
        let mut findings = Findings::default();
        let lost = ring.drain(|record| {
            if variables.keep(record) {
                return;
            }
            let Some(recorded) = Recorded::new(record, index) else {
                made_up = true;
                return;
            };
            injection.counts_program(recorded.program());
            if !moving.is_empty() {
                arrived.push(recorded.thread());
            }
            places.keep_only(generation);
            Scene { places, known }.describe(&recorded, &mut findings);
            tell(&recorded, &mut findings, known);
        });
        for thread in arrived {
            self.arrived(thread);
        }
        lost || made_up
    }

    /// Whether a record was begun and never finished.
    pub(crate) fn is_unfinished(&mut self) -> bool {
        !self.ring.is_empty()
    }

    /// When the ring wants to be looked at again; `None` if nobody writes to it.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let soon = self.busy || !self.moving.is_empty();
        self.injection.is_anywhere().then_some(if soon { BUSY } else { QUIET })
    }

    /// How many recorded calls were the same as one on record, or said nothing.
    pub(crate) fn on_record(&self) -> u64 {
        self.ring.repeated()
    }

    /// What is known as long as names mean the same; `None` if paths may mean other files to some
    /// process than to others.
    pub(crate) fn known(&mut self) -> Option<Known<'_>> {
        let generation = self.ring.generation();
        let repeated = self.repeated.as_mut()?;
        repeated.keep_only(generation);
        self.places.keep_only(generation);
        Some(Known { repeated, places: &mut self.places })
    }

    /// Sends every further call the slow way.
    pub(crate) fn turn_off(&mut self) {
        self.ring.turn_off();
        self.injection.stop();
        self.repeated = None;
    }

    /// A thread is about to make a call after which names mean something else.
    pub(crate) fn departs(&mut self, tid: u32, number: i32) {
        self.ring.unsettle();
        self.moving.departs(tid, number);
    }

    /// A thread was seen to make a call: those that it made before are done.
    pub(crate) fn arrived(&mut self, tid: u32) {
        if self.moving.arrived(tid) {
            self.ring.settle();
        }
    }

    /// Finds out who is done that makes no further calls.
    pub(crate) fn look_for_arrivals(&mut self) {
        if self.moving.look() {
            self.ring.settle();
        }
    }

    /// Answers a call that is a part of getting the library into a program, and names this path.
    pub(crate) fn answers(
        &mut self,
        listener: &impl Waiting,
        notification: &Notification,
        call: &Call,
        named: &[u8],
    ) -> Answer {
        self.injection.answer(listener, notification, call, named, &self.ring)
    }

    /// A process is about to execute a program.
    pub(crate) fn executes(&mut self, tid: u32, program: Option<&StatId>) {
        self.injection.executes(tid, program);
    }

    /// A process was seen to make a call.
    pub(crate) fn counts(&mut self, notification: &Notification, call: &Call) {
        if FAST.contains(&call.number) {
            self.injection.counts(notification.tid, notification.instruction);
        }
    }
}

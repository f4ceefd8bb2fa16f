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
mod needs;
mod places;
mod recorded;
mod report;
mod ring;
mod sites;
mod variables;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fspy_trace::Fold;

pub(crate) use inject::Answer;
pub(crate) use moving::moves;
pub(crate) use recorded::Recorded;
pub(crate) use report::{Reported, reported};

use habits::{Habits, Program};
use inject::Injection;
use moving::Moving;
use places::Places;
use recorded::Scene;
use ring::Ring;
use sites::Libraries;
use variables::Variables;

use crate::describe::Findings;
use crate::listen::{Notification, Waiting};
use crate::look;
use crate::syscalls::Call;

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

/// What all steps of a run share.
#[derive(Debug)]
pub(crate) struct Workshop {
    /// The preload library.
    library: PathBuf,
    libraries: Mutex<Libraries>,
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
            habits: Mutex::default(),
            fit: Mutex::default(),
        };
        ring::is_loadable(&workshop.library).then(|| Arc::new(workshop))
    }

    /// Looks for what to patch in this machine's C library before the first program asks: that takes
    /// milliseconds, and nothing runs yet. Who asks meanwhile waits.
    pub(crate) fn prepare(self: &Arc<Self>) {
        let workshop = Arc::clone(self);
        // Without the thread, the first program waits.
        let _ = std::thread::Builder::new().spawn(move || {
            let mut libraries = workshop.libraries.lock().unwrap_or_else(PoisonError::into_inner);
            for path in USUAL {
                if let Ok(stat) = rustix::fs::stat(path) {
                    libraries.get(path.as_bytes(), &look::identity(&stat));
                }
            }
        });
    }
}

/// The fast way of one step.
#[derive(Debug)]
pub(crate) struct Fast {
    ring: Ring,
    injection: Injection,
    places: Places,
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
            moving: Moving::default(),
            variables: Variables::default(),
            busy: false,
        })
    }

    /// Has every call recorded, for a call log.
    pub(crate) fn want_every_call(&self) {
        self.ring.want_every_call();
    }

    /// Calls that were recorded since the last time. True if something was lost.
    pub(crate) fn take(&mut self, mut take: impl FnMut(fspy_ring::Record)) -> bool {
        self.busy = !self.ring.is_empty();
        let Self { ring, variables, .. } = self;
        ring.drain(|record| {
            if let Some(call) = variables.without(record) {
                take(call);
            }
        })
    }

    /// Names of variables that were looked up and not found, sorted.
    pub(crate) fn take_variables(&mut self) -> Vec<Vec<u8>> {
        self.variables.take()
    }

    /// What a recorded call saw.
    pub(crate) fn describe(&mut self, recorded: Recorded, known: &Fold) -> Findings {
        self.arrived(recorded.thread());
        self.injection.counts_program(recorded.program());
        self.places.keep_only(self.ring.generation());
        Scene { places: &mut self.places, known }.describe(recorded)
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

    /// How many calls were the same as one on record, or said nothing.
    pub(crate) fn repeated(&self) -> u64 {
        self.ring.repeated()
    }

    /// Sends every further call the slow way.
    pub(crate) fn turn_off(&mut self) {
        self.ring.turn_off();
        self.injection.stop();
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

    /// Answers a call that is a part of getting the library into a program.
    pub(crate) fn answers(
        &mut self,
        listener: &impl Waiting,
        notification: &Notification,
        call: &Call,
    ) -> Answer {
        self.injection.answer(listener, notification, call, &self.ring)
    }

    /// A process is about to execute something.
    pub(crate) fn executes(&mut self, tid: u32) {
        self.injection.executes(tid);
    }

    /// A process was seen to make a call.
    pub(crate) fn counts(&mut self, pid: u32) {
        self.injection.counts(pid);
    }
}

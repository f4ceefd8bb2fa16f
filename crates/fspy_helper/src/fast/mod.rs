//! The fast way: programs that carry the preload library record calls that only look in a ring,
//! and the helper reads them from there, always before it answers a call that came the slow way.
//!
//! That keeps the order. Whatever a program did before a call that changes something is read while
//! that call waits, so that the names in it still mean what they meant.

mod habits;
mod inject;
mod memory_map;
mod needs;
mod recorded;
mod ring;
mod sites;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

pub(crate) use inject::Answer;
use inject::Injection;
pub(crate) use recorded::{Recorded, describe};
use ring::Ring;

use habits::Habits;
use sites::Libraries;

use crate::listen::{Notification, Waiting};
use crate::syscalls::Call;

/// How soon the ring is looked at again after something was in it.
const BUSY: Duration = Duration::from_millis(2);
/// How soon otherwise.
const QUIET: Duration = Duration::from_millis(50);

/// What all steps of a run share.
#[derive(Debug)]
pub(crate) struct Workshop {
    /// The preload library.
    library: PathBuf,
    libraries: Mutex<Libraries>,
    habits: Mutex<Habits>,
}

impl Workshop {
    /// With the preload library at `library`; `None` if no program could load it from there.
    pub(crate) fn new(library: PathBuf) -> Option<Self> {
        ring::is_loadable(&library).then(|| Self {
            library,
            libraries: Mutex::default(),
            habits: Mutex::default(),
        })
    }
}

/// The fast way of one step.
#[derive(Debug)]
pub(crate) struct Fast {
    ring: Ring,
    injection: Injection,
    /// Something was in the ring when it was last looked at.
    busy: bool,
}

impl Fast {
    /// `None` if the memory for it can't be had.
    pub(crate) fn new(workshop: std::sync::Arc<Workshop>) -> Option<Self> {
        let ring = Ring::new().ok()?;
        Some(Self { ring, injection: Injection::new(workshop), busy: false })
    }

    /// Has every call recorded, for a call log.
    pub(crate) fn want_every_call(&self) {
        self.ring.want_every_call();
    }

    /// What was recorded since the last time. True if something was lost.
    pub(crate) fn take(&mut self, take: impl FnMut(fspy_ring::Record)) -> bool {
        self.busy = !self.ring.is_empty();
        self.ring.drain(take)
    }

    /// Whether a record was begun and never finished.
    pub(crate) fn is_unfinished(&mut self) -> bool {
        !self.ring.is_empty()
    }

    /// When the ring wants to be looked at again; `None` if nobody writes to it.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.injection.is_anywhere().then_some(if self.busy { BUSY } else { QUIET })
    }

    /// How many calls were the same as one on record.
    pub(crate) fn repeated(&self) -> u64 {
        self.ring.repeated()
    }

    /// Sends every further call the slow way.
    pub(crate) fn turn_off(&mut self) {
        self.ring.turn_off();
        self.injection.stop();
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

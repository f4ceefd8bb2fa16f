//! What is done on the pool: each job ends in exactly one closing message, even if it panics.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cache::{RunEnd, StepId, Workspace};
use crossbeam_channel::Sender;
use fspy::Waker;
use policy::{NotCached, NotCachedKind};
use store::StepLock;

use crate::event::Event;

/// How long a step that another runner is at work on is waited for.
const LOCK_DEADLINE: Duration = Duration::from_secs(60 * 60);

/// How soon a wait for another runner notices that it was cancelled.
const CANCEL_DEADLINE: Duration = Duration::from_millis(100);

/// What a job says to the engine.
#[derive(Debug)]
pub(crate) enum Message {
    /// For the run loop.
    Event(Event),
    /// The step is locked and prepared: it may be spawned, with these variables besides its own.
    Ready(StepId, Option<StepLock>, Vec<(Vec<u8>, Vec<u8>)>),
}

/// What every job shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) state_dir: PathBuf,
    pub(crate) messages: Sender<Message>,
    pub(crate) waker: Waker,
    /// Steps that are to end.
    pub(crate) cancelled: Arc<Mutex<HashSet<StepId>>>,
}

impl Shared {
    pub(crate) fn send(&self, message: Message) {
        let _ = self.messages.send(message);
        self.waker.wake();
    }

    pub(crate) fn tell(&self, event: Event) {
        self.send(Message::Event(event));
    }

    pub(crate) fn is_cancelled(&self, id: StepId) -> bool {
        self.cancelled.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// Takes the step's lock; the second value is whether another runner had to be waited for.
    /// Where there can be no lock, nothing can be stored either: the step runs without.
    fn lock(&self, id: StepId) -> Result<(Option<StepLock>, bool), String> {
        let Some(step) = self.workspace.step(id) else { return Ok((None, false)) };
        match StepLock::try_lock(&self.state_dir, &step.key) {
            Ok(None) => self.tell(Event::Waiting(id)),
            free => return Ok((free.ok().flatten(), false)),
        }
        let give_up = Instant::now() + LOCK_DEADLINE;
        while Instant::now() < give_up {
            if self.is_cancelled(id) {
                return Err("cancelled".to_owned());
            }
            let soon = Instant::now() + CANCEL_DEADLINE;
            match StepLock::lock(&self.state_dir, &step.key, soon) {
                Ok(None) => {}
                free => return Ok((free.ok().flatten(), true)),
            }
        }
        Err(format!(
            "another runner has been at work on it for {} minutes",
            LOCK_DEADLINE.as_secs() / 60
        ))
    }

    /// Restores the hit of a step.
    pub(crate) fn restore(&self, id: StepId, keep_log: impl FnOnce(Vec<(u8, Vec<u8>)>)) {
        let guard = Guard::new(self, Event::NotRestored(id, "an internal error".to_owned()));
        let outcome = match self.lock(id) {
            Ok((lock, _)) => {
                let outcome = self.workspace.restore(id);
                drop(lock);
                outcome.map_err(|error| describe(&error))
            }
            Err(why) => Err(why),
        };
        guard.close(match outcome {
            Ok(mut restored) => {
                keep_log(std::mem::take(&mut restored.log));
                Event::Restored(id, restored)
            }
            Err(why) => {
                self.workspace.revoke(id);
                Event::NotRestored(id, why)
            }
        });
    }

    /// Locks and prepares a step. If another runner had to be waited for, it may have stored just
    /// what is wanted: the second look-up.
    pub(crate) fn prepare(
        &self,
        id: StepId,
        look_again: bool,
        keep_log: impl FnOnce(Vec<(u8, Vec<u8>)>),
    ) {
        let guard = Guard::new(self, Event::Failed(id, "an internal error".to_owned(), None));
        let (lock, waited) = match self.lock(id) {
            Ok(locked) => locked,
            Err(why) => return guard.close(Event::Failed(id, why, None)),
        };
        if waited && look_again && self.workspace.check_again(id) {
            match self.workspace.restore(id) {
                Ok(mut restored) => {
                    keep_log(std::mem::take(&mut restored.log));
                    return guard.close(Event::Restored(id, restored));
                }
                Err(_) => self.workspace.revoke(id),
            }
        }
        let variables = self.workspace.prepare(id);
        guard.close_with(Message::Ready(id, lock, variables));
    }

    /// Judges a run, then stores it. The lock is let go when the entry can be found.
    pub(crate) fn record(&self, id: StepId, end: RunEnd, lock: Option<StepLock>) {
        let broken = || Some(NotCached::because(NotCachedKind::StoreFailed, "an internal error"));
        let guard = Guard::new(self, Event::Judged(id, broken()));
        let recorded = self.workspace.record(id, end);
        guard.close(Event::Judged(id, recorded.refused.clone()));
        let guard = Guard::new(self, Event::Stored(id, broken()));
        let outcome = match &recorded.pending {
            Some(pending) => self.workspace.pack(pending).err(),
            None => recorded.refused,
        };
        drop(lock);
        guard.close(Event::Stored(id, outcome));
    }
}

pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Sends a message when dropped unclosed: a job that panics must not leave the run loop waiting.
pub(crate) struct Guard<'a> {
    shared: &'a Shared,
    otherwise: Option<Event>,
}

impl<'a> Guard<'a> {
    pub(crate) fn new(shared: &'a Shared, otherwise: Event) -> Self {
        Self { shared, otherwise: Some(otherwise) }
    }

    pub(crate) fn close(self, event: Event) {
        self.close_with(Message::Event(event));
    }

    fn close_with(mut self, message: Message) {
        self.otherwise = None;
        self.shared.send(message);
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(event) = self.otherwise.take() {
            self.shared.tell(event);
        }
    }
}

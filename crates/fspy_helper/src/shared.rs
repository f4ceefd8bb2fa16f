//! What the threads share: the running steps, and the way back to the runner.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fspy_trace::channel::Packet;
use fspy_trace::wire::Report;

use crate::bell::Bell;
use crate::fast::Workshop;
use crate::probe::Rung;
use crate::step::{Ended, Step};
use crate::tree::{kill_family, send};

/// Shared by all threads.
#[derive(Debug)]
pub(crate) struct Shared {
    control: OwnedFd,
    null: OwnedFd,
    rung: Rung,
    steps: Mutex<Steps>,
    outbox: Mutex<VecDeque<Packet>>,
    /// What the fast way needs; `None` if it is not wanted.
    workshop: Option<Arc<Workshop>>,
    /// Rings when the main thread should look at all this again.
    bell: Bell,
}

#[derive(Debug, Default)]
struct Steps {
    /// In the order of their requests. A number may be used again while survivors of the step that
    /// had it before live on.
    all: Vec<Arc<Step>>,
    /// The runner is gone: nothing is started any more.
    closing: bool,
}

impl Shared {
    /// `control` does not block; `null` is `/dev/null`.
    pub(crate) fn new(
        control: OwnedFd,
        null: OwnedFd,
        rung: Rung,
        workshop: Option<Arc<Workshop>>,
    ) -> io::Result<Self> {
        let (steps, outbox) = (Mutex::default(), Mutex::default());
        Ok(Self { control, null, rung, workshop, steps, outbox, bell: Bell::new()? })
    }

    pub(crate) fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    pub(crate) fn null(&self) -> BorrowedFd<'_> {
        self.null.as_fd()
    }

    pub(crate) fn rung(&self) -> Rung {
        self.rung
    }

    pub(crate) fn workshop(&self) -> Option<Arc<Workshop>> {
        self.workshop.clone()
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Sends a report as soon as the runner takes it.
    pub(crate) fn report(&self, report: &Report) {
        if let Ok(packet) = Packet::new(report, Vec::new()) {
            lock(&self.outbox).push_back(packet);
        }
        if !self.flush() {
            self.bell.ring();
        }
    }

    /// Sends what can be sent. True if nothing is left.
    pub(crate) fn flush(&self) -> bool {
        let mut outbox = lock(&self.outbox);
        while let Some(packet) = outbox.front() {
            match packet.send(self.control.as_fd()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                // Sent, or there is nobody to send it to.
                _ => drop(outbox.pop_front()),
            }
        }
        true
    }

    /// A step was asked for. False if it is too late.
    pub(crate) fn add(&self, step: &Arc<Step>) -> bool {
        let mut steps = lock(&self.steps);
        if !steps.closing {
            steps.all.push(Arc::clone(step));
        }
        !steps.closing
    }

    /// The last process of a step is gone.
    pub(crate) fn remove(&self, step: &Step) {
        lock(&self.steps).all.retain(|other| !std::ptr::eq(&raw const **other, step));
        self.bell.ring();
    }

    pub(crate) fn is_idle(&self) -> bool {
        lock(&self.steps).all.is_empty()
    }

    /// Forks a step's main process, so that nobody can meet the process before the step is known
    /// to have it. Fails with an `errno`.
    pub(crate) fn start(
        &self,
        step: &Step,
        fork: impl FnOnce() -> io::Result<(i32, OwnedFd)>,
    ) -> Result<(i32, OwnedFd), i32> {
        let steps = lock(&self.steps);
        if steps.closing {
            return Err(libc::ECANCELED);
        }
        let (pid, news) = fork().map_err(|error| error.raw_os_error().unwrap_or(libc::EAGAIN))?;
        step.main.store(pid, Ordering::Release);
        step.family.begins(pid);
        let signal = step.early_signal.load(Ordering::Acquire);
        if signal != 0 {
            send(pid, signal);
        }
        Ok((pid, news))
    }

    /// A process was reaped.
    pub(crate) fn reaped(&self, pid: i32, ended: Ended) {
        let steps = lock(&self.steps);
        if let Some(step) = main_of(&steps, pid) {
            step.end(ended);
        }
    }

    /// Signals every process of a step.
    pub(crate) fn kill(&self, id: u64, signal: i32) {
        let step = {
            let steps = lock(&self.steps);
            let step = steps.all.iter().rfind(|step| step.id == id).cloned();
            if let Some(step) = &step {
                step.told(signal);
            }
            step
        };
        if let Some(step) = step {
            kill_family(&step.family, signal);
        }
    }

    /// The runner is gone: kills the steps that still run; survivors of finished ones are left.
    pub(crate) fn close(&self) {
        let running: Vec<_> = {
            let mut steps = lock(&self.steps);
            steps.closing = true;
            steps.all.iter().filter(|step| step.must_end()).cloned().collect()
        };
        for step in running {
            step.told(libc::SIGKILL);
            kill_family(&step.family, libc::SIGKILL);
        }
    }
}

fn main_of(steps: &Steps, pid: i32) -> Option<&Step> {
    let is_main = |step: &&Arc<Step>| step.main.load(Ordering::Acquire) == pid;
    steps.all.iter().find(is_main).map(AsRef::as_ref)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

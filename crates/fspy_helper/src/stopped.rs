//! The life of one step on the lower rungs, where its thread stops it by `ptrace`: the same fold from
//! the same looks as by notification, made at other stops.
//!
//! Waiting for a tracee is the business of the thread that traces it, so on these rungs every step's
//! thread reaps its own children, and the main thread only the orphans.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fspy_trace::wire::{Launch, Report};

use crate::begin::{Beginning, Failure, Main};
use crate::launch::{News, Watch};
use crate::listen::{Waiting, refusal};
use crate::probe::Rung;
use crate::shared::Shared;
use crate::step::{Ended, GRACE, Step, end_untraced};
use crate::stops::{self, Mode, NobodyLeft, Stop, Stopped, Wait};
use crate::survivors;
use crate::syscalls::is_refused;
use crate::tracer::Tracer;
use crate::tree::kill_family;

/// Between two looks at whether somebody has stopped, where a wait would have no end.
const GLANCE: Duration = Duration::from_millis(1);

/// Runs a step from its request to the end of its last process.
pub(crate) fn live(step: &Step, launch: &Launch, fds: Vec<OwnedFd>, mode: Mode, shared: &Shared) {
    match Life::begin(step, launch, fds, mode, shared) {
        Ok(life) => life.run(),
        Err((stage, errno)) => shared.report(&Report::Failed { id: step.id, stage, errno }),
    }
}

struct Life<'a> {
    step: &'a Step,
    shared: &'a Shared,
    mode: Mode,
    main: Main<'a>,
    /// The trace in the making, or why there is none.
    trace: Result<Tracer, String>,
}

impl<'a> Life<'a> {
    fn begin(
        step: &'a Step,
        launch: &Launch,
        fds: Vec<OwnedFd>,
        mode: Mode,
        shared: &'a Shared,
    ) -> Result<Self, Failure> {
        let watch = if launch.traced { Watch::by_stops(mode) } else { Watch::None };
        let (main, Beginning { stamp, log }) = Main::begin(step, launch, fds, watch, shared)?;
        let fidelity = Rung::Stops(mode).fidelity();
        let tracer = || Tracer::new(Arc::clone(&step.family), fidelity, stamp, log, None);
        let trace = if launch.traced {
            seized(&main, mode)?.map(|()| tracer())
        } else {
            Err("tracing is off for this step".to_owned())
        };
        Ok(Self { step, shared, mode, main, trace })
    }

    fn run(mut self) {
        if self.trace.is_err() {
            // Nobody stops it, so nobody else says when the program runs.
            self.hear();
        }
        let alone = self.until_the_end().is_err();
        self.hear();
        let family = self.step.family.as_ref();
        let output = &self.main.output;
        let missing = || if alone { Vec::new() } else { survivors::unfinished(family, output) };
        let trace = self.trace.map(|tracer| tracer.finish(missing()));
        self.main.tell_end(trace);
        if alone {
            end_untraced(self.step);
        } else {
            outlive(self.step);
        }
    }

    /// Until the main process is gone, and what it left behind, or had its time.
    fn until_the_end(&mut self) -> Result<(), NobodyLeft> {
        loop {
            let ended = self.step.ended();
            let wait = if ended.is_some() { Wait::Glance } else { Wait::ForOne };
            if ended.is_some_and(|ended| ended.at.elapsed() >= GRACE) {
                return Ok(());
            }
            match stops::next(wait)? {
                Some((pid, stop)) => self.take(pid, stop),
                None if wait == Wait::Glance => sleep(GLANCE),
                None => {}
            }
        }
    }

    fn take(&mut self, pid: i32, stop: Stop) {
        match stop {
            Stop::Gone { code, signal } => self.gone(pid, code, signal),
            Stop::Call => self.call(pid),
            other => {
                if other == Stop::Executed && pid == self.main.pid {
                    self.hear();
                }
                go_on(pid, &other, self.mode);
            }
        }
    }

    fn gone(&self, pid: i32, code: Option<i32>, signal: Option<i32>) {
        if pid == self.main.pid {
            self.shared.reaped(pid, Ended { code, signal, at: Instant::now() });
        }
    }

    fn call(&mut self, tid: i32) {
        let stopped = Stopped { tid, mode: self.mode };
        match (stops::call(tid), &mut self.trace) {
            (Some(call), _) if is_refused(&call) => {
                stops::refuse(tid);
                stopped.proceed(call.id);
            }
            (Some(call), Ok(tracer)) if tracer.is_of_interest(&call) => {
                tracer.answer(&stopped, &call);
            }
            _ => {
                stopped.proceed(0);
            }
        }
    }

    /// Passes on whether the program runs.
    fn hear(&mut self) {
        let mut said = self.main.next_news();
        if let News::Unfiltered(errno) = said {
            self.trace = Err(refusal(errno));
            said = self.main.next_news();
        }
        self.main.tell(&said);
    }
}

/// Seizes a child that is ready for it.
fn seized(main: &Main<'_>, mode: Mode) -> Result<Result<(), String>, Failure> {
    match main.next_news() {
        News::Ready => {}
        News::Failed(stage, errno) => return Err((stage, errno)),
        _ => return Ok(Err("it was killed before it started".to_owned())),
    }
    let seized = stops::seize(main.pid, mode);
    main.go(seized.is_ok());
    Ok(seized.map_err(|error| format!("the kernel refused to trace a process: {error}")))
}

fn go_on(tid: i32, stop: &Stop, mode: Mode) {
    match *stop {
        Stop::Gone { .. } => {}
        Stop::Group => stops::leave_stopped(tid),
        Stop::Other(signal) => _ = stops::resume(tid, mode, signal),
        Stop::Call | Stop::Executed => _ = stops::resume(tid, mode, 0),
    }
}

/// Lets survivors go on until the last is gone: each of their stops has to be answered. On either
/// rung they stop where a filter says so only.
fn outlive(step: &Step) {
    loop {
        let left = step.time_left();
        if left == Some(Duration::ZERO) {
            kill_family(&step.family, libc::SIGKILL);
        }
        let wait = if left.is_some() { Wait::Glance } else { Wait::ForOne };
        match stops::next(wait) {
            Ok(Some((tid, what))) => go_on(tid, &what, Mode::Filter),
            Ok(None) => sleep(GLANCE),
            Err(NobodyLeft) => return,
        }
    }
}

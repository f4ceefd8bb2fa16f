//! The life of one step on the lower rungs, where its thread stops it by `ptrace`: the same fold from
//! the same looks as by notification, made at other stops.
//!
//! Waiting for a tracee is the business of the thread that traces it, so on these rungs every step's
//! thread reaps its own children, and the main thread only the orphans.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fspy_trace::wire::{Launch, Report, Stage};

use crate::clock;
use crate::launch::{News, Prepared, Watch, go, next_news};
use crate::listen::{Waiting, refusal};
use crate::probe::Rung;
use crate::shared::Shared;
use crate::step::{Ended, Failure, GRACE, Step, end_untraced, exited};
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
    /// Where the child's news come from, until they were read.
    news: Option<OwnedFd>,
    /// The program could not be executed.
    failed: bool,
    /// The trace in the making, or why there is none.
    trace: Result<Tracer, String>,
    /// How the step's output pipes are called.
    output: Vec<Vec<u8>>,
    started: Instant,
    pid: i32,
}

impl<'a> Life<'a> {
    fn begin(
        step: &'a Step,
        launch: &Launch,
        fds: Vec<OwnedFd>,
        mode: Mode,
        shared: &'a Shared,
    ) -> Result<Self, Failure> {
        let mut fds = fds.into_iter();
        let given = launch.interactive.then(|| fds.next()).flatten();
        let (Some(stdout), Some(stderr)) = (fds.next(), fds.next()) else {
            return Err((Stage::Stdio, libc::EBADF));
        };
        let input = given.as_ref().map_or(shared.null(), AsFd::as_fd);
        let log = fds.next().map(File::from);
        let watch = if launch.traced { Watch::by_stops(mode) } else { Watch::None };
        let prepared = Prepared::new(launch, watch).map_err(|_| (Stage::Exec, libc::EINVAL))?;
        let stamp = clock::stamp(&launch.scratch);
        let started = Instant::now();
        let stdio = [input, stdout.as_fd(), stderr.as_fd()];
        let (pid, news) =
            shared.start(step, || prepared.start(stdio)).map_err(|errno| (Stage::Fork, errno))?;
        let fidelity = Rung::Stops(mode).fidelity();
        let tracer = || Tracer::new(Arc::clone(&step.family), fidelity, stamp, log, None);
        let trace = if launch.traced {
            seized(pid, &news, mode)?.map(|()| tracer())
        } else {
            Err("tracing is off for this step".to_owned())
        };
        let output = [&stdout, &stderr].map(|pipe| survivors::pipe_name(pipe.as_fd()));
        Ok(Self {
            step,
            shared,
            mode,
            news: Some(news),
            failed: false,
            trace,
            output: output.into_iter().flatten().collect(),
            started,
            pid,
        })
    }

    fn run(mut self) {
        if self.trace.is_err() {
            // Nobody stops it, so nobody else says when the program runs.
            self.hear();
        }
        let alone = self.until_the_end().is_err();
        self.hear();
        let family = self.step.family.as_ref();
        let output = &self.output;
        let missing = || if alone { Vec::new() } else { survivors::unfinished(family, output) };
        let trace = self.trace.map(|tracer| tracer.finish(missing()));
        if !self.failed {
            self.shared.report(&Report::Exited(exited(self.step, self.started, trace)));
        }
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
                if other == Stop::Executed && pid == self.pid {
                    self.hear();
                }
                go_on(pid, &other, self.mode);
            }
        }
    }

    fn gone(&self, pid: i32, code: Option<i32>, signal: Option<i32>) {
        if pid == self.pid {
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
        let Some(news) = self.news.take() else { return };
        let id = self.step.id;
        let mut said = next_news(news.as_fd());
        if let News::Unfiltered(errno) = said {
            self.trace = Err(refusal(errno));
            said = next_news(news.as_fd());
        }
        let report = match said {
            News::Failed(stage, errno) => Report::Failed { id, stage, errno },
            _ => Report::Started { id, pid: self.pid },
        };
        self.failed = matches!(report, Report::Failed { .. });
        self.shared.report(&report);
    }
}

/// Seizes a child that is ready for it.
fn seized(pid: i32, news: &OwnedFd, mode: Mode) -> Result<Result<(), String>, Failure> {
    match next_news(news.as_fd()) {
        News::Ready => {}
        News::Failed(stage, errno) => return Err((stage, errno)),
        _ => return Ok(Err("it was killed before it started".to_owned())),
    }
    let seized = stops::seize(pid, mode);
    go(news.as_fd(), seized.is_ok());
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

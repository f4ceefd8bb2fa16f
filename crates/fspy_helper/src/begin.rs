//! The beginning of a step's life, whoever watches it, and what is told of its main process.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use fspy_trace::Trace;
use fspy_trace::wire::{Exited, Launch, Report, Stage};

use crate::clock;
use crate::launch::{News, Prepared, Watch, go, next_news};
use crate::shared::Shared;
use crate::step::Step;
use crate::survivors;

/// Why a step did not start.
pub(crate) type Failure = (Stage, i32);

/// The main process of a step, and what is to be told of it.
pub(crate) struct Main<'a> {
    step: &'a Step,
    shared: &'a Shared,
    pub(crate) pid: i32,
    /// Where its news come from; `None` once it is the program, or never will be.
    pub(crate) news: Option<OwnedFd>,
    /// The program could not be executed.
    failed: bool,
    started: Instant,
    /// How the step's output pipes are called.
    pub(crate) output: Vec<Vec<u8>>,
}

/// What a trace begins with.
pub(crate) struct Beginning {
    /// The time, by the clock of files.
    pub(crate) stamp: i64,
    /// Where calls are to be logged, if anywhere.
    pub(crate) log: Option<File>,
}

impl<'a> Main<'a> {
    /// Starts a step's main process, to be watched in this way.
    pub(crate) fn begin(
        step: &'a Step,
        launch: &Launch,
        fds: Vec<OwnedFd>,
        watch: Watch,
        shared: &'a Shared,
    ) -> Result<(Self, Beginning), Failure> {
        let mut fds = fds.into_iter();
        let given = launch.interactive.then(|| fds.next()).flatten();
        let (Some(stdout), Some(stderr)) = (fds.next(), fds.next()) else {
            return Err((Stage::Stdio, libc::EBADF));
        };
        let input = given.as_ref().map_or(shared.null(), AsFd::as_fd);
        let log = fds.next().map(File::from);
        let prepared = Prepared::new(launch, watch).map_err(|_| (Stage::Exec, libc::EINVAL))?;
        let stamp = clock::stamp(&launch.scratch);
        let started = Instant::now();
        let stdio = [input, stdout.as_fd(), stderr.as_fd()];
        let (pid, news) =
            shared.start(step, || prepared.start(stdio)).map_err(|errno| (Stage::Fork, errno))?;
        let output = [&stdout, &stderr].map(|pipe| survivors::pipe_name(pipe.as_fd()));
        let output = output.into_iter().flatten().collect();
        let main = Self { step, shared, pid, news: Some(news), failed: false, started, output };
        Ok((main, Beginning { stamp, log }))
    }

    /// What the process says next; it is waited for.
    pub(crate) fn next_news(&self) -> News {
        self.news.as_ref().map_or(News::Done, |news| next_news(news.as_fd()))
    }

    /// Tells the process, which waits for it, whether it was seized.
    pub(crate) fn go(&self, seized: bool) {
        if let Some(news) = &self.news {
            go(news.as_fd(), seized);
        }
    }

    /// Tells the runner whether the program runs, by the last that the process said, once.
    pub(crate) fn tell(&mut self, last: &News) {
        if self.news.take().is_none() {
            return;
        }
        let id = self.step.id;
        let report = match *last {
            News::Failed(stage, errno) => Report::Failed { id, stage, errno },
            _ => Report::Started { id, pid: self.pid },
        };
        self.failed = matches!(report, Report::Failed { .. });
        self.shared.report(&report);
    }

    /// Tells the runner how the step ended, if it began.
    pub(crate) fn tell_end(&self, trace: Result<Trace, String>) {
        if self.failed {
            return;
        }
        let ended = self.step.ended();
        let wall = ended.map_or(Duration::ZERO, |ended| ended.at.duration_since(self.started));
        self.shared.report(&Report::Exited(Exited {
            id: self.step.id,
            code: ended.and_then(|ended| ended.code),
            signal: ended.and_then(|ended| ended.signal),
            wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            trace,
        }));
    }
}

//! The life of one step, on a thread of its own: launch, listen, report its end, stay for survivors.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fspy_trace::Fidelity;
use fspy_trace::wire::{Launch, Report};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::begin::{Beginning, Failure, Main};
use crate::bell::Bell;
use crate::fast::Fast;
use crate::launch::{News, Watch};
use crate::listen::{Listener, Waiting, refusal};
use crate::probe::Rung;
use crate::shared::Shared;
use crate::stopped;
use crate::survivors;
use crate::tracer::Tracer;
use crate::tree::{Family, kill_family};

/// How long a step's end waits for the processes its main process left behind. Most end with it.
pub(crate) const GRACE: Duration = Duration::from_millis(30);

/// How long what is left of a killed step may take to end by itself, before it is made to: shells
/// start background processes with SIGINT ignored.
const KILLED_GRACE: Duration = Duration::from_secs(2);

/// Signals that mean "end".
const ENDING: [i32; 5] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGKILL];

/// How a main process ended: `waitpid`'s word for it, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) at: Instant,
}

/// What other threads know of a step.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) id: u64,
    pub(crate) family: Arc<Family>,
    /// Main process; 0 before there is one, and after it was reaped.
    pub(crate) main: AtomicI32,
    /// A signal that came before there was a process to send it to.
    pub(crate) early_signal: AtomicI32,
    /// It was told to end: nothing of it may stay.
    pub(crate) doomed: AtomicBool,
    ended: Mutex<Option<Ended>>,
    bell: Bell,
}

impl Step {
    pub(crate) fn new(id: u64) -> std::io::Result<Self> {
        Ok(Self {
            id,
            family: Arc::default(),
            main: AtomicI32::new(0),
            early_signal: AtomicI32::new(0),
            doomed: AtomicBool::new(false),
            ended: Mutex::new(None),
            bell: Bell::new()?,
        })
    }

    /// A signal was asked for. One that comes before there is a process is kept for it.
    pub(crate) fn told(&self, signal: i32) {
        if ENDING.contains(&signal) {
            self.doomed.store(true, Ordering::Release);
        }
        if self.main.load(Ordering::Acquire) == 0 {
            self.early_signal.store(signal, Ordering::Release);
        }
    }

    /// The main process was reaped.
    pub(crate) fn end(&self, ended: Ended) {
        self.main.store(0, Ordering::Release);
        self.family.loses_main();
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
        self.bell.ring();
    }

    /// Whether it is to be killed when the runner goes: survivors of finished steps are not.
    pub(crate) fn must_end(&self) -> bool {
        self.ended().is_none() || self.doomed.load(Ordering::Acquire)
    }

    /// How long what is left of it may go on; `None` for ever.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let doomed = self.doomed.load(Ordering::Acquire);
        let ended = self.ended().filter(|_| doomed)?;
        Some(KILLED_GRACE.saturating_sub(ended.at.elapsed()))
    }

    pub(crate) fn ended(&self) -> Option<Ended> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a step from its request to the end of its last process.
pub(crate) fn live(step: &Step, launch: &Launch, fds: Vec<OwnedFd>, shared: &Shared) {
    if let Rung::Stops(mode) = shared.rung() {
        return stopped::live(step, launch, fds, mode, shared);
    }
    if let Err((stage, errno)) = Life::begin(step, launch, fds, shared).map(Life::run) {
        shared.report(&Report::Failed { id: step.id, stage, errno });
    }
}

struct Life<'a> {
    step: &'a Step,
    main: Main<'a>,
    /// The listener and the trace made from it, or why there is none.
    watch: Result<(Listener, Tracer), String>,
    /// No process is left whose calls are notified.
    alone: bool,
}

impl<'a> Life<'a> {
    fn begin(
        step: &'a Step,
        launch: &Launch,
        fds: Vec<OwnedFd>,
        shared: &'a Shared,
    ) -> Result<Self, Failure> {
        let workshop = shared.workshop().filter(|_| launch.traced);
        // A log is to show every call.
        let quiet = workshop.as_ref().filter(|_| !launch.logged);
        let nameless = quiet.map_or_else(Vec::new, |workshop| workshop.nameless().to_vec());
        let fast = workshop.and_then(Fast::new);
        let way = match (launch.traced, &fast) {
            (false, _) => Watch::None,
            (true, None) => Watch::notified(),
            (true, Some(_)) => Watch::notified_or_recorded(&nameless),
        };
        let (main, Beginning { stamp, log }) = Main::begin(step, launch, fds, way, shared)?;
        let fidelity = Fidelity::Notify;
        let tracer = move || Tracer::new(Arc::clone(&step.family), fidelity, stamp, log, fast);
        let watch = watch(launch.traced.then(|| main.next_news()), tracer)?;
        Ok(Self { step, main, alone: watch.is_err(), watch })
    }

    fn run(mut self) {
        while !self.is_over() {
            self.turn();
        }
        self.hear();
        let survived_by = (!self.alone).then_some(self.step.family.as_ref());
        let (listener, trace) = match self.watch {
            Ok((listener, tracer)) => {
                let output = &self.main.output;
                let missing = survived_by.map(|family| survivors::unfinished(family, output));
                (Some(listener), Ok(tracer.finish(missing.unwrap_or_default())))
            }
            Err(reason) => (None, Err(reason)),
        };
        self.main.tell_end(trace);
        match listener {
            Some(listener) if !self.alone => outlive(self.step, listener),
            _ => end_untraced(self.step),
        }
    }

    fn is_over(&self) -> bool {
        self.step.ended().is_some_and(|ended| self.alone || ended.at.elapsed() >= GRACE)
    }

    /// One wait, and what came of it.
    fn turn(&mut self) {
        let ready = self.wait();
        if ready.call {
            self.answer();
        } else if let Ok((_, tracer)) = &mut self.watch {
            tracer.catch_up();
        }
        if ready.news {
            self.hear();
        }
        self.alone |= ready.hang_up && !ready.call;
    }

    fn wait(&self) -> Ready {
        let ended = self.step.ended();
        let grace = ended.map(|ended| GRACE.saturating_sub(ended.at.elapsed()));
        let patience = self.watch.as_ref().ok().and_then(|(_, tracer)| tracer.patience());
        let timeout = grace.into_iter().chain(patience).min();
        // What hung up, and a bell that has rung, would be ready for ever.
        let listener = self.watch.as_ref().ok().filter(|_| !self.alone);
        let listener = listener.map(|(listener, _)| listener.as_fd());
        let bell = ended.is_none().then(|| self.step.bell.as_fd());
        let news = self.main.news.as_ref().map(AsFd::as_fd);
        let [listener, news, _] = ready([listener, news, bell], timeout);
        Ready {
            call: listener.contains(PollFlags::IN),
            hang_up: listener.contains(PollFlags::HUP),
            news: !news.is_empty(),
        }
    }

    fn answer(&mut self) {
        if let Ok((listener, tracer)) = &mut self.watch
            && let Some(notification) = listener.receive()
        {
            tracer.answer(listener, &notification);
        }
    }

    /// Passes on whether the program runs.
    fn hear(&mut self) {
        let last = self.main.next_news();
        self.main.tell(&last);
    }
}

/// What a wait found.
struct Ready {
    call: bool,
    hang_up: bool,
    news: bool,
}

fn watch(
    news: Option<News>,
    tracer: impl FnOnce() -> Tracer,
) -> Result<Result<(Listener, Tracer), String>, Failure> {
    match news {
        Some(News::Filtered(listener)) => Ok(Ok((Listener::new(listener), tracer()))),
        Some(News::Unfiltered(errno)) => Ok(Err(refusal(errno))),
        Some(News::Failed(stage, errno)) => Err((stage, errno)),
        Some(News::Ready | News::Done) => Ok(Err("it was killed before it started".to_owned())),
        None => Ok(Err("tracing is off for this step".to_owned())),
    }
}

/// Lets survivors' calls proceed until the last is gone: without anybody listening they would fail.
fn outlive(step: &Step, mut listener: Listener) {
    loop {
        let left = step.time_left();
        if left == Some(Duration::ZERO) {
            kill_family(&step.family, libc::SIGKILL);
        }
        let [events] = ready([Some(listener.as_fd())], left.map(|left| left.max(GRACE)));
        if events.contains(PollFlags::IN) {
            if let Some(notification) = listener.receive() {
                listener.proceed(notification.id);
            }
        } else if events.contains(PollFlags::HUP) {
            return;
        }
    }
}

/// What is left of a killed step that nobody listens to is found by looking.
pub(crate) fn end_untraced(step: &Step) {
    while let Some(left) = step.time_left() {
        if step.family.members().is_empty() {
            return;
        }
        if left.is_zero() {
            kill_family(&step.family, libc::SIGKILL);
            return;
        }
        std::thread::sleep(left.min(GRACE));
    }
}

/// Waits until something can be read from one of the descriptors; says what happened to each.
fn ready<const N: usize>(
    fds: [Option<BorrowedFd<'_>>; N],
    timeout: Option<Duration>,
) -> [PollFlags; N] {
    let mut polled: Vec<_> =
        fds.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    // Interrupted or out of memory: nothing is ready, and the caller looks again.
    let _ = poll(&mut polled, timeout.as_ref());
    let mut events = polled.iter().map(PollFd::revents);
    fds.map(|fd| fd.and_then(|_| events.next()).unwrap_or_else(PollFlags::empty))
}

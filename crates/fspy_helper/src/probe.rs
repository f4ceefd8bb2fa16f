//! The self-test: which rung of the ladder this machine allows, found out by tracing a process.

use std::env;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use fspy_trace::Fidelity;
use fspy_trace::wire::RUNG_VARIABLE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::launch::{self, News, Watch, go, next_news, start_test};
use crate::listen::{Listener, Notification, Waiting, refusal};
use crate::memory;
use crate::stops::{self, Mode, NobodyLeft, Stop, Stopped, Wait};
use crate::syscalls::Index;
use crate::thread::{Thread, World};

/// How long the test's one notification may take. It takes microseconds.
const DEADLINE: Duration = Duration::from_secs(5);
/// What the test process looks for.
const PATH: &std::ffi::CStr = c"/taskrunner-self-test";

/// How the steps of this helper are traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rung {
    /// Their calls are notified.
    Notify,
    /// They are stopped by `ptrace`.
    Stops(Mode),
    /// Not at all.
    None,
}

impl Rung {
    pub(crate) fn fidelity(self) -> Fidelity {
        match self {
            Self::Notify => Fidelity::Notify,
            Self::Stops(Mode::Filter) => Fidelity::PtraceFilter,
            Self::Stops(Mode::Every) => Fidelity::Ptrace,
            Self::None => Fidelity::None,
        }
    }
}

/// Finds out whether a rung holds, or why not.
type Test = fn() -> Result<(), String>;

/// From the best to the one that needs least.
const LADDER: [(Rung, Test); 3] = [
    (Rung::Notify, by_notification),
    (Rung::Stops(Mode::Filter), || by_stops(Mode::Filter)),
    (Rung::Stops(Mode::Every), || by_stops(Mode::Every)),
];

/// The highest rung that holds, and why none of those above does.
pub(crate) fn ladder() -> (Rung, Option<String>) {
    let mut why = Vec::new();
    let highest = highest();
    if highest > 0 {
        why.push(format!("{RUNG_VARIABLE} asks for it"));
    }
    for (rung, test) in LADDER.into_iter().skip(highest) {
        match test() {
            Ok(()) => return (rung, (!why.is_empty()).then(|| why.join("; "))),
            Err(reason) if why.contains(&reason) => {}
            Err(reason) => why.push(reason),
        }
    }
    (Rung::None, Some(why.join("; ")))
}

/// Number of the highest rung to try, as the environment may say.
fn highest() -> usize {
    match env::var(RUNG_VARIABLE).as_deref() {
        Ok("ptrace-filter") => 1,
        Ok("ptrace") => 2,
        _ => 0,
    }
}

fn by_notification() -> Result<(), String> {
    test(&Watch::notified(), |_, news| notified(news))
}

fn by_stops(mode: Mode) -> Result<(), String> {
    test(&Watch::by_stops(mode), |pid, news| {
        if !matches!(next_news(news.as_fd()), News::Ready) {
            return Err("the test process died".to_owned());
        }
        let refused = |error| format!("the kernel refused to trace a process: {error}");
        stops::seize(pid, mode).map_err(refused)?;
        go(news.as_fd(), true);
        stopped(mode)
    })
}

/// Runs a test process, and ends it.
fn test(
    watch: &Watch,
    look: impl FnOnce(i32, &OwnedFd) -> Result<(), String>,
) -> Result<(), String> {
    let (pid, news) = start_test(watch, PATH)
        .map_err(|error| format!("no process could be started to test tracing with: {error}"))?;
    let result = look(pid, &news);
    launch::kill(pid);
    // Without the socket it waits for nothing any more.
    drop(news);
    let _ = Pid::from_raw(pid).map(|pid| waitpid(Some(pid), WaitOptions::empty()));
    result
}

fn notified(news: &OwnedFd) -> Result<(), String> {
    let mut listener = match next_news(news.as_fd()) {
        News::Filtered(listener) => Listener::new(listener),
        News::Unfiltered(errno) => return Err(refusal(errno)),
        News::Ready | News::Failed(..) | News::Done => {
            return Err("the test process died".to_owned());
        }
    };
    let notification = loop {
        if !becomes_readable(&listener) {
            return Err("the kernel reported no call of the test process".to_owned());
        }
        if let Some(notification) = listener.receive() {
            break notification;
        }
    };
    understood(&notification)?;
    if listener.is_valid(notification.id) && listener.proceed(notification.id) {
        return Ok(());
    }
    Err("the kernel forgot a call that waited for its answer".to_owned())
}

/// The test process's one call of interest, among the stops of this thread's only tracee.
fn stopped(mode: Mode) -> Result<(), String> {
    let index = Index::new();
    loop {
        match stops::next(Wait::ForOne) {
            Ok(Some((tid, Stop::Call))) => {
                let call = stops::call(tid);
                if let Some(call) = call.filter(|call| index.get(call).is_some()) {
                    return understood(&call);
                }
                Stopped { tid, mode }.proceed(0);
            }
            Ok(Some((_, Stop::Gone { .. }))) | Err(NobodyLeft) => {
                return Err("the kernel stopped no call of the test process".to_owned());
            }
            Ok(Some((tid, Stop::Other(signal)))) => _ = stops::resume(tid, mode, signal),
            Ok(Some((tid, _))) => _ = stops::resume(tid, mode, 0),
            Ok(None) => {}
        }
    }
}

fn understood(call: &Notification) -> Result<(), String> {
    let path = call.args.get(1).map(|&address| memory::string(call.tid, address));
    if path != Some(Ok(PATH.to_bytes().to_vec())) {
        return Err("the memory of traced processes can't be read here".to_owned());
    }
    if World::of(Thread(call.tid)).is_none() {
        return Err("`/proc` tells nothing of traced processes here".to_owned());
    }
    Ok(())
}

fn becomes_readable(listener: &Listener) -> bool {
    let mut polled = [PollFd::new(listener, PollFlags::IN)];
    let timeout = Timespec::try_from(DEADLINE).ok();
    rustix::io::retry_on_intr(|| poll(&mut polled, timeout.as_ref())).is_ok_and(|_| true)
        && polled.iter().any(|fd| fd.revents().contains(PollFlags::IN))
}

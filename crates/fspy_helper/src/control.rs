//! The main thread: the runner's requests, the dead, and the end.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use fspy_trace::channel::{Received, receive};
use fspy_trace::wire::{Launch, Report, Request, Stage};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, WaitOptions, WaitStatus, getppid, pidfd_open, wait};

use crate::deaths::Deaths;
use crate::probe::Rung;
use crate::shared::Shared;
use crate::step::{Ended, Step, live};
use crate::stops::reap_orphan;
use crate::tree::mark;

/// Enough for the deepest of a step's calls, which keep their paths on the heap.
const STACK: usize = 512 * 1024;

/// Serves until the runner is gone and so are all processes of traced steps.
pub(crate) fn serve(shared: &Arc<Shared>, deaths: &Deaths) {
    // Without a pidfd the socket's end is how the runner's death shows.
    let runner = getppid().and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let mut open = true;
    while open || !shared.is_idle() {
        let ready = wait_for_news(shared, deaths, runner.as_ref(), open);
        if ready.bell {
            shared.bell().quiet();
        }
        if ready.deaths {
            deaths.clear();
            reap(shared);
        }
        if open && ((ready.requests && !take_requests(shared)) || ready.runner) {
            open = false;
            shared.close();
        }
        if open {
            shared.flush();
        }
    }
}

/// What a wait found.
#[expect(clippy::struct_excessive_bools, reason = "four independent things to look at")]
struct Ready {
    requests: bool,
    runner: bool,
    deaths: bool,
    bell: bool,
}

fn wait_for_news(shared: &Shared, deaths: &Deaths, runner: Option<&OwnedFd>, open: bool) -> Ready {
    let unsent = if shared.flush() { PollFlags::empty() } else { PollFlags::OUT };
    let mut polled =
        vec![PollFd::new(deaths, PollFlags::IN), PollFd::new(shared.bell(), PollFlags::IN)];
    if open {
        let control = shared.control();
        polled.push(PollFd::from_borrowed_fd(control, PollFlags::IN | unsent));
        polled.extend(runner.map(|runner| PollFd::new(runner, PollFlags::IN)));
    }
    // Interrupted or out of memory: nothing is ready, and the caller waits again.
    let _ = poll(&mut polled, None);
    let mut readable =
        polled.iter().map(|fd| fd.revents().intersects(!PollFlags::OUT & PollFlags::all()));
    let mut next = || readable.next().unwrap_or(false);
    let (deaths, bell, requests, runner) = (next(), next(), next(), next());
    Ready { requests, runner, deaths, bell }
}

/// Does what the runner asks. False once it will ask no more.
fn take_requests(shared: &Arc<Shared>) -> bool {
    loop {
        match receive(shared.control()) {
            Ok(Received::Message(Request::Launch(launch), fds)) => begin(shared, launch, fds),
            Ok(Received::Message(Request::Kill { id, signal }, _)) => shared.kill(id, signal),
            Ok(Received::Nothing) => return true,
            // What can't be understood can't be served: as good as gone.
            Ok(Received::Closed) | Err(_) => return false,
        }
    }
}

fn begin(shared: &Arc<Shared>, launch: Launch, fds: Vec<OwnedFd>) {
    let id = launch.id;
    if let Err(error) = try_begin(shared, launch, fds) {
        let errno = error.raw_os_error().unwrap_or(libc::EAGAIN);
        shared.report(&Report::Failed { id, stage: Stage::Fork, errno });
    }
}

fn try_begin(shared: &Arc<Shared>, mut launch: Launch, fds: Vec<OwnedFd>) -> io::Result<()> {
    let step = Arc::new(Step::new(launch.id)?);
    if !launch.traced {
        step.family.is_marked(mark(launch.id));
        launch.env.push(mark(launch.id));
    }
    if !shared.add(&step) {
        return Ok(());
    }
    let (known, own) = (Arc::clone(&step), Arc::clone(shared));
    let body = move || {
        live(&step, &launch, fds, &own);
        own.remove(&step);
    };
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(body)
        .map(drop)
        .inspect_err(|_| shared.remove(&known))
}

/// Waits for every child that is dead, the steps' and the orphans this program inherited.
///
/// Where steps are stopped by `ptrace`, their threads reap their own, and only orphans are left.
fn reap(shared: &Shared) {
    if matches!(shared.rung(), Rung::Stops(_)) {
        while reap_orphan() {}
        return;
    }
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        shared.reaped(Pid::as_raw(Some(pid)), ended(status));
    }
}

fn ended(status: WaitStatus) -> Ended {
    Ended { code: status.exit_status(), signal: status.terminating_signal(), at: Instant::now() }
}

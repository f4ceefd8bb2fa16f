//! The self-test: whether this machine lets a step be traced, found out by tracing a process.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::launch::{News, next_news, start_test};
use crate::listen::{Listener, refusal};
use crate::memory;
use crate::thread::{Thread, World};
use crate::{filter, launch};

/// How long the test's one notification may take. It takes microseconds.
const DEADLINE: Duration = Duration::from_secs(5);
/// What the test process looks for.
const PATH: &std::ffi::CStr = c"/taskrunner-self-test";

/// Why steps can't be traced here; `None` if they can.
pub(crate) fn obstacle() -> Option<String> {
    match start_test(&filter::program(), PATH) {
        Ok((pid, news)) => {
            let obstacle = watch(&news).err();
            launch::kill(pid);
            let _ = Pid::from_raw(pid).map(|pid| waitpid(Some(pid), WaitOptions::empty()));
            obstacle
        }
        Err(error) => Some(format!("no process could be started to test tracing with: {error}")),
    }
}

fn watch(news: &OwnedFd) -> Result<(), String> {
    let mut listener = match next_news(news.as_fd()) {
        News::Filtered(listener) => Listener::new(listener),
        News::Unfiltered(errno) => return Err(refusal(errno)),
        News::Failed(..) | News::Done => return Err("the test process died".to_owned()),
    };
    let notification = loop {
        if !becomes_readable(&listener) {
            return Err("the kernel reported no call of the test process".to_owned());
        }
        if let Some(notification) = listener.receive() {
            break notification;
        }
    };
    let tid = notification.tid;
    let path = notification.args.get(1).map(|&address| memory::string(tid, address));
    if path != Some(Ok(PATH.to_bytes().to_vec())) {
        return Err("the memory of traced processes can't be read here".to_owned());
    }
    if World::of(Thread(tid)).is_none() {
        return Err("`/proc` tells nothing of traced processes here".to_owned());
    }
    if listener.is_valid(notification.id) && listener.proceed(notification.id) {
        return Ok(());
    }
    Err("the kernel forgot a call that waited for its answer".to_owned())
}

fn becomes_readable(listener: &Listener) -> bool {
    let mut polled = [PollFd::new(listener, PollFlags::IN)];
    let timeout = Timespec::try_from(DEADLINE).ok();
    rustix::io::retry_on_intr(|| poll(&mut polled, timeout.as_ref())).is_ok_and(|_| true)
        && polled.iter().any(|fd| fd.revents().contains(PollFlags::IN))
}

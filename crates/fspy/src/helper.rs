//! The helper process as seen from the runner: start it, talk to it, let it go.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fspy_trace::Fidelity;
use fspy_trace::channel::{self, Packet, Received, receive};
use fspy_trace::wire::{Report, Request, VERSION};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::error::{Attempt, Error, is_hang_up};

/// How long the helper may take to introduce itself; its self-test has a shorter deadline.
const HELLO_DEADLINE: Duration = Duration::from_secs(30);
/// How long a request may wait for room in the socket: the helper always reads, unless it is stopped.
const SEND_DEADLINE: Duration = Duration::from_secs(30);
/// How long dropping a helper waits for it to end; with survivors to look after it does not.
const FAREWELL: Duration = Duration::from_millis(200);
/// Between two looks at whether it has ended.
const GLANCE: Duration = Duration::from_millis(1);

/// The running helper.
#[derive(Debug)]
pub(crate) struct Helper {
    control: Option<OwnedFd>,
    child: Child,
    pub(crate) fidelity: Fidelity,
    pub(crate) reason: Option<String>,
}

impl Helper {
    /// Starts it, with the preload library if that is to be used, and waits for its first word.
    pub(crate) fn start(program: &Path, preload: Option<&Path>) -> Result<Self, Error> {
        let (ours, theirs) = channel::pair().attempt("make the tracer's control socket")?;
        set_socket_timeout(&ours, Timeout::Send, Some(SEND_DEADLINE))
            .attempt("set up the tracer's control socket")?;
        let child = Command::new(program)
            .args(preload)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| Error::Start { helper: program.to_path_buf(), source })?;
        let (fidelity, reason) = (Fidelity::None, None);
        let mut helper = Self { control: Some(ours), child, fidelity, reason };
        (helper.fidelity, helper.reason) = helper.hello(program.to_path_buf())?;
        Ok(helper)
    }

    fn hello(&mut self, helper: PathBuf) -> Result<(Fidelity, Option<String>), Error> {
        let why = match self.wait_for_first() {
            Ok(Report::Hello { version: VERSION, fidelity, reason }) => {
                return Ok((fidelity, reason));
            }
            Ok(Report::Hello { version, .. }) => {
                format!("it speaks version {version} of the protocol, not {VERSION}")
            }
            Ok(_) => "it does not introduce itself".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(Error::NoAnswer { helper, why })
    }

    fn wait_for_first(&mut self) -> io::Result<Report> {
        let control = self.control().ok_or(io::ErrorKind::NotConnected)?;
        let mut polled = [PollFd::from_borrowed_fd(control, PollFlags::IN)];
        let timeout = Timespec::try_from(HELLO_DEADLINE).map_err(io::Error::other)?;
        rustix::io::retry_on_intr(|| poll(&mut polled, Some(&timeout)))?;
        match receive(control)? {
            Received::Message(report, _) => Ok(report),
            Received::Nothing => Err(io::ErrorKind::TimedOut.into()),
            Received::Closed => {
                Err(io::Error::other(format!("it ended at once, {}", self.child.wait()?)))
            }
        }
    }

    /// The control socket, until the helper is lost.
    pub(crate) fn control(&self) -> Option<BorrowedFd<'_>> {
        self.control.as_ref().map(AsFd::as_fd)
    }

    /// Sends a request.
    pub(crate) fn request(&self, request: &Request, fds: Vec<OwnedFd>) -> Result<(), Error> {
        let packet = Packet::new(request, fds).attempt("write a request to the tracer's helper")?;
        match packet.send(self.control().ok_or(Error::HelperGone)?) {
            Err(error) if is_hang_up(&error) => Err(Error::HelperGone),
            result => result.attempt("send a request to the tracer's helper"),
        }
    }

    /// The helper is not to be talked to any more.
    pub(crate) fn lose(&mut self) {
        self.control = None;
        let _ = self.child.try_wait();
    }
}

impl Drop for Helper {
    /// The end of the socket tells it to go. It ends at once if it has nobody left to look after;
    /// else it is left behind, and becomes somebody else's child when this process ends.
    fn drop(&mut self) {
        self.control = None;
        let until = Instant::now() + FAREWELL;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(GLANCE);
        }
    }
}

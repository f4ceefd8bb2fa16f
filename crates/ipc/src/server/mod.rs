//! The runner's side of one step: its channel, its hint file, and what came in by either.
//!
//! The run loop owns a [`StepHints`] from before the step starts until after it has ended:
//!
//! 1. [`StepHints::open`]; give the step [`StepHints::variables`].
//! 2. When [`StepHints::fd`] is readable: [`StepHints::poll_ready`]. Statements are acknowledged
//!    already; each question wants one [`StepHints::reply`].
//! 3. When the step has exited: [`StepHints::close_channel`], then, off the run loop,
//!    [`StepHints::read_file`].
//! 4. [`StepHints::tally`]: what was wrong, and whether a hint may have been lost.

mod accept;
mod channel;
mod conn;
mod dialogue;
mod hint_file;
mod intake;
mod run_dir;
mod watch;

use std::ffi::OsString;
use std::io;
use std::os::fd::BorrowedFd;

use crate::fault::Tally;
use crate::message::Message;
use crate::names;
use crate::reply::Reply;
pub use channel::{Channel, ConnId};
pub use hint_file::HintFile;
pub use intake::{Intake, MAX_DISTINCT, MAX_DISTINCT_BYTES};
pub use run_dir::RunDir;

/// How a message came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Over this connection of the channel. A question waits there for its reply.
    Connection(ConnId),
    /// In the hint file. A question was answered from the tool's own environment.
    File,
    /// In the hint file. A question was answered from the snapshot of the runner's environment.
    Snapshot,
}

/// One message, the first of its kind in this step: repetitions are not handed out again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// How it came in, and where a reply goes.
    pub source: Source,
    /// What it says.
    pub message: Message,
}

/// All that one step can say to the runner.
#[derive(Debug)]
pub struct StepHints {
    channel: Option<Channel>,
    file: HintFile,
    intake: Intake,
}

impl StepHints {
    /// Makes the channel and hint file of step `step` in `dir`.
    pub fn open(dir: &RunDir, step: u64) -> io::Result<Self> {
        let channel = if dir.has_sockets() {
            Some(Channel::create(&dir.path().join(format!("{step}.s")))?)
        } else {
            None
        };
        let file = HintFile::create(&dir.path().join(format!("{step}.ndjson")))?;
        Ok(Self { channel, file, intake: Intake::default() })
    }

    /// The variables that name them, to be set in the step's environment.
    pub fn variables(&self) -> Vec<(&'static str, OsString)> {
        let mut all = vec![
            (names::HINT_FILE, self.file.path().into()),
            (names::HINT_FILE_PROTOCOL, names::HINT_FILE_VERSION.into()),
        ];
        if let Some(channel) = &self.channel {
            all.push((names::CHANNEL, channel.address().into()));
        }
        all
    }

    /// Readable when there is something for [`Self::poll_ready`]: an epoll of its own, to be nested
    /// level-triggered in another. `None` without a channel, and after it was closed.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.channel.as_ref().and_then(Channel::fd)
    }

    /// Does what can be done without waiting, a bounded amount of it, and hands out what is new.
    pub fn poll_ready(&mut self) -> Vec<Request> {
        self.channel.as_mut().map_or_else(Vec::new, |c| c.poll_ready(&mut self.intake))
    }

    /// Answers the question that `conn` asked. Nothing happens if it is gone.
    pub fn reply(&mut self, conn: ConnId, reply: &Reply) {
        if let Some(channel) = &mut self.channel {
            channel.reply(conn, reply, &mut self.intake);
        }
    }

    /// Reads what has been written to the channel by now, without waiting, and closes it.
    pub fn close_channel(&mut self) -> Vec<Request> {
        self.channel.as_mut().map_or_else(Vec::new, |c| c.finish(&mut self.intake))
    }

    /// Connections that were still open when the channel was closed.
    pub fn left_open(&self) -> usize {
        self.channel.as_ref().map_or(0, Channel::left_open)
    }

    /// How much there is to read in the hint file, in bytes.
    pub fn file_size(&self) -> u64 {
        self.file.size()
    }

    /// Reads the hint file to its end, and removes it. May take a second for a huge one.
    pub fn read_file(&mut self) -> Vec<Request> {
        self.file.finish(&mut self.intake)
    }

    /// What was wrong so far.
    pub fn tally(&self) -> &Tally {
        self.intake.tally()
    }
}

//! What the engine tells the run loop.

use std::time::Duration;

use cache::{Restored, StepId};
use ipc::Tally;
use ipc::server::Request;
use policy::NotCached;

/// How a command ended: exit code, or the signal that ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Exit code, if it exited.
    pub code: Option<i32>,
    /// Signal, if one ended it.
    pub signal: Option<i32>,
}

/// What came of a step's hints, besides the hints themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// What was wrong with them.
    pub tally: Tally,
    /// Connections that were still open at the end.
    pub left_open: usize,
    /// Variables that its programs looked up in their own environment and did not find, as far as
    /// that was seen.
    pub looked_up: Vec<Vec<u8>>,
}

/// One event; each names its step.
#[derive(Debug)]
pub enum Event {
    /// Another runner is at work on this step; it is waited for.
    Waiting(StepId),
    /// Its tools can be heard from now on. It was given these variables besides its own.
    Opened(StepId, Vec<Vec<u8>>),
    /// Its tools said something. Each question on the channel wants an answer.
    Hints(StepId, Vec<Request>),
    /// The command runs.
    Started(StepId),
    /// It wrote something: 1 standard output, 2 standard error.
    Output(StepId, u8, Vec<u8>),
    /// It ended; all hints were handed out before.
    Exited(StepId, Exit, Duration, Heard),
    /// It was judged: what depends on it may start. The reason, if it will not be stored.
    Judged(StepId, Option<NotCached>),
    /// It was stored; or why not.
    Stored(StepId, Option<NotCached>),
    /// Its hit was restored. The log is kept for [`crate::Engine::replay`].
    Restored(StepId, Restored),
    /// Its hit could not be restored, and why: it must run.
    NotRestored(StepId, String),
    /// It could not be started, and why; with the exit code a shell would give, if there is one.
    Failed(StepId, String, Option<i32>),
    /// The helper process was lost while it ran.
    HelperLost(StepId),
}

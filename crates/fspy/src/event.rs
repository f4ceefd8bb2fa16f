//! What goes into the tracer and what comes out of it.

use std::time::Duration;

use fspy_trace::Trace;

use crate::error::SpawnError;

/// A step to start. All text is raw bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spawn {
    /// Names the step in every event about it; unique within one supervisor.
    pub id: u64,
    /// Program and arguments. A program without a slash is looked for in `PATH`, as set in `env`.
    pub argv: Vec<Vec<u8>>,
    /// The whole environment; nothing is inherited.
    pub env: Vec<(Vec<u8>, Vec<u8>)>,
    /// Working directory.
    pub cwd: Vec<u8>,
    /// Whether to trace it.
    pub traced: bool,
    /// Whether it is given this process's own input and outputs instead of `/dev/null` and pipes:
    /// there are no output events then.
    pub interactive: bool,
}

/// One of a step's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a step's main process ended: exactly one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
}

/// Why there is no trace of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untraced {
    /// In words.
    pub reason: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The step's program runs.
    Started {
        /// The step.
        id: u64,
        /// Its main process, which leads a process group of its own.
        pid: i32,
    },
    /// The step wrote something.
    Output {
        /// The step.
        id: u64,
        /// Where to.
        stream: Stream,
        /// What; never empty.
        data: Vec<u8>,
    },
    /// The step's main process ended. All it wrote was handed out before; nothing follows.
    Exited {
        /// The step.
        id: u64,
        /// How it ended.
        exit: Exit,
        /// From start to end.
        wall: Duration,
        /// What it did with files.
        trace: Result<Trace, Untraced>,
    },
    /// The step could not be started; nothing follows.
    SpawnFailed {
        /// The step.
        id: u64,
        /// Why.
        error: SpawnError,
    },
    /// A descriptor that was added by `Supervisor::watch` can be read from.
    Ready {
        /// The number it was added with.
        key: u32,
    },
    /// The helper is gone, and with it these steps, whose processes were killed as far as they are
    /// known. Nothing follows, and nothing can be started any more.
    HelperLost {
        /// The steps that were running.
        ids: Vec<u64>,
    },
}

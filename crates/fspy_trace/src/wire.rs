//! What runner and helper say to each other. Both come from one build: the version is checked
//! once, in [`Report::Hello`], and unlike versions do not talk.

use serde::{Deserialize, Serialize};

use crate::trace::{Fidelity, Trace};

/// Version of every type in this module and in [`crate::Trace`].
pub const VERSION: u32 = 5;

/// Environment variable that names the highest rung of the ladder to try: `notify` or `fast`,
/// `ptrace-filter`, `ptrace`. Read by runner and helper.
pub const RUNG_VARIABLE: &str = "TASKRUNNER_TRACER";

/// From the runner to the helper. The runner's going away is the end of the control socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Start a step. File descriptors: stdin if [`Launch::interactive`], stdout, stderr, and the
    /// call log if [`Launch::logged`].
    Launch(Launch),
    /// Send a signal to every process of a step.
    Kill {
        /// The step.
        id: u64,
        /// Signal number.
        signal: i32,
    },
}

/// A step to start, complete: the helper adds nothing of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// Chosen by the runner, unique within the helper's life.
    pub id: u64,
    /// Whether to trace it.
    pub traced: bool,
    /// Whether a call log is wanted; see [`Request::Launch`].
    pub logged: bool,
    /// Whether it reads from the first descriptor; else from `/dev/null`.
    pub interactive: bool,
    /// Absolute path, or one relative to `cwd`, of the program.
    pub program: Vec<u8>,
    /// Arguments, the program's own name first.
    pub argv: Vec<Vec<u8>>,
    /// `NAME=value`, the whole environment.
    pub env: Vec<Vec<u8>>,
    /// Working directory.
    pub cwd: Vec<u8>,
    /// Directory on a file system whose clock tells when the step started.
    pub scratch: Vec<u8>,
}

/// From the helper to the runner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// The first message: the helper is there.
    Hello {
        /// [`VERSION`] of the helper.
        version: u32,
        /// What tracing can do on this machine.
        fidelity: Fidelity,
        /// Why it is not complete.
        reason: Option<String>,
    },
    /// The step's program runs.
    Started {
        /// The step.
        id: u64,
        /// Its main process, which leads a session and a process group of its own.
        pid: i32,
    },
    /// The step could not be started.
    Failed {
        /// The step.
        id: u64,
        /// What was being done.
        stage: Stage,
        /// Why it failed.
        errno: i32,
    },
    /// The step's main process is gone.
    Exited(Exited),
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exited {
    /// The step.
    pub id: u64,
    /// Exit code, if it exited.
    pub code: Option<i32>,
    /// Signal, if it was killed by one.
    pub signal: Option<i32>,
    /// From start to end of the main process.
    pub wall_ns: u64,
    /// What it did, or why that is not known.
    pub trace: Result<Trace, String>,
}

/// The steps of starting a process, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// A thread, pipe or process could not be made.
    Fork,
    /// Changing to the working directory.
    Chdir,
    /// Wiring up standard input, output and error.
    Stdio,
    /// Executing the program.
    Exec,
}

/// The bytes of a message.
///
/// # Errors
/// Out of memory, in effect: every type here can be encoded.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_stdvec(message)
}

/// A message from its bytes.
///
/// # Errors
/// The bytes are not those of such a message.
pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, postcard::Error> {
    postcard::from_bytes(bytes)
}

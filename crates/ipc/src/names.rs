//! Environment variables of the protocol, its version, and every limit and deadline in it.

use std::time::Duration;

/// Path of the step's Unix socket. Set for every cached step where sockets can be made.
pub const CHANNEL: &str = "TASKRUNNER_CHANNEL";

/// Path of the step's hint file: append-only lines of JSON. The name is the one that the published
/// `@visulima/task-runner-client` reads.
pub const HINT_FILE: &str = "TASK_RUNNER_HINTS";

/// Version of the hint file's format, set beside [`HINT_FILE`].
pub const HINT_FILE_PROTOCOL: &str = "TASK_RUNNER_PROTOCOL";

/// What [`HINT_FILE_PROTOCOL`] is set to.
pub const HINT_FILE_VERSION: &str = "1";

/// Path of a private copy of the runner's environment, for tools that may not use sockets.
pub const SNAPSHOT: &str = "TASKRUNNER_ENV_SNAPSHOT";

/// Path of the Node addon that `@voidzero-dev/vite-task-client` loads.
pub const NODE_CLIENT: &str = "VP_RUN_NODE_CLIENT_PATH";

/// Every variable of the protocol: a runner inside a step takes them out of what it passes on.
pub const ALL: [&str; 5] = [CHANNEL, HINT_FILE, HINT_FILE_PROTOCOL, SNAPSHOT, NODE_CLIENT];

/// Whether a variable is one of the protocol's.
#[must_use]
pub fn is_protocols(name: &[u8]) -> bool {
    ALL.iter().any(|ours| ours.as_bytes() == name)
}

/// Version of frames and verbs. New verbs and new trailing fields do not raise it.
pub const VERSION: u32 = 1;

/// Longest body of a frame from a tool, in bytes.
pub const MAX_FRAME: usize = 1 << 20;

/// Longest body of a frame from the runner: an environment is at most about 6 MiB on Linux.
pub const MAX_REPLY: usize = 16 << 20;

/// Longest line of a hint file, without its newline.
pub const MAX_LINE: usize = 1 << 20;

/// Longest path, with a NUL at its end: what a system call takes. Resolving longer ones would only
/// cost time.
pub const MAX_PATH: usize = 4096;

/// Most fields a message may have; version 1 uses two.
pub const MAX_FIELDS: usize = 8;

/// Most fields a reply may have.
pub const MAX_REPLY_FIELDS: usize = 1 << 17;

/// How long a client waits to be connected.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// How long a client waits for a message to be taken, and again for its answer.
pub const REPLY_DEADLINE: Duration = Duration::from_secs(30);

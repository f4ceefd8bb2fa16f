//! The tracer: starts commands under the helper program, and hands out their output, their exit
//! and the folded trace of the files they touched, through one place to wait.
//!
//! How a command is traced is not visible here but for the [`Fidelity`] of its trace.

mod asked;
mod error;
mod event;
mod helper;
mod output;
mod program;
mod supervisor;
mod touched;
mod waker;

pub use error::{Error, SpawnError};
pub use event::{Event, Exit, Spawn, Stream, Untraced};
pub use fspy_trace::{Change, Fidelity, Incomplete, Listed, Op, Peer, Record, Seen, State, Trace};
pub use supervisor::Supervisor;
pub use touched::{Touched, fidelity_word, incomplete_word, peer_word, touched};
pub use waker::Waker;

/// The helper program that was built along with this crate: for tests. What is installed knows
/// where its own is.
pub const BUILT_HELPER: &str = env!("FSPY_HELPER");

/// The preload library that was built along with it: for tests, too.
pub const BUILT_PRELOAD: &str = env!("FSPY_PRELOAD");

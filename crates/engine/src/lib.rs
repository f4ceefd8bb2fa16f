//! The run loop's native side: tracer, cache and worker pool behind one queue of events.
//!
//! The caller decides what happens next (check, restore, run, record); everything that takes
//! longer than a millisecond happens on the pool or in the helper process, and is told as an event.

mod engine;
mod event;
mod hints;
mod jobs;
mod pool;

pub use engine::{Engine, OpenError, Options};
pub use event::{Event, Exit, Heard};
pub use ipc::server::{ConnId, Request, Source};
pub use ipc::{Refusal, Reply};

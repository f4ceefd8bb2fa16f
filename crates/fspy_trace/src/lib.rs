//! The vocabulary of the tracer: what was seen, and how single observations fold into a trace; and
//! the wire between the runner and the helper program that does the seeing.
//!
//! No policy: which observation matters to a cache is decided elsewhere.

mod attempts;
pub mod channel;
mod fold;
mod trace;
pub mod wire;

pub use fold::Fold;
pub use trace::{
    Change, FORMAT, Fidelity, Incomplete, Listed, Op, Peer, Record, Seen, State, Trace,
};

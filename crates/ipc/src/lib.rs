//! Hints: what a tool tells the runner while it runs, and what it asks of it.
//!
//! The vocabulary ([`Message`], [`Reply`]), the two ways in (frames on a Unix socket, lines in a
//! file), a blocking [`client`] and the runner's [`server`] side. What a hint *means* is decided
//! elsewhere; this crate moves it, whole or counted as lost. `docs/protocol.md` is the
//! specification for clients in other languages.

pub mod client;
pub mod env_glob;
mod fault;
mod field;
pub mod frame;
pub mod hint_line;
mod message;
pub mod names;
mod reply;
pub mod server;
pub mod snapshot;

pub use fault::{Fault, Tally};
pub use message::{Message, Verb};
pub use reply::{Refusal, Reply};

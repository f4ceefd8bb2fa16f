//! The rules of the cache: what of a trace is an input, what is an output, what forbids storing.
//!
//! Everything here is a pure function of its arguments; whoever asks supplies the world (files,
//! digests, ownership) through [`World`]. The rules themselves are stated in `docs/semantics.md`.

mod changed;
mod complete;
mod hinted;
mod judge;
mod noise;
mod observed;
mod pathset;
mod place;
mod reason;
mod rules;
mod switch;
mod value;
mod variables;
mod zone;

pub use hinted::Hinted;
pub use judge::{Facts, Judgement, KeptMode, Output, OutputKind, World, judge, lookup_value};
pub use noise::Noise;
pub use pathset::{Asked, Look, Op, PathSet};
pub use place::{Place, Root, Roots};
pub use reason::{Miss, MissKind, NotCached, NotCachedKind};
pub use rules::{PatternError, Rules};

pub use switch::{RULES, is_on, switch_off};
pub use value::{Value, listing_value, mode_class, strong_fingerprint};
pub use variables::changed_variable;
pub use zone::{Zone, is_foundation, is_tool_state, is_unlisted_name, zone_of};

/// Version of everything that is stored: part of every weak fingerprint, so that entries of
/// different versions never meet.
pub const FORMAT: u32 = 8;

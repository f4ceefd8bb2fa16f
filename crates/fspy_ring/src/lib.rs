//! The memory that the preload library and the tracer's helper share: a bounded ring of records.
//!
//! Any number of threads of any number of processes write; the helper alone reads. A writer never
//! waits: without room, it makes its call where the helper sees it. Any writer may die or be
//! interrupted between any two instructions, and any may write nonsense: the reader trusts nothing.
//!
//! No std, no libc, no allocation: half of its users are in the middle of somebody else's program.
#![no_std]
#![expect(
    unsafe_code,
    reason = "memory shared with other processes is read and written by address"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::trivially_copy_pass_by_ref,
    reason = "positions lie within a megabyte; a writer stays where it is"
)]

#[cfg(test)]
extern crate std;

mod fingerprint;
mod layout;
#[cfg(feature = "reader")]
mod reader;
mod text;
mod writer;

pub use fingerprint::{Fingerprint, hash};
pub use layout::{
    BYTES, Entrance, Entry, FAST, HANDSHAKE_DIR, Handshake, LIST, LONGEST, LONGEST_NAME, MAX_SITES,
    NUMBER, PAGE, PAGE_EXIT, REPORT_DIR, REPORTED_WORDS, Site, SiteKind, VARIABLE,
};
#[cfg(feature = "reader")]
pub use reader::{Broken, Reader, Record};
pub use text::{text_word, words};
pub use writer::{NoRoom, Writer};

#[cfg(all(test, feature = "reader"))]
mod tests;

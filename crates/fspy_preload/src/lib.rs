//! The tracer's preload library, which will take file calls off the kernel's slow path.
//!
//! **Nothing injects it yet.** It has no constructor, wraps nothing and calls nothing: loaded into a
//! process it does not do anything. What it carries is the mark by which a supervisor will know
//! which trace format a library it finds belongs to: an ELF note and an exported symbol.
//!
//! As shipped (feature `freestanding`) it needs no library and no symbol of any libc, so it can be
//! loaded into any program of its architecture.
#![cfg_attr(feature = "freestanding", no_std)]
#![expect(unsafe_code, reason = "a named symbol and a section are the whole of it")]

/// The trace format this library belongs to: `fspy_trace::FORMAT`, checked by fspy's tests.
const FORMAT: u32 = 1;

/// The same as the ELF note, for whoever has the library loaded.
#[unsafe(no_mangle)]
pub static TASKRUNNER_PRELOAD_FORMAT: u32 = FORMAT;

/// Owner of the note, padded to four bytes as the format demands.
const OWNER: [u8; 12] = *b"taskrunner\0\0";
/// Length of the owner's name with its NUL.
const OWNER_LENGTH: u32 = 11;
/// The note's only type: its description is the format's number.
const TYPE_FORMAT: u32 = 1;

/// An ELF note as it lies in the file.
#[repr(C, align(4))]
pub struct Note {
    owner_length: u32,
    description_length: u32,
    kind: u32,
    owner: [u8; 12],
    description: u32,
}

/// The note.
#[used]
#[unsafe(link_section = ".note.taskrunner")]
pub static NOTE: Note = Note {
    owner_length: OWNER_LENGTH,
    description_length: 4,
    kind: TYPE_FORMAT,
    owner: OWNER,
    description: FORMAT,
};

/// Nothing here can panic; a library without `std` must say what would happen.
#[cfg(feature = "freestanding")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

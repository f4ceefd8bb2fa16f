//! The tracer's preload library: takes file calls that only look off the kernel's slow path.
//!
//! The helper makes the loader of a program load it. It then asks the helper for the ring, maps the
//! page from which the filter lets file calls through, and leads the C library's own system call
//! instructions, and `getenv`, to hooks of its own. It wraps no symbol. Loaded by anybody else, it finds no helper that
//! answers, and does nothing.
//!
//! It needs no library and no symbol of any libc, uses no thread-local storage, and allocates
//! nothing: it runs within functions of the C library, and in signal handlers.
#![cfg_attr(feature = "freestanding", no_std)]
#![expect(unsafe_code, reason = "it is all about other people's memory")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "registers are what the call says they are"
)]

#[cfg(target_arch = "x86_64")]
mod any_call;
#[cfg(target_arch = "x86_64")]
mod base;
#[cfg(target_arch = "x86_64")]
mod entry;
#[cfg(target_arch = "x86_64")]
mod hook;
#[cfg(target_arch = "x86_64")]
mod patch;
#[cfg(target_arch = "x86_64")]
mod sys;
#[cfg(target_arch = "x86_64")]
mod user;
#[cfg(target_arch = "x86_64")]
mod variables;

/// The trace format this library belongs to: `fspy_trace::FORMAT`, checked by fspy's tests.
const FORMAT: u32 = 2;

/// The same as the ELF note, for whoever has the library loaded.
#[unsafe(no_mangle)]
pub static TASKRUNNER_PRELOAD_FORMAT: u32 = FORMAT;

/// What the loader runs.
#[cfg(target_arch = "x86_64")]
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn(i32, *const usize, *const usize) = patch::begin;

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

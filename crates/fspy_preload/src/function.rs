//! Where libc's function `syscall` leads. One instruction of it serves every call there is, those too
//! that return twice, on another stack, or never, so only calls that look go on to the hook. For all
//! others that very instruction is executed, with every register and the stack as they would have
//! been.
//!
//! At its beginning `rax`, `r10` and `r11` are free, by the convention for calls, and when it comes
//! to the instruction, `rcx` is too.

use core::arch::global_asm;

use fspy_ring::{FAST, Site, SiteKind};

use crate::entry::fspy_entry;

/// No program has more libraries with such a function.
const SLOTS: usize = 4;
/// Bytes from one slot to the next.
const STRIDE: usize = 128;
/// Length of the `syscall` instruction.
const CALL: u64 = 2;

/// The largest number of a call that looks.
const LAST: u32 = {
    let (mut last, mut index) = (0, 0);
    while index < FAST.len() {
        if FAST[index] > last {
            last = FAST[index];
        }
        index += 1;
    }
    last
};

/// Whether the call with a number is one that looks.
static LOOKS: [bool; LAST as usize + 1] = {
    let (mut looks, mut index) = ([false; LAST as usize + 1], 0);
    while index < FAST.len() {
        looks[FAST[index] as usize] = true;
        index += 1;
    }
    looks
};

// Compared with all of the number: what kernels make of one whose upper half is not zero differs.
global_asm!(
    ".pushsection .text.fspy_functions,\"ax\",@progbits",
    ".balign {stride}",
    ".hidden fspy_functions",
    ".globl fspy_functions",
    "fspy_functions:",
    ".set fspy_index, 0",
    ".rept {slots}",
    ".balign {stride}",
    "mov rax, rdi",
    "mov rdi, rsi",
    "mov rsi, rdx",
    "mov rdx, rcx",
    "mov r10, r8",
    "mov r8, r9",
    "mov r9, [rsp + 8]",
    "cmp rax, {last}",
    "ja 2f",
    "lea r11, [rip + {looks}]",
    "cmp byte ptr [r11 + rax], 0",
    "je 2f",
    "call {entry}",
    "jmp qword ptr [rip + {after} + fspy_index]",
    "2:",
    "jmp qword ptr [rip + {instruction} + fspy_index]",
    ".set fspy_index, fspy_index + 8",
    ".endr",
    ".popsection",
    slots = const SLOTS,
    stride = const STRIDE,
    last = const LAST,
    looks = sym LOOKS,
    entry = sym fspy_entry,
    after = sym AFTER,
    instruction = sym INSTRUCTION,
);

/// The `syscall` instruction of each function. Written before any instruction leads to the slot.
static mut INSTRUCTION: [u64; SLOTS] = [0; SLOTS];
/// What follows it. As above.
static mut AFTER: [u64; SLOTS] = [0; SLOTS];

unsafe extern "C" {
    /// The first slot.
    static fspy_functions: u8;
}

/// Address of the slot for a function, which goes back to it; `None` if there are no more.
///
/// # Safety
/// Nobody else runs, and nothing leads to the slot yet.
pub(crate) unsafe fn slot(site: Site, index: usize) -> Option<u64> {
    if index >= SLOTS {
        return None;
    }
    let after = site.address + SiteKind::Function.code().len() as u64;
    // SAFETY: promised by the caller; the index is less than the arrays' lengths.
    unsafe {
        (&raw mut AFTER).cast::<u64>().add(index).write(after);
        (&raw mut INSTRUCTION).cast::<u64>().add(index).write(after - CALL);
    }
    Some((&raw const fspy_functions).addr() as u64 + (index * STRIDE) as u64)
}

//! Where places lead at which any call is made: libc's function `syscall`, and the one that its calls
//! go through which can be cancelled. Such an instruction serves calls too that return twice, on another
//! stack, or never, so only calls that look go on to the hook. For all others that very instruction
//! is executed, with every register and the stack as they would have been.
//!
//! What is replaced lies before the instruction, which is going to change `rcx` and `r11`: they are free.
//! At the beginning of a function `rax` and `r10` are, too, by the convention for calls.

use core::arch::global_asm;
use core::ptr;

use fspy_ring::{FAST, NUMBER, Site, SiteKind};

use crate::entry::fspy_entry;

/// Slots of each kind: no program has more libraries with such a place.
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
    ".macro fspy_moves_function",
    "mov rax, rdi",
    "mov rdi, rsi",
    "mov rsi, rdx",
    "mov rdx, rcx",
    "mov r10, r8",
    "mov r8, r9",
    "mov r9, [rsp + 8]",
    ".endm",
    ".macro fspy_moves_from_stack",
    "mov rcx, [rip + {number} + fspy_index]",
    "mov rax, [rsp + rcx]",
    ".endm",
    ".macro fspy_any_call name:req, moves:req, after:req, instruction:req",
    ".pushsection .text.fspy_any_call,\"ax\",@progbits",
    ".balign {stride}",
    ".hidden \\name",
    ".globl \\name",
    "\\name:",
    ".set fspy_index, 0",
    ".rept {slots}",
    ".balign {stride}",
    "\\moves",
    "cmp rax, {last}",
    "ja 2f",
    "lea r11, [rip + {looks}]",
    "cmp byte ptr [r11 + rax], 0",
    "je 2f",
    "lea rsp, [rsp - 128]",
    "call {entry}",
    "lea rsp, [rsp + 128]",
    "jmp qword ptr [rip + \\after + fspy_index]",
    "2:",
    "jmp qword ptr [rip + \\instruction + fspy_index]",
    ".set fspy_index, fspy_index + 8",
    ".endr",
    ".popsection",
    ".endm",
    "fspy_any_call fspy_function, fspy_moves_function, {after_function}, {in_function}",
    "fspy_any_call fspy_from_stack, fspy_moves_from_stack, {after_from_stack}, {from_stack}",
    slots = const SLOTS,
    stride = const STRIDE,
    last = const LAST,
    looks = sym LOOKS,
    entry = sym fspy_entry,
    number = sym NUMBERS,
    after_function = sym AFTER_FUNCTION,
    in_function = sym IN_FUNCTION,
    after_from_stack = sym AFTER_FROM_STACK,
    from_stack = sym FROM_STACK,
);

/// The `syscall` instruction of each place. Written before any instruction leads to the slot.
static mut IN_FUNCTION: [u64; SLOTS] = [0; SLOTS];
/// What follows it. As above.
static mut AFTER_FUNCTION: [u64; SLOTS] = [0; SLOTS];
/// As above.
static mut FROM_STACK: [u64; SLOTS] = [0; SLOTS];
/// As above.
static mut AFTER_FROM_STACK: [u64; SLOTS] = [0; SLOTS];
/// How far from the stack pointer the number of the call lies.
static mut NUMBERS: [u64; SLOTS] = [0; SLOTS];

unsafe extern "C" {
    /// First slot of a kind.
    static fspy_function: u8;
    /// As above.
    static fspy_from_stack: u8;
}

/// Address of the slot for a place, which goes back to it; `None` if there are no more.
///
/// # Safety
/// Nobody else runs, the site is as expected, and nothing leads to the slot yet.
pub(crate) unsafe fn slot(site: Site, index: usize) -> Option<u64> {
    if index >= SLOTS {
        return None;
    }
    let after = site.address + site.kind.code().len() as u64;
    let (first, afters, calls) = if site.kind == SiteKind::Function {
        (&raw const fspy_function, &raw mut AFTER_FUNCTION, &raw mut IN_FUNCTION)
    } else {
        (&raw const fspy_from_stack, &raw mut AFTER_FROM_STACK, &raw mut FROM_STACK)
    };
    // SAFETY: promised by the caller; the index is less than the arrays' lengths.
    unsafe {
        afters.cast::<u64>().add(index).write(after);
        calls.cast::<u64>().add(index).write(after - CALL);
        if site.kind == SiteKind::FromStack {
            let number = ptr::with_exposed_provenance::<u8>(site.address as usize + NUMBER);
            (&raw mut NUMBERS).cast::<u64>().add(index).write(u64::from(number.read()));
        }
    }
    Some(first.addr() as u64 + (index * STRIDE) as u64)
}

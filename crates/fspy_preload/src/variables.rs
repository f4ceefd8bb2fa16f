//! Notes which variables a program looks up with the C library's `getenv` and does not find.
//!
//! The function's first instructions are moved to the page, and a jump is put in their place. It
//! leads to a slot that calls the function by way of what was moved, and looks at what it returned.
//! No symbol is wrapped, so whoever calls it, by whatever name, comes by here. What was found needs no
//! record: the step has it, and what a step has counts already, or was made by the step itself.

use core::arch::global_asm;
use core::ptr;

use fspy_ring::{Entrance, LONGEST_NAME, PAGE};

use crate::hook::RING;
use crate::user;

/// Where in the page the moved instructions begin.
const PLACE: usize = 64;
/// `jmp qword ptr [rip]`; the address follows.
const JUMP_FAR: [u8; 6] = [0xff, 0x25, 0, 0, 0, 0];

// As a function of its own: it is called with the name in `rdi`, and answers in `rax`.
global_asm!(
    ".pushsection .text.fspy_lookup,\"ax\",@progbits",
    ".balign 16",
    ".hidden fspy_lookup",
    ".globl fspy_lookup",
    "fspy_lookup:",
    ".cfi_startproc",
    "push rdi",
    ".cfi_adjust_cfa_offset 8",
    "mov eax, {moved}",
    "call rax",
    "test rax, rax",
    "jnz 2f",
    "mov rdi, [rsp]",
    "call {missed}",
    "xor eax, eax",
    "2:",
    "lea rsp, [rsp + 8]",
    ".cfi_adjust_cfa_offset -8",
    "ret",
    ".cfi_endproc",
    ".popsection",
    moved = const PAGE + PLACE,
    missed = sym missed,
);

unsafe extern "C" {
    /// Where the jump leads.
    static fspy_lookup: u8;
}

/// Records that there is no variable of this name.
unsafe extern "C" fn missed(name: *const u8) {
    if name.is_null() {
        return;
    }
    // SAFETY: the C library has just read it, to its end.
    let Some(name) = (unsafe { user::text(name) }) else { return };
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(&b'=') {
        return;
    }
    // SAFETY: written before any instruction led here, never again.
    unsafe { RING }.record_variable(name);
}

/// Whether what the helper saw in the file is what is there.
unsafe fn is_as_expected(entrance: &Entrance) -> bool {
    let length = entrance.length as usize;
    let expected = entrance.code.iter().take(length).enumerate();
    let same = |(index, &byte): (usize, &u8)| {
        // SAFETY: the helper found the address in a mapping of code.
        unsafe { code(entrance, index).read() == byte }
    };
    entrance.address != 0 && length <= Entrance::ROOM && expected.into_iter().all(same)
}

fn code(entrance: &Entrance, index: usize) -> *mut u8 {
    ptr::with_exposed_provenance_mut(entrance.address as usize + index)
}

/// Where the jump in a function's first bytes leads.
pub(crate) fn target() -> u64 {
    (&raw const fspy_lookup).addr() as u64
}

/// Writes the function's first instructions into the page, and the way back. False if that can't be.
///
/// # Safety
/// The page can be written.
pub(crate) unsafe fn move_to_page(entrance: &Entrance) -> bool {
    let place = |index: usize| ptr::with_exposed_provenance_mut::<u8>(PAGE + PLACE + index);
    // SAFETY: the page is larger than that.
    unsafe {
        if !is_as_expected(entrance) {
            return false;
        }
        let length = entrance.length as usize;
        let back = (entrance.address + entrance.length).to_le_bytes();
        let moved = entrance.code.iter().take(length).chain(&JUMP_FAR).chain(&back);
        for (index, &byte) in moved.enumerate() {
            place(index).write_volatile(byte);
        }
    }
    true
}

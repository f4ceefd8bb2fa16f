//! Where a patched instruction leads: one slot for each, which saves what a system call leaves
//! alone, calls the hook, does the comparison that was moved, and goes back.
//!
//! A system call changes `rax`, `rcx` and `r11` and nothing else, so neither may this; the hook,
//! compiled for the least of this architecture, may use the sixteen `xmm` registers and leaves
//! their upper halves, and all younger registers, alone. Below the stack pointer a leaf function
//! may keep 128 bytes.

use core::arch::global_asm;
use core::cell::Cell;

use fspy_ring::{Site, SiteKind};

/// Slots of each kind.
const SLOTS: usize = fspy_ring::MAX_SITES;
/// Bytes from one slot to the next.
const STRIDE: usize = 32;

global_asm!(
    ".macro fspy_slots name:req, back:req, comparison:vararg",
    ".pushsection .text.fspy_slots,\"ax\",@progbits",
    ".balign 32",
    ".hidden \\name",
    ".globl \\name",
    "\\name:",
    ".set fspy_index, 0",
    ".rept {slots}",
    ".balign {stride}",
    "lea rsp, [rsp - 128]",
    "call {entry}",
    "lea rsp, [rsp + 128]",
    "\\comparison",
    "jmp qword ptr [rip + \\back + fspy_index]",
    ".set fspy_index, fspy_index + 8",
    ".endr",
    ".popsection",
    ".endm",
    "fspy_slots fspy_slots_wide, {wide}, cmp rax, -4096",
    "fspy_slots fspy_slots_or_equal, {or_equal}, cmp rax, -4095",
    "fspy_slots fspy_slots_narrow, {narrow}, cmp eax, 0xfffff000",
    slots = const SLOTS,
    stride = const STRIDE,
    entry = sym fspy_entry,
    wide = sym BACK_WIDE,
    or_equal = sym BACK_OR_EQUAL,
    narrow = sym BACK_NARROW,
);

/// Where each slot goes back to. Written before any instruction leads to it.
static mut BACK_WIDE: [u64; SLOTS] = [0; SLOTS];
/// As above.
static mut BACK_OR_EQUAL: [u64; SLOTS] = [0; SLOTS];
/// As above.
static mut BACK_NARROW: [u64; SLOTS] = [0; SLOTS];

unsafe extern "C" {
    /// First slot of a kind.
    static fspy_slots_wide: u8;
    /// As above.
    static fspy_slots_or_equal: u8;
    /// As above.
    static fspy_slots_narrow: u8;
}

/// Address of the slot for an instruction and its comparison, which goes back behind them; `None` if
/// there are no more.
///
/// # Safety
/// Nobody else runs, and nothing leads to the slot yet.
pub(crate) unsafe fn slot(site: Site, index: usize) -> Option<u64> {
    let (first, back) = match site.kind {
        SiteKind::Wide => (&raw const fspy_slots_wide, (&raw mut BACK_WIDE).cast::<u64>()),
        SiteKind::WideOrEqual => {
            (&raw const fspy_slots_or_equal, (&raw mut BACK_OR_EQUAL).cast::<u64>())
        }
        SiteKind::Narrow => (&raw const fspy_slots_narrow, (&raw mut BACK_NARROW).cast::<u64>()),
        SiteKind::Function | SiteKind::FromStack => return None,
    };
    if index >= SLOTS {
        return None;
    }
    // SAFETY: promised by the caller; the index is less than the array's length.
    unsafe { back.add(index).write(site.address + site.kind.code().len() as u64) };
    Some(first.addr() as u64 + (index * STRIDE) as u64)
}

/// The registers a system call is made with.
#[repr(C)]
pub(crate) struct Registers {
    pub(crate) number: i64,
    pub(crate) args: [i64; 6],
    /// What came of it, for the helper: written before it is told.
    pub(crate) result: Cell<i64>,
}

/// Calls the hook with the registers of a system call.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn fspy_entry() {
    core::arch::naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, 320",
        "and rsp, -16",
        "mov [rsp], rax",
        "mov [rsp + 8], rdi",
        "mov [rsp + 16], rsi",
        "mov [rsp + 24], rdx",
        "mov [rsp + 32], r10",
        "mov [rsp + 40], r8",
        "mov [rsp + 48], r9",
        "movaps [rsp + 64], xmm0",
        "movaps [rsp + 80], xmm1",
        "movaps [rsp + 96], xmm2",
        "movaps [rsp + 112], xmm3",
        "movaps [rsp + 128], xmm4",
        "movaps [rsp + 144], xmm5",
        "movaps [rsp + 160], xmm6",
        "movaps [rsp + 176], xmm7",
        "movaps [rsp + 192], xmm8",
        "movaps [rsp + 208], xmm9",
        "movaps [rsp + 224], xmm10",
        "movaps [rsp + 240], xmm11",
        "movaps [rsp + 256], xmm12",
        "movaps [rsp + 272], xmm13",
        "movaps [rsp + 288], xmm14",
        "movaps [rsp + 304], xmm15",
        "mov rdi, rsp",
        "call {hook}",
        "mov rdi, [rsp + 8]",
        "mov rsi, [rsp + 16]",
        "mov rdx, [rsp + 24]",
        "mov r10, [rsp + 32]",
        "mov r8, [rsp + 40]",
        "mov r9, [rsp + 48]",
        "movaps xmm0, [rsp + 64]",
        "movaps xmm1, [rsp + 80]",
        "movaps xmm2, [rsp + 96]",
        "movaps xmm3, [rsp + 112]",
        "movaps xmm4, [rsp + 128]",
        "movaps xmm5, [rsp + 144]",
        "movaps xmm6, [rsp + 160]",
        "movaps xmm7, [rsp + 176]",
        "movaps xmm8, [rsp + 192]",
        "movaps xmm9, [rsp + 208]",
        "movaps xmm10, [rsp + 224]",
        "movaps xmm11, [rsp + 240]",
        "movaps xmm12, [rsp + 256]",
        "movaps xmm13, [rsp + 272]",
        "movaps xmm14, [rsp + 288]",
        "movaps xmm15, [rsp + 304]",
        "mov rsp, rbp",
        "pop rbp",
        "ret",
        hook = sym crate::hook::hook,
    )
}

// What compilers call for by themselves. Not exported: the program keeps its own.
#[cfg(feature = "freestanding")]
global_asm!(
    ".hidden memset",
    ".globl memset",
    "memset:",
    "mov r8, rdi",
    "mov eax, esi",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r8",
    "ret",
    ".hidden memcpy",
    ".globl memcpy",
    "memcpy:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
);

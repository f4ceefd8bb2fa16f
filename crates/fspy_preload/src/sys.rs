//! System calls by hand: from here, where the filter stops file calls, and from the one page where
//! it does not.

use core::arch::asm;

use fspy_ring::PAGE;

pub(crate) const OPEN: i64 = 2;
pub(crate) const CLOSE: i64 = 3;
pub(crate) const STAT: i64 = 4;
pub(crate) const FSTAT: i64 = 5;
pub(crate) const LSTAT: i64 = 6;
pub(crate) const MMAP: i64 = 9;
pub(crate) const MPROTECT: i64 = 10;
pub(crate) const MUNMAP: i64 = 11;
pub(crate) const ACCESS: i64 = 21;
pub(crate) const GETCWD: i64 = 79;
pub(crate) const READLINK: i64 = 89;
pub(crate) const GETTID: i64 = 186;
pub(crate) const GETDENTS64: i64 = fspy_ring::LIST as i64;
pub(crate) const CLOCK_GETTIME: i64 = 228;
pub(crate) const OPENAT: i64 = 257;
pub(crate) const NEWFSTATAT: i64 = 262;
pub(crate) const READLINKAT: i64 = 267;
pub(crate) const FACCESSAT: i64 = 269;
pub(crate) const STATX: i64 = 332;
pub(crate) const FACCESSAT2: i64 = 439;

pub(crate) const ENOENT: i64 = -2;
pub(crate) const EINTR: i64 = -4;
pub(crate) const ENOTDIR: i64 = -20;
pub(crate) const EINVAL: i64 = -22;

/// Makes a call where the filter sees it.
///
/// # Safety
/// As the call demands.
#[inline]
pub(crate) unsafe fn call(number: i64, args: [i64; 6]) -> i64 {
    let result;
    // SAFETY: promised by the caller.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _,
        );
    }
    result
}

/// Makes a call from the page, past the filter.
///
/// # Safety
/// As the call demands; the page is mapped.
#[inline]
pub(crate) unsafe fn call_past(number: i64, args: [i64; 6]) -> i64 {
    let result;
    // SAFETY: promised by the caller; what is called is `syscall; ret`.
    unsafe {
        asm!(
            "call {page}",
            page = in(reg) PAGE,
            inlateout("rax") number => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _,
        );
    }
    result
}

/// Whether a result is an error.
pub(crate) const fn failed(result: i64) -> bool {
    result < 0 && result > -4096
}

//! System call numbers of aarch64, checked against the kernel's headers, not run yet.
#![cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "compiled for its tests"))]

use super::shapes::{
    CHANGE_FD, CREATE_AT, EXECVE, EXECVEAT, EXISTS, EXISTS_AT, FACCESSAT, FACCESSAT2, FALLOCATE,
    FANOTIFY, FCHMODAT, FCHMODAT2, FCHOWNAT, FILE_GETATTR, FILE_SETATTR, FSPICK, HANDLE_OF,
    INOTIFY, LEXISTS, LINKAT, LSETXATTR, OPEN_TREE, OPENAT, QUOTACTL, READLINKAT, RENAMEAT,
    RENAMEAT2, SETXATTR, SETXATTRAT, STATAT, STATX, SYMLINKAT, TRUNCATE, TRUNCATE_FD, UNLINKAT,
    UTIMENSAT,
};
use super::{Call, Foreign, Meaning, call};

/// `AUDIT_ARCH_AARCH64`.
pub(crate) const ARCH: u32 = 0xC000_00B7;
/// There is no second ABI behind the same architecture mark.
pub(crate) const HAS_X32: bool = false;
/// 32-bit ARM's calls that name files: enough to notice that a program makes them.
pub(crate) const FOREIGN: Foreign = Foreign::Noticed(&[
    5, 8, 9, 10, 11, 12, 14, 15, 16, 33, 38, 39, 40, 61, 83, 85, 92, 93, 106, 107, 141, 182, 193,
    194, 195, 196, 198, 212, 217, 218, 226, 227, 269, 282, 283, 317, 322, 323, 324, 325, 326, 327,
    328, 329, 330, 331, 332, 333, 334, 348, 352, 370, 371, 382, 387, 397, 412, 437, 439, 452,
]);
/// Notified for one signal only; see `crate::handlers`.
pub(crate) const RT_SIGACTION: u32 = 134;
/// Notified only where the fast way is open.
pub(crate) const PRCTL: u32 = 167;
/// As above.
pub(crate) const FCHDIR: u32 = 50;
/// As above.
pub(crate) const SECCOMP: u32 = 277;

/// Every call that is notified, the frequent ones first: the filter compares in this order.
pub(crate) const CALLS: &[Call] = &[
    call(56, "openat", OPENAT),
    call(79, "newfstatat", STATAT),
    call(437, "openat2", Meaning::OpenHow),
    call(291, "statx", STATX),
    call(48, "faccessat", FACCESSAT),
    call(439, "faccessat2", FACCESSAT2),
    call(78, "readlinkat", READLINKAT),
    call(61, "getdents64", Meaning::List),
    call(221, "execve", EXECVE),
    call(281, "execveat", EXECVEAT),
    call(49, "chdir", EXISTS),
    call(38, "renameat", RENAMEAT),
    call(276, "renameat2", RENAMEAT2),
    call(37, "linkat", LINKAT),
    call(35, "unlinkat", UNLINKAT),
    call(34, "mkdirat", CREATE_AT),
    call(33, "mknodat", CREATE_AT),
    call(36, "symlinkat", SYMLINKAT),
    call(45, "truncate", TRUNCATE),
    call(46, "ftruncate", TRUNCATE_FD),
    call(47, "fallocate", FALLOCATE),
    call(52, "fchmod", CHANGE_FD),
    call(53, "fchmodat", FCHMODAT),
    call(452, "fchmodat2", FCHMODAT2),
    call(55, "fchown", CHANGE_FD),
    call(54, "fchownat", FCHOWNAT),
    call(88, "utimensat", UTIMENSAT),
    call(8, "getxattr", EXISTS),
    call(9, "lgetxattr", LEXISTS),
    call(11, "listxattr", EXISTS),
    call(12, "llistxattr", LEXISTS),
    call(464, "getxattrat", EXISTS_AT),
    call(465, "listxattrat", EXISTS_AT),
    call(5, "setxattr", SETXATTR),
    call(6, "lsetxattr", LSETXATTR),
    call(7, "fsetxattr", CHANGE_FD),
    call(14, "removexattr", SETXATTR),
    call(15, "lremovexattr", LSETXATTR),
    call(16, "fremovexattr", CHANGE_FD),
    call(463, "setxattrat", SETXATTRAT),
    call(466, "removexattrat", SETXATTRAT),
    call(468, "file_getattr", FILE_GETATTR),
    call(469, "file_setattr", FILE_SETATTR),
    call(43, "statfs", EXISTS),
    call(60, "quotactl", QUOTACTL),
    call(89, "acct", EXISTS),
    call(224, "swapon", EXISTS),
    call(264, "name_to_handle_at", HANDLE_OF),
    call(265, "open_by_handle_at", Meaning::OpenHandle),
    call(27, "inotify_add_watch", INOTIFY),
    call(263, "fanotify_mark", FANOTIFY),
    call(428, "open_tree", OPEN_TREE),
    call(467, "open_tree_attr", OPEN_TREE),
    call(433, "fspick", FSPICK),
    call(442, "mount_setattr", EXISTS_AT),
    call(200, "bind", Meaning::Bind),
    call(203, "connect", Meaning::Connect),
    call(157, "setsid", Meaning::Session),
    call(51, "chroot", Meaning::Chroot),
    call(41, "pivot_root", Meaning::Namespace),
    call(40, "mount", Meaning::Namespace),
    call(39, "umount2", Meaning::Namespace),
    call(429, "move_mount", Meaning::Namespace),
    call(97, "unshare", Meaning::Namespace),
    call(268, "setns", Meaning::Namespace),
];

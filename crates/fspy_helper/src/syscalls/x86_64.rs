//! System call numbers of x86-64.

use super::shapes::{
    CHANGE_FD, CREATE_AT, EXECVE, EXECVEAT, EXISTS, EXISTS_AT, FACCESSAT, FACCESSAT2, FALLOCATE,
    FANOTIFY, FCHMODAT, FCHMODAT2, FCHOWNAT, FILE_GETATTR, FILE_SETATTR, FSPICK, HANDLE_OF,
    INOTIFY, LEXISTS, LINKAT, LSETXATTR, OPEN_TREE, OPENAT, QUOTACTL, READLINKAT, RENAMEAT,
    RENAMEAT2, SETXATTR, SETXATTRAT, STATAT, STATX, SYMLINKAT, TRUNCATE, TRUNCATE_FD, UNLINKAT,
    UTIMENSAT, legacy,
};
use super::{Call, Foreign, Meaning, call, i386};

/// `AUDIT_ARCH_X86_64`.
pub(crate) const ARCH: u32 = 0xC000_003E;
/// Numbers with bit 30 set belong to the x32 ABI, whose calls would slip past the table.
pub(crate) const HAS_X32: bool = true;
/// The other kind of program that runs here.
pub(crate) const FOREIGN: Foreign = Foreign::Known(i386::CALLS);
/// Notified for one signal only; see `crate::handlers`.
pub(crate) const RT_SIGACTION: u32 = 13;
/// Notified only where the fast way is open.
pub(crate) const PRCTL: u32 = 157;
/// As above.
pub(crate) const FCHDIR: u32 = 81;
/// As above.
pub(crate) const SECCOMP: u32 = 317;

/// Every call that is notified, the frequent ones first: the filter compares in this order.
pub(crate) const CALLS: &[Call] = &[
    call(257, "openat", OPENAT),
    call(262, "newfstatat", STATAT),
    call(437, "openat2", Meaning::OpenHow),
    call(332, "statx", STATX),
    call(269, "faccessat", FACCESSAT),
    call(439, "faccessat2", FACCESSAT2),
    call(267, "readlinkat", READLINKAT),
    call(217, "getdents64", Meaning::List),
    call(59, "execve", EXECVE),
    call(322, "execveat", EXECVEAT),
    call(2, "open", legacy::OPEN),
    call(4, "stat", legacy::STAT),
    call(6, "lstat", legacy::LSTAT),
    call(21, "access", legacy::ACCESS),
    call(89, "readlink", legacy::READLINK),
    call(85, "creat", Meaning::Creat),
    call(78, "getdents", Meaning::List),
    call(80, "chdir", EXISTS),
    call(264, "renameat", RENAMEAT),
    call(316, "renameat2", RENAMEAT2),
    call(265, "linkat", LINKAT),
    call(263, "unlinkat", UNLINKAT),
    call(258, "mkdirat", CREATE_AT),
    call(259, "mknodat", CREATE_AT),
    call(266, "symlinkat", SYMLINKAT),
    call(82, "rename", legacy::RENAME),
    call(86, "link", legacy::LINK),
    call(87, "unlink", legacy::UNLINK),
    call(84, "rmdir", legacy::RMDIR),
    call(83, "mkdir", legacy::CREATE),
    call(133, "mknod", legacy::CREATE),
    call(88, "symlink", legacy::SYMLINK),
    call(76, "truncate", TRUNCATE),
    call(77, "ftruncate", TRUNCATE_FD),
    call(285, "fallocate", FALLOCATE),
    call(90, "chmod", legacy::CHMOD),
    call(91, "fchmod", CHANGE_FD),
    call(268, "fchmodat", FCHMODAT),
    call(452, "fchmodat2", FCHMODAT2),
    call(92, "chown", legacy::CHMOD),
    call(94, "lchown", legacy::LCHOWN),
    call(93, "fchown", CHANGE_FD),
    call(260, "fchownat", FCHOWNAT),
    call(132, "utime", legacy::UTIMES),
    call(235, "utimes", legacy::UTIMES),
    call(261, "futimesat", legacy::FUTIMESAT),
    call(280, "utimensat", UTIMENSAT),
    call(191, "getxattr", EXISTS),
    call(192, "lgetxattr", LEXISTS),
    call(194, "listxattr", EXISTS),
    call(195, "llistxattr", LEXISTS),
    call(464, "getxattrat", EXISTS_AT),
    call(465, "listxattrat", EXISTS_AT),
    call(188, "setxattr", SETXATTR),
    call(189, "lsetxattr", LSETXATTR),
    call(190, "fsetxattr", CHANGE_FD),
    call(197, "removexattr", SETXATTR),
    call(198, "lremovexattr", LSETXATTR),
    call(199, "fremovexattr", CHANGE_FD),
    call(463, "setxattrat", SETXATTRAT),
    call(466, "removexattrat", SETXATTRAT),
    call(468, "file_getattr", FILE_GETATTR),
    call(469, "file_setattr", FILE_SETATTR),
    call(137, "statfs", EXISTS),
    call(179, "quotactl", QUOTACTL),
    call(163, "acct", EXISTS),
    call(167, "swapon", EXISTS),
    call(134, "uselib", EXISTS),
    call(303, "name_to_handle_at", HANDLE_OF),
    call(304, "open_by_handle_at", Meaning::OpenHandle),
    call(254, "inotify_add_watch", INOTIFY),
    call(301, "fanotify_mark", FANOTIFY),
    call(428, "open_tree", OPEN_TREE),
    call(467, "open_tree_attr", OPEN_TREE),
    call(433, "fspick", FSPICK),
    call(442, "mount_setattr", EXISTS_AT),
    call(49, "bind", Meaning::Bind),
    call(42, "connect", Meaning::Connect),
    call(112, "setsid", Meaning::Session),
    call(161, "chroot", Meaning::Chroot),
    call(155, "pivot_root", Meaning::Namespace),
    call(165, "mount", Meaning::Namespace),
    call(166, "umount2", Meaning::Namespace),
    call(429, "move_mount", Meaning::Namespace),
    call(272, "unshare", Meaning::Namespace),
    call(308, "setns", Meaning::Namespace),
];

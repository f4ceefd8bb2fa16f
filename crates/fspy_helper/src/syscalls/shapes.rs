//! The meanings that several numbers share, by the names of the calls.

use fspy_trace::Change;

use super::{At, Follow, Meaning};

/// `call(path, …)`
const PLAIN: At = At { dir: None, path: 0 };
/// `call(dirfd, path, …)`
const AT: At = At { dir: Some(0), path: 1 };

const OPEN_TREE_NOFOLLOW: u64 = 0x100;
const FSPICK_SYMLINK_NOFOLLOW: u64 = 2;
const IN_DONT_FOLLOW: u64 = 0x0200_0000;

pub(super) const OPENAT: Meaning = Meaning::Open { at: AT, flags: 2 };
pub(super) const STATAT: Meaning = Meaning::Stat { at: AT, follow: Follow::Unless(3) };
pub(super) const STATX: Meaning = Meaning::Stat { at: AT, follow: Follow::Unless(2) };
pub(super) const FACCESSAT: Meaning = Meaning::Access { at: AT, mode: 2, flags: None };
pub(super) const FACCESSAT2: Meaning = Meaning::Access { at: AT, mode: 2, flags: Some(3) };
pub(super) const READLINKAT: Meaning = Meaning::Readlink { at: AT };
pub(super) const EXECVE: Meaning = Meaning::Exec { at: PLAIN, flags: None };
pub(super) const EXECVEAT: Meaning = Meaning::Exec { at: AT, flags: Some(4) };
pub(super) const RENAMEAT: Meaning =
    Meaning::Rename { from: AT, to: At { dir: Some(2), path: 3 }, flags: None };
pub(super) const RENAMEAT2: Meaning =
    Meaning::Rename { from: AT, to: At { dir: Some(2), path: 3 }, flags: Some(4) };
pub(super) const LINKAT: Meaning =
    Meaning::Link { from: AT, to: At { dir: Some(2), path: 3 }, flags: Some(4) };
pub(super) const UNLINKAT: Meaning = Meaning::Unlink { at: AT, flags: Some(2) };
pub(super) const CREATE_AT: Meaning = Meaning::Create { at: AT };
pub(super) const SYMLINKAT: Meaning = Meaning::Create { at: At { dir: Some(1), path: 2 } };
pub(super) const FCHMODAT: Meaning = changed(AT, Follow::Always, Change::Meta);
pub(super) const FCHMODAT2: Meaning = changed(AT, Follow::Unless(3), Change::Meta);
pub(super) const FCHOWNAT: Meaning = changed(AT, Follow::Unless(4), Change::Meta);
pub(super) const UTIMENSAT: Meaning = changed(AT, Follow::Unless(3), Change::Times);
pub(super) const SETXATTR: Meaning = changed(PLAIN, Follow::Always, Change::Meta);
pub(super) const LSETXATTR: Meaning = changed(PLAIN, Follow::Never, Change::Meta);
pub(super) const SETXATTRAT: Meaning = changed(AT, Follow::Unless(2), Change::Meta);
pub(super) const FILE_SETATTR: Meaning = changed(AT, Follow::Unless(4), Change::Meta);
pub(super) const TRUNCATE: Meaning = Meaning::Truncate { length: [1, 1] };
pub(super) const TRUNCATE_FD: Meaning = Meaning::TruncateFd { length: [1, 1] };
pub(super) const CHANGE_FD: Meaning = Meaning::ChangeFd { fd: 0, change: Change::Meta };
pub(super) const FALLOCATE: Meaning = Meaning::ChangeFd { fd: 0, change: Change::Modify };
pub(super) const EXISTS: Meaning = Meaning::Exists { at: PLAIN, follow: Follow::Always };
pub(super) const LEXISTS: Meaning = Meaning::Exists { at: PLAIN, follow: Follow::Never };
pub(super) const EXISTS_AT: Meaning = Meaning::Exists { at: AT, follow: Follow::Unless(2) };
pub(super) const FILE_GETATTR: Meaning = Meaning::Exists { at: AT, follow: Follow::Unless(4) };
pub(super) const QUOTACTL: Meaning =
    Meaning::Exists { at: At { dir: None, path: 1 }, follow: Follow::Always };
pub(super) const HANDLE_OF: Meaning = Meaning::Exists {
    at: AT,
    follow: Follow::IfBit { arg: 4, bit: libc::AT_SYMLINK_FOLLOW as u64, follow: true },
};
pub(super) const INOTIFY: Meaning = Meaning::Exists {
    at: At { dir: None, path: 1 },
    follow: Follow::IfBit { arg: 2, bit: IN_DONT_FOLLOW, follow: false },
};
pub(super) const FANOTIFY: Meaning =
    Meaning::Exists { at: At { dir: Some(3), path: 4 }, follow: Follow::Always };
pub(super) const FSPICK: Meaning = Meaning::Exists {
    at: AT,
    follow: Follow::IfBit { arg: 2, bit: FSPICK_SYMLINK_NOFOLLOW, follow: false },
};
pub(super) const OPEN_TREE: Meaning = Meaning::Exists {
    at: AT,
    follow: Follow::IfBit { arg: 2, bit: OPEN_TREE_NOFOLLOW, follow: false },
};

#[cfg(target_arch = "x86_64")]
pub(super) mod legacy {
    //! Calls that architectures younger than x86-64 left out.

    use super::{At, Change, Follow, Meaning, PLAIN, changed};

    const SECOND: At = At { dir: None, path: 1 };

    pub(in super::super) const OPEN: Meaning = Meaning::Open { at: PLAIN, flags: 1 };
    pub(in super::super) const STAT: Meaning = Meaning::Stat { at: PLAIN, follow: Follow::Always };
    pub(in super::super) const LSTAT: Meaning = Meaning::Stat { at: PLAIN, follow: Follow::Never };
    pub(in super::super) const ACCESS: Meaning =
        Meaning::Access { at: PLAIN, mode: 1, flags: None };
    pub(in super::super) const READLINK: Meaning = Meaning::Readlink { at: PLAIN };
    pub(in super::super) const RENAME: Meaning =
        Meaning::Rename { from: PLAIN, to: SECOND, flags: None };
    pub(in super::super) const LINK: Meaning =
        Meaning::Link { from: PLAIN, to: SECOND, flags: None };
    pub(in super::super) const UNLINK: Meaning = Meaning::Unlink { at: PLAIN, flags: None };
    pub(in super::super) const RMDIR: Meaning = Meaning::Rmdir { at: PLAIN };
    pub(in super::super) const CREATE: Meaning = Meaning::Create { at: PLAIN };
    pub(in super::super) const SYMLINK: Meaning = Meaning::Create { at: SECOND };
    pub(in super::super) const CHMOD: Meaning = changed(PLAIN, Follow::Always, Change::Meta);
    pub(in super::super) const LCHOWN: Meaning = changed(PLAIN, Follow::Never, Change::Meta);
    pub(in super::super) const UTIMES: Meaning = changed(PLAIN, Follow::Always, Change::Times);
    pub(in super::super) const FUTIMESAT: Meaning =
        changed(super::AT, Follow::Always, Change::Times);
}

const fn changed(at: At, follow: Follow, change: Change) -> Meaning {
    Meaning::Change { at, follow, change }
}

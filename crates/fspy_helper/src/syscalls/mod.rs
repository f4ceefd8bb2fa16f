//! The system calls that name or change files: what each means and where its arguments are. The
//! numbers are in one file per architecture; meaning is the same for all.

use fspy_trace::Change;

use crate::listen::Notification;

#[cfg(any(target_arch = "aarch64", test))]
mod aarch64;
mod shapes;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::{ARCH, CALLS, FOREIGN_FILE_CALLS, HAS_X32, RT_SIGACTION};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::{ARCH, CALLS, FOREIGN_FILE_CALLS, HAS_X32, RT_SIGACTION};

/// One line of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) meaning: Meaning,
}

const fn call(number: u32, name: &'static str, meaning: Meaning) -> Call {
    Call { number, name, meaning }
}

/// Which arguments hold a path: the directory descriptor it starts from, if any, and the pointer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) dir: Option<usize>,
    pub(crate) path: usize,
}

/// Whether a symbolic link in the last component is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Follow {
    Always,
    Never,
    /// Unless `AT_SYMLINK_NOFOLLOW` is in this argument.
    Unless(usize),
    /// If this bit is set, or unless it is, in this argument.
    IfBit {
        arg: usize,
        bit: u64,
        follow: bool,
    },
}

/// What a call means to the tracer. Numbers are argument positions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meaning {
    /// `open`, `openat`.
    Open {
        at: At,
        flags: usize,
    },
    /// `openat2`: flags are in memory.
    OpenHow,
    /// `creat`.
    Creat,
    /// `open_by_handle_at`.
    OpenHandle,
    /// The `stat` family.
    Stat {
        at: At,
        follow: Follow,
    },
    /// Calls that tell only whether something is there, or attributes that are no value.
    Exists {
        at: At,
        follow: Follow,
    },
    /// The `access` family.
    Access {
        at: At,
        mode: usize,
        flags: Option<usize>,
    },
    Readlink {
        at: At,
    },
    /// `getdents`, `getdents64`.
    List,
    Exec {
        at: At,
        flags: Option<usize>,
    },
    Rename {
        from: At,
        to: At,
        flags: Option<usize>,
    },
    Link {
        from: At,
        to: At,
        flags: Option<usize>,
    },
    Unlink {
        at: At,
        flags: Option<usize>,
    },
    Rmdir {
        at: At,
    },
    /// `mkdir`, `mknod`, `symlink`: a name comes to be.
    Create {
        at: At,
    },
    /// `truncate`.
    Truncate,
    /// `ftruncate`.
    TruncateFd,
    /// A change of metadata by path.
    Change {
        at: At,
        follow: Follow,
        change: Change,
    },
    /// A change through a descriptor.
    ChangeFd {
        fd: usize,
        change: Change,
    },
    Bind,
    Connect,
    /// `chroot`, `mount`, `unshare` …: paths may mean other files afterwards.
    Namespace,
    /// `chroot`, which names a directory besides.
    Chroot,
    /// `setsid`: a process leaves the step's session.
    Session,
}

/// `io_uring_setup` opens files without a system call of its own; refused, libraries do without.
/// The number is the same on every architecture.
pub(crate) const IO_URING_SETUP: u32 = 425;

/// First number of the x32 ABI.
pub(crate) const X32: u32 = 0x4000_0000;

/// Whether a call is made to fail: where no filter does that.
pub(crate) fn is_refused(call: &Notification) -> bool {
    let number = u32::try_from(call.number).unwrap_or(0);
    number == IO_URING_SETUP || (HAS_X32 && call.arch == ARCH && number >= X32)
}

/// Finds the meaning of a number quickly.
#[derive(Debug)]
pub(crate) struct Index(Vec<Option<&'static Call>>);

impl Index {
    pub(crate) fn new() -> Self {
        let highest = CALLS.iter().map(|call| call.number as usize).max().unwrap_or(0);
        let mut slots = vec![None; highest + 1];
        for call in CALLS {
            if let Some(slot) = slots.get_mut(call.number as usize) {
                *slot = Some(call);
            }
        }
        Self(slots)
    }

    pub(crate) fn get(&self, number: i32) -> Option<&'static Call> {
        let number = usize::try_from(number).ok()?;
        self.0.get(number).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_or_name_occurs_twice() {
        for table in [CALLS, aarch64::CALLS] {
            let mut numbers: Vec<_> = table.iter().map(|call| call.number).collect();
            let mut names: Vec<_> = table.iter().map(|call| call.name).collect();
            numbers.sort_unstable();
            names.sort_unstable();
            numbers.dedup();
            names.dedup();
            assert_eq!((numbers.len(), names.len()), (table.len(), table.len()));
        }
    }

    #[test]
    fn a_call_means_the_same_everywhere() {
        for call in aarch64::CALLS {
            let here = CALLS.iter().find(|other| other.name == call.name);
            let meaning = |call: &Call| format!("{:?}", call.meaning);
            assert_eq!(here.map(meaning), Some(meaning(call)), "{}", call.name);
        }
    }

    #[test]
    fn the_index_finds_every_call() {
        let index = Index::new();
        for call in CALLS {
            let number = i32::try_from(call.number).unwrap();
            assert_eq!(index.get(number).map(|found| found.name), Some(call.name));
        }
        assert!(index.get(-1).is_none() && index.get(i32::MAX).is_none());
    }
}

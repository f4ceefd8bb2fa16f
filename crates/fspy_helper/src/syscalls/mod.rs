//! The system calls that name or change files: what each means and where its arguments are. The
//! numbers are in one file per architecture; meaning is the same for all.

use std::collections::HashSet;

use fspy_trace::Change;

use crate::listen::Notification;

#[cfg(any(target_arch = "aarch64", test))]
mod aarch64;
#[cfg(target_arch = "x86_64")]
pub(crate) mod i386;
mod shapes;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::{ARCH, CALLS, FCHDIR, FOREIGN, HAS_X32, PRCTL, RT_SIGACTION, SECCOMP};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::{ARCH, CALLS, FCHDIR, FOREIGN, HAS_X32, PRCTL, RT_SIGACTION, SECCOMP};

/// One line of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) meaning: Meaning,
}

/// What is known of the calls of programs for another architecture that run here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Foreign {
    /// Everything.
    #[cfg_attr(target_arch = "aarch64", expect(dead_code, reason = "32-bit ARM has no table"))]
    Known(&'static [Call]),
    /// Their numbers: a trace in which they are made is incomplete.
    #[cfg_attr(target_arch = "x86_64", allow(dead_code, reason = "i386 has a table"))]
    Noticed(&'static [u32]),
}

impl Foreign {
    /// The numbers that are notified.
    pub(crate) fn numbers(self) -> Vec<u32> {
        match self {
            Self::Known(calls) => calls.iter().map(|call| call.number).collect(),
            Self::Noticed(numbers) => numbers.to_vec(),
        }
    }
}

/// Calls that are notified for some values of their first argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picked {
    pub(crate) number: u32,
    pub(crate) values: &'static [u32],
}

const SIGCHLD: u32 = libc::SIGCHLD as u32;

/// Of this architecture.
pub(crate) const HANDLER: Picked = Picked { number: RT_SIGACTION, values: &[SIGCHLD] };
/// Of the other.
#[cfg(target_arch = "x86_64")]
pub(crate) const FOREIGN_HANDLER: Option<Picked> =
    Some(Picked { number: i386::RT_SIGACTION, values: &[SIGCHLD] });
#[cfg(target_arch = "aarch64")]
pub(crate) const FOREIGN_HANDLER: Option<Picked> = None;
/// `bind` and `connect`.
#[cfg(target_arch = "x86_64")]
pub(crate) const FOREIGN_SOCKETS: Option<Picked> =
    Some(Picked { number: i386::SOCKETCALL, values: &[2, 3] });
#[cfg(target_arch = "aarch64")]
pub(crate) const FOREIGN_SOCKETS: Option<Picked> = None;

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
    #[cfg_attr(target_arch = "aarch64", expect(dead_code, reason = "a call of its own elsewhere"))]
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
    #[cfg_attr(target_arch = "aarch64", expect(dead_code, reason = "a call of its own elsewhere"))]
    Rmdir {
        at: At,
    },
    /// `mkdir`, `mknod`, `symlink`: a name comes to be.
    Create {
        at: At,
    },
    /// `truncate`; the length is in one argument, named twice, or in two.
    Truncate {
        length: [usize; 2],
    },
    /// `ftruncate`.
    TruncateFd {
        length: [usize; 2],
    },
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
    /// i386's `socketcall`: which call, and where its arguments are.
    #[cfg_attr(target_arch = "aarch64", expect(dead_code, reason = "a call of its own elsewhere"))]
    SocketCall,
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
pub(crate) struct Index {
    native: Slots,
    foreign: Slots,
    noticed: HashSet<u32>,
}

type Slots = Vec<Option<&'static Call>>;

impl Index {
    pub(crate) fn new() -> Self {
        let foreign: &[Call] = match FOREIGN {
            Foreign::Known(calls) => calls,
            Foreign::Noticed(_) => &[],
        };
        let noticed = FOREIGN.numbers().into_iter().collect();
        Self { native: slots(CALLS), foreign: slots(foreign), noticed }
    }

    /// The call's meaning; `None` for one that has none, or whose meaning is not known.
    pub(crate) fn get(&self, call: &Notification) -> Option<&'static Call> {
        let slots = if call.arch == ARCH { &self.native } else { &self.foreign };
        slots.get(usize::try_from(call.number).ok()?).copied().flatten()
    }

    /// The meaning of one of this architecture's own.
    pub(crate) fn native(&self, number: u32) -> Option<&'static Call> {
        self.native.get(usize::try_from(number).ok()?).copied().flatten()
    }

    /// Whether a call that is stopped at for no special reason is one to look at.
    pub(crate) fn is_of_interest(&self, call: &Notification) -> bool {
        let noticed = || u32::try_from(call.number).is_ok_and(|n| self.noticed.contains(&n));
        if call.arch == ARCH { self.get(call).is_some() } else { noticed() }
    }
}

fn slots(calls: &'static [Call]) -> Slots {
    let highest = calls.iter().map(|call| call.number as usize).max().unwrap_or(0);
    let mut slots = vec![None; highest + 1];
    for call in calls {
        if let Some(slot) = slots.get_mut(call.number as usize) {
            *slot = Some(call);
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn no_number_or_name_occurs_twice() {
        #[cfg(target_arch = "x86_64")]
        let tables = [CALLS, aarch64::CALLS, i386::CALLS];
        #[cfg(not(target_arch = "x86_64"))]
        let tables = [CALLS];
        for table in tables {
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
    #[cfg(target_arch = "x86_64")]
    fn i386_has_every_call_of_x86_64_and_its_own() {
        let own = |call: &&Call| !CALLS.iter().any(|other| other.name == call.name);
        let own: Vec<_> = i386::CALLS.iter().filter(own).map(|call| call.name).collect();
        assert_eq!(i386::CALLS.len() - own.len() + 1, CALLS.len(), "fstatat64 has another name");
        for call in i386::CALLS {
            let here = CALLS.iter().find(|other| other.name == call.name);
            let meaning = |call: &Call| format!("{:?}", call.meaning);
            assert!(here.is_none_or(|here| meaning(here) == meaning(call)), "{}", call.name);
        }
    }

    /// Numbers by name, from the kernel's own headers; `None` where they are not installed.
    fn header(path: &str) -> Option<HashMap<String, u32>> {
        let text = std::fs::read_to_string(path).ok()?;
        let define = |line: &str| {
            let rest = line.strip_prefix("#define __NR")?;
            let (name, number) = rest.split_once(' ')?;
            let name = name.strip_prefix("3264_").or_else(|| name.strip_prefix('_'))?;
            Some((name.to_owned(), number.trim().parse().ok()?))
        };
        Some(text.lines().filter_map(define).collect())
    }

    /// Headers may be older than some calls, and generic ones use other names for two.
    fn check(calls: &[Call], header: &HashMap<String, u32>) {
        let mut found = 0;
        for call in calls {
            let generic = if call.name == "newfstatat" { "fstatat" } else { call.name };
            let known = header.get(call.name).or_else(|| header.get(generic));
            found += usize::from(known.is_some());
            assert!(known.is_none_or(|&known| known == call.number), "{}: {known:?}", call.name);
        }
        assert!(found + 10 > calls.len(), "{found} of {} are in the header", calls.len());
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn numbers_are_those_of_the_kernels_headers() {
        let dir = "/usr/include/x86_64-linux-gnu/asm";
        for (calls, name) in [(CALLS, "unistd_64.h"), (i386::CALLS, "unistd_32.h")] {
            if let Some(header) = header(&format!("{dir}/{name}")) {
                check(calls, &header);
            }
        }
    }

    /// From Debian's `linux-libc-dev-arm64-cross`.
    #[test]
    fn numbers_of_aarch64_are_those_of_the_kernels_headers() {
        if let Some(header) = header("/usr/aarch64-linux-gnu/include/asm-generic/unistd.h") {
            check(aarch64::CALLS, &header);
        }
    }

    #[test]
    fn the_index_finds_every_call() {
        let index = Index::new();
        let made = |number| {
            let (arch, args, instruction) = (ARCH, [0; 6], 0);
            Notification { id: 0, tid: 1, arch, number, args, instruction }
        };
        for call in CALLS {
            let number = i32::try_from(call.number).unwrap();
            assert_eq!(index.get(&made(number)).map(|found| found.name), Some(call.name));
        }
        assert!(index.get(&made(-1)).is_none() && index.get(&made(i32::MAX)).is_none());
    }
}

//! Calls after which names mean something else, from the moment they are let go on until they are
//! done: nothing that was found out meanwhile may be kept.
#![expect(unsafe_code, reason = "kcmp has no wrapper")]

use std::fs;
use std::io::ErrorKind;

use fspy_trace::{Op, State};
use stat::Kind;

use crate::describe::Findings;
use crate::syscalls::{CALLS, Call, FCHDIR, Meaning};

/// Whether names may mean something else after a call: it moves a directory or a link, makes one, or
/// changes the directory that relative paths start from.
pub(crate) fn moves(call: &Call, findings: &Findings) -> bool {
    match call.meaning {
        Meaning::Create { .. } | Meaning::Rmdir { .. } | Meaning::Chroot | Meaning::Namespace => {
            true
        }
        Meaning::Rename { .. } | Meaning::Link { .. } | Meaning::Unlink { .. } => {
            !changes_only_files(findings)
        }
        _ => call.name == "chdir" || findings.world_changes,
    }
}

/// No path leads through a file.
fn changes_only_files(findings: &Findings) -> bool {
    let mut before = findings.events.iter().filter_map(|event| match event.op {
        Op::Change(_) => Some(&event.before),
        _ => None,
    });
    let is_file = |state: &State| state.kind() == Some(Kind::File);
    let harmless = |state: &State| is_file(state) || *state == State::Absent;
    let mut any = false;
    before.all(|state| {
        any |= is_file(state);
        harmless(state)
    }) && any
}

/// Whether a call changes the directory that relative paths start from.
fn changes_directory(number: i32) -> bool {
    let chdir = CALLS.iter().find(|call| call.name == "chdir").map(|call| call.number);
    [chdir, Some(FCHDIR)].contains(&u32::try_from(number).ok())
}

/// Threads that make such calls.
#[derive(Debug, Default)]
pub(super) struct Moving {
    under_way: Vec<Mover>,
    /// Nobody can tell any more who is in which directory.
    lost: bool,
}

#[derive(Debug)]
struct Mover {
    tid: u32,
    number: i32,
    /// It has another directory than the process whose memory it lives in, until it executes
    /// something or ends.
    guest_of: Option<u32>,
}

impl Moving {
    /// Whether somebody is under way whose arrival is worth looking for.
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn departs(&mut self, tid: u32, number: i32) {
        let company = if changes_directory(number) { company(tid) } else { Company::None };
        self.lost |= company == Company::Unclear;
        let guest_of = match company {
            Company::Guest(host) => Some(host),
            _ => None,
        };
        self.under_way.push(Mover { tid, number, guest_of });
    }

    /// True if this was the last.
    pub(super) fn arrived(&mut self, tid: u32) -> bool {
        !self.under_way.is_empty()
            && self.is_last(|mover| mover.tid != tid || mover.guest_of.is_some())
    }

    /// Looks where they all are. True if none is left.
    pub(super) fn look(&mut self) -> bool {
        !self.under_way.is_empty() && self.is_last(Mover::is_under_way)
    }

    fn is_last(&mut self, stays: impl FnMut(&Mover) -> bool) -> bool {
        self.under_way.retain(stays);
        self.under_way.is_empty() && !self.lost
    }
}

impl Mover {
    fn is_under_way(&self) -> bool {
        match self.guest_of {
            Some(host) => !is_gone(self.tid) && share(self.tid, host) != Some(false),
            None => is_within(self.tid, self.number),
        }
    }
}

/// Who else may live in a thread's memory, in another directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Company {
    None,
    /// It is a child of `vfork`, of this process.
    Guest(u32),
    Unclear,
}

fn company(tid: u32) -> Company {
    let Some((threads, parent)) = family(tid) else { return Company::Unclear };
    let children = fs::read_to_string(format!("/proc/{tid}/task/{tid}/children"));
    let Ok(children) = children else { return Company::Unclear };
    let mut children = children.split_whitespace().filter_map(|child| child.parse().ok());
    let alone = children.all(|child| share(tid, child) == Some(false));
    match share(tid, parent) {
        _ if threads != 1 || !alone => Company::Unclear,
        Some(false) => Company::None,
        Some(true) => Company::Guest(parent),
        None => Company::Unclear,
    }
}

/// How many threads the thread's process has, and its parent.
fn family(tid: u32) -> Option<(u32, u32)> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u32>().ok()
    };
    Some((field("Threads:")?, field("PPid:")?))
}

/// Whether two processes share their memory; `None` if nobody can tell.
fn share(one: u32, other: u32) -> Option<bool> {
    /// `KCMP_VM`.
    const MEMORY: i32 = 1;
    // SAFETY: a call on numbers.
    let compared = unsafe { libc::syscall(libc::SYS_kcmp, one, other, MEMORY, 0, 0) };
    match compared {
        0 => Some(true),
        1..=3 => Some(false),
        // A child that is gone shares nothing.
        _ if is_gone(other) => Some(false),
        _ => None,
    }
}

fn is_gone(tid: u32) -> bool {
    fs::metadata(format!("/proc/{tid}")).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Whether a thread may be within a call: it runs, or waits in it, or nobody can tell.
fn is_within(tid: u32, number: i32) -> bool {
    match fs::read_to_string(format!("/proc/{tid}/syscall")) {
        Ok(text) => {
            let now = text.split_whitespace().next().unwrap_or_default();
            now == "running" || now.parse() == Ok(number)
        }
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")] // Only there is a fast way.
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_gone_or_calls_again_is_done() {
        let mut moving = Moving::default();
        assert!(!moving.arrived(1) && !moving.look());
        let rename = 264;
        moving.departs(u32::MAX, rename);
        assert!(moving.look());
        moving.departs(1, rename);
        moving.departs(2, rename);
        assert!(!moving.arrived(1) && moving.arrived(2) && moving.is_empty());
    }

    #[test]
    fn where_a_process_of_many_threads_is_nobody_can_tell() {
        // The test runner has at least two.
        let (own, fchdir) = (std::process::id(), FCHDIR.cast_signed());
        assert_eq!(company(own), Company::Unclear);
        let mut moving = Moving::default();
        moving.departs(own, fchdir);
        assert!(!moving.arrived(own) && moving.is_empty());
        assert!(!moving.look());
    }

    #[test]
    fn a_process_shares_its_memory_with_itself_alone() {
        let (own, parent) = (std::process::id(), family(std::process::id()).unwrap().1);
        assert_eq!(share(own, own), Some(true));
        assert_ne!(share(own, parent), Some(true));
    }

    #[test]
    fn a_thread_that_runs_may_be_anywhere() {
        let own = fs::read_link("/proc/thread-self").unwrap();
        let tid = own.file_name().unwrap().to_str().unwrap().parse().unwrap();
        // It reads the file that says so.
        assert!(is_within(tid, libc::SYS_read.try_into().unwrap()) && !is_within(u32::MAX, -2));
    }
}

//! Calls after which names mean something else, from the moment they are let go on until they are
//! done: nothing that was found out meanwhile may be kept.

use std::fs;
use std::io::ErrorKind;

use fspy_trace::{Op, State};
use stat::Kind;

use crate::describe::Findings;
use crate::syscalls::{Call, Meaning};

/// Whether names may mean something else after a call: it moves a directory or a link, makes one, or
/// changes the directory that relative paths start from.
pub(crate) fn moves(call: &Call, findings: &Findings) -> bool {
    match call.meaning {
        Meaning::Create { .. } | Meaning::Rmdir { .. } | Meaning::Chroot | Meaning::Namespace => true,
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

/// Threads that make such calls, and the calls.
#[derive(Debug, Default)]
pub(super) struct Moving(Vec<(u32, i32)>);

impl Moving {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn departs(&mut self, tid: u32, number: i32) {
        self.0.push((tid, number));
    }

    /// True if this was the last.
    pub(super) fn arrived(&mut self, tid: u32) -> bool {
        if self.0.is_empty() {
            return false;
        }
        self.0.retain(|&(moving, _)| moving != tid);
        self.0.is_empty()
    }

    /// Looks where they all are. True if none is left.
    pub(super) fn look(&mut self) -> bool {
        if self.0.is_empty() {
            return false;
        }
        self.0.retain(|&(tid, number)| is_within(tid, number));
        self.0.is_empty()
    }
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
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_gone_or_calls_again_is_done() {
        let mut moving = Moving::default();
        assert!(!moving.arrived(1) && !moving.look());
        moving.departs(u32::MAX, 80);
        assert!(moving.look());
        moving.departs(1, 80);
        moving.departs(2, 80);
        assert!(!moving.arrived(1) && moving.arrived(2) && moving.is_empty());
    }

    #[test]
    fn a_thread_that_runs_may_be_anywhere() {
        assert!(is_within(std::process::id(), -2) || fs::read("/proc/self/syscall").is_err());
    }
}

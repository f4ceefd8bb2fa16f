//! The life of steps beyond their file calls: output, endings, signals, survivors, lost partners.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod endings;
mod ladder;
mod running;
mod survivors;
mod terminal;
mod users;

use std::fs;
use std::path::Path;

/// Whether a process exists and is no zombie.
fn runs(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| {
        let state = rest.split_whitespace().next();
        state.is_some_and(|state| !matches!(state, "Z" | "X"))
    })
}

/// Reads a number that a step wrote to a file, once it is there.
fn number_in(path: &Path) -> i32 {
    support::eventually("a number in a file", || support::text(path).ends_with('\n'));
    support::text(path).trim().parse().unwrap()
}

fn signal(pid: i32, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// The one child of this process that runs the helper for a given step's process.
fn parent_of(pid: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let rest = stat.rsplit(')').next().unwrap();
    rest.split_whitespace().nth(1).unwrap().parse().unwrap()
}

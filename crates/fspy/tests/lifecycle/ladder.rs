//! The lower rungs: the same lives of steps, where what the rungs above need is refused.
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

use std::process::Command;

use fspy::Fidelity;

use crate::endings::RUNNER;
use crate::support::{can_trace, given, has, on_rung, run, step, supervisor};

#[test]
fn on_rung_ptrace_filter_all_of_this_works() {
    on_rung("ptrace-filter", &["users::"]);
}

#[test]
fn on_rung_ptrace_all_of_this_works() {
    on_rung("ptrace", &["users::"]);
}

#[test]
fn on_rung_none_what_needs_no_trace_works() {
    on_rung("none", &["users::"]);
}

/// Whatever the rung: the fidelity of a trace is the one announced, and a step without a trace says
/// why.
#[test]
fn a_trace_is_what_was_announced() {
    let dir = given(&[("f", "file")]);
    let (announced, reason) = supervisor().fidelity();
    let ran = run(&step(&["cat", "f"], dir.path()));
    assert_eq!(ran.stdout(), "content\n");
    match ran.trace {
        Ok(trace) => {
            assert_eq!(trace.fidelity, announced);
            // Whoever steps down says why.
            assert_eq!(reason.is_some(), announced != Fidelity::Notify, "{reason:?}");
        }
        Err(untraced) => {
            assert_eq!(announced, Fidelity::None);
            let reason = reason.unwrap();
            assert!(reason.contains("(EACCES/EPERM)"), "{reason}");
            assert!(untraced.reason.contains("(EACCES/EPERM)"), "{untraced:?}");
        }
    }
}

/// Sandboxes may forbid to gain rights, and have users and mounts of their own.
#[test]
fn a_runner_inside_a_sandbox_traces() {
    if !can_trace() || !has("bwrap") {
        return;
    }
    let dir = given(&[("f", "file")]);
    let this = std::env::current_exe().unwrap();
    let mut sandbox = Command::new("bwrap");
    sandbox.args(["--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc"]).arg(this);
    sandbox.args(["--exact", RUNNER, "--ignored", "--nocapture"]).current_dir(dir.path());
    let said = sandbox.env("SCRIPT", "cat f").output().unwrap();
    let (out, error) =
        (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    if error.starts_with("bwrap: ") {
        eprintln!("skipped: {error}");
        return;
    }
    let fidelity = fspy::fidelity_word(supervisor().fidelity().0);
    assert!(out.contains(&format!("traced by {fidelity}, f read: true")), "{out}{error}");
}

#[test]
fn a_stopped_process_group_stays_stopped_until_it_is_continued() {
    let dir = given(&[]);
    let script = "sh -c 'echo $$ >pid; kill -STOP $$; echo went on' & \
        until test -s pid && grep -q 'T (stopped)' /proc/$(cat pid)/status 2>/dev/null || \
        grep -q 't (tracing' /proc/$(cat pid)/status 2>/dev/null; do sleep 0.01; done; \
        echo stopped; kill -CONT $(cat pid); wait";
    let ran = run(&step(&["sh", "-c", script], dir.path()));
    assert_eq!(ran.stdout(), "stopped\nwent on\n", "{}", ran.stderr());
}

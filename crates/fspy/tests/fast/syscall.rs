//! Calls by libc's function `syscall`, as Node makes them: those that look are recorded, and what all
//! others do is left to the one instruction there.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fspy::Exit;

use super::support::{Ran, can_trace, compiled, folded, step};
use super::{fast, fresh, same};

fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let source = include_str!("syscall.c");
    let build = || if can_trace() { compiled("syscall", source, &[]) } else { None };
    PROGRAM.get_or_init(build).as_deref()
}

fn case(name: &str, count: u64) -> Option<Ran> {
    Some(same(&[program()?.to_str().unwrap(), name, &count.to_string()]))
}

#[test]
fn calls_that_look_find_what_they_should_and_fail_as_they_should() {
    let Some(ran) = case("looks", 1) else { return };
    // Two at least of those that look at `f`, of which the last asks no call for nothing.
    assert!(ran.stdout().contains("\n8 8\n"), "{}", ran.stdout());
}

#[test]
fn all_calls_that_look_are_recorded() {
    let Some(ran) = case("many", 12_000) else { return };
    let trace = ran.trace();
    assert!(trace.recorded * 100 >= trace.calls * 99, "{} of {}", trace.recorded, trace.calls);
    assert!(trace.records.len() > 10_000);
}

#[test]
fn other_calls_do_what_they_do() {
    let Some(ran) = case("others", 1) else { return };
    assert!(ran.stdout().starts_with("1\n1 4\n-1 17\n0 0\n-1 2\n0 0\n"), "{}", ran.stdout());
}

#[test]
fn calls_that_come_back_twice_or_on_another_stack_do_so() {
    let Some(ran) = case("twice", 1) else { return };
    let expected =
        "1\nvfork 1 7\n8\nfork 1 8\nclone 1 9\n1\nstack 1 9\n1\nbeside 1 9\nclone3 1 9\n";
    assert_eq!(ran.stdout(), expected);
}

#[test]
fn calls_that_never_come_back_do_not() {
    let Some(ran) = case("never", 1) else { return };
    assert_eq!(ran.stdout(), "100\n");
    assert_eq!(ran.exit, Exit { code: Some(5), signal: None });
}

#[test]
fn signals_may_come_anywhere() {
    let Some(program) = program() else { return };
    let dir = fresh();
    let argv = [program.to_str().unwrap(), "interrupted", "200000"];
    let ran = fast(&step(&argv, dir.path()));
    assert_eq!(ran.stdout(), "0 wrong, interrupted: yes\n");
    assert_eq!(
        folded(ran.trace(), dir.path()),
        ["f file stat", "g file stat", "none absent exists"]
    );
    ran.assert_complete();
}

#[test]
fn threads_are_cancelled_and_leave() {
    let Some(ran) = case("cancelled", 1) else { return };
    assert_eq!(ran.stdout(), "cancelled, 1\ncancelled, 2\nleft\n");
}

//! Calls by libc's function `syscall`, as Node makes them, and where others of libc take the number of
//! any call from the stack: calls that look are recorded, and what all others do is left to the one
//! instruction there.

use std::path::PathBuf;
use std::sync::OnceLock;

use fspy::Exit;

use super::support::{Ran, can_trace, compiled, folded, step};
use super::{fast, fresh, same};

/// The program, as it is, with another libc's function, and with calls whose number is on the stack.
fn programs() -> &'static [PathBuf] {
    static PROGRAMS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        if !can_trace() {
            return Vec::new();
        }
        // As a library of this name is looked for.
        let library = compiled("libc.so.other", include_str!("libc.c"), &["-shared", "-fPIC"]);
        let library = library.as_ref().and_then(|path| path.to_str());
        let flags = [
            Some(vec![]),
            library.map(|path| vec![path]),
            library.map(|path| vec!["-DFROM_STACK", path]),
        ];
        let source = include_str!("syscall.c");
        flags.iter().flatten().filter_map(|flags| compiled("syscall", source, flags)).collect()
    })
}

fn case(name: &str, count: u64) -> Vec<Ran> {
    let programs = programs().iter().map(|program| program.to_str().unwrap());
    programs.map(|program| same(&[program, name, &count.to_string()])).collect()
}

#[test]
fn calls_that_look_find_what_they_should_and_fail_as_they_should() {
    for ran in case("looks", 1) {
        assert!(ran.stdout().contains("\n8 8\n"), "{}", ran.stdout());
    }
}

#[test]
fn all_calls_that_look_are_recorded() {
    for ran in case("many", 12_000) {
        let trace = ran.trace();
        assert!(trace.recorded * 100 >= trace.calls * 99, "{} of {}", trace.recorded, trace.calls);
        assert!(trace.records.len() > 10_000);
    }
}

#[test]
fn other_calls_do_what_they_do() {
    for ran in case("others", 1) {
        assert!(ran.stdout().starts_with("1\n1 4\n-1 17\n0 0\n-1 2\n0 0\n"), "{}", ran.stdout());
    }
}

#[test]
fn calls_that_come_back_twice_or_on_another_stack_do_so() {
    let expected =
        "1\nvfork 1 7\n8\nfork 1 8\nclone 1 9\n1\nstack 1 9\n1\nbeside 1 9\nclone3 1 9\n";
    for ran in case("twice", 1) {
        assert_eq!(ran.stdout(), expected);
    }
}

#[test]
fn calls_that_never_come_back_do_not() {
    for ran in case("never", 1) {
        assert_eq!(ran.stdout(), "100\n");
        assert_eq!(ran.exit, Exit { code: Some(5), signal: None });
    }
}

#[test]
fn signals_may_come_anywhere() {
    for program in programs() {
        let dir = fresh();
        let argv = [program.to_str().unwrap(), "interrupted", "200000"];
        let ran = fast(&step(&argv, dir.path()));
        assert_eq!(ran.stdout(), "0 wrong, interrupted: yes\n");
        let expected = ["f file stat", "g file stat", "none absent exists"];
        assert_eq!(folded(ran.trace(), dir.path()), expected);
        ran.assert_complete();
    }
}

#[test]
fn threads_are_cancelled_and_leave() {
    for ran in case("cancelled", 1) {
        assert_eq!(ran.stdout(), "cancelled, 1\ncancelled, 2\nleft\n");
    }
}

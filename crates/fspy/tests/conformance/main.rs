//! Conformance: what a call does, and the fold it must leave. The programs are in `cases.c`.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod awkward;
mod languages;
mod mutation;
mod programs;
mod table;
mod transparent;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use support::{Ran, can_trace, compiled, folded, given, run, step};
use tempfile::TempDir;

/// One case: a function of `cases.c`, what it finds, and the fold that its calls must leave.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    given: &'static [(&'static str, &'static str)],
    expected: &'static [&'static str],
}

impl Case {
    fn check(&self, program: &Path) {
        let dir = given(self.given);
        let ran = run_case(program, self.name, &dir);
        assert_eq!(
            folded(ran.trace(), dir.path()),
            self.expected,
            "{}: {}",
            self.name,
            ran.stdout()
        );
        ran.assert_complete();
    }
}

fn run_case(program: &Path, name: &str, dir: &TempDir) -> Ran {
    let ran = run(&step(&[program.to_str().unwrap(), name], dir.path()));
    assert_eq!(ran.stderr(), "", "{name}");
    ran
}

/// The compiled cases, if they can be compiled and traced here.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM.get_or_init(|| build(&[])).as_deref()
}

fn build(flags: &[&str]) -> Option<PathBuf> {
    if can_trace() { compiled("cases", include_str!("cases.c"), flags) } else { None }
}

/// A static program makes the same calls, and no library could have watched it; a 32-bit one makes
/// others to the same end.
#[test]
fn static_programs_and_those_of_32_bits_leave_the_same_folds() {
    for flags in [&["-static"][..], &["-static-pie"], &["-m32"], &["-m32", "-static"]] {
        let Some(program) = build(flags) else { continue };
        for case in table::CASES {
            case.check(&program);
        }
    }
}

/// musl does some things in other calls: those cases have a fold of their own.
#[test]
fn programs_with_another_c_library_leave_the_same_folds() {
    for flags in [&[support::MUSL][..], &[support::MUSL, "-static"]] {
        let Some(program) = build(flags) else { continue };
        for case in table::CASES {
            let own = table::MUSL.iter().find(|own| own.name == case.name);
            own.unwrap_or(case).check(&program);
        }
    }
}

/// Every case's calls, by name and path as named, are those that strace sees.
#[test]
fn against_strace_no_call_is_missing_or_made_up() {
    let Some(program) = program() else { return };
    for case in table::CASES {
        let argv = [program.to_str().unwrap(), case.name];
        support::strace::compare(&argv, |dir| support::fill(dir, case.given));
    }
}

/// What the calls return must not depend on being traced.
#[test]
fn results_are_those_of_an_untraced_run() {
    let Some(program) = program() else { return };
    for case in table::CASES {
        let (traced, plain) = (given(case.given), given(case.given));
        let untraced = fspy::Spawn {
            traced: false,
            ..step(&[program.to_str().unwrap(), case.name], plain.path())
        };
        let (traced, plain) = (run_case(program, case.name, &traced), run(&untraced));
        assert_eq!(traced.stdout(), plain.stdout(), "{}", case.name);
        assert_eq!(traced.exit, plain.exit, "{}", case.name);
    }
}

/// Every function of `cases.c` is a case somewhere: none was forgotten.
#[test]
fn every_case_is_checked() {
    let source = include_str!("cases.c");
    let here = [
        include_str!("table.rs"),
        include_str!("awkward.rs"),
        include_str!("programs.rs"),
        include_str!("transparent.rs"),
    ];
    let names = source.lines().filter_map(|line| line.strip_prefix("CASE(")?.split(')').next());
    for name in names {
        assert!(here.iter().any(|text| text.contains(name)), "no test for the case {name}");
    }
}

/// What steps have unless another way is asked for.
#[test]
fn on_rung_notify_the_fast_way_leaves_the_same_folds() {
    support::on_the_fast_way(&["ordinary_user", "mutated"]);
}

#[test]
fn on_rung_notify_memory_can_be_read_in_another_way() {
    support::on_rung(
        "notify",
        &[
            "ordinary_user",
            "static_programs",
            "programs_with",
            "languages::",
            "mutated",
            "against_strace",
        ],
    );
}

/// What a lower rung can't have (debuggers), and what needs no repetition.
const ON_PTRACE: &[&str] = &["debuggers_work", "mutated"];

/// A debugger inside is the one thing that a step stopped by `ptrace` can't have.
#[test]
fn on_rung_ptrace_filter_the_folds_are_the_same() {
    support::on_rung("ptrace-filter", ON_PTRACE);
}

#[test]
fn on_rung_ptrace_the_folds_are_the_same() {
    support::on_rung("ptrace", ON_PTRACE);
}

#[test]
fn an_ordinary_user_leaves_the_same_folds() {
    let mut skip = vec!["ordinary_user", "mutated"];
    if support::is_rerun() {
        skip.extend(["debuggers_work", "languages::", "static_programs", "programs_with"]);
    }
    support::as_nobody(&skip);
}

fn write(path: PathBuf, text: &str) -> PathBuf {
    fs::write(&path, text).unwrap();
    path
}

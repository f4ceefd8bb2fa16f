//! Conformance: what a call does, and the fold it must leave. The programs are in `cases.c`.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod awkward;
mod programs;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use support::{Ran, can_trace, compiled, folded, given, run, step};
use tempfile::TempDir;

/// One case: a function of `cases.c`, what it finds, and the fold that its calls must leave.
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

/// A static program makes the same calls, and no library could have watched it.
#[test]
fn static_programs_leave_the_same_folds() {
    for flags in [["-static"], ["-static-pie"]] {
        let Some(program) = build(&flags) else { continue };
        for case in table::CASES {
            case.check(&program);
        }
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
    let here = [include_str!("table.rs"), include_str!("awkward.rs"), include_str!("programs.rs")];
    let names = source.lines().filter_map(|line| line.strip_prefix("CASE(")?.split(')').next());
    for name in names {
        assert!(here.iter().any(|text| text.contains(name)), "no test for the case {name}");
    }
}

#[test]
fn on_rung_notify_memory_can_be_read_in_another_way() {
    support::on_rung("notify", &["ordinary_user", "static_programs"]);
}

/// A debugger inside is the one thing that a step stopped by `ptrace` can't have.
#[test]
fn on_rung_ptrace_filter_the_folds_are_the_same() {
    support::on_rung("ptrace-filter", &["debuggers_work", "ordinary_user"]);
}

#[test]
fn on_rung_ptrace_the_folds_are_the_same() {
    support::on_rung("ptrace", &["debuggers_work", "ordinary_user"]);
}

#[test]
fn an_ordinary_user_leaves_the_same_folds() {
    support::as_nobody("ordinary_user");
}

fn write(path: PathBuf, text: &str) -> PathBuf {
    fs::write(&path, text).unwrap();
    path
}

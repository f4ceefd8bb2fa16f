//! The check of the checks: a tracer that is blind to one kind of observation makes this suite fail.

use std::path::PathBuf;
use std::process::Command;

use super::support::{can_trace, rerun_with, scratch};

/// Everything that an observation can be, and the rest of what a call gives away.
const KINDS: [&str; 25] = [
    "read",
    "exec",
    "stat",
    "access",
    "exists",
    "list",
    "follow",
    "create",
    "replace",
    "overwrite",
    "write",
    "modify",
    "append",
    "delete",
    "meta",
    "times",
    "link-count",
    "absent",
    "error",
    "execs",
    "peers",
    "renames",
    "incomplete",
    "named",
    "world",
];

/// Tests that take long and find nothing that others don't.
const SLOW: [&str; 6] =
    ["--skip", "many_threads", "--skip", "end_of_a_child", "--skip", "go_programs"];

/// The tests that should notice: the table is quick, and has a case for every kind of event.
fn groups(kind: &str) -> Vec<&'static str> {
    match kind {
        "nothing" => vec!["table::", "awkward::", "programs::", "against_strace"],
        "named" => vec!["against_strace"],
        "exec" | "error" | "execs" | "peers" | "renames" | "incomplete" | "world" => {
            vec!["awkward::", "programs::"]
        }
        _ => vec!["table::"],
    }
}

/// The helper with the switch in it, which no user's has.
fn helper() -> PathBuf {
    let target = scratch().join("mutations");
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_") && !name.starts_with("CARGO_HOME") || name == "RUSTFLAGS" {
            cargo.env_remove(&*name);
        }
    }
    cargo.args(["build", "--quiet", "--locked", "--features", "mutations", "--target-dir"]);
    cargo.arg(&target).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../fspy_helper"));
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("debug/taskrunner-helper")
}

#[test]
fn mutated_tracers_are_found_out() {
    if !can_trace() {
        return;
    }
    let helper = helper();
    // Whole, it passes: what fails below fails for what was dropped.
    let run = |kind: &str| {
        let only = groups(kind);
        rerun_with(&helper, &[("TASKRUNNER_TEST_DROP", kind)], &[&only[..], &SLOW].concat())
    };
    let whole = run("nothing");
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stdout));
    let blind = |kind: &&&str| run(kind).status.success();
    let unnoticed: Vec<_> = KINDS.iter().filter(blind).collect();
    assert_eq!(unnoticed, Vec::<&&str>::new(), "no test would notice if these were missed");
}

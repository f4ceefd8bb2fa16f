//! Processes that outlive their step: the step ends without them, and they go on working.

use std::fs;
use std::path::Path;

use fspy::Incomplete;

use crate::support::{can_trace, eventually, finish, given, run, step, supervisor, text};
use crate::{number_in, parent_of, runs, signal};

/// A daemon as daemons are: forked twice, in a session of its own, with nothing of the step's open.
/// It opens a file for each it finds in `ask`, until that is `end`.
const DAEMON: &str = "setsid sh -c '(echo $$ >daemon; while :; do \
    if test -e ask; then rm ask; cat f >answer.tmp 2>errors; mv answer.tmp answer; fi; \
    test -e end && exit; test -e daemon || exit; sleep 0.02; done) </dev/null >/dev/null 2>&1 &'; \
    while ! test -s daemon; do sleep 0.01; done";

fn ask(dir: &Path) {
    let _ = fs::remove_file(dir.join("answer"));
    fs::write(dir.join("ask"), "").unwrap();
    eventually("an answer", || text(&dir.join("answer")) == "content\n");
    assert_eq!(text(&dir.join("errors")), "");
}

#[test]
fn a_daemon_works_after_its_step_and_after_the_run() {
    if !can_trace() {
        return;
    }
    let (dir, mut supervisor) = (given(&[("f", "file")]), supervisor());
    supervisor.spawn(&step(&["sh", "-c", DAEMON], dir.path())).unwrap();
    let ran = finish(&mut supervisor, 1);
    assert_eq!(ran.exit.code, Some(0));
    ask(dir.path());
    // The run goes on with other steps.
    supervisor.spawn(&fspy::Spawn { id: 2, ..step(&["true"], dir.path()) }).unwrap();
    assert_eq!(finish(&mut supervisor, 2).exit.code, Some(0));
    ask(dir.path());
    drop(supervisor);
    ask(dir.path());
    fs::write(dir.path().join("end"), "").unwrap();
}

#[test]
fn the_helper_goes_with_the_last_survivor() {
    if !can_trace() {
        return;
    }
    let (dir, mut supervisor) = (given(&[]), supervisor());
    let script = "sleep 600 >/dev/null 2>&1 & echo $! >child";
    supervisor.spawn(&step(&["sh", "-c", script], dir.path())).unwrap();
    finish(&mut supervisor, 1);
    let child = number_in(&dir.path().join("child"));
    eventually("the helper adopts it", || parent_of(child) != 1);
    let helper = parent_of(child);
    drop(supervisor);
    assert!(runs(child) && runs(helper));
    signal(child, rustix::process::Signal::KILL);
    eventually("the helper is gone", || !runs(helper));
}

/// The step ends once its child is where it will stay.
const UNTIL_IT_WRITES: &str = "sleep 600 >log 2>&1 & echo $! >child; \
    until grep -qx sleep /proc/$!/comm; do sleep 0.01; done";

#[test]
fn a_survivor_with_a_file_open_for_writing_is_named() {
    if !can_trace() {
        return;
    }
    let dir = given(&[]);
    let ran = run(&step(&["sh", "-c", UNTIL_IT_WRITES], dir.path()));
    let log = dir.path().canonicalize().unwrap().join("log");
    assert_eq!(ran.trace().incomplete, [Incomplete::StillWriting(stat::as_bytes(&log).to_vec())]);
    signal(number_in(&dir.path().join("child")), rustix::process::Signal::KILL);
}

#[test]
fn a_survivor_that_holds_the_output_is_noticed_and_not_waited_for() {
    if !can_trace() {
        return;
    }
    let dir = given(&[]);
    let ran = run(&step(&["sh", "-c", "sleep 600 & echo $! >child; echo done"], dir.path()));
    assert_eq!(ran.stdout(), "done\n");
    assert_eq!(ran.trace().incomplete, [Incomplete::StillTalking]);
    signal(number_in(&dir.path().join("child")), rustix::process::Signal::KILL);
}

#[test]
fn a_survivor_that_floods_does_not_hold_up_the_end() {
    for traced in [true, false] {
        let dir = given(&[]);
        let script = "yes & echo $! >child";
        let ran = run(&fspy::Spawn { traced, ..step(&["sh", "-c", script], dir.path()) });
        assert_eq!(ran.exit.code, Some(0));
        // Its pipe is closed, so it ends by SIGPIPE.
        let child = number_in(&dir.path().join("child"));
        eventually("the flood ends", || !runs(child));
    }
}

#[test]
fn processes_that_end_within_the_grace_are_no_survivors() {
    if !can_trace() {
        return;
    }
    let dir = given(&[("f", "file")]);
    let ran = run(&step(&["sh", "-c", "{ cat f >copy; } & exit 0"], dir.path()));
    if ran.trace().incomplete.is_empty() {
        assert_eq!(text(&dir.path().join("copy")), "content\n");
        let copy = dir.path().canonicalize().unwrap().join("copy");
        assert_eq!(ran.record(&copy).unwrap().change, Some(fspy::Change::Create));
    }
}

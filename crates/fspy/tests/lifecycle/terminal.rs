//! Terminals: an interactive step on this process's own, and steps with one of their own, where
//! whole process groups are stopped, continued and interrupted.

use std::path::Path;
use std::process::{Command, Output};

use crate::endings::RUNNER;
use crate::support::{can_trace, eventually, executable, given, has, run, step, supervisor};
use crate::{number_in, runs};

/// Plays what is to be waited for and typed; see there.
const PERSON: &str = include_str!("terminal.py");

/// Runs a runner of its own with one interactive step on a terminal that controls it.
fn on_terminal(script: &str, turns: &str, dir: &Path) -> Output {
    let mut person = Command::new("python3");
    person.args(["-IS", "-c", PERSON, turns]).arg(std::env::current_exe().unwrap());
    person.args(["--exact", RUNNER, "--ignored", "--nocapture"]);
    person.env("SCRIPT", script).env("INTERACTIVE", "yes").current_dir(dir).output().unwrap()
}

#[test]
fn an_interactive_step_has_the_terminal() {
    if !has("python3") {
        return;
    }
    let dir = given(&[("f", "file")]);
    let script =
        "test -t 0 && test -t 1 && test -t 2 && echo ready; read word; echo got $word; cat f";
    let output = on_terminal(script, r#"[["ready\r", "a word\n"]]"#, dir.path());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("got a word\r\ncontent\r\n"), "{said}");
    let fidelity = fspy::fidelity_word(supervisor().fidelity().0);
    if can_trace() {
        assert!(said.contains(&format!("traced by {fidelity}, f read: true")), "{said}");
    }
    assert_eq!(output.status.code(), Some(0), "{said}");
}

/// The step leads a session of its own: the runner is told, and passes on what it wants to.
#[test]
fn a_runner_ended_by_its_terminal_takes_an_interactive_step_along() {
    if !has("python3") {
        return;
    }
    let dir = given(&[]);
    let script = "echo $$ >main; echo ready; read word";
    let output = on_terminal(script, r#"[["ready\r", "\u0003"]]"#, dir.path());
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stdout));
    let main = number_in(&dir.path().join("main"));
    eventually("the step is dead", || !runs(main));
}

/// What the shell below is asked to run. One process only: a child of `vfork` that stops before it
/// is a program would keep its parent from stopping.
const JOB: &str = "#!/usr/bin/env -S python3 -ISu
import signal, time
signal.signal(signal.SIGCONT, lambda *_: print(\"went\", \"on\"))
print(\"came\", \"up\")
while True: time.sleep(0.02)
";

/// A shell with job control: its foreground process group is stopped, continued, and interrupted.
#[test]
fn job_control_works_inside() {
    if !has("python3") || !has("bash") {
        return;
    }
    let dir = given(&[]);
    executable(&dir.path().join("job"), JOB);
    let turns = r#"[["ready> ", "./job\n"], ["came up\r", "\u001a"], ["Stopped(?s:.*)ready> ", "fg\n"],
        ["went on\r", "\u0003"], ["ready> ", "echo code $?\n"], ["code 130\r", "exit 7\n"]]"#;
    let shell = ["env", "PS1=ready> ", "bash", "--norc", "--noprofile", "--noediting", "-i"];
    let argv = [&["python3", "-IS", "-c", PERSON, turns], &shell[..]].concat();
    for traced in [true, false] {
        let ran = run(&fspy::Spawn { traced, ..step(&argv, dir.path()) });
        assert_eq!((ran.exit.code, ran.stderr().as_str()), (Some(7), ""), "{}", ran.stdout());
        assert!(!ran.stdout().contains("never seen"), "{}", ran.stdout());
        if traced && can_trace() {
            ran.assert_complete();
        }
    }
}

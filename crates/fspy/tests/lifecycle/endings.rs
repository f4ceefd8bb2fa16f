//! Endings that nobody planned: kills, a lost helper, a lost runner, a runner inside a step.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fspy::{Event, Exit, Fidelity};
use rustix::process::Signal;

use crate::support::{
    can_trace, eventually, finish, given, helper_env, run, step, supervisor, wait_for,
};
use crate::{number_in, parent_of, runs, signal};

/// Leaves a grandchild in a session of its own, and writes down its number.
const FAMILY: &str = "setsid sh -c 'echo $$ >daemon; exec sleep 600' & sleep 600 & \
                      while ! test -s daemon; do sleep 0.01; done; echo $! >child; wait";

#[test]
fn a_kill_reaches_every_process_of_the_step() {
    if !can_trace() {
        return;
    }
    let (dir, mut supervisor) = (given(&[]), supervisor());
    supervisor.spawn(&step(&["sh", "-c", FAMILY], dir.path())).unwrap();
    let (child, daemon) =
        (number_in(&dir.path().join("child")), number_in(&dir.path().join("daemon")));
    assert!(runs(child) && runs(daemon));
    supervisor.kill(1, 9).unwrap();
    assert_eq!(finish(&mut supervisor, 1).exit, Exit { code: None, signal: Some(9) });
    eventually("all are dead", || !runs(child) && !runs(daemon));
}

#[test]
fn a_gentle_signal_lets_a_step_say_goodbye() {
    let mut supervisor = supervisor();
    let script = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
    supervisor.spawn(&step(&["sh", "-c", script], Path::new("/"))).unwrap();
    wait_for(&mut supervisor, |event| matches!(event, Event::Output { .. }).then_some(()));
    supervisor.kill(1, 15).unwrap();
    let ran = finish(&mut supervisor, 1);
    assert_eq!((ran.stdout().as_str(), ran.exit.code), ("bye\n", Some(3)));
}

/// Shells start background processes with SIGINT ignored.
#[test]
fn nothing_of_an_interrupted_step_stays() {
    let (dir, mut supervisor) = (given(&[]), supervisor());
    let script = "(sleep 600; true) & echo $! >child; exec sleep 600";
    for traced in [true, false] {
        let spawn = fspy::Spawn { traced, ..step(&["sh", "-c", script], dir.path()) };
        supervisor.spawn(&spawn).unwrap();
        let child = number_in(&dir.path().join("child"));
        supervisor.kill(1, 2).unwrap();
        finish(&mut supervisor, 1);
        eventually("the child is dead", || !runs(child));
        std::fs::remove_file(dir.path().join("child")).unwrap();
    }
}

#[test]
fn a_kill_at_once_is_not_lost() {
    for traced in [true, false] {
        let mut supervisor = supervisor();
        let spawn = fspy::Spawn { traced, ..step(&["sleep", "600"], Path::new("/")) };
        supervisor.spawn(&spawn).unwrap();
        supervisor.kill(1, 9).unwrap();
        assert_eq!(finish(&mut supervisor, 1).exit.signal, Some(9));
    }
}

#[test]
fn a_killed_helper_ends_its_steps_without_a_hang() {
    let mut supervisor = supervisor();
    for id in [1, 2] {
        let script = "echo ready; while :; do cat /etc/hostname >/dev/null; done";
        supervisor
            .spawn(&fspy::Spawn { id, ..step(&["sh", "-c", script], Path::new("/")) })
            .unwrap();
    }
    let mut pids = Vec::new();
    let mut ready = 0;
    while ready < 2 || pids.len() < 2 {
        wait_for(&mut supervisor, |event| {
            match event {
                Event::Started { pid, .. } => pids.push(*pid),
                Event::Output { .. } => ready += 1,
                _ => return None,
            }
            Some(())
        });
    }
    signal(parent_of(pids[0]), Signal::KILL);
    let ids = wait_for(&mut supervisor, |event| match event {
        Event::HelperLost { ids } => Some(ids.clone()),
        _ => None,
    });
    assert_eq!(ids, [1, 2]);
    eventually("the steps are dead", || !pids.iter().any(|&pid| runs(pid)));
    let again = supervisor.spawn(&step(&["true"], Path::new("/"))).unwrap_err();
    assert!(matches!(again, fspy::Error::HelperGone), "{again}");
}

#[test]
fn a_killed_runner_takes_its_steps_along() {
    if !can_trace() {
        return;
    }
    let dir = given(&[]);
    let mut runner = runner(FAMILY, dir.path());
    let (child, daemon) =
        (number_in(&dir.path().join("child")), number_in(&dir.path().join("daemon")));
    runner.kill().unwrap();
    assert_eq!(runner.wait().unwrap().signal(), Some(9));
    eventually("the steps are dead", || !runs(child) && !runs(daemon));
}

#[test]
fn a_dropped_supervisor_takes_its_steps_along() {
    let (dir, mut supervisor) = (given(&[]), supervisor());
    supervisor.spawn(&step(&["sh", "-c", "echo $$ >main; sleep 600"], dir.path())).unwrap();
    let main = number_in(&dir.path().join("main"));
    let helper = parent_of(main);
    drop(supervisor);
    eventually("step and helper are gone", || !runs(main) && !runs(helper));
}

#[test]
fn a_runner_inside_a_step_steps_down_and_sees_the_same() {
    if !can_trace() {
        return;
    }
    let dir = given(&[("f", "file")]);
    let this = std::env::current_exe().unwrap();
    let mut spawn =
        step(&[this.to_str().unwrap(), "--exact", RUNNER, "--ignored", "--nocapture"], dir.path());
    spawn.env.push((b"SCRIPT".to_vec(), b"cat f".to_vec()));
    spawn.env.extend(helper_env());
    let ran = run(&spawn);
    let said = ran.stdout();
    assert!(said.contains("content\n"), "{said}");
    match ran.trace().fidelity {
        // The outer filter goes first, so the inner one's would stop nothing: every call must stop.
        Fidelity::Notify => {
            assert!(said.contains("(EBUSY)"), "{said}");
            assert!(said.contains("traced by ptrace, f read: true"), "{said}");
        }
        // A process has one tracer.
        _ => assert!(said.contains("the kernel refused to trace a process"), "{said}"),
    }
    let read = ran.record(&dir.path().canonicalize().unwrap().join("f"));
    assert!(read.is_some_and(|record| record.seen.read), "the outer trace covers the inner run");
}

pub(crate) const RUNNER: &str = "endings::be_a_runner";

/// A runner that is a process of its own.
fn runner(script: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", RUNNER, "--ignored", "--nocapture"])
        .env("SCRIPT", script)
        .current_dir(dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "run by other tests, as a process of its own"]
#[allow(clippy::print_stdout, reason = "read by the test that runs it")]
fn be_a_runner() {
    let script = std::env::var("SCRIPT").unwrap();
    let dir = std::env::current_dir().unwrap();
    println!("{:?}", supervisor().fidelity().1);
    let interactive = std::env::var_os("INTERACTIVE").is_some();
    let ran = run(&fspy::Spawn { interactive, ..step(&["sh", "-c", &script], &dir) });
    let told = match &ran.trace {
        Ok(trace) => {
            let read = ran.record(&dir.join("f")).is_some_and(|record| record.seen.read);
            format!("traced by {}, f read: {read}", fspy::fidelity_word(trace.fidelity))
        }
        Err(untraced) => untraced.reason.clone(),
    };
    println!("{}{told}", ran.stdout());
}

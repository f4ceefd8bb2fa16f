//! Variables that programs look up: their names arrive, and the programs notice nothing.

use std::sync::OnceLock;

use fspy::{Spawn, Trace};

use super::support::{Ran, can_trace, compiled, finish, step};
use super::{fast, fast_supervisor, fresh, notified, same};

/// A step of the program, which is not given what it looks up.
fn command() -> Option<[&'static str; 5]> {
    static PROGRAM: OnceLock<Option<String>> = OnceLock::new();
    let build = || {
        let flags = ["-ldl", "-pthread"];
        let built = can_trace().then(|| compiled("variables", include_str!("variables.c"), &flags));
        Some(built??.to_str().unwrap().to_owned())
    };
    let program = PROGRAM.get_or_init(build).as_deref()?;
    Some(["env", "SET=value", "EMPTY=", program, "looks_up"])
}

fn names(ran: &Ran) -> Vec<String> {
    let name = |name: &Vec<u8>| String::from_utf8(name.clone()).unwrap();
    ran.trace().variables.iter().map(name).collect()
}

#[test]
fn names_of_variables_that_are_not_there_arrive() {
    let Some(argv) = command() else { return };
    let names = names(&same(&argv));
    let longest = "L".repeat(255);
    for name in [
        "PLAIN",
        "SECURE",
        &longest,
        "A",
        "AB",
        "ABC",
        "ABCDEFG",
        "ABCDEFGH",
        "ABCDEFGHI",
        "BY_POINTER",
        "IN_HANDLER",
        "IN_THREAD",
        "IN_CHILD",
        "IN_BORROWER",
        "OFTEN",
        "CLEARED",
    ] {
        assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
    }
    for name in ["SET", "EMPTY", "MADE_HERE", "", "SET=x", &"M".repeat(256)] {
        assert!(!names.iter().any(|found| found == name), "{name} is in {names:?}");
    }
    assert!(names.is_sorted());
}

#[test]
fn looking_up_counts_as_no_call() {
    let Some(argv) = command() else { return };
    let dir = fresh();
    let [.., program, _] = argv;
    let counts = |argv: &[&str]| {
        let ran = fast(&step(argv, dir.path()));
        let trace = ran.assert_complete().trace();
        (trace.calls, trace.recorded)
    };
    assert_eq!(counts(&[program, "looks_up"]), counts(&[program, "looks nothing up"]));
}

#[test]
fn a_call_log_does_not_speak_of_them() {
    let Some(argv) = command() else { return };
    let dir = fresh();
    let (ran, log) = logged(&step(&argv, dir.path()));
    assert!(names(&ran).contains(&"PLAIN".to_owned()));
    let log = String::from_utf8_lossy(&log).into_owned();
    assert!(log.contains("\tf\0") && !log.contains("PLAIN") && !log.contains("OFTEN"), "{log}");
}

#[test]
fn where_every_call_is_notified_nobody_sees_them() {
    let Some(argv) = command() else { return };
    let dir = fresh();
    let Trace { variables, .. } = notified(&step(&argv, dir.path())).trace().clone();
    assert!(variables.is_empty());
}

fn logged(spawn: &Spawn) -> (Ran, Vec<u8>) {
    use std::io::{Read, Seek};
    let mut log = tempfile::tempfile().unwrap();
    let mut supervisor = fast_supervisor();
    supervisor.spawn_logged(spawn, log.try_clone().unwrap().into()).unwrap();
    let ran = finish(&mut supervisor, spawn.id);
    let mut bytes = Vec::new();
    log.rewind().unwrap();
    log.read_to_end(&mut bytes).unwrap();
    (ran, bytes)
}

/// What is seen must not depend on what other steps do.
#[test]
fn the_first_process_of_a_program_is_seen_in_every_step() {
    let Some(argv) = command() else { return };
    let dir = fresh();
    let mut supervisor = fast_supervisor();
    for id in 1..4 {
        supervisor.spawn(&Spawn { id, ..step(&argv, dir.path()) }).unwrap();
        let ran = finish(&mut supervisor, id);
        assert!(names(&ran).contains(&"PLAIN".to_owned()), "step {id}");
    }
}

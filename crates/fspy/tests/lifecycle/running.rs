//! Starting, output, exit, many at once.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use fspy::{Error, Event, Exit, Spawn, SpawnError, Supervisor};

use crate::support::{DEADLINE, can_trace, finish, given, run, step, supervisor, wait_for};

#[test]
fn output_and_exit_code_arrive() {
    let ran = run(&step(&["sh", "-c", "echo out; echo err >&2; exit 7"], Path::new("/")));
    assert_eq!((ran.stdout().as_str(), ran.stderr().as_str()), ("out\n", "err\n"));
    assert_eq!(ran.exit, Exit { code: Some(7), signal: None });
}

#[test]
fn a_signal_that_kills_is_told() {
    let ran = run(&step(&["sh", "-c", "kill -SEGV $$"], Path::new("/")));
    assert_eq!(ran.exit, Exit { code: None, signal: Some(11) });
}

#[test]
fn an_untraced_step_runs_and_says_so() {
    let spawn = Spawn { traced: false, ..step(&["echo", "out"], Path::new("/")) };
    let ran = run(&spawn);
    assert_eq!((ran.stdout().as_str(), ran.exit.code), ("out\n", Some(0)));
    assert_eq!(ran.trace.unwrap_err().reason, "tracing is off for this step");
}

#[test]
fn started_comes_first() {
    let mut supervisor = supervisor();
    supervisor.spawn(&step(&["true"], Path::new("/"))).unwrap();
    let first = wait_for(&mut supervisor, |event| Some(event.clone()));
    assert!(matches!(first, Event::Started { id: 1, pid } if pid > 0), "{first:?}");
    finish(&mut supervisor, 1);
}

#[test]
fn a_flood_of_output_arrives_whole() {
    let ran = run(&step(&["head", "-c", "100000000", "/dev/zero"], Path::new("/")));
    assert_eq!(ran.stdout.len(), 100_000_000);
}

#[test]
fn output_written_just_before_the_end_is_not_lost() {
    for size in [1, 4096, 65536] {
        let script = format!("head -c {size} /dev/zero; head -c {size} /dev/zero >&2");
        let ran = run(&step(&["sh", "-c", &script], Path::new("/")));
        assert_eq!((ran.stdout.len(), ran.stderr.len()), (size, size));
    }
}

#[test]
fn fifty_steps_run_at_once() {
    let mut supervisor = supervisor();
    let dir = given(&[("f", "file")]);
    for id in 0..50 {
        let script = format!("echo {id}; cat f >{id}");
        supervisor.spawn(&Spawn { id, ..step(&["sh", "-c", &script], dir.path()) }).unwrap();
    }
    let mut left: HashSet<u64> = (0..50).collect();
    while !left.is_empty() {
        let events = supervisor.next_events(16, Some(DEADLINE));
        assert!(!events.is_empty(), "no event in {DEADLINE:?}");
        for event in events {
            match event {
                Event::Output { id, data, .. } => assert_eq!(data, format!("{id}\n").as_bytes()),
                Event::Exited { id, exit, .. } => {
                    assert_eq!(exit.code, Some(0));
                    assert!(left.remove(&id));
                }
                Event::Started { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// More requests and reports than the socket holds, with nobody reading.
#[test]
fn a_thousand_steps_can_be_asked_for_before_the_first_event_is_read() {
    let mut supervisor = supervisor();
    for id in 0..1000 {
        let spawn = Spawn { id, traced: false, ..step(&["true"], Path::new("/")) };
        match supervisor.spawn(&spawn) {
            Ok(()) => {}
            // As many pipes as this process may have open.
            Err(Error::System { .. }) => return,
            Err(other) => panic!("{other}"),
        }
    }
    for id in 0..1000 {
        let ended = |event: &Event| matches!(event, Event::Exited { .. }).then_some(());
        wait_for(&mut supervisor, ended);
        let _ = id;
    }
}

#[test]
fn large_environments_and_traces_pass() {
    if !can_trace() {
        return;
    }
    let dir = given(&[]);
    let mut spawn =
        step(&["sh", "-c", "echo ${#BIG}; for i in $(seq 2000); do test -e n$i; done"], dir.path());
    spawn.env.push((b"BIG".to_vec(), vec![b'x'; 100_000]));
    spawn.env.push((b"MORE".to_vec(), vec![b'y'; 100_000]));
    let ran = run(&spawn);
    assert_eq!(ran.stdout(), "100000\n");
    assert!(ran.trace().records.len() > 2000);
}

#[test]
fn a_missing_program_names_what_was_searched() {
    let mut spawn = step(&["no-such-program"], Path::new("/"));
    spawn.env = vec![(b"PATH".to_vec(), b"/bin:/nowhere".to_vec())];
    let error = supervisor().spawn(&spawn).unwrap_err();
    assert!(error.to_string().contains("`no-such-program` not found"), "{error}");
    let Error::Spawn(SpawnError::NotFound { path, .. }) = error else { panic!("{error:?}") };
    assert_eq!(path, "/bin:/nowhere");
}

#[test]
fn a_program_that_is_gone_or_a_missing_directory_fails_the_step() {
    let mut supervisor = supervisor();
    for (spawn, says) in [
        (step(&["./gone"], Path::new("/")), "127 cannot execute the program: No such file"),
        (step(&["/etc/passwd/x"], Path::new("/")), "127 cannot execute the program: Not a dir"),
        (step(&["/etc/passwd"], Path::new("/")), "126 cannot execute the program: Permission"),
        (step(&["/bin/true"], Path::new("/no/such")), "127 cannot change to the working directory"),
    ] {
        for traced in [true, false] {
            supervisor.spawn(&Spawn { traced, ..spawn.clone() }).unwrap();
            let error = wait_for(&mut supervisor, |event| match event {
                Event::SpawnFailed { error, .. } => Some(format!("{} {error}", error.exit_code())),
                Event::Started { .. } | Event::Exited { .. } => Some("it started".to_owned()),
                _ => None,
            });
            assert!(error.starts_with(says), "{error}");
        }
    }
    // It is still of use.
    supervisor.spawn(&step(&["true"], Path::new("/"))).unwrap();
    assert_eq!(finish(&mut supervisor, 1).exit.code, Some(0));
}

#[test]
fn what_cannot_be_passed_is_refused() {
    let mut supervisor = supervisor();
    assert!(supervisor.spawn(&step(&["true", "a\0b"], Path::new("/"))).is_err());
    assert!(supervisor.spawn(&step(&[], Path::new("/"))).is_err());
    assert!(supervisor.spawn(&step(&[""], Path::new("/"))).is_err());
}

#[test]
fn a_helper_that_is_none_is_an_error() {
    for (program, says) in [("/no/such", "cannot start"), ("/bin/true", "does not answer")] {
        let error = Supervisor::start(Path::new(program), Path::new("/tmp")).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn wakers_and_timeouts_end_a_wait() {
    let mut supervisor = supervisor();
    assert!(supervisor.next_events(1, Some(Duration::from_millis(1))).is_empty());
    let waker = supervisor.waker();
    let thread = std::thread::spawn(move || waker.wake());
    assert!(supervisor.next_events(1, None).is_empty());
    thread.join().unwrap();
}

#[test]
fn a_supervisor_works_on_another_thread() {
    let mut supervisor = supervisor();
    let thread = std::thread::spawn(move || {
        supervisor.spawn(&step(&["echo", "hi"], Path::new("/"))).unwrap();
        finish(&mut supervisor, 1).stdout()
    });
    assert_eq!(thread.join().unwrap(), "hi\n");
}

#[test]
fn signals_ignored_here_are_not_ignored_in_steps() {
    let mut spawn = step(&["grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"], Path::new("/"));
    spawn.traced = false;
    let status = run(&spawn).stdout();
    let masks = status.lines().filter_map(|line| line.split_whitespace().nth(1));
    assert!(
        masks.clone().count() == 2 && masks.clone().all(|mask| mask.trim_matches('0').is_empty()),
        "{status}"
    );
}

#[test]
fn the_start_is_stamped_by_the_clock_of_files() {
    if !can_trace() {
        return;
    }
    let dir = given(&[]);
    let ran = run(&step(&["sh", "-c", ": >made"], dir.path()));
    let made = stat::lstat(stat::as_bytes(&dir.path().join("made"))).unwrap();
    assert!(ran.trace().started_ns <= made.ctime_ns);
    assert!(made.ctime_ns - ran.trace().started_ns < 60_000_000_000);
}

//! Awkward environments: other users, namespaces, architectures, sandboxes, broken calls.
#![allow(clippy::print_stderr, reason = "what was measured is said")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fspy::{Change, Incomplete, Peer, State};

use super::support::{folded, given, has, is_root, run, step};
use super::{program, run_case};

#[test]
fn names_of_any_bytes_are_kept() {
    let Some(program) = program() else { return };
    let dir = given(&[]);
    let path =
        dir.path().canonicalize().unwrap().join(std::ffi::OsStr::from_bytes(b"new\nline\xff"));
    fs::write(&path, "").unwrap();
    let ran = run_case(program, "open_bytes", &dir);
    assert!(ran.record(&path).unwrap().seen.read);
}

#[test]
fn a_name_too_long_is_an_error_of_its_own() {
    let Some(program) = program() else { return };
    let ran = run_case(program, "open_too_long", &given(&[]));
    let too_long = |record: &&fspy::Record| record.before == State::Error(36);
    assert!(ran.trace().records.iter().any(|record| too_long(&record)));
    assert_eq!(ran.stdout(), "ENAMETOOLONG\n");
}

#[test]
fn broken_pointers_fail_as_they_should_and_leave_nothing() {
    let Some(program) = program() else { return };
    let dir = given(&[("f", "file")]);
    let ran = run_case(program, "bad_pointers", &dir);
    let untraced = run(&fspy::Spawn {
        traced: false,
        ..step(&[program.to_str().unwrap(), "bad_pointers"], dir.path())
    });
    assert!(ran.stdout().starts_with("EFAULT\nEFAULT\nEFAULT\nEFAULT\n"), "{}", ran.stdout());
    assert_eq!(ran.stdout(), untraced.stdout());
    assert_eq!(folded(ran.trace(), dir.path()), Vec::<String>::new());
    ran.assert_complete();
}

#[test]
fn io_uring_is_refused() {
    let Some(program) = program() else { return };
    assert_eq!(run_case(program, "io_uring", &given(&[])).stdout(), "ENOSYS\n");
}

#[test]
fn a_step_has_no_input_and_no_foreign_descriptors() {
    let Some(program) = program() else { return };
    // The end of file, and the lowest number that is free.
    assert_eq!(run_case(program, "stdin_is_null", &given(&[])).stdout(), "0 3\n");
}

#[test]
fn moving_to_another_file_system_fails_and_changes_nothing() {
    let Some(program) = program() else { return };
    let dir = given(&[("f", "file")]);
    let ran = run_case(program, "rename_elsewhere", &dir);
    if ran.stdout() == "EXDEV\n" {
        assert_eq!(folded(ran.trace(), dir.path()), ["f file exists"]);
    }
}

#[test]
fn a_fifo_is_special() {
    let Some(program) = program() else { return };
    let dir = given(&[]);
    run_case(program, "mkfifo", &dir);
    let ran = run_case(program, "fifo", &dir);
    assert_eq!(folded(ran.trace(), dir.path()), ["p special exists modify"]);
}

#[test]
fn files_opened_by_handle_are_read() {
    let (Some(program), true) = (program(), is_root()) else { return };
    let dir = given(&[("f", "file")]);
    let ran = run_case(program, "handle", &dir);
    let expected = if ran.stdout() == "ok\n" { "f file read exists" } else { "f file exists" };
    assert_eq!(folded(ran.trace(), dir.path()), [expected]);
}

#[test]
fn another_root_is_foreign() {
    let (Some(_), true) = (program(), is_root()) else { return };
    let Some(program) = super::build(&["-static"]) else { return };
    let ran = run_case(&program, "chroot_open", &given(&[("d/f", "file")]));
    assert_eq!(ran.stdout(), "ok\nok\n");
    assert_eq!(ran.trace().incomplete, [Incomplete::ForeignNamespace]);
}

#[test]
fn another_mount_namespace_is_foreign() {
    let (Some(_), true) = (program(), has("unshare")) else { return };
    let ran = run(&step(&["unshare", "-rm", "cat", "/etc/hostname"], Path::new("/")));
    if ran.exit.code == Some(0) {
        assert_eq!(ran.trace().incomplete, [Incomplete::ForeignNamespace]);
    }
}

#[test]
fn a_sandbox_is_another_mount_namespace() {
    let (Some(_), true) = (program(), has("bwrap")) else { return };
    let dir = given(&[("f", "file")]);
    let ran = run(&step(&["bwrap", "--dev-bind", "/", "/", "cat", "f"], dir.path()));
    if ran.exit.code == Some(0) {
        assert_eq!(ran.stdout(), "content\n");
        assert_eq!(ran.trace().incomplete, [Incomplete::ForeignNamespace]);
    }
}

#[test]
fn a_process_that_gives_up_its_rights_is_still_seen() {
    let (Some(program), true) = (program(), is_root()) else { return };
    let dir = given(&[("f", "file")]);
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let ran = run_case(program, "uid_change", &dir);
    assert_eq!(folded(ran.trace(), dir.path()), ["f file read"]);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn calls_of_another_architecture_are_understood() {
    let Some(program) = program() else { return };
    let dir = given(&[("f", "file")]);
    let ran = run_case(program, "int80", &dir);
    if ran.stdout() == "ok\n" {
        assert_eq!(folded(ran.trace(), dir.path()), ["f file read"]);
        ran.assert_complete();
    }
}

#[test]
fn many_threads_lose_nothing() {
    let Some(program) = program() else { return };
    let dir = given(&[("d", "dir")]);
    for number in 0..6400 {
        fs::write(dir.path().join(format!("d/{number}")), "").unwrap();
    }
    let ran = run_case(program, "threads", &dir);
    let read = ran.trace().records.iter().filter(|record| record.seen.read);
    let dir = dir.path().canonicalize().unwrap().join("d");
    assert_eq!(
        read.filter(|record| stat::is_within(&record.path, stat::as_bytes(&dir))).count(),
        6400
    );
}

/// Each call is described before it is carried out, and another thread's may come in between.
#[test]
fn a_directory_made_while_its_parent_is_being_made_is_not_lost() {
    let Some(program) = program() else { return };
    let dir = given(&[]);
    let ran = run_case(program, "mkdirs_at_once", &dir);
    assert_eq!(ran.stdout(), "ok\n");
    let root = dir.path().canonicalize().unwrap();
    let made = |path: String| {
        let path = root.join(path);
        let records = &ran.trace().records;
        records.iter().any(|record| {
            record.path == stat::as_bytes(&path) && record.change == Some(Change::Create)
        })
    };
    let lost: Vec<_> = (0..400).filter(|number| !made(format!("{number}/in"))).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn what_may_not_be_looked_at_makes_the_trace_incomplete() {
    let Some(program) = program() else { return };
    let dir = given(&[("f", "file")]);
    let ran = run_case(program, "undumpable", &dir);
    assert_eq!(ran.stdout(), "ok\n");
    // What the preload library recorded needs no look into the process.
    let seen = is_root() || ran.trace().recorded > 0;
    let reason: &[_] = if seen { &[] } else { &[Incomplete::UnreadableMemory] };
    assert_eq!(ran.trace().incomplete, reason);
    if seen {
        assert_eq!(folded(ran.trace(), dir.path()), ["f file read"]);
    }
}

#[test]
fn what_is_denied_is_no_change_and_no_read() {
    let Some(program) = program() else { return };
    let dir = given(&[("f", "file"), ("d/g", "file"), ("closed/x", "file")]);
    for (path, mode) in [("f", 0o000), ("d", 0o555), ("closed", 0o000)] {
        fs::set_permissions(dir.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let ran = run_case(program, "denied", &dir);
    fs::set_permissions(dir.path().join("d"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(dir.path().join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    let folds: &[&str] = match ran.stdout().as_str() {
        // Root may do all that.
        "ok\nok\nok\nok\n" => {
            &["closed/x file read", "d/g file delete", "d/n absent exists create", "f file read"]
        }
        _ => &[
            "closed/x error13 exists",
            "d dir access2",
            "d/g file exists",
            "d/n absent exists",
            "f file access4",
        ],
    };
    assert_eq!(folded(ran.trace(), dir.path()), folds, "{}", ran.stdout());
}

/// Shells look for programs while their children end; dash's handler would fail such a look.
#[test]
fn the_end_of_a_child_interrupts_no_call() {
    let Some(program) = program() else { return };
    let ran = run_case(program, "children", &given(&[("f", "file")]));
    assert_eq!(ran.stdout(), "0 failed, handler called: yes\n");
}

/// The mechanism's one known flaw, see the crate's README: a handler without `SA_RESTART` may end
/// a call with EINTR that would not have been interrupted.
#[test]
#[ignore = "measures"]
fn how_many_calls_are_interrupted() {
    let Some(program) = program() else { return };
    eprintln!("{}", run_case(program, "interrupted", &given(&[("f", "file")])).stdout());
}

#[test]
fn an_empty_environment_changes_nothing() {
    if program().is_none() {
        return;
    }
    let dir = given(&[("f", "file")]);
    let ran = run(&step(&["env", "-i", "/bin/cat", "f"], dir.path()));
    assert_eq!(folded(ran.trace(), dir.path()), ["f file read"]);
}

#[test]
fn debuggers_work_inside() {
    let (Some(_), true) = (program(), has("strace")) else { return };
    let dir = given(&[("f", "file")]);
    let ran = run(&step(&["strace", "-f", "-o", "/dev/null", "cat", "f"], dir.path()));
    assert_eq!(ran.stdout(), "content\n");
    assert_eq!(folded(ran.trace(), dir.path()), ["f file read"]);
}

#[test]
fn a_listener_of_the_step_own_is_no_peer_and_another_is() {
    if program().is_none() || !has("python3") {
        return;
    }
    let ask = "import socket,sys; s=socket.create_connection(('127.0.0.1',int(sys.argv[1])))";
    let own = "import socket,threading; l=socket.create_server(('127.0.0.1',0)); \
               s=socket.create_connection(l.getsockname())";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ran = run(&step(&["python3", "-S", "-c", ask, &port.to_string()], Path::new("/")));
    assert_eq!(ran.trace().peers, [Peer::Loopback(port)], "{}", ran.stderr());
    let ran = run(&step(&["python3", "-S", "-c", own], Path::new("/")));
    assert_eq!((ran.exit.code, &ran.trace().peers[..]), (Some(0), &[][..]), "{}", ran.stderr());
}

#[test]
fn unix_sockets_of_others_are_peers() {
    if program().is_none() || !has("python3") {
        return;
    }
    let dir = given(&[]);
    let _listener = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
    let ask = "import socket; socket.socket(socket.AF_UNIX).connect('s')";
    let ran = run(&step(&["python3", "-S", "-c", ask], dir.path()));
    let path = dir.path().canonicalize().unwrap().join("s");
    assert_eq!(ran.trace().peers, [Peer::Unix(stat::as_bytes(&path).to_vec())]);
}

#[test]
fn renames_are_told_as_pairs() {
    let Some(program) = program() else { return };
    for (case, given_here, pairs) in [
        ("rename_tree", &[("d/f", "file")][..], &[("d", "e")][..]),
        ("rename_exchange", &[("f", "file"), ("g", "dir")], &[("f", "g"), ("g", "f")]),
        ("rename_noreplace", &[("f", "file"), ("g", "file")], &[]),
    ] {
        let dir = given(given_here);
        let ran = run_case(program, case, &dir);
        let base = dir.path().canonicalize().unwrap();
        let full = |name: &str| stat::as_bytes(&base.join(name)).to_vec();
        let pairs: Vec<_> = pairs.iter().map(|(from, to)| (full(from), full(to))).collect();
        assert_eq!(ran.trace().renames, pairs, "{case}");
    }
}

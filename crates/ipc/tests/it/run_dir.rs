//! The private directory of a run: where it is made, and that nothing stays behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ipc::server::{RunDir, StepHints};
use ipc::{names, snapshot};

#[test]
fn what_a_killed_runner_left_goes_and_a_living_one_stays() {
    let parent = tempfile::tempdir().unwrap();
    let living = RunDir::create([parent.path()]).unwrap();
    let left = parent.path().join("taskrunner-0123456789abcdef");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("lock"), "").unwrap();
    fs::write(left.join("env"), "SECRET=1").unwrap();
    let strangers = parent.path().join("taskrunner-of-somebody");
    fs::create_dir(&strangers).unwrap();
    let next = RunDir::create([parent.path()]).unwrap();
    assert!(!left.exists());
    assert!(living.path().exists() && next.path().exists() && strangers.exists());
}

#[test]
fn a_path_too_long_for_sockets_is_the_last_resort() {
    let temp = tempfile::tempdir().unwrap();
    let long = temp.path().join("x".repeat(100));
    fs::create_dir(&long).unwrap();
    let dir = RunDir::create([long.as_path(), temp.path()]).unwrap();
    assert!(dir.has_sockets() && dir.path().parent() == Some(temp.path()));
    let only = RunDir::create([long.as_path()]).unwrap();
    assert!(!only.has_sockets());
    let hints = StepHints::open(&only, 1).unwrap();
    let names: Vec<_> = hints.variables().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [names::HINT_FILE, names::HINT_FILE_PROTOCOL]);
    assert!(hints.fd().is_none());
}

#[test]
fn where_no_directory_can_be_made_it_says_why() {
    let error = RunDir::create(["/proc/self".as_ref()]).unwrap_err();
    assert!(error.raw_os_error().is_some(), "{error}");
}

#[test]
fn the_snapshot_is_for_its_owner_alone() {
    let temp = tempfile::tempdir().unwrap();
    let dir = RunDir::create([temp.path()]).unwrap();
    let path = dir.write_snapshot("env", [(b"A".as_slice(), b"1=\n".as_slice())]).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(snapshot::read(&path), Some(vec![(b"A".to_vec(), b"1=\n".to_vec())]));
}

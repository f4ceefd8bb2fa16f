//! Runs the tests of a program again: on a lower rung, as another user, with another helper.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{
    HELPER, PRELOAD, PROGRAMS, RUNG, can_trace, compiled, copied, given, has, helper, is_fast,
    is_root, supervisor,
};

/// Runs the tests of this program on a lower rung, but for those whose names contain one of `skip`:
/// what the rungs above need is refused.
pub(crate) fn on_rung(rung: &str, skip: &[&str]) {
    let refused = match rung {
        "notify" => "process_vm_readv",
        "ptrace-filter" => "listener,process_vm_readv",
        "ptrace" => "seccomp",
        _ => "seccomp,ptrace",
    };
    let Some(refusing) = compiled("refusing", include_str!("refusing.c"), &[]) else { return };
    if is_rerun() {
        return; // One rung at a time.
    }
    let mut command = Command::new(refusing);
    command.arg(refused).arg(std::env::current_exe().expect("this program")).env(RUNG, rung);
    rerun(command, skip);
}

/// Runs the tests of this program with the preload library, but for those whose names contain one of
/// `skip`.
pub(crate) fn on_the_fast_way(skip: &[&str]) {
    let notified = supervisor().fidelity().0 == fspy::Fidelity::Notify;
    if is_rerun() || is_fast() || !notified || !cfg!(target_arch = "x86_64") {
        return;
    }
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.env(RUNG, "notify").env(PRELOAD, fspy::BUILT_PRELOAD);
    rerun(command, skip);
}

/// Whether these tests run on a lower rung, or again.
pub(crate) fn is_rerun() -> bool {
    std::env::var_os(RUNG).is_some()
}

/// Runs this program's tests with another helper, some variables for it, and arguments.
pub(crate) fn rerun_with(helper: &Path, env: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.env(HELPER, helper).env("RUST_BACKTRACE", "0").envs(env.iter().copied());
    command.arg("--test-threads=2").args(arguments).output().expect("the tests run")
}

/// Runs `command`, which runs this program's tests, but for those whose names contain one of `skip`:
/// they must pass.
fn rerun(mut command: Command, skip: &[&str]) {
    command.args(["--test-threads=2", "--skip", "on_rung"]);
    command.args(skip.iter().flat_map(|name| ["--skip", name]));
    let output = command.output().expect("the tests run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!said.contains(" 0 passed"), "no test ran: {said}");
}

/// Runs the tests of this program as `nobody`, but for those whose names contain `skip`.
pub(crate) fn as_nobody(skip: &[&str]) {
    if !is_root() || !has("setpriv") || !can_trace() {
        return;
    }
    // What cargo built may lie where others cannot go.
    let dir = given(&[("scratch", "dir")]);
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    };
    let copy = |from: &Path| {
        let to = dir.path().join(from.file_name().expect("a name"));
        copied(from, &to);
        to
    };
    let (tests, helper) = (copy(&std::env::current_exe().expect("this program")), copy(&helper()));
    let preload = std::env::var_os(PRELOAD).map(|library| copy(Path::new(&library)));
    let scratch = dir.path().join("scratch");
    open(dir.path(), 0o755);
    open(&scratch, 0o777);
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(tests)
        .envs([(HELPER, helper.as_os_str()), (PROGRAMS, scratch.as_os_str())])
        .envs([("TMPDIR", &scratch), ("HOME", &scratch)])
        .envs(preload.map(|library| (PRELOAD, library)))
        .current_dir("/");
    rerun(command, skip);
}

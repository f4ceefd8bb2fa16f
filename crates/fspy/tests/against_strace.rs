//! The calls seen against those that `strace -f` sees, as a multiset of (call, path as named).
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use support::{can_trace, finish, given, has, step, supervisor};
use tempfile::TempDir;

/// How often a call named a path.
type Calls = BTreeMap<(String, String), i64>;

/// Names that a tool makes up differ between two runs: what follows the marker is cut off.
fn steady(path: &str, random: Option<&str>) -> String {
    match random.and_then(|marker| path.find(marker).map(|at| at + marker.len())) {
        Some(at) => format!("{}*", &path[..at]),
        None => path.to_owned(),
    }
}

fn traced(argv: &[&str], dir: &Path, random: Option<&str>) -> Calls {
    let log = dir.with_extension("calls");
    let mut supervisor = supervisor();
    let file = fs::File::create(&log).unwrap();
    supervisor.spawn_logged(&step(argv, dir), file.into()).unwrap();
    let ran = finish(&mut supervisor, 1);
    ran.assert_complete();
    let mut calls = Calls::new();
    for line in fs::read(&log).unwrap().split(|&byte| byte == 0).filter(|line| !line.is_empty()) {
        let line = String::from_utf8_lossy(line).into_owned();
        let (call, path) = line.split_once('\t').unwrap();
        // strace shows a directory's descriptor, not its name.
        if call != "getdents64" {
            *calls.entry((call.to_owned(), steady(path, random))).or_default() += 1;
        }
    }
    fs::remove_file(log).unwrap();
    calls
}

fn straced(argv: &[&str], dir: &Path, random: Option<&str>) -> Calls {
    let log = dir.with_extension("strace");
    let status = Command::new("strace")
        .args(["-f", "-qq", "-s", "4096", "-e", "trace=%file,bind,connect", "-o"])
        .arg(&log)
        .args(argv)
        .current_dir(dir)
        .env_clear()
        .envs([("PATH", std::env::var("PATH").unwrap()), ("LC_ALL", "C".to_owned())])
        .output()
        .unwrap();
    assert!(status.status.code().is_some());
    let text = String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
    let mut calls = Calls::new();
    for (call, path) in text.lines().flat_map(parsed) {
        *calls.entry((call, steady(&path, random))).or_default() += 1;
    }
    fs::remove_file(log).unwrap();
    calls
}

/// The call of one line and the paths in it: `123 openat(AT_FDCWD, "path", …`.
fn parsed(line: &str) -> Vec<(String, String)> {
    // The rest of an interrupted call repeats what was said.
    let call = line.split_whitespace().nth(1).and_then(|rest| rest.split_once('('));
    let Some((call, _)) = call.filter(|_| !line.contains("resumed>")) else { return Vec::new() };
    let quoted = line.split('"').skip(1).step_by(2);
    let (skipped, taken) = match call {
        // The text of a link is no path that is looked at, nor are a mount's type and options.
        "symlink" | "symlinkat" => (1, 1),
        "rename" | "renameat" | "renameat2" | "link" | "linkat" => (0, 2),
        // Names of Unix sockets are paths, addresses are none.
        "bind" | "connect" => (0, usize::from(line.contains("sun_path=\""))),
        "getcwd" | "mount" => (0, 0),
        _ => (0, 1),
    };
    // A descriptor alone is no name.
    quoted.skip(skipped).take(taken).map(|path| (call.to_owned(), path.to_owned())).collect()
}

/// Both must see the same, the one in one directory, the other in a copy of it.
fn compare(argv: &[&str], prepare: impl Fn(&Path), random: Option<&str>) {
    if !can_trace() || !has("strace") || !has(argv[0]) {
        return;
    }
    let dirs: [TempDir; 2] = [given(&[]), given(&[])];
    // Both under one name: a path that appears in what they do appears the same.
    let work = dirs[0].path().join("work");
    let run = |how: fn(&[&str], &Path, Option<&str>) -> Calls| {
        let _ = fs::remove_dir_all(&work);
        fs::create_dir(&work).unwrap();
        prepare(&work);
        how(argv, &work, random)
    };
    // The first run warms what tools keep elsewhere.
    run(straced);
    let (theirs, mut ours) = (run(straced), run(traced));
    assert!(theirs.values().sum::<i64>() > 5);
    for (call, count) in theirs {
        *ours.entry(call).or_default() -= count;
    }
    ours.retain(|_, difference| *difference != 0);
    assert_eq!(ours, Calls::new(), "{argv:?}: more (positive) or less seen than by strace");
}

fn c_file(dir: &Path) {
    fs::write(dir.join("a.h"), "#define A 1\n").unwrap();
    fs::write(dir.join("a.c"), "#include <stdio.h>\n#include \"a.h\"\nint a = A;\n").unwrap();
}

#[test]
fn a_compiler() {
    compare(&["gcc", "-I", "none", "-c", "a.c"], c_file, Some("/tmp/cc"));
}

#[test]
fn a_version_control_system() {
    let prepare = |dir: &Path| {
        c_file(dir);
        for arguments in [&["init", "-q"][..], &["add", "a.c"]] {
            let git = Command::new("git").args(arguments).current_dir(dir).output().unwrap();
            assert!(git.status.success());
        }
    };
    compare(&["git", "status"], prepare, Some("/tmp_obj_"));
}

#[test]
fn an_archiver() {
    compare(&["tar", "cf", "x.tar", "."], c_file, None);
}

#[test]
fn an_interpreter() {
    compare(&["python3", "-c", "import json"], |_| (), None);
}

#[test]
fn a_shell_with_pipes_links_and_renames() {
    let script = "ls | sort >list; ln -s list link; cat link | tr a b >t; mv t u; rm -f u none; \
                  mkdir -p d/e; cp list d/e; mv d f; find f | xargs ls -ld; test -x none; cd f; pwd";
    compare(&["sh", "-c", script], c_file, None);
}

#[test]
fn a_search_through_a_tree() {
    compare(&["grep", "-r", "define", "."], c_file, None);
}

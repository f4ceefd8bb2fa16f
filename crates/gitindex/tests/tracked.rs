//! What git says it tracks, and what this crate says, are the same.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use gitindex::{Untracked, read, tracked};

/// Runs git without the user's configuration.
fn git(dir: &Path, args: &[&str]) -> Vec<u8> {
    let mut command = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    command.args(["-c", "user.name=n", "-c", "user.email=e", "-c", "protocol.file.allow=always"]);
    let output = command
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn listed(dir: &Path) -> HashSet<Vec<u8>> {
    let listed = git(dir, &["ls-files", "-z"]);
    listed.split(|&byte| byte == 0).filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect()
}

fn write(dir: &Path, path: &[u8]) {
    let path = dir.join(OsStr::from_bytes(path));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "x").unwrap();
}

/// A repository with three tracked files, one of them with an odd name, and an untracked one.
fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "."]);
    for path in [&b"a"[..], b"sub/b", b"sub/\xff\n"] {
        write(dir.path(), path);
    }
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-qm", "first"]);
    write(dir.path(), b"sub/untracked");
    dir
}

#[test]
fn the_top_and_directories_below_see_what_git_lists_there() {
    let dir = repository();
    assert_eq!(tracked(dir.path()).unwrap(), listed(dir.path()));
    let below = dir.path().join("sub");
    assert_eq!(tracked(&below).unwrap(), HashSet::from([b"b".to_vec(), b"\xff\n".to_vec()]));
    assert_eq!(tracked(&below).unwrap(), listed(&below));
    let link = dir.path().join("link");
    symlink("sub", &link).unwrap();
    assert_eq!(tracked(&link), tracked(&below));
}

#[test]
fn every_version_of_the_index_is_read() {
    for version in ["2", "3", "4"] {
        let dir = repository();
        git(dir.path(), &["update-index", "--index-version", version]);
        assert_eq!(tracked(dir.path()).unwrap(), listed(dir.path()), "version {version}");
    }
}

#[test]
fn a_split_index_is_whole() {
    let dir = repository();
    git(dir.path(), &["update-index", "--split-index"]);
    write(dir.path(), b"later");
    git(dir.path(), &["add", "later"]);
    git(dir.path(), &["rm", "-q", "--cached", "a"]);
    assert_eq!(tracked(dir.path()).unwrap(), listed(dir.path()));
}

#[test]
fn a_worktree_has_its_own_index() {
    let (dir, other) = (repository(), tempfile::tempdir().unwrap());
    let tree = other.path().join("tree");
    git(dir.path(), &["worktree", "add", "-q", tree.to_str().unwrap()]);
    git(&tree, &["rm", "-q", "a"]);
    assert_eq!(tracked(&tree).unwrap(), listed(&tree));
    assert_ne!(tracked(&tree), tracked(dir.path()));
}

#[test]
fn a_submodule_is_one_path_outside_and_a_repository_inside() {
    let (dir, module) = (repository(), repository());
    git(dir.path(), &["submodule", "--quiet", "add", module.path().to_str().unwrap(), "module"]);
    assert!(tracked(dir.path()).unwrap().contains(&b"module"[..]));
    let inside = dir.path().join("module");
    assert!(inside.join(".git").is_file());
    assert_eq!(tracked(&inside).unwrap(), listed(&inside));
}

#[test]
fn a_new_repository_tracks_nothing() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "."]);
    assert_eq!(read(dir.path()), Ok(HashSet::new()));
}

#[test]
fn what_is_no_repository_or_broken_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(read(dir.path()), Err(Untracked::NoRepository(_))));
    fs::create_dir(dir.path().join(".git")).unwrap();
    assert!(matches!(read(dir.path()), Err(Untracked::NoRepository(_))), "no HEAD");
    fs::remove_dir(dir.path().join(".git")).unwrap();
    fs::write(dir.path().join(".git"), "gibberish").unwrap();
    assert!(matches!(read(dir.path()), Err(Untracked::Unreadable { .. })));
    assert!(matches!(read(&dir.path().join("none")), Err(Untracked::Unreadable { .. })));
}

#[test]
fn a_damaged_index_never_panics() {
    let dir = repository();
    let index = dir.path().join(".git/index");
    let sound = fs::read(&index).unwrap();
    for cut in 0..sound.len() {
        fs::write(&index, &sound[..cut]).unwrap();
        assert!(matches!(read(dir.path()), Err(Untracked::Unreadable { .. })), "cut at {cut}");
    }
    for at in 0..sound.len() {
        for bit in 0..8 {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << bit;
            fs::write(&index, bytes).unwrap();
            let _ = read(dir.path());
        }
    }
}

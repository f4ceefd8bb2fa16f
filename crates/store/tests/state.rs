//! The state of a workspace: what is remembered of its files and of its steps.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use digest::{Digest, hash_bytes};
use proptest::prelude::*;
use stat::{Kind, StatId};
use store::{Left, Run, State, StepKey};

const ROOT: StatId = id(1, 2, 0);

const fn id(dev: u64, ino: u64, size: u64) -> StatId {
    StatId { dev, ino, size, mtime_ns: 3, ctime_ns: 4, mode: 0o100_644 }
}

fn step(task: &str) -> StepKey {
    StepKey::new("package", task, 0, &[] as &[&str])
}

fn left(path: &str, content: &str) -> Left {
    let digest = hash_bytes(content.as_bytes());
    Left { path: path.into(), kind: Kind::File, digest, mode: 0o644 }
}

fn run<'a>(task: &'a str, weak: &str, left: &'a [Left], standing: bool) -> Run<'a> {
    Run {
        step: step(task),
        label: task,
        weak: hash_bytes(weak.as_bytes()),
        description: b"described",
        entry: Some(Digest::ZERO),
        whole: true,
        reads: weak.into(),
        left,
        aside: &[],
        standing,
        at_ns: 1,
    }
}

fn open(dir: &Path) -> State {
    State::open(dir, &ROOT).unwrap()
}

#[test]
fn a_digest_is_found_by_its_whole_identity_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    let known = id(7, u64::MAX, 100);
    state.remember(&[(known, hash_bytes(b"x"))]).unwrap();
    state.settle().unwrap();
    let state = open(dir.path());
    assert_eq!(state.digest_of(&known), Some(hash_bytes(b"x")));
    let others = [
        StatId { dev: 8, ..known },
        StatId { ino: known.ino - 1, ..known },
        StatId { size: 101, ..known },
        StatId { mtime_ns: 5, ..known },
        StatId { ctime_ns: -4, ..known },
        StatId { mode: 0o100_755, ..known },
    ];
    for other in others {
        assert_eq!(state.digest_of(&other), None, "{other:?}");
    }
}

#[test]
fn a_later_digest_of_a_file_replaces_the_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    let (old, new) = (id(1, 5, 1), id(1, 5, 2));
    state.remember(&[(old, hash_bytes(b"old"))]).unwrap();
    assert_eq!(state.digest_of(&old), Some(hash_bytes(b"old")));
    state.remember(&[(new, hash_bytes(b"new"))]).unwrap();
    assert_eq!(state.digest_of(&old), None);
    assert_eq!(state.digest_of(&new), Some(hash_bytes(b"new")));
}

#[test]
fn what_another_process_remembers_in_a_block_is_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (open(dir.path()), open(dir.path()));
    let (first, second) = (id(1, 32, 1), id(1, 33, 1));
    assert_eq!(one.digest_of(&first), None, "which loads the block");
    other.remember(&[(second, hash_bytes(b"2"))]).unwrap();
    one.remember(&[(first, hash_bytes(b"1"))]).unwrap();
    let state = open(dir.path());
    assert_eq!(state.digest_of(&first), Some(hash_bytes(b"1")));
    assert_eq!(state.digest_of(&second), Some(hash_bytes(b"2")));
}

#[test]
fn the_last_run_describes_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    state.record_run(run("a", "1", &[], false)).unwrap();
    state.record_run(run("a", "2", &[], false)).unwrap();
    assert_eq!(state.last_reads(&step("a")).unwrap().unwrap(), b"2");
    assert_eq!(state.description(&step("a")).unwrap().unwrap(), b"described");
    assert_eq!(state.description(&step("b")).unwrap(), None);
    assert_eq!(state.standing(&step("a")).unwrap(), None, "none of them stands");
}

#[test]
fn what_runs_left_adds_up_and_the_standing_result_is_one_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    let (old, new) = ([left("f", "1"), left("gone", "1")], [left("f", "2")]);
    state.record_run(run("a", "1", &old, true)).unwrap();
    state.record_run(run("a", "2", &new, true)).unwrap();
    state.record_run(run("a", "3", &[left("f", "failed")], false)).unwrap();
    let standing = state.standing(&step("a")).unwrap().unwrap();
    assert_eq!((standing.weak, standing.left), (hash_bytes(b"2"), new.to_vec()));
    let all = state.left(&step("a")).unwrap();
    let expected = [left("f", "failed"), left("f", "2"), left("f", "1"), left("gone", "1")];
    assert_eq!(all, expected);
    let again = run("a", "1", &old, true);
    state.record_run(again).unwrap();
    assert_eq!(state.standing(&step("a")).unwrap().unwrap().left, old);
}

#[test]
fn a_run_just_like_the_last_changes_nothing_but_another_between_them_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    let (one, other) = ([left("f", "1")], [left("f", "2")]);
    for files in [&one, &one, &other, &one] {
        state.record_run(run("a", "w", files, true)).unwrap();
        assert_eq!(state.standing(&step("a")).unwrap().unwrap().left, files);
    }
}

#[test]
fn owners_are_all_steps_that_left_something() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    state.record_run(run("a", "1", &[left("f", "1"), left("g", "1")], true)).unwrap();
    state.record_run(run("a", "2", &[left("f", "2")], true)).unwrap();
    state.record_run(run("b", "1", &[left("f", "3")], false)).unwrap();
    let mut owners = state.owners().unwrap();
    let mut at = |path: &str| {
        let owners = owners.remove(path.as_bytes()).unwrap_or_default();
        let pairs = owners.into_iter().map(|owner| (owner.step, owner.digest));
        pairs.collect::<std::collections::HashSet<_>>()
    };
    let owner = |name, text| (step(name), left("f", text).digest);
    assert_eq!(at("f"), [owner("a", "1"), owner("a", "2"), owner("b", "3")].into());
    assert_eq!(at("g"), [owner("a", "1")].into());
    assert!(at("h").is_empty());
}

#[test]
fn eight_results_are_remembered_at_a_path_and_the_standing_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    state.record_run(run("a", "0", &[left("f", "0")], true)).unwrap();
    for index in 1..=20 {
        let files = [left("f", &index.to_string())];
        state.record_run(run("a", &index.to_string(), &files, false)).unwrap();
    }
    let newest = (13..=20).rev().map(|index| left("f", &index.to_string()));
    let expected: Vec<Left> = newest.chain([left("f", "0")]).collect();
    assert_eq!(state.left(&step("a")).unwrap(), expected);
}

#[test]
fn outputs_with_a_new_name_every_time_do_not_grow_the_ledger_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    for index in 0..200 {
        let files = [left(&format!("f{index}"), "same")];
        state.record_run(run("a", &index.to_string(), &files, true)).unwrap();
    }
    assert_eq!(state.left(&step("a")).unwrap().len(), 64);
}

#[test]
fn a_copied_workspace_owns_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = id(1, 9, 1);
    let mut state = open(dir.path());
    state.remember(&[(file, hash_bytes(b"x"))]).unwrap();
    state.record_run(run("a", "1", &[left("f", "1")], true)).unwrap();
    state.settle().unwrap();
    let touched = StatId { mtime_ns: 99, size: 5, ..ROOT };
    assert!(!State::open(dir.path(), &touched).unwrap().owners().unwrap().is_empty());
    let state = State::open(dir.path(), &id(ROOT.dev, ROOT.ino + 1, 0)).unwrap();
    assert_eq!(state.digest_of(&file), None);
    assert_eq!(state.owners().unwrap(), HashMap::new());
    assert_eq!(state.description(&step("a")).unwrap(), None);
}

#[test]
fn a_damaged_state_costs_what_it_held_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    state.record_run(run("a", "1", &[left("f", "1")], true)).unwrap();
    state.settle().unwrap();
    drop(state); // Whoever has it open keeps it from being moved away.
    fs::write(dir.path().join("state.db"), "not a database, by any means").unwrap();
    let state = open(dir.path());
    assert!(state.warnings()[0].contains("state.db.damaged-1"), "{:?}", state.warnings());
    assert_eq!(state.owners().unwrap(), HashMap::new());
}

#[test]
fn git_is_kept_away() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path());
    assert_eq!(fs::read(dir.path().join(".gitignore")).unwrap(), b"*\n");
}

#[test]
fn steps_differ_by_each_part_of_their_key() {
    let key = |package, task, index, args: &[&str]| StepKey::new(package, task, index, args);
    let keys = [
        key("p", "t", 0, &[]),
        key("q", "t", 0, &[]),
        key("p", "u", 0, &[]),
        key("p", "t", 1, &[]),
        key("p", "t", 0, &[""]),
        key("p", "t", 0, &["a", "b"]),
        key("p", "t", 0, &["ab"]),
    ];
    let distinct: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
}

fn identities() -> impl Strategy<Value = Vec<(StatId, Digest)>> {
    let file = (0u64..3, 0u64..64, any::<(u64, i64, i64, u32, [u8; 32])>());
    let file = file.prop_map(|(dev, ino, (size, mtime_ns, ctime_ns, mode, digest))| {
        (StatId { dev, ino, size, mtime_ns, ctime_ns, mode }, Digest::from_bytes(digest))
    });
    prop::collection::vec(file, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_index_answers_like_a_map(files in identities(), cut in 0usize..60) {
        let dir = tempfile::tempdir().unwrap();
        let mut state = open(dir.path());
        let (first, second) = files.split_at(cut.min(files.len()));
        state.remember(first).unwrap();
        state.remember(second).unwrap();
        let map: HashMap<(u64, u64), (StatId, Digest)> =
            files.iter().map(|&(id, digest)| ((id.dev, id.ino), (id, digest))).collect();
        for state in [state, open(dir.path())] {
            for (id, _) in &files {
                let (known, digest) = map[&(id.dev, id.ino)];
                prop_assert_eq!(state.digest_of(id), (known == *id).then_some(digest));
            }
        }
    }
}

#[test]
fn what_was_left_aside_is_own_and_no_part_of_the_result() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = open(dir.path());
    let (kept, aside) = ([left("a", "1")], [left("log", "2")]);
    state.record_run(Run { aside: &aside, ..run("build", "w", &kept, true) }).unwrap();
    assert_eq!(state.left(&step("build")).unwrap(), [left("a", "1"), left("log", "2")]);
    assert_eq!(state.standing(&step("build")).unwrap().unwrap().left, kept);
    let other = [left("log", "3")];
    state.record_run(Run { aside: &other, ..run("build", "w", &kept, true) }).unwrap();
    assert_eq!(state.left(&step("build")).unwrap().len(), 3);
}

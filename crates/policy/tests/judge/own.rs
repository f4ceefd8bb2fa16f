//! What the step found of its own, and what it may do with it.

use fspy_trace::{Change, Op as Seen, State};
use policy::{KeptMode, Look, Value};

use crate::tree::{Run, Tree, content, inputs, names, outputs, refused};

#[test]
fn an_own_file_that_was_relied_on_means_building_on_an_earlier_result() {
    let mut tree = Tree::default();
    let object = tree.file("/ws/b.o", "object");
    tree.owns("/ws/b.o");
    let judged = Run::default().saw("/ws/b.o", Seen::Stat, &object).judged(&tree);
    assert_eq!(judged.built_on.as_deref(), Some(&b"/ws/b.o"[..]));
    assert_eq!(outputs(&judged), ["/ws/b.o"]);
}

#[test]
fn an_own_directory_found_again_is_an_output_as_if_made_anew() {
    let mut tree = Tree::default();
    let dir = tree.dir("/ws/out");
    tree.owns("/ws/out");
    let judged = Run::default().saw("/ws/out", Seen::Exists, &dir).judged(&tree);
    assert_eq!(refused(&judged), None);
    assert_eq!(outputs(&judged), ["/ws/out"]);
    assert_eq!(inputs(&judged), [(Look::Own, "out".into(), &Value::OwnOrAbsent)]);
}

#[test]
fn an_own_file_whose_mode_alone_was_set_is_relied_on() {
    let mut tree = Tree::default();
    let file = tree.file("/ws/out", "x");
    tree.owns("/ws/out");
    let judged = Run::default().did("/ws/out", Change::Meta, &file).judged(&tree);
    assert!(judged.built_on.is_some());
}

#[test]
fn a_look_before_making_leaves_the_condition_absent_or_own() {
    let mut tree = Tree::default();
    tree.file("/ws/out", "x");
    let judged = Run::default()
        .saw("/ws/out", Seen::Stat, &State::Absent)
        .did("/ws/out", Change::Create, &State::Absent)
        .judged(&tree);
    assert_eq!(inputs(&judged), [(Look::Own, "out".into(), &Value::OwnOrAbsent)]);
}

#[test]
fn what_is_made_and_gone_again_is_nothing() {
    let judged = Run::default()
        .did("/ws/tmp1", Change::Create, &State::Absent)
        .did("/ws/tmp1", Change::Delete, &State::Absent)
        .judged(&Tree::default());
    assert_eq!((inputs(&judged), outputs(&judged), refused(&judged)), (vec![], vec![], None));
}

#[test]
fn a_lock_that_was_looked_for_made_and_removed_must_not_be_there() {
    let judged = Run::default()
        .saw("/ws/lock", Seen::Exists, &State::Absent)
        .did("/ws/lock", Change::Create, &State::Absent)
        .did("/ws/lock", Change::Delete, &State::Absent)
        .judged(&Tree::default());
    assert_eq!(inputs(&judged), [(Look::Own, "lock".into(), &Value::OwnOrAbsent)]);
    assert_eq!((outputs(&judged), refused(&judged)), (vec![], None));
}

#[test]
fn own_tool_state_read_and_then_changed_is_an_output() {
    let mut tree = Tree::default();
    let before = tree.file("/ws/lib.a", "old");
    tree.owns("/ws/lib.a");
    tree.file("/ws/lib.a", "new");
    let judged = Run::default()
        .saw("/ws/lib.a", Seen::Read, &before)
        .did("/ws/lib.a", Change::Modify, &before)
        .judged(&tree);
    assert_eq!((outputs(&judged), refused(&judged)), (vec!["/ws/lib.a".into()], None));
    assert_eq!(inputs(&judged), [(Look::Own, "lib.a".into(), &Value::OwnOrAbsent)]);
    assert!(judged.built_on.is_some(), "what it read is part of the result");
}

#[test]
fn removing_what_a_later_step_left_is_as_if_it_were_not_there() {
    let mut tree = Tree::default();
    let dist = tree.dir("/ws/dist");
    tree.remove("/ws/dist");
    tree.later.insert(b"/ws/dist".to_vec());
    let judged = Run::default()
        .saw("/ws/dist", names(&[]), &dist)
        .did("/ws/dist", Change::Delete, &dist)
        .judged(&tree);
    assert_eq!(refused(&judged), None);
    let looks: Vec<Look> = inputs(&judged).into_iter().map(|(look, ..)| look).collect();
    assert_eq!(looks, [Look::Own, Look::Listing], "a file of somebody's in it would show");
}

#[test]
fn an_own_copy_overwritten_as_such_keeps_its_old_mode() {
    let mut tree = Tree::default();
    let before = tree.file("/ws/copy", "old");
    tree.owns("/ws/copy");
    tree.alter("/ws/copy", 0o100_644, "new");
    let judged = Run::default()
        .saw("/ws/copy", Seen::Stat, &before)
        .did("/ws/copy", Change::Overwrite, &before)
        .judged(&tree);
    assert_eq!(judged.kept_modes, [(b"/ws/copy".to_vec(), KeptMode::Overwritten)]);
    let judged = Run::default()
        .did("/ws/copy", Change::Overwrite, &before)
        .did("/ws/copy", Change::Meta, &before)
        .judged(&tree);
    assert!(judged.kept_modes.is_empty(), "its mode was set anew");
    let judged = Run::default().did("/ws/copy", Change::Replace, &before).judged(&tree);
    assert_eq!(judged.kept_modes, [(b"/ws/copy".to_vec(), KeptMode::Emptied)]);
    tree.file("/ws/copy", "new");
    let judged = Run::default().did("/ws/copy", Change::Replace, &before).judged(&tree);
    assert!(judged.kept_modes.is_empty(), "another file is there now");
}

#[test]
fn an_own_directory_that_is_found_keeps_its_mode() {
    let mut tree = Tree::default();
    let before = tree.dir("/ws/dist");
    tree.owns("/ws/dist");
    let judged = Run::default().saw("/ws/dist", Seen::Stat, &before).judged(&tree);
    assert_eq!(judged.kept_modes, [(b"/ws/dist".to_vec(), KeptMode::Dir)]);
}

#[test]
fn a_touch_of_ones_own_empty_stamp_makes_it_anew() {
    let mut tree = Tree::default();
    let stamp = tree.file("/ws/stamp", "");
    tree.owns("/ws/stamp");
    let judged = Run::default()
        .did("/ws/stamp", Change::Write, &stamp)
        .did("/ws/stamp", Change::Times, &stamp)
        .judged(&tree);
    assert_eq!((outputs(&judged), refused(&judged)), (vec!["/ws/stamp".into()], None));
    assert_eq!(inputs(&judged), [(Look::Own, "stamp".into(), &Value::OwnOrAbsent)]);
}

#[test]
fn what_a_step_before_left_may_be_changed_in_place() {
    for change in [Change::Modify, Change::Append, Change::Replace] {
        let mut tree = Tree::default();
        let before = tree.known_file("/ws/out", "one");
        tree.earlier.insert(b"/ws/out".to_vec());
        tree.file("/ws/out", "two");
        let run =
            Run::default().saw("/ws/out", Seen::Read, &before).did("/ws/out", change, &before);
        let judgement = run.judged(&tree);
        assert_eq!(refused(&judgement), None);
        assert_eq!(inputs(&judgement), [(Look::Content, "out".to_owned(), &content("one"))]);
        assert_eq!(outputs(&judgement), ["/ws/out"]);
        assert!(!judgement.took_foreign);
    }
}

#[test]
fn an_own_file_that_was_read_and_removed_went_into_what_was_made() {
    let mut tree = Tree::default();
    tree.owns("/ws/cache-1");
    let before = tree.file("/ws/cache-1", "one");
    tree.remove("/ws/cache-1");
    let read = Run::default().saw("/ws/cache-1", Seen::Read, &before);
    let judgement = read.did("/ws/cache-1", Change::Delete, &before).judged(&tree);
    assert!(judgement.built_on.is_some());
    let unread = Run::default().did("/ws/cache-1", Change::Delete, &before).judged(&tree);
    assert!(unread.built_on.is_none());
}

#[test]
fn an_own_file_that_was_listed_and_left_was_built_on() {
    let mut tree = Tree::default();
    let dir = tree.dir("/ws/out");
    tree.file("/ws/out/a", "made before");
    tree.owns("/ws/out/a");
    let judgement = Run::default().saw("/ws/out", names(&["a"]), &dir).judged(&tree);
    assert_eq!(judgement.built_on.as_deref(), Some(&b"/ws/out/a"[..]));
}

#[test]
fn a_build_tools_own_state_is_no_input_whoever_left_it() {
    let mut tree = Tree::default();
    let log = tree.known_file("/ws/b/.ninja_log", "by the user");
    let rewritten = Run::default().saw("/ws/b/.ninja_log", Seen::Read, &log).did(
        "/ws/b/.ninja_log",
        Change::Append,
        &log,
    );
    tree.file("/ws/b/.ninja_log", "by the user, and more");
    let judged = rewritten.judged(&tree);
    assert_eq!((refused(&judged), inputs(&judged)), (None, vec![]));
    assert_eq!(outputs(&judged), ["/ws/b/.ninja_log"]);
    let log = tree.file("/ws/b/.ninja_log", "by the user");
    let judged = Run::default().saw("/ws/b/.ninja_log", Seen::Read, &log).judged(&tree);
    assert_eq!((refused(&judged), inputs(&judged)), (None, vec![]));
}

#[test]
fn a_later_steps_state_is_not_handed_on_by_the_step_before() {
    let mut tree = Tree::default();
    let log = tree.known_file("/ws/b/.ninja_log", "objects");
    tree.later.insert(b"/ws/b/.ninja_log".to_vec());
    let run = Run::default().saw("/ws/b/.ninja_log", Seen::Read, &log).did(
        "/ws/b/.ninja_log",
        Change::Replace,
        &log,
    );
    tree.file("/ws/b/.ninja_log", "objects, anew");
    let judged = run.judged(&tree);
    assert_eq!((refused(&judged), inputs(&judged)), (None, vec![]));
    assert_eq!(outputs(&judged), Vec::<String>::new());
}

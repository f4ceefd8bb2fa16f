//! Changed: outputs, and what forbids storing.

use fspy_trace::{Change, Op as Seen, State};
use policy::{Look, NotCachedKind, OutputKind, Value};
use stat::Kind;

use crate::tree::{Run, Tree, content, inputs, outputs, refused};

#[test]
fn a_file_made_where_nothing_was_is_an_output_without_condition() {
    let mut tree = Tree::default();
    tree.file("/ws/out", "x");
    let judged = Run::default().did("/ws/out", Change::Create, &State::Absent).judged(&tree);
    assert_eq!(outputs(&judged), ["/ws/out"]);
    assert_eq!(inputs(&judged), []);
}

#[test]
fn what_was_taken_away_and_made_anew_was_there() {
    let mut tree = Tree::default();
    let before = tree.file("/ws/gen", "old");
    tree.file("/ws/gen", "new");
    let judged = Run::default()
        .did("/ws/gen", Change::Delete, &before)
        .did("/ws/gen", Change::Create, &State::Absent)
        .judged(&tree);
    assert_eq!(inputs(&judged), [(Look::Present, "gen".into(), &Value::Kind(Kind::File))]);
    assert_eq!(outputs(&judged), ["/ws/gen"]);
}

#[test]
fn a_source_overwritten_blindly_is_an_output() {
    let mut tree = Tree::default();
    let before = tree.file("/ws/gen.ts", "old");
    tree.file("/ws/gen.ts", "new");
    let judged = Run::default().did("/ws/gen.ts", Change::Replace, &before).judged(&tree);
    assert_eq!((outputs(&judged), refused(&judged)), (vec!["/ws/gen.ts".into()], None));
    assert_eq!(inputs(&judged), []);
}

#[test]
fn a_source_read_and_then_changed_is_not_cached() {
    for change in [Change::Replace, Change::Write, Change::Modify, Change::Delete] {
        let mut tree = Tree::default();
        let before = tree.known_file("/ws/a", "old");
        tree.file("/ws/a", "new");
        let judged = Run::default()
            .saw("/ws/a", Seen::Read, &before)
            .did("/ws/a", change, &before)
            .judged(&tree);
        assert_eq!(refused(&judged), Some(NotCachedKind::ModifiedItsInput), "{change:?}");
    }
}

#[test]
fn a_formatter_on_clean_code_only_read_it() {
    let mut tree = Tree::default();
    let before = tree.known_file("/ws/a", "clean");
    tree.file("/ws/a", "clean");
    let judged = Run::default()
        .saw("/ws/a", Seen::Read, &before)
        .did("/ws/a", Change::Replace, &before)
        .judged(&tree);
    assert_eq!(refused(&judged), None);
    assert_eq!(inputs(&judged), [(Look::Content, "a".into(), &content("clean"))]);
    assert_eq!(outputs(&judged), Vec::<String>::new());
}

#[test]
fn a_file_of_unknown_origin_looked_at_and_replaced_is_not_cached() {
    let mut tree = Tree::default();
    let before = tree.file("/ws/dist", "by hand");
    tree.file("/ws/dist", "new");
    let judged = Run::default()
        .saw("/ws/dist", Seen::Stat, &before)
        .did("/ws/dist", Change::Replace, &before)
        .judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::ReplacedUnknown));
}

#[test]
fn removing_what_was_not_ones_own_is_not_cached() {
    let mut tree = Tree::default();
    let before = tree.file("/ws/src.c", "x");
    tree.remove("/ws/src.c");
    let run = |tree: &Tree| Run::default().did("/ws/src.c", Change::Delete, &before).judged(tree);
    let foreign = run(&tree);
    assert_eq!(refused(&foreign), Some(NotCachedKind::Removed));
    assert!(!foreign.took_foreign, "what was removed unread is nowhere");
    let read = Run::default().saw("/ws/src.c", Seen::Read, &before);
    let moved = Run { renames: vec![(b"/ws/src.c".to_vec(), b"/ws/b".to_vec())], ..Run::default() };
    for run in [read, moved] {
        let took = run.did("/ws/src.c", Change::Delete, &before).judged(&tree);
        assert!(took.took_foreign, "its outputs may hold what it removed");
    }
    tree.owns("/ws/src.c");
    let own = run(&tree);
    assert_eq!(refused(&own), None);
    assert_eq!(inputs(&own), [(Look::Own, "src.c".into(), &Value::OwnOrAbsent)]);
}

#[test]
fn a_file_opened_and_then_truncated_keeps_no_old_byte() {
    let mut tree = Tree::default();
    let before = tree.file("/ws/part.aa", "same");
    tree.owns("/ws/part.aa");
    tree.file("/ws/part.aa", "same");
    let judged = Run::default()
        .did("/ws/part.aa", Change::Write, &before)
        .did("/ws/part.aa", Change::Replace, &before)
        .judged(&tree);
    assert_eq!((outputs(&judged), refused(&judged)), (vec!["/ws/part.aa".into()], None));
}

#[test]
fn an_append_to_what_was_there_is_not_cached() {
    let mut tree = Tree::default();
    let before = tree.file("/ws/log", "a");
    tree.file("/ws/log", "ab");
    tree.owns("/ws/log");
    let judged = Run::default().did("/ws/log", Change::Append, &before).judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::Appended));
}

#[test]
fn an_append_to_a_build_tools_own_log_is_its_state() {
    let mut tree = Tree::default();
    tree.owns("/ws/out/.ninja_log");
    let before = tree.file("/ws/out/.ninja_log", "one");
    tree.file("/ws/out/.ninja_log", "one two");
    let run = Run::default().did("/ws/out/.ninja_log", Change::Append, &before);
    let judgement = run.judged(&tree);
    assert_eq!(refused(&judgement), None);
    assert!(judgement.built_on.is_some());
}

#[test]
fn a_fifo_left_behind_is_not_cached() {
    let mut tree = Tree::default();
    tree.put("/ws/pipe", 0o010_644, b"");
    let judged = Run::default().did("/ws/pipe", Change::Create, &State::Absent).judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::SpecialFile));
}

#[test]
fn a_link_that_was_read_through_and_replaced_was_an_input() {
    for (target, source) in
        [("a", "/ws/a"), ("/ws/a", "/ws/a"), ("sub/./../a", "/ws/a"), ("two", "/b")]
    {
        let mut tree = Tree::default();
        let read = tree.file(source, "text");
        let id = tree.put("/ws/link", 0o120_777, target.as_bytes());
        let link = |target: &str| State::Link(id, target.as_bytes().to_vec());
        tree.file("/ws/link", "text");
        let ran = |through: Seen| {
            Run::default()
                .saw("/ws/link", Seen::Follow, &link(target))
                .saw("/ws/two", Seen::Follow, &link("../b"))
                .saw(source, through, &read)
                .did("/ws/link", Change::Replace, &link(target))
                .judged(&tree)
        };
        let judged = ran(Seen::Read);
        assert_eq!(refused(&judged), Some(NotCachedKind::ModifiedItsInput), "{target}");
        assert!(judged.took_foreign, "what is there now may be the user's");
        let judged = ran(Seen::Stat);
        assert_eq!(refused(&judged), Some(NotCachedKind::ReplacedUnknown), "{target}");
        assert!(!judged.took_foreign);
    }
}

#[test]
fn links_and_empty_directories_are_outputs() {
    let mut tree = Tree::default();
    tree.put("/ws/link", 0o120_777, b"target");
    tree.dir("/ws/empty");
    let judged = Run::default()
        .did("/ws/link", Change::Create, &State::Absent)
        .did("/ws/empty", Change::Create, &State::Absent)
        .judged(&tree);
    let kinds: Vec<&OutputKind> = judged.outputs.iter().map(|output| &output.kind).collect();
    assert_eq!(kinds, [&OutputKind::Link(b"target".to_vec()), &OutputKind::Dir]);
}

#[test]
fn what_is_overwritten_unread_must_have_had_the_usual_mode() {
    for (mode, refusal) in [(0o100_644, None), (0o100_600, Some(NotCachedKind::ReplacedUnknown))] {
        let mut tree = Tree::default();
        let before = State::Present(tree.put("/ws/o", mode, b"somebody's"));
        tree.alter("/ws/o", mode, "new");
        let judged = Run::default().did("/ws/o", Change::Replace, &before).judged(&tree);
        assert_eq!(refused(&judged), refusal);
    }
}

#[test]
fn what_an_earlier_step_left_may_be_given_another_mode() {
    let mut tree = Tree::default();
    let before = tree.known_file("/ws/o", "made");
    tree.earlier.insert(b"/ws/o".to_vec());
    tree.alter("/ws/o", 0o100_755, "made");
    let judged = Run::default().did("/ws/o", Change::Meta, &before).judged(&tree);
    assert_eq!(refused(&judged), None);
    assert_eq!(inputs(&judged), [(Look::Content, "o".into(), &content("made"))]);
    assert_eq!(judged.outputs[0].mode, 0o755);
    tree.earlier.clear();
    let judged = Run::default().did("/ws/o", Change::Meta, &before).judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::ModifiedItsInput), "a source's is its input");
}

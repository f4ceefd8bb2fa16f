//! Only looked at: inputs, and the signs that somebody else changed them.

use std::collections::HashSet;

use fspy_trace::{Change, Op as Seen, State};
use policy::{Look, NotCachedKind, Root, Value};
use stat::Kind;

use crate::tree::{Run, Tree, content, inputs, names, refused};

#[test]
fn a_source_that_was_read_is_an_input_by_content() {
    let mut tree = Tree::default();
    let a = tree.file("/ws/a", "one");
    let judged = Run::default().saw("/ws/a", Seen::Read, &a).judged(&tree);
    assert_eq!(inputs(&judged), [(Look::Content, "a".into(), &content("one"))]);
    assert_eq!(refused(&judged), None);
}

#[test]
fn a_stat_of_a_regular_file_is_a_look_at_its_content() {
    let mut tree = Tree::default();
    let a = tree.file("/ws/a", "one");
    let judged = Run::default().saw("/ws/a", Seen::Stat, &a).judged(&tree);
    assert_eq!(inputs(&judged), [(Look::Stat, "a".into(), &content("one"))]);
}

#[test]
fn an_absence_is_an_input_and_above_the_workspace_at_every_level() {
    let run = Run::default()
        .saw("/ws/.env", Seen::Stat, &State::Absent)
        .saw("/package.json", Seen::Stat, &State::Absent)
        .saw("/home/ann/.npmrc", Seen::Read, &State::Absent);
    let judged = run.judged(&Tree::default());
    let places: HashSet<(Root, Vec<u8>)> =
        judged.inputs.iter().map(|(op, _)| (op.place.root, op.place.rel.clone())).collect();
    let expected = [
        (Root::Workspace, b".env".to_vec()),
        (Root::Above, b"package.json".to_vec()),
        (Root::Home, b".npmrc".to_vec()),
    ];
    assert_eq!(places, expected.into_iter().collect());
    assert!(judged.inputs.iter().all(|(_, value)| *value == Value::Absent));
}

#[test]
fn an_open_for_writing_that_changed_nothing_was_a_read() {
    let mut tree = Tree::default();
    let before = tree.file("/ws/db", "rows");
    let judged = Run::default().did("/ws/db", Change::Modify, &before).judged(&tree);
    assert_eq!(inputs(&judged), [(Look::Content, "db".into(), &content("rows"))]);
    assert_eq!(refused(&judged), None);
}

#[test]
fn an_input_that_changed_during_the_run_is_not_cached() {
    let mut tree = Tree::default();
    let before = tree.file("/ws/a", "read");
    tree.file("/ws/a", "saved meanwhile");
    let judged = Run::default().saw("/ws/a", Seen::Read, &before).judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::InputModified));
}

#[test]
fn an_input_replaced_by_the_same_bytes_is_fine_if_they_were_known() {
    let mut tree = Tree::default();
    let before = tree.known_file("/ws/a", "same");
    tree.file("/ws/a", "same");
    let judged = Run::default().saw("/ws/a", Seen::Read, &before).judged(&tree);
    assert_eq!(refused(&judged), None);
}

#[test]
fn something_created_where_absence_was_seen_is_not_cached() {
    let mut tree = Tree::default();
    tree.file("/ws/.env", "X=1");
    let judged = Run::default().saw("/ws/.env", Seen::Read, &State::Absent).judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::InputModified));
}

#[test]
fn a_listing_leaves_out_own_names_unordered_ones_and_droppings() {
    let mut tree = Tree::default();
    let dir = tree.dir("/ws/src");
    let names_now = ["a.c", "out", "other", ".a.c.swp", "new"];
    for name in names_now {
        tree.file(&format!("/ws/src/{name}"), "x");
    }
    tree.owns("/ws/src/out");
    tree.unordered.insert(b"/ws/src/other".to_vec());
    let run = |given: &[&str]| {
        Run::default().saw("/ws/src", names(given), &dir).did(
            "/ws/src/new",
            Change::Create,
            &State::Absent,
        )
    };
    let judged = run(&["a.c", "out", "other", ".a.c.swp"]).judged(&tree);
    assert_eq!(refused(&judged), None);
    let only_source = policy::listing_value([(&b"a.c"[..], Kind::File)]);
    let listing = judged.inputs.iter().find(|(op, _)| op.look == Look::Listing).unwrap();
    assert_eq!(listing.1, only_source);
}

#[test]
fn a_name_that_came_during_the_run_is_not_cached() {
    let mut tree = Tree::default();
    let dir = tree.dir("/ws/src");
    tree.file("/ws/src/a.c", "x");
    tree.file("/ws/src/b.c", "saved meanwhile");
    let judged = Run::default().saw("/ws/src", names(&["a.c"]), &dir).judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::InputModified));
}

//! What configuration and tools leave out.

use fspy_trace::{Change, Op as Seen, State};
use policy::{Look, Rules, Value};
use stat::Kind;

use crate::tree::{Run, Tree, content, inputs, outputs, refused, wishes};

#[test]
fn excluded_inputs_do_not_count_and_excluded_outputs_are_not_stored() {
    let rules = Rules::new((true, &[], &["docs/**"]), (true, &[], &["dist/cache/**"])).unwrap();
    let mut tree = Tree::default();
    let docs = tree.file("/ws/docs/a", "x");
    tree.file("/ws/dist/cache/c", "x");
    let judged = Run::default()
        .saw("/ws/docs/a", Seen::Read, &docs)
        .did("/ws/dist/cache/c", Change::Create, &State::Absent)
        .judged_by(&tree, &rules);
    assert_eq!(inputs(&judged), []);
    let stored: Vec<bool> = judged.outputs.iter().map(|output| output.stored).collect();
    assert_eq!(stored, [false]);
}

#[test]
fn neutral_caches_are_nothing_at_all() {
    let mut tree = Tree::default();
    let warm = tree.file("/ws/.mypy_cache/a.json", "x");
    tree.file("/ws/pkg/__pycache__/a.pyc", "x");
    let judged = Run::default()
        .saw("/ws/.mypy_cache/a.json", Seen::Read, &warm)
        .did("/ws/pkg/__pycache__/a.pyc", Change::Create, &State::Absent)
        .judged(&tree);
    assert_eq!((inputs(&judged), outputs(&judged), refused(&judged)), (vec![], vec![], None));
}

#[test]
fn an_ignored_input_is_none_and_its_name_stands_in_no_listing() {
    let mut tree = Tree::default();
    let dir = tree.dir("/ws/d");
    let source = tree.file("/ws/d/a", "y");
    let noise = tree.file("/ws/d/noise", "x");
    let names = [(b"a".to_vec(), Kind::File), (b"noise".to_vec(), Kind::File)];
    let run = Run { hinted: wishes(&["d/noise"], &[]), ..Run::default() };
    let judged = run
        .saw("/ws/d", Seen::List(names.to_vec()), &dir)
        .saw("/ws/d/noise", Seen::Read, &noise)
        .saw("/ws/d/a", Seen::Read, &source)
        .judged(&tree);
    let listing = policy::listing_value([(&b"a"[..], Kind::File)]);
    assert_eq!(
        inputs(&judged),
        [
            (Look::Ignored, "d/noise".into(), &Value::Absent),
            (Look::Kind, "d".into(), &Value::Kind(Kind::Dir)),
            (Look::Listing, "d".into(), &listing),
            (Look::Content, "d/a".into(), &content("y")),
        ]
    );
}

#[test]
fn a_tools_own_cache_is_neither_input_nor_output_nor_a_reason() {
    let mut tree = Tree::default();
    let old = tree.known_file("/ws/cache/a", "old");
    tree.file("/ws/cache/a", "new");
    let run = Run { hinted: wishes(&["cache"], &["cache"]), ..Run::default() };
    let judged = run
        .saw("/ws/cache/a", Seen::Read, &old)
        .did("/ws/cache/a", Change::Modify, &old)
        .judged(&tree);
    assert_eq!(refused(&judged), None);
    assert_eq!(outputs(&judged), [""; 0]);
    assert_eq!(inputs(&judged), [(Look::Ignored, "cache".into(), &Value::Absent)]);
}

#[test]
fn an_ignored_output_is_the_steps_own_and_not_stored_whatever_was_done_to_it() {
    let mut tree = Tree::default();
    let log = tree.known_file("/ws/log", "one");
    tree.file("/ws/log", "one two");
    let gone = tree.known_file("/ws/logs/old", "x");
    tree.remove("/ws/logs/old");
    let run = Run { hinted: wishes(&[], &["log", "logs"]), ..Run::default() };
    let judged = run
        .did("/ws/log", Change::Append, &log)
        .did("/ws/logs/old", Change::Delete, &gone)
        .judged(&tree);
    assert_eq!(refused(&judged), None);
    assert!(!judged.took_foreign);
    assert_eq!(outputs(&judged), ["/ws/log"]);
    assert!(judged.outputs.iter().all(|output| !output.stored));
}

#[test]
fn what_is_declared_beats_hints() {
    const DECLARED: (bool, &[&str], &[&str]) = (true, &["log"], &[]);
    const AUTO: (bool, &[&str], &[&str]) = (true, &[], &[]);
    let mut tree = Tree::default();
    tree.file("/ws/log", "x");
    let run = Run { hinted: wishes(&["log"], &["log"]), ..Run::default() };
    let rules = Rules::new(DECLARED, AUTO).unwrap();
    let judged = run.saw("/ws/x", Seen::Read, &State::Absent).judged_by(&tree, &rules);
    assert!(inputs(&judged).iter().any(|(look, ..)| *look == Look::Declared));
    let run = Run { hinted: wishes(&[], &["log"]), ..Run::default() };
    let rules = Rules::new(AUTO, DECLARED).unwrap();
    let judged = run.did("/ws/log", Change::Create, &State::Absent).judged_by(&tree, &rules);
    assert!(judged.outputs.iter().all(|output| output.stored));
}

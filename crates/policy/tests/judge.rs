//! The rules, row by row: what a step found at a path, what it did there, what follows.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{HashMap, HashSet};
use std::io;

use digest::{Digest, hash_bytes};
use fspy_trace::{Change, Fidelity, Fold, Incomplete, Listed, Op as Seen, Peer, State, Trace};
use policy::{
    Facts, Hinted, Judgement, Look, NotCachedKind, OutputKind, Place, Root, Roots, Rules, Value,
    World, judge,
};
use stat::{Kind, StatId, file_name, parent};

const ROOT: &[u8] = b"/ws";

/// A tree in memory: what stands after the run, and what is on record.
#[derive(Default)]
struct Tree {
    files: HashMap<Vec<u8>, (StatId, Vec<u8>)>,
    known: HashMap<StatId, Digest>,
    own: HashSet<Vec<u8>>,
    later: HashSet<Vec<u8>>,
    earlier: HashSet<Vec<u8>>,
    unordered: HashSet<Vec<u8>>,
    programs: HashMap<Vec<u8>, Place>,
    next_ino: u64,
}

impl Tree {
    fn put(&mut self, path: &str, mode: u32, content: &[u8]) -> StatId {
        self.next_ino += 1;
        let stamp = i64::try_from(self.next_ino).unwrap();
        let id = StatId {
            dev: 1,
            ino: self.next_ino,
            size: content.len() as u64,
            mtime_ns: stamp,
            ctime_ns: stamp,
            mode,
        };
        self.files.insert(path.as_bytes().to_vec(), (id, content.to_vec()));
        id
    }

    fn file(&mut self, path: &str, content: &str) -> State {
        State::Present(self.put(path, 0o100_644, content.as_bytes()))
    }

    fn dir(&mut self, path: &str) -> State {
        State::Present(self.put(path, 0o040_755, b""))
    }

    /// The same, with its digest on record.
    fn known_file(&mut self, path: &str, content: &str) -> State {
        let state = self.file(path, content);
        self.known.insert(*state.id().unwrap(), hash_bytes(content.as_bytes()));
        state
    }

    fn remove(&mut self, path: &str) {
        self.files.remove(path.as_bytes());
    }

    fn owns(&mut self, path: &str) {
        self.own.insert(path.as_bytes().to_vec());
    }
}

impl World for Tree {
    fn lstat(&self, path: &[u8]) -> io::Result<Option<StatId>> {
        Ok(self.files.get(path).map(|(id, _)| *id))
    }
    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self.files[path].1.clone())
    }
    fn digest(&self, path: &[u8]) -> io::Result<Digest> {
        self.files
            .get(path)
            .map(|(_, content)| hash_bytes(content))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn known(&self, id: &StatId) -> Option<Digest> {
        self.known.get(id).copied()
    }
    fn list(&self, dir: &[u8]) -> io::Result<Vec<Listed>> {
        Ok(self
            .files
            .iter()
            .filter(|(path, _)| parent(path) == Some(dir))
            .map(|(path, (id, _))| (file_name(path).to_vec(), id.kind()))
            .collect())
    }
    fn access(&self, _path: &[u8], bits: u8) -> io::Result<u8> {
        Ok(bits)
    }
    fn lookup(&self, name: &[u8]) -> Option<Place> {
        self.programs.get(name).cloned()
    }
    fn declared(&self, _changed: &HashSet<&[u8]>) -> io::Result<Value> {
        Ok(Value::Absent)
    }
    fn was_own(&self, path: &[u8], _found: Option<&StatId>) -> bool {
        self.own.contains(path)
    }
    fn was_later(&self, path: &[u8]) -> bool {
        self.later.contains(path)
    }
    fn earlier(&self, path: &[u8], found: &StatId) -> Option<Digest> {
        self.earlier.contains(path).then(|| self.known.get(found).copied()).flatten()
    }
    fn is_unordered(&self, path: &[u8]) -> bool {
        self.unordered.contains(path)
    }
}

/// A run being told: events go to the fold as the tracer would send them.
#[derive(Default)]
struct Run {
    fold: Fold,
    incomplete: Vec<Incomplete>,
    peers: Vec<Peer>,
    hinted: Hinted,
}

impl Run {
    fn saw(mut self, path: &str, op: Seen, before: &State) -> Self {
        self.fold.add(path.as_bytes(), op, before);
        self
    }

    fn did(self, path: &str, change: Change, before: &State) -> Self {
        self.saw(path, Seen::Change(change), before)
    }

    fn judged(self, tree: &Tree) -> Judgement {
        const AUTO: (bool, &[&str], &[&str]) = (true, &[], &[]);
        self.judged_by(tree, &Rules::new(AUTO, AUTO).unwrap())
    }

    fn judged_by(self, tree: &Tree, rules: &Rules) -> Judgement {
        let trace = Trace {
            fidelity: Fidelity::Notify,
            records: self.fold.into_records(),
            execs: Vec::new(),
            renames: Vec::new(),
            peers: self.peers,
            incomplete: self.incomplete,
            started_ns: i64::MAX,
            calls: 0,
            recorded: 0,
        };
        let roots = Roots {
            workspace: ROOT.to_vec(),
            home: b"/home/ann".to_vec(),
            temp: b"/tmp".to_vec(),
            runner: b"/tmp/runner".to_vec(),
        };
        let path_dirs = HashSet::from([b"/usr/bin".to_vec()]);
        let hinted = &self.hinted;
        judge(Facts { trace: &trace, roots: &roots, rules, path_dirs: &path_dirs, hinted }, tree)
    }
}

fn refused(judgement: &Judgement) -> Option<NotCachedKind> {
    judgement.refused.as_ref().map(|reason| reason.kind)
}

fn inputs(judgement: &Judgement) -> Vec<(Look, String, &Value)> {
    let rel = |place: &Place| String::from_utf8_lossy(&place.rel).into_owned();
    let mut inputs: Vec<_> =
        judgement.inputs.iter().map(|(op, value)| (op.look, rel(&op.place), value)).collect();
    inputs.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    inputs
}

fn outputs(judgement: &Judgement) -> Vec<String> {
    judgement
        .outputs
        .iter()
        .map(|output| String::from_utf8_lossy(&output.path).into_owned())
        .collect()
}

fn content(text: &str) -> Value {
    Value::File(hash_bytes(text.as_bytes()), 0o644)
}

// --- observed only -----------------------------------------------------------------------------

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

// --- changed -----------------------------------------------------------------------------------

#[test]
fn a_file_made_where_nothing_was_is_an_output_without_condition() {
    let mut tree = Tree::default();
    tree.file("/ws/out", "x");
    let judged = Run::default().did("/ws/out", Change::Create, &State::Absent).judged(&tree);
    assert_eq!(outputs(&judged), ["/ws/out"]);
    assert_eq!(inputs(&judged), []);
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
fn removing_what_was_not_ones_own_is_not_cached() {
    let mut tree = Tree::default();
    let before = tree.file("/ws/src.c", "x");
    tree.remove("/ws/src.c");
    let run = |tree: &Tree| Run::default().did("/ws/src.c", Change::Delete, &before).judged(tree);
    let foreign = run(&tree);
    assert_eq!(refused(&foreign), Some(NotCachedKind::Removed));
    assert!(foreign.took_foreign, "its outputs may hold what it removed");
    tree.owns("/ws/src.c");
    let own = run(&tree);
    assert_eq!(refused(&own), None);
    assert_eq!(inputs(&own), [(Look::Own, "src.c".into(), &Value::OwnOrAbsent)]);
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
    tree.file("/ws/copy", "new");
    let judged = Run::default()
        .saw("/ws/copy", Seen::Stat, &before)
        .did("/ws/copy", Change::Overwrite, &before)
        .judged(&tree);
    assert_eq!(judged.kept_mode.as_deref(), Some(&b"/ws/copy"[..]));
    let judged = Run::default()
        .did("/ws/copy", Change::Overwrite, &before)
        .did("/ws/copy", Change::Meta, &before)
        .judged(&tree);
    assert_eq!(judged.kept_mode, None, "its mode was set anew");
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
fn what_is_read_from_a_fifo_is_somebodys_answer() {
    let mut tree = Tree::default();
    let fifo = State::Present(tree.put("/ws/fifo", 0o010_644, b""));
    let judgement = Run::default().saw("/ws/fifo", Seen::Read, &fifo).judged(&tree);
    assert_eq!(refused(&judgement), Some(NotCachedKind::AskedPeer));
}

#[test]
fn a_temporary_file_moved_into_the_workspace_was_handed_over() {
    let mut tree = Tree::default();
    let given = tree.file("/tmp/given", "x");
    tree.remove("/tmp/given");
    tree.file("/ws/out", "x");
    let run = Run::default().did("/tmp/given", Change::Delete, &given);
    let judgement = run.did("/ws/out", Change::Create, &State::Absent).judged(&tree);
    assert_eq!(refused(&judgement), Some(NotCachedKind::ReadTemp));
}

#[test]
fn the_runner_s_own_files_are_no_hand_over_wherever_it_is_installed() {
    let mut tree = Tree::default();
    let plugin = tree.file("/tmp/runner/taskrunner/pytest_plugin.py", "x");
    let path = "/tmp/runner/taskrunner/pytest_plugin.py";
    let judgement = Run::default().saw(path, Seen::Read, &plugin).judged(&tree);
    assert_eq!(refused(&judgement), None);
    assert_eq!(judgement.inputs.len(), 1);
}

#[test]
fn a_flag_looked_for_among_temporary_files_is_an_input() {
    let tree = Tree::default();
    let judgement = Run::default().saw("/tmp/flag", Seen::Stat, &State::Absent).judged(&tree);
    assert_eq!(inputs(&judgement), [(Look::Kind, "flag".to_owned(), &Value::Absent)]);
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
fn a_fifo_left_behind_is_not_cached() {
    let mut tree = Tree::default();
    tree.put("/ws/pipe", 0o010_644, b"");
    let judged = Run::default().did("/ws/pipe", Change::Create, &State::Absent).judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::SpecialFile));
}

// --- somebody else at work ---------------------------------------------------------------------

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

// --- listings ----------------------------------------------------------------------------------

fn names(names: &[&str]) -> Seen {
    Seen::List(names.iter().map(|name| (name.as_bytes().to_vec(), Kind::File)).collect())
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

// --- outside -----------------------------------------------------------------------------------

#[test]
fn outside_the_workspace_reads_count_and_writes_forbid() {
    let mut tree = Tree::default();
    let header = tree.file("/usr/include/stdio.h", "h");
    tree.file("/home/ann/.local/bin/tool", "installed");
    let judged = Run::default().saw("/usr/include/stdio.h", Seen::Read, &header).judged(&tree);
    let expected = (Look::Content, "usr/include/stdio.h".into(), &content("h"));
    assert_eq!(inputs(&judged), [expected]);
    let judged = Run::default()
        .did("/home/ann/.local/bin/tool", Change::Create, &State::Absent)
        .judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::WroteOutside));
}

#[test]
fn a_temporary_file_of_ones_own_is_nothing_and_anothers_is_not_cached() {
    let mut tree = Tree::default();
    let other = tree.file("/tmp/x.json", "left by somebody");
    tree.file("/tmp/mine", "x");
    let own = Run::default().did("/tmp/mine", Change::Create, &State::Absent).judged(&tree);
    assert_eq!((inputs(&own), outputs(&own), refused(&own)), (vec![], vec![], None));
    let judged = Run::default().saw("/tmp/x.json", Seen::Read, &other).judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::ReadTemp));
}

#[test]
fn installed_code_counts_even_below_a_temporary_directory() {
    let mut tree = Tree::default();
    let mark = tree.file("/tmp/venv/pyvenv.cfg", "home = /usr/bin");
    let library = tree.file("/tmp/venv/lib/python3/os.py", "x");
    let program = tree.put("/tmp/tools/gen", 0o100_755, b"elf");
    let judged = Run::default()
        .saw("/tmp/venv/pyvenv.cfg", Seen::Read, &mark)
        .saw("/tmp/venv/lib/python3/os.py", Seen::Read, &library)
        .saw("/tmp/tools/gen", Seen::Exec, &State::Present(program))
        .judged(&tree);
    assert_eq!(refused(&judged), None);
    assert_eq!(judged.inputs.len(), 3);
}

#[test]
fn a_program_found_on_the_path_is_an_input_by_name() {
    let mut tree = Tree::default();
    let program = tree.put("/usr/bin/cc", 0o100_755, b"elf");
    let place = Place { root: Root::Absolute, rel: b"usr/bin/cc".to_vec() };
    tree.programs.insert(b"cc".to_vec(), place);
    let judged =
        Run::default().saw("/usr/bin/cc", Seen::Exec, &State::Present(program)).judged(&tree);
    let looks: Vec<Look> = judged.inputs.iter().map(|(op, _)| op.look).collect();
    assert_eq!(looks, [Look::Content, Look::Lookup]);
}

#[test]
fn local_servers_forbid_and_remote_ones_do_not() {
    let judge_peer = |peer| {
        let run = Run { peers: vec![peer], ..Run::default() };
        refused(&run.judged(&Tree::default()))
    };
    assert_eq!(judge_peer(Peer::Loopback(5432)), Some(NotCachedKind::AskedPeer));
    assert_eq!(
        judge_peer(Peer::Unix(b"/var/run/docker.sock".to_vec())),
        Some(NotCachedKind::AskedPeer)
    );
    assert_eq!(judge_peer(Peer::Unix(b"/var/run/nscd/socket".to_vec())), None);
    assert_eq!(judge_peer(Peer::Remote("192.0.2.1:443".into())), None);
}

#[test]
fn an_incomplete_trace_is_never_cached() {
    for reason in [
        Incomplete::UnreadableMemory,
        Incomplete::ForeignNamespace,
        Incomplete::ForeignArchitecture,
        Incomplete::HelperLost,
        Incomplete::StillTalking,
        Incomplete::StillWriting(b"/ws/a".to_vec()),
    ] {
        let run = Run { incomplete: vec![reason.clone()], ..Run::default() };
        assert!(run.judged(&Tree::default()).refused.is_some(), "{reason:?}");
    }
}

// --- declared rules ----------------------------------------------------------------------------

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

// --- hints -------------------------------------------------------------------------------------

fn wishes(inputs: &[&str], outputs: &[&str]) -> Hinted {
    let paths = |paths: &[&str]| paths.iter().map(|path| path.as_bytes().to_vec()).collect();
    Hinted { ignored_inputs: paths(inputs), ignored_outputs: paths(outputs), ..Hinted::default() }
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

//! The rules against a model: programs made at random run in trees made at random. Wherever the
//! inputs of a stored run hold, running the program must leave the stored outputs, and nothing else.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashSet};
use std::io;

use digest::{Digest, hash_bytes};
use fspy_trace::{Change, Fidelity, Fold, Listed, Op as Seen, State, Trace};
use policy::{
    Facts, Hinted, Judgement, Look, Op, Place, Roots, Rules, Value, World, judge, listing_value,
};
use proptest::prelude::*;
use stat::{Kind, StatId};

const ROOT: &[u8] = b"/ws";
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Names in one directory, with content and identity.
#[derive(Clone, Debug, Default)]
struct Tree {
    files: BTreeMap<String, (Vec<u8>, StatId)>,
    clock: u64,
}

impl Tree {
    fn of(contents: &BTreeMap<String, u8>) -> Self {
        let mut tree = Self::default();
        for (name, byte) in contents {
            tree.put(name, vec![*byte]);
        }
        tree
    }

    fn put(&mut self, name: &str, content: Vec<u8>) {
        self.clock += 1;
        let stamp = i64::try_from(self.clock).unwrap();
        let id = StatId {
            dev: 1,
            ino: self.clock,
            size: content.len() as u64,
            mtime_ns: stamp,
            ctime_ns: stamp,
            mode: 0o100_644,
        };
        self.files.insert(name.to_owned(), (content, id));
    }

    fn state(&self, name: &str) -> State {
        self.files.get(name).map_or(State::Absent, |(_, id)| State::Present(*id))
    }

    fn listed(&self) -> Vec<Listed> {
        self.files.keys().map(|name| (name.clone().into_bytes(), Kind::File)).collect()
    }

    fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.files.iter().map(|(name, (content, _))| (name.clone(), content.clone())).collect()
    }

    fn at(&self, path: &[u8]) -> Option<&(Vec<u8>, StatId)> {
        let name = path.strip_prefix(b"/ws/")?;
        self.files.get(std::str::from_utf8(name).unwrap())
    }

    fn evaluate(&self, op: &Op, asked_apart: &HashSet<Vec<u8>>) -> Value {
        let found = self.at(&[b"/ws/", &op.place.rel[..]].concat());
        match (op.look, found) {
            (Look::Listing, _) => {
                let names = self.files.keys().map(String::as_bytes);
                let names = names.filter(|name| !asked_apart.contains(*name));
                listing_value(names.map(|name| (name, Kind::File)))
            }
            (Look::Own, None) => Value::OwnOrAbsent,
            (_, None) => Value::Absent,
            (Look::Kind | Look::Present | Look::Bits, Some(_)) => Value::Kind(Kind::File),
            (_, Some((content, _))) => Value::File(hash_bytes(content), 0o644),
        }
    }
}

impl World for Tree {
    fn lstat(&self, path: &[u8]) -> io::Result<Option<StatId>> {
        Ok(self.at(path).map(|(_, id)| *id))
    }
    fn read_link(&self, _path: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn digest(&self, path: &[u8]) -> io::Result<Digest> {
        let found = self.at(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(hash_bytes(&found.0))
    }
    fn known(&self, _id: &StatId) -> Option<Digest> {
        None
    }
    fn list(&self, _dir: &[u8]) -> io::Result<Vec<Listed>> {
        Ok(self.listed())
    }
    fn access(&self, _path: &[u8], bits: u8) -> io::Result<u8> {
        Ok(bits)
    }
    fn lookup(&self, _name: &[u8]) -> Vec<Place> {
        Vec::new()
    }
    fn declared(&self, _changed: &HashSet<&[u8]>) -> io::Result<Value> {
        Ok(Value::Absent)
    }
    fn was_own(&self, _path: &[u8], _found: Option<&StatId>) -> bool {
        false
    }
    fn was_later(&self, _path: &[u8]) -> bool {
        false
    }
    fn earlier(&self, _path: &[u8], _found: &StatId) -> Option<Digest> {
        None
    }
    fn has_plain_mode(&self, id: &StatId) -> bool {
        id.permissions() == 0o644
    }
    fn is_unordered(&self, _path: &[u8]) -> bool {
        false
    }
}

/// One step of a program. What it writes depends on all that it has seen.
#[derive(Clone, Debug)]
enum Act {
    Read(usize),
    Stat(usize),
    Exists(usize),
    List,
    Write(usize),
    WriteIfAbsent(usize),
    Append(usize),
    Rewrite(usize),
    Remove(usize),
}

/// A program at work: `seen` is all it knows.
struct Machine<'a> {
    tree: &'a mut Tree,
    fold: Fold,
    seen: Vec<u8>,
}

impl Machine<'_> {
    fn event(&mut self, name: &str, op: Seen) {
        let path = format!("/ws/{name}");
        self.fold.add(path.as_bytes(), op, &self.tree.state(name));
    }

    fn learn(&mut self, fact: &[u8]) {
        self.seen = hash_bytes(&[&self.seen[..], fact].concat()).as_bytes().to_vec();
    }

    fn change(&mut self, name: &str, existing: Change, content: Option<Vec<u8>>) {
        let there = self.tree.files.contains_key(name);
        self.event(name, Seen::Change(if there { existing } else { Change::Create }));
        match content {
            Some(content) => self.tree.put(name, content),
            None => drop(self.tree.files.remove(name)),
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Read(at) | Act::Stat(at) => {
                let read = matches!(act, Act::Read(_));
                self.event(NAMES[at], if read { Seen::Read } else { Seen::Stat });
                let content = self.tree.files.get(NAMES[at]).map(|(content, _)| content.clone());
                self.learn(format!("{content:?}").as_bytes());
            }
            Act::Exists(at) => {
                self.event(NAMES[at], Seen::Exists);
                self.learn(&[self.tree.files.contains_key(NAMES[at]).into()]);
            }
            Act::List => {
                let names = self.tree.listed();
                let dir = State::Present(StatId {
                    dev: 1,
                    ino: 0,
                    size: 0,
                    mtime_ns: 0,
                    ctime_ns: 0,
                    mode: 0o040_755,
                });
                self.fold.add(ROOT, Seen::List(names.clone()), &dir);
                self.learn(format!("{names:?}").as_bytes());
            }
            Act::Write(at) => {
                let content = self.seen.clone();
                self.change(NAMES[at], Change::Replace, Some(content));
            }
            Act::WriteIfAbsent(at) => {
                self.act(&Act::Exists(at));
                if !self.tree.files.contains_key(NAMES[at]) {
                    self.act(&Act::Write(at));
                }
            }
            Act::Append(at) => self.grow(at, Change::Append),
            Act::Rewrite(at) => self.grow(at, Change::Modify),
            Act::Remove(at) if self.tree.files.contains_key(NAMES[at]) => {
                self.change(NAMES[at], Change::Delete, None);
            }
            // `rm` tells that there was nothing.
            Act::Remove(at) => self.act(&Act::Exists(at)),
        }
    }

    fn grow(&mut self, at: usize, change: Change) {
        if !self.tree.files.contains_key(NAMES[at]) {
            // Old bytes would have stayed: the tracer notes that there were none.
            self.event(NAMES[at], Seen::Exists);
        }
        let old = self.tree.files.get(NAMES[at]).map(|(content, _)| content.clone());
        let content = [old.unwrap_or_default(), self.seen.clone()].concat();
        self.change(NAMES[at], change, Some(content));
    }
}

const AUTO: (bool, &[&str], &[&str]) = (true, &[], &[]);

fn run(tree: &mut Tree, program: &[Act]) -> Judgement {
    let mut machine = Machine { tree, fold: Fold::new(), seen: Vec::new() };
    for act in program {
        machine.act(act);
    }
    let trace = Trace {
        fidelity: Fidelity::Notify,
        records: machine.fold.into_records(),
        execs: Vec::new(),
        peers: Vec::new(),
        variables: Vec::new(),
        incomplete: Vec::new(),
        renames: Vec::new(),
        started_ns: i64::MAX,
        calls: 0,
        recorded: 0,
    };
    let (rules, path_dirs) = (Rules::new(AUTO, AUTO).unwrap(), HashSet::new());
    let roots = Roots {
        workspace: ROOT.to_vec(),
        home: b"/home/ann".to_vec(),
        temp: b"/tmp".to_vec(),
        runner: b"/tmp/runner".to_vec(),
    };
    let hinted = Hinted::default();
    let (rules, path_dirs, hinted) = (&rules, &path_dirs, &hinted);
    judge(Facts { trace: &trace, roots: &roots, rules, path_dirs, hinted }, tree)
}

fn any_act() -> impl Strategy<Value = Act> {
    let name = 0..NAMES.len();
    prop_oneof![
        name.clone().prop_map(Act::Read),
        name.clone().prop_map(Act::Stat),
        name.clone().prop_map(Act::Exists),
        Just(Act::List),
        name.clone().prop_map(Act::Write),
        name.clone().prop_map(Act::WriteIfAbsent),
        name.clone().prop_map(Act::Append),
        name.clone().prop_map(Act::Rewrite),
        name.prop_map(Act::Remove),
    ]
}

fn any_contents() -> impl Strategy<Value = BTreeMap<String, u8>> {
    proptest::collection::btree_map(prop::sample::select(&NAMES[..]), 0_u8..3, 0..4)
        .prop_map(|files| files.into_iter().map(|(name, byte)| (name.to_owned(), byte)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 5_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn wherever_the_inputs_hold_a_run_leaves_what_was_stored(
        program in proptest::collection::vec(any_act(), 1..7),
        here in any_contents(),
        there in any_contents(),
    ) {
        let mut first = Tree::of(&here);
        let judged = run(&mut first, &program);
        if judged.refused.is_some() {
            return Ok(());
        }
        let apart = judged.inputs.iter().filter(|(op, _)| op.look == Look::Present);
        let apart: HashSet<Vec<u8>> = apart.map(|(op, _)| op.place.rel.clone()).collect();
        let mut second = Tree::of(&there);
        if judged.inputs.iter().any(|(op, value)| second.evaluate(op, &apart) != *value) {
            return Ok(());
        }
        let mut restored = second.contents();
        for output in &judged.outputs {
            let name = String::from_utf8(output.path[4..].to_vec()).unwrap();
            restored.insert(name.clone(), first.files[&name].0.clone());
        }
        run(&mut second, &program);
        let mut left = second.contents();
        // Made and gone again is nothing: a hit leaves alone what somebody put at such a name.
        for act in &program {
            if let Act::Write(at) = act
                && !here.contains_key(NAMES[*at])
                && !first.files.contains_key(NAMES[*at])
            {
                left.remove(NAMES[*at]);
                restored.remove(NAMES[*at]);
            }
        }
        prop_assert_eq!(left, restored);
    }
}

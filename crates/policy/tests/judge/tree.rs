//! A tree in memory, and a run told to the fold as the tracer would tell it.

use std::collections::{HashMap, HashSet};
use std::io;

use digest::{Digest, hash_bytes};
use fspy_trace::{Change, Fidelity, Fold, Incomplete, Listed, Op as Seen, Peer, State, Trace};
use policy::{
    Facts, Hinted, Judgement, Look, NotCachedKind, Place, Roots, Rules, Value, World, judge,
};
use stat::{Kind, StatId, file_name, parent};

pub(crate) const ROOT: &[u8] = b"/ws";

/// A tree in memory: what stands after the run, and what is on record.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) files: HashMap<Vec<u8>, (StatId, Vec<u8>)>,
    pub(crate) known: HashMap<StatId, Digest>,
    pub(crate) own: HashSet<Vec<u8>>,
    pub(crate) later: HashSet<Vec<u8>>,
    pub(crate) earlier: HashSet<Vec<u8>>,
    pub(crate) unordered: HashSet<Vec<u8>>,
    pub(crate) programs: HashMap<Vec<u8>, Place>,
    pub(crate) next_ino: u64,
}

impl Tree {
    pub(crate) fn put(&mut self, path: &str, mode: u32, content: &[u8]) -> StatId {
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

    pub(crate) fn file(&mut self, path: &str, content: &str) -> State {
        State::Present(self.put(path, 0o100_644, content.as_bytes()))
    }

    pub(crate) fn dir(&mut self, path: &str) -> State {
        State::Present(self.put(path, 0o040_755, b""))
    }

    /// The same, with its digest on record.
    pub(crate) fn known_file(&mut self, path: &str, content: &str) -> State {
        let state = self.file(path, content);
        self.known.insert(*state.id().unwrap(), hash_bytes(content.as_bytes()));
        state
    }

    /// Other content, and permission bits, for a file that stays the same one.
    pub(crate) fn alter(&mut self, path: &str, mode: u32, content: &str) {
        let ino = self.files[path.as_bytes()].0.ino;
        self.put(path, mode, content.as_bytes());
        self.files.get_mut(path.as_bytes()).unwrap().0.ino = ino;
    }

    pub(crate) fn remove(&mut self, path: &str) {
        self.files.remove(path.as_bytes());
    }

    pub(crate) fn owns(&mut self, path: &str) {
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
    fn lookup(&self, name: &[u8]) -> Vec<Place> {
        self.programs.get(name).cloned().into_iter().collect()
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
    fn has_plain_mode(&self, id: &StatId) -> bool {
        id.permissions() == 0o644
    }
    fn is_unordered(&self, path: &[u8]) -> bool {
        self.unordered.contains(path)
    }
}

/// A run being told: events go to the fold as the tracer would send them.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) fold: Fold,
    pub(crate) incomplete: Vec<Incomplete>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) hinted: Hinted,
    pub(crate) renames: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Run {
    pub(crate) fn saw(mut self, path: &str, op: Seen, before: &State) -> Self {
        self.fold.add(path.as_bytes(), op, before);
        self
    }

    pub(crate) fn did(self, path: &str, change: Change, before: &State) -> Self {
        self.saw(path, Seen::Change(change), before)
    }

    pub(crate) fn judged(self, tree: &Tree) -> Judgement {
        const AUTO: (bool, &[&str], &[&str]) = (true, &[], &[]);
        self.judged_by(tree, &Rules::new(AUTO, AUTO).unwrap())
    }

    pub(crate) fn judged_by(self, tree: &Tree, rules: &Rules) -> Judgement {
        let trace = Trace {
            fidelity: Fidelity::Notify,
            records: self.fold.into_records(),
            execs: Vec::new(),
            renames: self.renames,
            peers: self.peers,
            variables: Vec::new(),
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

pub(crate) fn refused(judgement: &Judgement) -> Option<NotCachedKind> {
    judgement.refused.as_ref().map(|reason| reason.kind)
}

pub(crate) fn inputs(judgement: &Judgement) -> Vec<(Look, String, &Value)> {
    let rel = |place: &Place| String::from_utf8_lossy(&place.rel).into_owned();
    let mut inputs: Vec<_> =
        judgement.inputs.iter().map(|(op, value)| (op.look, rel(&op.place), value)).collect();
    inputs.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    inputs
}

pub(crate) fn outputs(judgement: &Judgement) -> Vec<String> {
    judgement
        .outputs
        .iter()
        .map(|output| String::from_utf8_lossy(&output.path).into_owned())
        .collect()
}

pub(crate) fn content(text: &str) -> Value {
    Value::File(hash_bytes(text.as_bytes()), 0o644)
}

// --- listings ----------------------------------------------------------------------------------

pub(crate) fn names(names: &[&str]) -> Seen {
    Seen::List(names.iter().map(|name| (name.as_bytes().to_vec(), Kind::File)).collect())
}

// --- hints -------------------------------------------------------------------------------------

pub(crate) fn wishes(inputs: &[&str], outputs: &[&str]) -> Hinted {
    let paths = |paths: &[&str]| paths.iter().map(|path| path.as_bytes().to_vec()).collect();
    Hinted { ignored_inputs: paths(inputs), ignored_outputs: paths(outputs), ..Hinted::default() }
}

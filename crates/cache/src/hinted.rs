//! What tools said of a run: variables it depends on, paths that count though nobody saw them used.

use std::collections::{BTreeSet, HashSet};

use digest::Hasher;
use fspy_trace::Trace;
use policy::{
    Asked, Hinted, Judgement, Look, NotCached, NotCachedKind, Op, PathSet, Place, Root, Rules,
    Value,
};
use stat::{Kind, join};

use crate::disk::{Disk, lock};
use crate::evaluate::Tree;
use crate::lookup::MAX_PATH_SETS;
use crate::step::Step;
use crate::workspace::Workspace;

impl Workspace {
    /// Adds to a judgement what the tools of the step tracked.
    pub(crate) fn add_hinted(
        &self,
        hinted: &Hinted,
        trace: &Trace,
        tree: &Tree<'_>,
        judged: &mut Judgement,
    ) {
        let names = hinted.env.iter().map(|(name, asked)| (Look::Env(*asked), name));
        let globs = hinted.env_globs.iter().map(|(glob, asked)| (Look::Envs(*asked), glob));
        for (look, name) in names.chain(globs) {
            let op = Op { look, place: Place { root: Root::Env, rel: name.clone() } };
            let value = tree.evaluate(&op);
            judged.input(op.look, op.place, value);
        }
        self.add_tracked_outputs(hinted, &tree.step.rules, judged);
        for rel in &hinted.tracked_inputs {
            self.add_tracked_input(rel, trace, tree, judged);
        }
    }

    fn add_tracked_input(
        &self,
        rel: &[u8],
        trace: &Trace,
        tree: &Tree<'_>,
        judged: &mut Judgement,
    ) {
        let place = Place { root: Root::Workspace, rel: rel.to_vec() };
        let changed: HashSet<&[u8]> = judged.outputs.iter().map(|out| &out.path[..]).collect();
        let path = join(&self.roots.workspace, rel);
        // What nobody saw read may have been another file when it was: then its time tells.
        let moved = tree.beneath(&path, &changed).map(|found| {
            found.into_iter().find(|path| self.may_have_changed(path, trace.started_ns))
        });
        match moved.and_then(|moved| Ok((moved, tree.value_beneath(&path, &changed)?))) {
            Ok((moved, value)) => {
                let refused = moved.map(|path| NotCached::at(NotCachedKind::InputModified, &path));
                judged.refused = judged.refused.take().or(refused);
                judged.input(Look::Beneath, place, value);
            }
            Err(error) => {
                let (kind, detail) = (NotCachedKind::InputUnreadable, Some(error.to_string()));
                judged.refused.get_or_insert(NotCached { kind, path: Some(path), detail });
            }
        }
    }

    /// Whether a file may hold other bytes than when the run began. File times move by ticks: what a
    /// step before it left in the very tick in which it began, and what still is just that, is known.
    fn may_have_changed(&self, path: &[u8], started_ns: i64) -> bool {
        let Ok(Some(id)) = Disk::lstat(path) else { return false };
        let is_as_left = || {
            let left = self.disk.left_by_a_step(&id);
            left.is_some_and(|left| self.disk.digest(path).is_ok_and(|now| now == left))
        };
        id.ctime_ns > started_ns || (id.ctime_ns == started_ns && !is_as_left())
    }

    /// Files at and beneath tracked paths are outputs, whoever wrote them.
    fn add_tracked_outputs(&self, hinted: &Hinted, rules: &Rules, judged: &mut Judgement) {
        let counts = |path: &[u8]| {
            let rel = self.workspace_rel(path).filter(|rel| !rules.excludes_output(rel));
            rel.is_some_and(|rel| hinted.tracks_output(&rel))
        };
        for output in &mut judged.outputs {
            output.stored |= counts(&output.path);
        }
        let mut known: HashSet<Vec<u8>> =
            judged.outputs.iter().map(|output| output.path.clone()).collect();
        for rel in &hinted.tracked_outputs {
            for path in everything_at(&join(&self.roots.workspace, rel)) {
                if !counts(&path) || !known.insert(path.clone()) {
                    continue;
                }
                match self.declared_output(&path) {
                    Ok(output) => judged.outputs.push(output),
                    Err(error) => {
                        let (kind, detail) = (NotCachedKind::InputUnreadable, error.to_string());
                        let reason = NotCached { kind, path: Some(path), detail: Some(detail) };
                        judged.refused.get_or_insert(reason);
                    }
                }
            }
        }
    }

    /// Variables that processes of this step are known to have looked up in their own environment,
    /// that are set, and that the step would not be given.
    pub(crate) fn known_variables(&self, step: &Step) -> Vec<(Vec<u8>, Vec<u8>)> {
        let ops = self.known_operations(step);
        let looks = |wanted: Look| ops.iter().filter(move |op| op.look == wanted);
        let mut names: BTreeSet<Vec<u8>> =
            looks(Look::Env(Asked::Process)).map(|op| op.place.rel.clone()).collect();
        for glob in looks(Look::Envs(Asked::Process)) {
            if let Value::Variables(found) = self.environment.matches(&glob.place.rel, &step.spec) {
                names.extend(found.into_iter().map(|(name, _)| name));
            }
        }
        for (given, _) in &step.spec.env {
            names.remove(given);
        }
        let set = names.into_iter().filter_map(|name| {
            let value = self.environment.get(&name)?.clone();
            Some((name, value))
        });
        set.collect()
    }

    /// Operations on variables in what is known of this step: its last run, stored or not, and the
    /// results that are stored under its weak fingerprint.
    fn known_operations(&self, step: &Step) -> HashSet<Op> {
        let last = self.last_reads(step).unwrap_or_default();
        let mut ops: HashSet<Op> = last.into_iter().map(|(op, _)| op).filter(is_variable).collect();
        let cache = lock(&self.cache);
        for set in cache.path_sets(&step.spec.weak, MAX_PATH_SETS).unwrap_or_default() {
            let Ok(Some(chunks)) = cache.path_set(&set) else { continue };
            let set = PathSet::decode(chunks.iter().map(|chunk| &chunk.body[..]));
            let found = set.into_iter().flat_map(|set| set.ops().to_vec());
            ops.extend(found.filter(is_variable));
        }
        ops
    }
}

fn is_variable(op: &Op) -> bool {
    op.place.root == Root::Env
}

/// The path and all that lies beneath it, links not followed.
fn everything_at(path: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut open = vec![path.to_vec()];
    while let Some(path) = open.pop() {
        match Disk::lstat(&path) {
            Ok(Some(id)) if id.kind() == Kind::Dir => {
                let names = crate::disk::list(&path).unwrap_or_default();
                open.extend(names.iter().map(|(name, _)| join(&path, name)));
                found.push(path);
            }
            Ok(Some(_)) => found.push(path),
            _ => {}
        }
    }
    found
}

impl Tree<'_> {
    /// Has listings leave out what a path set says was ignored.
    pub(crate) fn leave_out(&self, ops: &[Op]) {
        let of = |look: Look| {
            let places = ops.iter().filter(move |op| op.look == look);
            places.map(|op| op.place.rel.clone()).collect()
        };
        *self.hinted.borrow_mut() = Hinted {
            ignored_inputs: of(Look::Ignored),
            tracked_inputs: of(Look::Beneath),
            ..Hinted::default()
        };
    }

    /// Whether listings leave out this absolute path.
    pub(crate) fn is_ignored(&self, path: &[u8]) -> bool {
        let place = self.roots.place(path);
        place.root == Root::Workspace && self.hinted.borrow().ignores_input(&place.rel)
    }

    /// What is at a path and beneath it, by name and content, without what the step left itself.
    pub(crate) fn value_beneath(
        &self,
        path: &[u8],
        changed: &HashSet<&[u8]>,
    ) -> std::io::Result<Value> {
        let found = self.beneath(path, changed)?;
        if found.is_empty() {
            return Ok(Value::Absent);
        }
        let mut hasher = Hasher::new();
        for path in found {
            let value = self.look(Look::Content, &path)?;
            hasher.field(&path[self.roots.workspace.len()..]);
            hasher.field(&postcard::to_stdvec(&value).unwrap_or_default());
        }
        Ok(Value::Text(hasher.finish()))
    }

    fn is_excluded(&self, path: &[u8]) -> bool {
        self.step.rules.excludes_input(&self.roots.place(path).rel)
    }

    /// Files and links at a path and beneath it, sorted, without what the step left itself.
    pub(crate) fn beneath(
        &self,
        path: &[u8],
        changed: &HashSet<&[u8]>,
    ) -> std::io::Result<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        let mut open = vec![path.to_vec()];
        while let Some(path) = open.pop() {
            let counts = |_: &Kind| !changed.contains(&path[..]) && !self.is_excluded(&path);
            let kind = self.kind(&path)?.filter(counts);
            match kind {
                Some(Kind::Dir) => {
                    let names = self.names(&path)?;
                    open.extend(names.into_keys().map(|name| join(&path, &name)));
                }
                Some(_) => found.push(path),
                None => {}
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

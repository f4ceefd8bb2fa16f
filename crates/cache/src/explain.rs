//! Explaining a look-up: the entry that comes nearest, and where it disagrees with the tree. The same
//! evaluation as the look-up's, so that an explanation can't drift from the truth.

use std::collections::HashSet;

use policy::{Look, MissKind, Op, PathSet, Root, Value, changed_variable};

use crate::disk::lock;
use crate::evaluate::Tree;
use crate::lookup::{Batch, MAX_PATH_SETS};
use crate::step::StepId;
use crate::workspace::Workspace;

/// One operation of the nearest entry, with what it found then and finds now.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What is asked.
    pub look: Look,
    /// How the change is called; `None` if there is none.
    pub kind: Option<MissKind>,
    /// Absolute path, where it is about one.
    pub path: Option<Vec<u8>>,
    /// A program's name, a name searched for in the directories above the workspace, the name of a
    /// variable, or a glob over such names.
    pub name: Option<Vec<u8>>,
    /// What it found when the entry was made, in words.
    pub old: String,
    /// What it finds now, in words.
    pub new: String,
}

/// What is known about a step's look-up.
#[derive(Clone, Debug, Default)]
pub struct Explained {
    /// Whether an entry agrees in everything.
    pub hit: bool,
    /// How many path sets are known under the step's weak fingerprint.
    pub path_sets: usize,
    /// How many entries were compared.
    pub entries: usize,
    /// All operations of the nearest entry, in the order in which they are evaluated.
    pub compared: Vec<Compared>,
}

impl Workspace {
    /// Compares the entries known for a step with the tree as the step would find it; results of
    /// steps that [`Workspace::check`] found to hit are laid over it. Nothing is written.
    #[must_use]
    pub fn explain(&self, id: StepId) -> Explained {
        let Some(step) = self.step(id) else { return Explained::default() };
        let steps = lock(&self.steps).all();
        let batch = Batch::new(self, &steps);
        let hits: HashSet<StepId> = lock(&self.hits).keys().copied().collect();
        let overlay = lock(&self.overlay).clone();
        self.with_tree(&step, &batch, &overlay, &hits, |tree| self.nearest(&step.spec.weak, tree))
    }

    fn nearest(&self, weak: &digest::Digest, tree: &Tree<'_>) -> Explained {
        let mut explained = Explained::default();
        let mut fewest = usize::MAX;
        let sets = lock(&self.cache).path_sets(weak, MAX_PATH_SETS).unwrap_or_default();
        for digest in &sets {
            let Some(set) = self.path_set(digest) else { continue };
            explained.path_sets += 1;
            tree.begin(set.ops());
            let now: Vec<Value> = set.ops().iter().map(|op| tree.evaluate(op)).collect();
            for entry in lock(&self.cache).entries_of(weak, digest).unwrap_or_default() {
                let Ok(old) = postcard::from_bytes::<Vec<Value>>(&entry.values) else { continue };
                if old.len() != now.len() {
                    continue;
                }
                explained.entries += 1;
                let differing = old.iter().zip(&now).filter(|(old, new)| old != new).count();
                if differing < fewest {
                    fewest = differing;
                    explained.compared = self.compare(tree, &set, &old, &now);
                }
            }
        }
        explained.hit = fewest == 0;
        explained
    }

    fn path_set(&self, digest: &digest::Digest) -> Option<PathSet> {
        let chunks = lock(&self.cache).path_set(digest).ok().flatten()?;
        PathSet::decode(chunks.iter().map(|chunk| &chunk.body[..]))
    }

    fn compare(
        &self,
        tree: &Tree<'_>,
        set: &PathSet,
        old: &[Value],
        now: &[Value],
    ) -> Vec<Compared> {
        let pairs = set.ops().iter().zip(old.iter().zip(now));
        pairs.map(|(op, (old, new))| self.compared(tree, op, old, new)).collect()
    }

    fn compared(&self, tree: &Tree<'_>, op: &Op, old: &Value, new: &Value) -> Compared {
        let named = matches!(op.place.root, Root::Path | Root::Above | Root::Env);
        let name = named.then(|| op.place.rel.clone());
        let variable = changed_variable(op, old, new);
        let (kind, name) = match variable.filter(|_| old != new) {
            Some((kind, name)) => (Some(kind), Some(name)),
            None => ((old != new).then(|| old.difference(new, op.look)), name),
        };
        let program = self.program(tree, op);
        Compared {
            look: op.look,
            kind,
            path: self.roots.path(&op.place),
            name,
            old: match &program {
                Some(_) if *old == Value::Absent => "not found".to_owned(),
                Some(_) if old != new => "another program".to_owned(),
                Some(now) => now.clone(),
                None => old.to_string(),
            },
            new: program.unwrap_or_else(|| new.to_string()),
        }
    }

    /// What a bare name starts now, for an operation that asks for it: a digest of the path, which is
    /// all that an entry keeps, tells people nothing.
    fn program(&self, tree: &Tree<'_>, op: &Op) -> Option<String> {
        let found = (op.look == Look::Lookup).then(|| tree.lookup(&op.place.rel).pop())?;
        let path = found.and_then(|place| self.roots.path(&place));
        Some(path.map_or_else(
            || "not found".to_owned(),
            |path| String::from_utf8_lossy(&path).into_owned(),
        ))
    }
}

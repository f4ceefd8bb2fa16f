//! Look-ups: a batch of steps at once, each judged in the tree without its own results, with those
//! of earlier hits laid over it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use policy::{
    Miss, MissKind, Op, PathSet, Roots, Value, changed_variable, is_on, strong_fingerprint,
};
use store::{Blob, Entry, StoreError};

use crate::build_on::Reads;
use crate::disk::lock;
use crate::evaluate::Tree;
use crate::manifest::{ItemKind, Manifest};
use crate::narrow::{narrow, standing_first};
use crate::overlay::Overlay;
use crate::own::{OwnPaths, add_second_names, own_paths};
use crate::step::{Step, StepId};
use crate::workspace::{Checked, Workspace};

/// How many path sets of one weak fingerprint are tried, newest hit first.
pub(crate) const MAX_PATH_SETS: usize = 32;

/// An entry that answers a step.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) entry: Entry,
    pub(crate) manifest: Manifest,
    /// Paths of the standing result that this one lacks: restoring removes them.
    pub(crate) leftovers: Vec<Vec<u8>>,
    /// When the look-up began: restored files are never newer.
    pub(crate) looked_ns: i64,
    /// The newest modification among the inputs that were looked at.
    pub(crate) newest_input_ns: i64,
    ops: Vec<Op>,
    values: Vec<Value>,
    needs: HashSet<StepId>,
}

impl Hit {
    /// What the stored run read, as the ledger wants it.
    pub(crate) fn reads(&self) -> Reads {
        self.ops.iter().cloned().zip(self.values.iter().cloned()).collect()
    }

    /// Places of its files and links.
    pub(crate) fn files(&self, roots: &Roots) -> HashSet<Vec<u8>> {
        let files = self.manifest.items.iter().filter(|item| item.kind != ItemKind::Dir);
        files.filter_map(|item| roots.path(&item.place)).collect()
    }

    /// An entry of which only a part is to be put back, with the times that stand in it.
    pub(crate) fn of_part(entry: Entry, manifest: Manifest) -> Self {
        Self {
            entry,
            manifest,
            leftovers: Vec::new(),
            looked_ns: stat::now_ns(),
            newest_input_ns: i64::MIN,
            ops: Vec::new(),
            values: Vec::new(),
            needs: HashSet::new(),
        }
    }
}

/// What a whole batch shares.
pub(crate) struct Batch<'a> {
    own: HashMap<StepId, OwnPaths>,
    owned: HashMap<Vec<u8>, Vec<StepId>>,
    steps: &'a [Arc<Step>],
    by_id: HashMap<StepId, &'a Step>,
    looked_ns: i64,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(workspace: &Workspace, steps: &'a [Arc<Step>]) -> Self {
        let looked_ns = stat::now_ns();
        let own: HashMap<StepId, OwnPaths> =
            steps.iter().map(|step| (step.spec.id, workspace.own(step))).collect();
        let mut owned: HashMap<Vec<u8>, Vec<StepId>> = HashMap::new();
        for (id, paths) in &own {
            for path in paths.keys() {
                owned.entry(path.clone()).or_default().push(*id);
            }
        }
        let by_id = steps.iter().map(|step| (step.spec.id, &**step)).collect();
        Self { own, owned, steps, by_id, looked_ns }
    }
}

impl Workspace {
    /// Looks up steps, given in an order in which each comes after the steps before it. Steps
    /// that hit are laid over the tree for those that come after.
    pub fn check(&self, ids: &[StepId]) -> Vec<Checked> {
        let steps: Vec<Arc<Step>> = ids.iter().filter_map(|id| self.step(*id)).collect();
        let batch = Batch::new(self, &steps);
        let (overlay, outcomes) = self.settle(&batch);
        *lock(&self.overlay) = overlay;
        steps.iter().zip(outcomes).map(|(step, outcome)| self.settled(step, outcome)).collect()
    }

    /// Looks a step up once more, after another runner was at work on it.
    pub fn check_again(&self, id: StepId) -> bool {
        self.disk.forget();
        self.check(&[id]).iter().any(|checked| checked.miss.is_none())
    }

    /// Forgets a hit: it could not be restored, or a step before it has to run after all.
    pub fn revoke(&self, id: StepId) {
        lock(&self.hits).remove(&id);
        lock(&self.overlay).lift(&HashSet::from([id]));
    }

    /// Paths that hold what a recorded result of the step left.
    pub(crate) fn own(&self, step: &Step) -> OwnPaths {
        let left = lock(&self.state).left(&step.key).unwrap_or_default();
        let mut own = own_paths(&left, &self.roots, &self.disk);
        let reads = || self.last_reads(step).unwrap_or_default();
        add_second_names(&mut own, &left, reads, &self.roots, &self.disk);
        own
    }

    /// A step that hits only because a later one's result was left out of the picture counts only
    /// if that one hits too; otherwise it is judged again, with that result in place.
    fn settle(&self, batch: &Batch<'_>) -> (Overlay, Vec<Result<Hit, Miss>>) {
        let mut assumed: HashSet<StepId> = batch.steps.iter().map(|step| step.spec.id).collect();
        lock(&self.overlay).lift(&assumed);
        loop {
            let (overlay, outcomes) = self.pass(batch, &assumed);
            let hits: HashSet<StepId> = batch
                .steps
                .iter()
                .zip(&outcomes)
                .filter(|(_, outcome)| outcome.is_ok())
                .map(|(step, _)| step.spec.id)
                .collect();
            if outcomes.iter().flatten().all(|hit| hit.needs.is_subset(&hits)) {
                return (overlay, outcomes);
            }
            assumed = hits;
        }
    }

    /// One pass over the batch. A step after one that misses is not looked up: what it will find
    /// is not there yet.
    fn pass(
        &self,
        batch: &Batch<'_>,
        assumed: &HashSet<StepId>,
    ) -> (Overlay, Vec<Result<Hit, Miss>>) {
        let mut overlay = lock(&self.overlay).clone();
        let mut missed: HashSet<StepId> = HashSet::new();
        let mut outcomes = Vec::with_capacity(batch.steps.len());
        for step in batch.steps {
            let outcome = if step.comes_after_any(&missed) {
                Err(Miss::plain(MissKind::DependencyRan))
            } else {
                self.find(step, batch, &overlay, assumed)
            };
            match &outcome {
                Ok(hit) if is_on("overlay") => {
                    let items = &hit.manifest.items;
                    overlay.lay(step.spec.id, items, &hit.leftovers, &self.roots);
                }
                Ok(_) => {}
                Err(_) => {
                    missed.insert(step.spec.id);
                }
            }
            outcomes.push(outcome);
        }
        (overlay, outcomes)
    }

    fn settled(&self, step: &Step, outcome: Result<Hit, Miss>) -> Checked {
        let id = step.spec.id;
        match outcome {
            Ok(hit) => {
                let saved = Duration::from_millis(hit.entry.duration_ms);
                lock(&self.hits).insert(id, Arc::new(hit));
                Checked { step: id, miss: None, saved }
            }
            Err(miss) => Checked { step: id, miss: Some(miss), saved: Duration::ZERO },
        }
    }

    fn find(
        &self,
        step: &Step,
        batch: &Batch<'_>,
        overlay: &Overlay,
        assumed: &HashSet<StepId>,
    ) -> Result<Hit, Miss> {
        self.with_tree(step, batch, overlay, assumed, |tree| {
            self.find_in(step, tree, batch.looked_ns)
        })
    }

    /// Gives `use_tree` the tree as `step` would find it, with `overlay` laid over the disk and
    /// without the results of those later steps that are assumed to hit.
    pub(crate) fn with_tree<T>(
        &self,
        step: &Step,
        batch: &Batch<'_>,
        overlay: &Overlay,
        assumed: &HashSet<StepId>,
        use_tree: impl FnOnce(&Tree<'_>) -> T,
    ) -> T {
        let is_after =
            |id: &StepId| batch.by_id.get(id).is_some_and(|later| later.comes_after(step.spec.id));
        use_tree(&Tree {
            roots: &self.roots,
            disk: &self.disk,
            environment: &self.environment,
            overlay,
            step,
            own: &batch.own[&step.spec.id],
            owned: &batch.owned,
            is_later: &|id| assumed.contains(&id) && is_after(&id),
            is_unordered: &|path| self.is_unordered(path, step),
            in_place: Cell::default(),
            unlisted: RefCell::default(),
            needs: RefCell::default(),
            hinted: RefCell::default(),
        })
    }

    /// Gives `use_tree` the disk as it is, without what `own` holds.
    pub(crate) fn with_bare_tree<T>(
        &self,
        step: &Step,
        own: &OwnPaths,
        use_tree: impl FnOnce(&Tree<'_>) -> T,
    ) -> T {
        use_tree(&Tree {
            roots: &self.roots,
            disk: &self.disk,
            environment: &self.environment,
            overlay: &Overlay::default(),
            step,
            own,
            owned: &HashMap::new(),
            is_later: &|_| false,
            is_unordered: &|path| self.is_unordered(path, step),
            in_place: Cell::default(),
            unlisted: RefCell::default(),
            needs: RefCell::default(),
            hinted: RefCell::default(),
        })
    }

    fn find_in(&self, step: &Step, tree: &Tree<'_>, looked_ns: i64) -> Result<Hit, Miss> {
        let weak = step.spec.weak;
        let sets = self.ask(|cache| cache.path_sets(&weak, MAX_PATH_SETS))?;
        let standing = if sets.len() > 1 { self.standing_entry(step) } else { None };
        let sets = standing_first(sets, standing.as_ref());
        let stands = |hit: &Hit| standing.as_ref().is_some_and(|it| it.strong == hit.entry.strong);
        let (mut first_miss, mut in_place) = (None, None);
        for digest in &sets {
            let Some(chunks) = self.ask(|cache| cache.path_set(digest))? else { continue };
            let Some(set) = PathSet::decode(chunks.iter().map(|chunk| &chunk.body[..])) else {
                continue;
            };
            let entries = self.ask(|cache| cache.entries_of(&weak, digest))?;
            tree.begin(set.ops());
            match narrow(set.ops(), entries, tree) {
                Ok((entry, values))
                    if strong_fingerprint(&weak, digest, &values) == entry.strong =>
                {
                    match self.hit(step, entry, values, tree, looked_ns, &set) {
                        Ok(hit) if stands(&hit) || hit.entry.from_nothing => return Ok(hit),
                        Ok(hit) => drop(in_place.get_or_insert(hit)),
                        Err(miss) => drop(first_miss.get_or_insert(miss)),
                    }
                }
                Ok(_) | Err(None) => {}
                Err(Some(difference)) => {
                    first_miss.get_or_insert_with(|| self.miss_at(&difference, tree));
                }
            }
        }
        in_place.ok_or_else(|| first_miss.unwrap_or_else(|| self.unknown(step)))
    }

    /// The entry of the result that stands.
    fn standing_entry(&self, step: &Step) -> Option<Entry> {
        let strong = lock(&self.state).standing(&step.key).ok().flatten()?.entry?;
        lock(&self.cache).entry(&strong).ok().flatten()
    }

    fn hit(
        &self,
        step: &Step,
        entry: Entry,
        values: Vec<Value>,
        tree: &Tree<'_>,
        looked_ns: i64,
        set: &PathSet,
    ) -> Result<Hit, Miss> {
        let manifest = Manifest::decode(&entry.manifest);
        let whole = manifest.filter(|manifest| self.has_blobs(&entry, manifest));
        let Some(manifest) = whole else {
            let _ = lock(&self.cache).drop_entry(&entry.strong);
            return Err(Miss::plain(MissKind::EntryDamaged));
        };
        if let Some(path) = self.in_the_way(&manifest, tree) {
            return Err(Miss::at(MissKind::OutputEdited, path));
        }
        let kept: HashSet<Vec<u8>> =
            manifest.items.iter().filter_map(|item| self.roots.path(&item.place)).collect();
        // A result that is right in place only says nothing of what else belongs to it.
        let whole = entry.from_nothing;
        let leftovers = if whole { self.leftovers(step, tree.own, &kept) } else { Vec::new() };
        let newest_input_ns = self.newest_input(set, tree);
        let needs = tree.needs.take();
        let ops = set.ops().to_vec();
        Ok(Hit { entry, manifest, leftovers, looked_ns, newest_input_ns, ops, values, needs })
    }

    /// A place of an output at which somebody put something of another kind: a link or directory
    /// where a file goes, say. What the command would do with it only the command can tell.
    fn in_the_way(&self, manifest: &Manifest, tree: &Tree<'_>) -> Option<Vec<u8>> {
        let places =
            manifest.items.iter().filter_map(|item| Some((item, self.roots.path(&item.place)?)));
        places
            .filter(|(item, path)| {
                tree.disk_kind(path).is_some_and(|kind| kind != item.kind.kind())
            })
            .map(|(_, path)| path)
            .next()
    }

    fn has_blobs(&self, entry: &Entry, manifest: &Manifest) -> bool {
        let cache = lock(&self.cache);
        let exists = |kind, digest| cache.blob_path(kind, &digest).exists();
        manifest.archives().collect::<HashSet<_>>().into_iter().all(|d| exists(Blob::Archive, d))
            && entry.log.is_none_or(|(log, _)| exists(Blob::Log, log))
    }

    /// The newest modification time among workspace files whose bytes are an input.
    fn newest_input(&self, set: &PathSet, tree: &Tree<'_>) -> i64 {
        let files = set.ops().iter().filter(|op| {
            matches!(op.look, policy::Look::Content | policy::Look::Stat)
                && op.place.root == policy::Root::Workspace
        });
        files
            .filter_map(|op| self.roots.path(&op.place))
            .filter(|path| !tree.own.contains_key(path))
            .filter_map(|path| self.disk.look(&path).ok().flatten())
            .map(|id| id.mtime_ns)
            .max()
            .unwrap_or(i64::MIN)
    }

    fn ask<T>(
        &self,
        question: impl FnOnce(&store::Cache) -> Result<T, StoreError>,
    ) -> Result<T, Miss> {
        question(&lock(&self.cache))
            .map_err(|error| Miss::because(MissKind::CacheUnreadable, chain(&error)))
    }

    fn miss_at(&self, (op, then, now): &(Op, Value, Value), tree: &Tree<'_>) -> Miss {
        if let Some((kind, name)) = changed_variable(op, then, now) {
            return Miss::because(kind, String::from_utf8_lossy(&name));
        }
        let kind = then.difference(now, op.look);
        let name = || Some(String::from_utf8_lossy(&op.place.rel).into_owned());
        match op.look {
            policy::Look::Here | policy::Look::InPlace => Miss::plain(kind),
            policy::Look::Lookup => {
                let found = tree.lookup(&op.place.rel).pop();
                let path = found.and_then(|place| self.roots.path(&place));
                Miss { kind, path, detail: name() }
            }
            _ if op.place.root == policy::Root::Above => Miss {
                kind,
                path: None,
                detail: name().map(|name| format!("{name} in a directory above")),
            },
            _ => Miss { kind, path: self.roots.path(&op.place), detail: None },
        }
    }

    /// Nothing is stored under the weak fingerprint: say what the ledger knows.
    fn unknown(&self, step: &Step) -> Miss {
        let state = lock(&self.state);
        Miss::plain(match state.description(&step.key) {
            Ok(None) => MissKind::NeverRun,
            Ok(Some(description)) if description != step.spec.description => {
                MissKind::DescriptionChanged
            }
            Ok(Some(_)) | Err(_) => MissKind::NotStored,
        })
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

//! Just before a step runs: what is its own, and whether a run may build on that.
//!
//! The standing result is put back where it was damaged, or taken away where it can't be relied on;
//! the rules are those of `docs/semantics.md`, "Building on a result".

use std::collections::{HashMap, HashSet};

use policy::{Look, Op, Place, Value, is_foundation, is_on, is_tool_state};
use stat::{Kind, join};
use store::{Left, Standing};

use crate::build_on::Reads;
use crate::disk::{Disk, lock};
use crate::modes::umask;
use crate::own::OwnPaths;
use crate::step::{Step, StepId};
use crate::workspace::Workspace;

/// What was there before a run.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Paths that held the step's own bytes.
    pub(crate) own: OwnPaths,
    /// The result that stood, if it was left for the run to build on.
    pub(crate) standing: Option<Standing>,
    /// What the runs that made it read, with the value last read.
    pub(crate) reads: Reads,
    /// Whether somebody else's bytes, or those of a run that nobody can vouch for, are mixed into
    /// it: then no run can build on it as on a whole.
    pub(crate) mixed: bool,
    /// Own paths whose permission bits this run would not have given them.
    pub(crate) odd: HashSet<Vec<u8>>,
    /// The umask that the run is given, if it is known.
    pub(crate) umask: Option<u32>,
}

/// How a standing result stands.
#[derive(Default)]
struct Condition {
    /// Paths of it that are not there, have other permission bits, or hold what another result of the
    /// step, or a later step of this run, left: they can be put back.
    damaged: HashSet<Vec<u8>>,
    /// Whether bytes that nobody recorded are where its bytes were.
    mixed: bool,
    /// Whether there is anything that a run could build on.
    remains: bool,
}

impl Workspace {
    /// Notes what is the step's own just before it runs. Where its standing result can't be built
    /// on, and is the step's alone, it is taken away, so that the run starts from nothing.
    /// Returns the variables it is given because it is known to look them up.
    pub fn prepare(&self, id: StepId) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.disk.forget();
        let Some(step) = self.step(id) else { return Vec::new() };
        self.give_back_deferred(&step);
        self.know_git_index();
        let standing = lock(&self.state).standing(&step.key).ok().flatten();
        let reads = self.last_reads(&step).unwrap_or_default();
        let mut before = Before { own: self.own(&step), standing, reads, ..Before::default() };
        if let Some(standing) = before.standing.take() {
            before = self.with_standing(&step, before, standing);
        }
        before.odd = self.odd_modes(&step, &before);
        before.umask = umask();
        lock(&self.before).insert(id, before);
        if step.spec.cached { self.known_variables(&step) } else { Vec::new() }
    }

    /// Looking at the status rewrites the index; what it meant before can be told only before.
    fn know_git_index(&self) {
        let index = join(&join(&self.roots.workspace, b".git"), b"index");
        if let Ok(digest) = self.disk.digest(&index) {
            self.disk.note_written(&index, digest);
        }
    }

    fn with_standing(&self, step: &Step, mut before: Before, standing: Standing) -> Before {
        let condition = self.condition(step, &before.own, &standing);
        let unsound = !standing.whole && standing.weak == step.spec.weak;
        if (condition.mixed || unsound) && is_on("whole") {
            return Before { standing: Some(standing), mixed: true, ..before };
        }
        // A stale result is marked by a weak fingerprint that fits nothing.
        let stale = standing.weak != step.spec.weak
            || self.foundation_moved(step, &before)
            || !self.put_back(step, &standing, &condition);
        if stale {
            self.set_aside(step, &before.own, &standing);
            self.give_back_shared_state(step, &before.own);
            // What had to stay is somebody else's as well: it counts as it is. A directory holds
            // nothing of its own but its permission bits, which are looked at apart.
            let mut own = self.own(step);
            own.retain(|_, owned| owned.kind() == Kind::Dir);
            return Before { own, ..Before::default() };
        }
        before.own = self.own(step);
        Before { standing: Some(standing), ..before }
    }

    /// A build tool's own state that an earlier step of this run left too is as that step left it.
    fn give_back_shared_state(&self, step: &Step, own: &OwnPaths) {
        let steps = lock(&self.steps).all();
        for earlier in steps.iter().filter(|other| step.comes_after(other.spec.id)) {
            let left = |standing: Standing| {
                let paths =
                    standing.left.iter().map(|left| join(&self.roots.workspace, &left.path));
                let shared = paths.filter(|path| is_tool_state(path) && own.contains_key(path));
                (standing.entry, shared.collect::<HashSet<_>>())
            };
            let standing = lock(&self.state).standing(&earlier.key).ok().flatten();
            if let Some((entry, shared)) = standing.map(left).filter(|(_, paths)| !paths.is_empty())
            {
                // What can't be given back is what that step would find, and makes again.
                let _ = self.restore_part(earlier, entry.as_ref(), &shared);
            }
        }
    }

    fn condition(&self, step: &Step, own: &OwnPaths, standing: &Standing) -> Condition {
        let mut condition = Condition::default();
        for left in &standing.left {
            let path = join(&self.roots.workspace, &left.path);
            let is_file = left.kind != Kind::Dir;
            match own.get(&path) {
                Some(owned) if owned.digest == left.digest || is_tool_state(&path) => {
                    condition.remains |= is_file;
                    let same_bytes = owned.digest == left.digest;
                    if same_bytes && owned.has_other_mode(left) && is_on("own-mode") {
                        condition.damaged.insert(path);
                    }
                }
                None if Disk::lstat(&path).is_ok_and(|id| id.is_none()) => {
                    condition.damaged.insert(path);
                }
                found if found.is_some() || self.holds_later(&path, step) => {
                    condition.remains = true;
                    condition.damaged.insert(path);
                }
                _ => condition.mixed = true,
            }
        }
        condition
    }

    /// Whether the toolchain, an installed package or a build description differs from when the
    /// standing result was made. Few tools make everything again then, and none says so.
    fn foundation_moved(&self, step: &Step, before: &Before) -> bool {
        is_on("foundation")
            && self.with_bare_tree(step, &before.own, |tree| {
                let mut ops = before.reads.iter().filter(|(op, _)| is_foundation(op));
                ops.any(|(op, value)| tree.evaluate(op) != *value)
            })
    }

    /// Puts back what is missing of the standing result. Nothing is missing where all is gone: a run
    /// will make it from nothing. False if it can't be done.
    fn put_back(&self, step: &Step, standing: &Standing, condition: &Condition) -> bool {
        if !condition.remains || condition.damaged.is_empty() || !is_on("put-back") {
            return true;
        }
        let done = self.restore_part(step, standing.entry.as_ref(), &condition.damaged);
        self.disk.forget();
        done.is_some()
    }

    /// What still stands of a result, besides what a run left now.
    pub(crate) fn still_standing(&self, standing: Option<&Standing>, new: &[Left]) -> Vec<Left> {
        let anew: HashSet<&[u8]> = new.iter().map(|left| &left.path[..]).collect();
        let stands = |left: &&Left| {
            let path = join(&self.roots.workspace, &left.path);
            !anew.contains(&left.path[..]) && Disk::lstat(&path).is_ok_and(|id| id.is_some())
        };
        standing.map_or_else(Vec::new, |old| old.left.iter().filter(stands).cloned().collect())
    }
}

/// What earlier runs read, and what a later one did: the value last read counts.
pub(crate) fn merged(earlier: Reads, later: &Reads) -> Reads {
    let again = Again::new(later);
    let kept = earlier.into_iter().filter(|(op, _)| !again.covers(op));
    kept.chain(later.iter().cloned()).collect()
}

/// What a run looked at, to tell what of an earlier run's observations it made again.
pub(crate) struct Again<'a> {
    looks: HashMap<&'a Place, Vec<Look>>,
}

impl<'a> Again<'a> {
    pub(crate) fn new(inputs: &'a [(Op, Value)]) -> Self {
        let mut looks: HashMap<&Place, Vec<Look>> = HashMap::new();
        for (op, _) in inputs {
            looks.entry(&op.place).or_default().push(op.look);
        }
        Self { looks }
    }

    /// Whether the run asked this, or something that says as much.
    pub(crate) fn covers(&self, op: &Op) -> bool {
        self.looks.get(&op.place).is_some_and(|all| all.iter().any(|look| look.covers(op.look)))
    }

    /// Whether the run listed the directory.
    pub(crate) fn lists(&self, dir: &Place) -> bool {
        self.looks.get(dir).is_some_and(|all| all.contains(&Look::Listing))
    }
}

//! What `--clean` and `--verify` ask for: take away what steps left, and say what a hit would leave.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use stat::{Kind, as_path};
use store::{Left, Owner, StepKey};

use crate::disk::lock;
use crate::restore::as_left;
use crate::step::{Step, StepId};
use crate::workspace::Workspace;

impl Workspace {
    /// Takes away what these steps own: paths that hold bytes which a recorded result of theirs
    /// left, that git does not track, and that no step but these is recorded to have left.
    /// Directories go if nothing else is in them. Returns how many paths went.
    pub fn clean(&self, ids: &[StepId]) -> usize {
        self.disk.forget();
        let steps: Vec<Arc<Step>> = ids.iter().filter_map(|id| self.step(*id)).collect();
        let keys: HashSet<StepKey> = steps.iter().map(|step| step.key).collect();
        let own: BTreeMap<Vec<u8>, Kind> = steps
            .iter()
            .flat_map(|step| self.own(step))
            .map(|(path, owned)| (path, owned.kind()))
            .collect();
        // Backwards, what is in a directory comes before the directory.
        let removed = own.iter().rev().filter(|(path, kind)| {
            let claimed = self.workspace_rel(path).is_none_or(|rel| self.is_claimed(&rel, &keys));
            !claimed
                && match kind {
                    Kind::Dir => std::fs::remove_dir(as_path(path)),
                    _ => std::fs::remove_file(as_path(path)),
                }
                .is_ok()
        });
        let count = removed.count();
        self.disk.forget();
        count
    }

    fn is_claimed(&self, rel: &[u8], keys: &HashSet<StepKey>) -> bool {
        let anothers = |owners: &Vec<Owner>| owners.iter().any(|owner| !keys.contains(&owner.step));
        self.is_tracked(rel) || lock(&self.owners).get(rel).is_some_and(anothers)
    }

    /// What restoring the hit of a step would leave; `None` if it is no hit.
    pub fn hit_leaves(&self, id: StepId) -> Option<Vec<Left>> {
        let hit = lock(&self.hits).get(&id).cloned()?;
        Some(hit.manifest.items.iter().filter_map(as_left).collect())
    }

    /// What the step's last run, or restore, left.
    #[must_use]
    pub fn standing_leaves(&self, id: StepId) -> Vec<Left> {
        let Some(step) = self.step(id) else { return Vec::new() };
        let standing = lock(&self.state).standing(&step.key).ok().flatten();
        standing.map(|standing| standing.left).unwrap_or_default()
    }
}

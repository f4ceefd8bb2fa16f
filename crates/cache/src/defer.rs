//! Deferring: where an earlier step's output is changed by a later one, and both hit, only what the
//! later one leaves is written. Should the later one run after all, it finds what it started from.

use std::collections::HashSet;

use crate::disk::lock;
use crate::restore::Target;
use crate::step::{Step, StepId};
use crate::workspace::Workspace;

/// Outputs of a hit that were not written, because a later hit leaves something else there.
#[derive(Debug)]
pub(crate) struct Deferred {
    step: StepId,
    later: StepId,
    path: Vec<u8>,
}

impl Workspace {
    /// Takes out, and remembers, the outputs that a later hit will leave in another form.
    pub(crate) fn without_deferred<'a>(
        &self,
        step: &Step,
        targets: Vec<Target<'a>>,
    ) -> Vec<Target<'a>> {
        let hits = lock(&self.hits).clone();
        let steps = lock(&self.steps);
        let later: Vec<(StepId, HashSet<Vec<u8>>)> = hits
            .iter()
            .filter(|(id, _)| steps.get(**id).is_some_and(|other| other.comes_after(step.spec.id)))
            .map(|(id, hit)| (*id, hit.files(&self.roots)))
            .collect();
        drop(steps);
        let mut deferred = lock(&self.deferred);
        targets
            .into_iter()
            .filter(|target| {
                let Some((id, _)) = later.iter().find(|(_, files)| files.contains(&target.path))
                else {
                    return true;
                };
                let path = target.path.clone();
                deferred.push(Deferred { step: step.spec.id, later: *id, path });
                false
            })
            .collect()
    }

    /// A step is about to run: what it starts from, and was not written because it was expected to
    /// hit, is written now.
    pub(crate) fn give_back_deferred(&self, step: &Step) {
        let mut due: Vec<Deferred> = Vec::new();
        lock(&self.deferred).retain_mut(|deferred| {
            let is_due = deferred.later == step.spec.id;
            if is_due {
                let path = std::mem::take(&mut deferred.path);
                due.push(Deferred { path, ..*deferred });
            }
            !is_due
        });
        for Deferred { step: earlier, path, .. } in due {
            let Some(earlier) = self.step(earlier) else { continue };
            let entry = lock(&self.hits).get(&earlier.spec.id).map(|hit| hit.entry.strong);
            // If it can't be written, the step runs on what is there, and sees what that is.
            let _ = self.restore_part(&earlier, entry.as_ref(), &HashSet::from([path]));
            self.disk.forget();
        }
    }
}

//! Leftovers: what the standing result of a step had and the new one lacks.
//!
//! Nothing else is ever removed, and even that only if nobody but this step can have a claim on it.

use std::collections::HashSet;

use digest::Digest;
use policy::is_on;
use stat::{Kind, as_path, join};

use crate::disk::{Disk, lock};
use crate::own::OwnPaths;
use crate::step::Step;
use crate::workspace::Workspace;

impl Workspace {
    /// Paths of the standing result that are not in `kept`, hold the step's own bytes, or what a later
    /// step of this run made of them, and that neither git nor another step lays claim to; children
    /// before their directories.
    pub(crate) fn leftovers(
        &self,
        step: &Step,
        own: &OwnPaths,
        kept: &HashSet<Vec<u8>>,
    ) -> Vec<Vec<u8>> {
        let standing = lock(&self.state).standing(&step.key).ok().flatten();
        // A stale result's weak fingerprint is zero: a run would start without its files, and so does a hit.
        let fits = |weak: &Digest| *weak == step.spec.weak || *weak == Digest::ZERO;
        let Some(standing) = standing.filter(|standing| fits(&standing.weak)) else {
            return Vec::new();
        };
        if !is_on("leftovers") {
            return Vec::new();
        }
        let path_of = |rel: &[u8]| join(&self.roots.workspace, rel);
        let untouched = |path: &[u8]| {
            own.contains_key(path)
                || matches!(self.disk.look(path), Ok(None))
                || self.holds_later(path, step)
        };
        if !standing.left.iter().all(|left| untouched(&path_of(&left.path))) {
            // Somebody else's bytes are mixed in: what is stale can't be told any more.
            return Vec::new();
        }
        let mut leftovers: Vec<Vec<u8>> = standing
            .left
            .iter()
            .filter(|left| !self.is_claimed_besides_later(&left.path, step))
            .filter(|left| !self.is_tracked(&left.path))
            .map(|left| path_of(&left.path))
            .filter(|path| !kept.contains(path))
            .filter(|path| own.contains_key(path) || self.holds_later(path, step))
            .collect();
        leftovers.sort_unstable_by(|a, b| b.cmp(a));
        leftovers
    }

    /// Removes leftovers that still hold what they held. A directory goes only if it is empty.
    pub(crate) fn remove_leftovers(leftovers: &[Vec<u8>]) {
        for path in leftovers {
            let removed = match Disk::lstat(path) {
                Ok(Some(id)) if id.kind() == Kind::Dir => std::fs::remove_dir(as_path(path)),
                Ok(Some(_)) => std::fs::remove_file(as_path(path)),
                _ => continue,
            };
            // A directory with somebody's files in it, or a file that can't be removed: it stays.
            drop(removed);
        }
    }
}

//! What the tools of a step wished, as far as the rules of the cache care: see `docs/protocol.md`.
//!
//! Configuration beats hints: what is ignored here is left out of what was inferred alone.

use std::collections::BTreeSet;

use stat::parent;

use crate::pathset::Asked;
use crate::reason::NotCached;

/// The hints of one run. Paths are relative to the workspace, and stand for all beneath them too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hinted {
    /// What is looked at here is no input.
    pub ignored_inputs: BTreeSet<Vec<u8>>,
    /// What is written here is no output.
    pub ignored_outputs: BTreeSet<Vec<u8>>,
    /// An input, seen or not.
    pub tracked_inputs: BTreeSet<Vec<u8>>,
    /// An output, seen or not.
    pub tracked_outputs: BTreeSet<Vec<u8>>,
    /// Names of variables that the result depends on, set or not, and who was asked.
    pub env: Vec<(Vec<u8>, Asked)>,
    /// Globs over names of variables, likewise.
    pub env_globs: Vec<(Vec<u8>, Asked)>,
    /// What a summary shows of all this, in the caller's words: told again with every hit.
    pub provenance: Vec<u8>,
    /// Why the hints keep the run out of the cache.
    pub refused: Option<NotCached>,
}

impl Hinted {
    /// Whether observations of this workspace-relative path are to be left out. Tracking wins.
    #[must_use]
    pub fn ignores_input(&self, rel: &[u8]) -> bool {
        covers(&self.ignored_inputs, rel) && !covers(&self.tracked_inputs, rel)
    }

    /// Whether changes of this workspace-relative path are to be left out. Tracking wins.
    #[must_use]
    pub fn ignores_output(&self, rel: &[u8]) -> bool {
        covers(&self.ignored_outputs, rel) && !covers(&self.tracked_outputs, rel)
    }

    /// Whether this workspace-relative path is an output whatever was seen of it.
    #[must_use]
    pub fn tracks_output(&self, rel: &[u8]) -> bool {
        covers(&self.tracked_outputs, rel)
    }

    /// Whether nothing that happens at this workspace-relative path matters: a tool's own cache.
    #[must_use]
    pub fn ignores(&self, rel: &[u8]) -> bool {
        self.ignores_input(rel) && self.ignores_output(rel)
    }
}

/// Whether a path, or a directory above it, is among these.
fn covers(paths: &BTreeSet<Vec<u8>>, rel: &[u8]) -> bool {
    std::iter::successors(Some(rel), |path| parent(path)).any(|path| paths.contains(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hinted() -> Hinted {
        Hinted {
            ignored_inputs: BTreeSet::from([b"cache".to_vec(), b"in".to_vec()]),
            ignored_outputs: BTreeSet::from([b"cache".to_vec(), b"out".to_vec()]),
            tracked_inputs: BTreeSet::from([b"in/kept".to_vec()]),
            tracked_outputs: BTreeSet::from([b"out/kept".to_vec()]),
            ..Hinted::default()
        }
    }

    #[test]
    fn a_path_stands_for_all_beneath_and_for_no_namesake() {
        let hinted = hinted();
        for rel in [&b"cache"[..], b"cache/a/b"] {
            assert!(hinted.ignores(rel));
        }
        for rel in [&b"cached"[..], b"a/cache", b""] {
            assert!(!hinted.ignores_input(rel));
        }
        assert!(hinted.ignores_input(b"in/a") && !hinted.ignores_output(b"in/a"));
        assert!(hinted.ignores_output(b"out/a") && !hinted.ignores_input(b"out/a"));
    }

    #[test]
    fn tracking_wins() {
        assert!(!hinted().ignores_input(b"in/kept"));
        assert!(!hinted().ignores_output(b"out/kept/a"));
    }
}

//! A step as the cache knows it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use digest::Digest;
use policy::{Noise, PatternError, Rules};
use store::StepKey;

/// Number of a step in this run.
pub type StepId = u32;

/// A set of steps, a bit for each: thousands of steps with thousands before them stay small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepSet(Vec<u8>);

impl StepSet {
    /// The set whose member `n` is bit `n % 8` of byte `n / 8`.
    #[must_use]
    pub fn from_bits(bits: Vec<u8>) -> Self {
        Self(bits)
    }

    /// Whether a step is in it.
    #[must_use]
    pub fn contains(&self, id: StepId) -> bool {
        let byte = usize::try_from(id / 8).ok().and_then(|at| self.0.get(at));
        byte.is_some_and(|byte| byte & (1 << (id % 8)) != 0)
    }
}

impl FromIterator<StepId> for StepSet {
    fn from_iter<I: IntoIterator<Item = StepId>>(ids: I) -> Self {
        let mut bits = Vec::new();
        for id in ids {
            let at = usize::try_from(id / 8).unwrap_or(usize::MAX);
            if at >= bits.len() {
                bits.resize(at + 1, 0);
            }
            bits[at] |= 1 << (id % 8);
        }
        Self(bits)
    }
}

/// What the planner says of a step.
#[derive(Clone, Debug)]
pub struct StepSpec {
    /// Number of the step in this run.
    pub id: StepId,
    /// Name of its package.
    pub package: String,
    /// Name of its task.
    pub task: String,
    /// Index of the step in its task.
    pub index: usize,
    /// Extra arguments of this run: another set of arguments is another step.
    pub args: Vec<String>,
    /// Weak fingerprint.
    pub weak: Digest,
    /// What the weak fingerprint digests, in words.
    pub description: Vec<u8>,
    /// Command to run, raw bytes.
    pub argv: Vec<Vec<u8>>,
    /// Its whole environment.
    pub env: Vec<(Vec<u8>, Vec<u8>)>,
    /// Variables that are set and that no glob tracks, because configuration says so.
    pub untracked_env: Vec<Vec<u8>>,
    /// Working directory, absolute.
    pub cwd: Vec<u8>,
    /// All steps ordered before it.
    pub before: StepSet,
    /// Whether its result may be stored.
    pub cached: bool,
    /// Whether it is traced.
    pub traced: bool,
    /// Whether it is given the runner's own terminal.
    pub interactive: bool,
    /// Input rules: inferred ones count, declared patterns, excluded patterns.
    pub input: (bool, Vec<String>, Vec<String>),
    /// Changes to the table of neutral names: names to add, and with `!` in front to take out.
    pub noise: Vec<String>,
    /// Output rules, likewise.
    pub output: (bool, Vec<String>, Vec<String>),
}

/// A step, with what follows from its specification.
#[derive(Debug)]
pub struct Step {
    /// The specification.
    pub spec: StepSpec,
    /// Its key in the ledger.
    pub key: StepKey,
    /// `package#task`, for people.
    pub label: String,
    /// Compiled rules.
    pub rules: Rules,
    /// Directories of its `PATH`, in order, made absolute but not resolved.
    pub path_search: Vec<Vec<u8>>,
    /// The same, resolved.
    pub path_dirs: HashSet<Vec<u8>>,
}

impl Step {
    /// Compiles a specification.
    ///
    /// # Errors
    /// A pattern that is not valid.
    pub fn new(spec: StepSpec) -> Result<Self, PatternError> {
        let side = |side: &(bool, Vec<String>, Vec<String>)| {
            let texts = |texts: &[String]| texts.to_vec();
            (side.0, texts(&side.1), texts(&side.2))
        };
        let (input, output) = (side(&spec.input), side(&spec.output));
        let rules = Rules::new(
            (input.0, &borrowed(&input.1), &borrowed(&input.2)),
            (output.0, &borrowed(&output.1), &borrowed(&output.2)),
        )?
        .with_noise(Noise::new(&spec.noise));
        let path_search = path_search(&spec);
        let path_dirs = path_search.iter().filter_map(|dir| resolved(dir)).collect();
        Ok(Self {
            key: StepKey::new(&spec.package, &spec.task, spec.index, &spec.args),
            label: format!("{}#{}", spec.package, spec.task),
            rules,
            path_search,
            path_dirs,
            spec,
        })
    }

    /// Whether any of `others` is ordered before this step.
    #[must_use]
    pub fn comes_after_any(&self, others: &HashSet<StepId>) -> bool {
        others.iter().any(|&other| self.comes_after(other))
    }

    /// Whether `other` is ordered before this step.
    #[must_use]
    pub fn comes_after(&self, other: StepId) -> bool {
        self.spec.before.contains(other)
    }
}

fn borrowed(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn path_search(spec: &StepSpec) -> Vec<Vec<u8>> {
    let path = spec.env.iter().find(|(name, _)| name == b"PATH").map(|(_, value)| value);
    let absolute = |dir: &[u8]| match dir {
        b"" => spec.cwd.clone(),
        [b'/', ..] => dir.to_vec(),
        _ => stat::join(&spec.cwd, dir),
    };
    path.map(|path| path.split(|&byte| byte == b':').map(absolute).collect()).unwrap_or_default()
}

fn resolved(dir: &[u8]) -> Option<Vec<u8>> {
    std::fs::canonicalize(stat::as_path(dir)).ok().map(|path| stat::as_bytes(&path).to_vec())
}

/// The steps of this run.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    by_id: HashMap<StepId, Arc<Step>>,
    by_key: HashMap<StepKey, StepId>,
}

impl Steps {
    pub(crate) fn add(&mut self, step: Step) {
        self.by_key.insert(step.key, step.spec.id);
        self.by_id.insert(step.spec.id, Arc::new(step));
    }

    pub(crate) fn get(&self, id: StepId) -> Option<Arc<Step>> {
        self.by_id.get(&id).cloned()
    }

    /// All steps, by number.
    pub(crate) fn all(&self) -> Vec<Arc<Step>> {
        let mut steps: Vec<Arc<Step>> = self.by_id.values().cloned().collect();
        steps.sort_unstable_by_key(|step| step.spec.id);
        steps
    }

    pub(crate) fn id_of(&self, key: &StepKey) -> Option<StepId> {
        self.by_key.get(key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_it_was_made_of() {
        let ids = [0, 7, 8, 4999];
        let set: StepSet = ids.into_iter().collect();
        let found: Vec<StepId> = (0..6000).filter(|&id| set.contains(id)).collect();
        assert_eq!(found, ids);
        assert_eq!(StepSet::from_bits(vec![0b1000_0001, 1]), [0, 7, 8].into_iter().collect());
    }
}

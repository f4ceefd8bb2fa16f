//! One workspace with its cache, for one run: what all operations share.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use digest::Digest;
use policy::{Miss, PatternError, Roots};
use store::{Cache, Owner, State, StepKey, StoreError};

use crate::defer::Deferred;
use crate::disk::{Disk, lock};
use crate::environment::Environment;
use crate::lookup::Hit;
use crate::overlay::Overlay;
use crate::own::holds;
use crate::prepare::Before;
use crate::races::Races;
use crate::step::{Step, StepId, StepSpec, Steps};

/// Where everything is. Directories are absolute; they are resolved on opening.
#[derive(Clone, Debug)]
pub struct Options {
    /// The workspace.
    pub root: PathBuf,
    /// The shared part of the cache.
    pub cache_dir: PathBuf,
    /// What belongs to this workspace alone.
    pub state_dir: PathBuf,
    /// The user's home directory.
    pub home: PathBuf,
    /// The directory for temporary files.
    pub temp: PathBuf,
    /// Where the runner itself is installed; may be empty.
    pub runner: PathBuf,
    /// The runner's whole environment: what tools ask for.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Why a workspace could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A directory is not there, or cannot be looked at.
    #[error("cannot use the directory `{}`", .path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A database could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The outcome of one look-up.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The step.
    pub step: StepId,
    /// Why it is a miss; `None` for a hit.
    pub miss: Option<Miss>,
    /// How long the stored run took.
    pub saved: Duration,
}

/// A workspace, its cache and the steps of this run. All methods take `&self`: they are called
/// from the pool's threads.
#[derive(Debug)]
pub struct Workspace {
    pub(crate) roots: Roots,
    pub(crate) state_dir: PathBuf,
    pub(crate) cache: Mutex<Cache>,
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) disk: Disk,
    pub(crate) environment: Environment,
    pub(crate) steps: Mutex<Steps>,
    pub(crate) overlay: Mutex<Overlay>,
    pub(crate) hits: Mutex<HashMap<StepId, Arc<Hit>>>,
    pub(crate) before: Mutex<HashMap<StepId, Before>>,
    pub(crate) deferred: Mutex<Vec<Deferred>>,
    pub(crate) owners: Mutex<HashMap<Vec<u8>, Vec<Owner>>>,
    pub(crate) races: Mutex<Races>,
    pub(crate) used: Mutex<Vec<(Digest, Digest, Digest)>>,
    tracked: OnceLock<HashSet<Vec<u8>>>,
    warnings: Vec<String>,
}

impl Workspace {
    /// Opens the databases, creating directories as needed.
    ///
    /// # Errors
    /// A directory that can't be used, or a database that can't be opened or made anew.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        make_private(&options.state_dir)?;
        let root = resolve(&options.root)?;
        let root_id = stat::lstat(stat::as_bytes(&root))
            .map_err(|source| OpenError::Directory { path: root.clone(), source })?;
        let cache = Cache::open(&options.cache_dir)?;
        let state = State::open(&options.state_dir, &root_id)?;
        let warnings = cache.warnings().iter().chain(state.warnings()).cloned().collect();
        let owners = state.owners()?;
        let state = Arc::new(Mutex::new(state));
        let bytes = |path: &Path| stat::as_bytes(path).to_vec();
        let or_given = |path: &Path| std::fs::canonicalize(path).map_or(bytes(path), |p| bytes(&p));
        Ok(Self {
            roots: Roots {
                workspace: bytes(&root),
                home: or_given(&options.home),
                temp: or_given(&options.temp),
                runner: or_given(&options.runner),
            },
            state_dir: options.state_dir.clone(),
            environment: Environment::new(&options.environment, cache.key()),
            cache: Mutex::new(cache),
            disk: Disk::new(Arc::clone(&state)),
            state,
            steps: Mutex::default(),
            overlay: Mutex::default(),
            hits: Mutex::default(),
            before: Mutex::default(),
            deferred: Mutex::default(),
            owners: Mutex::new(owners),
            races: Mutex::default(),
            used: Mutex::default(),
            tracked: OnceLock::new(),
            warnings,
        })
    }

    /// What the user should know about how opening went.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Where the roots are.
    #[must_use]
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Digest under this cache's own key: for values that must not be guessed from what is stored.
    #[must_use]
    pub fn keyed_digest(&self, bytes: &[u8]) -> Digest {
        digest::hash_keyed(&lock(&self.cache).key(), bytes)
    }

    /// Adds a step to this run.
    ///
    /// # Errors
    /// A pattern that is not valid.
    pub fn add(&self, spec: StepSpec) -> Result<(), PatternError> {
        let step = Step::new(spec)?;
        lock(&self.steps).add(step);
        Ok(())
    }

    /// A step of this run.
    #[must_use]
    pub fn step(&self, id: StepId) -> Option<Arc<Step>> {
        lock(&self.steps).get(id)
    }

    /// What the weak fingerprint of the step's last run digested, in words.
    #[must_use]
    pub fn previous_description(&self, id: StepId) -> Option<Vec<u8>> {
        let step = self.step(id)?;
        lock(&self.state).description(&step.key).ok().flatten()
    }

    /// Removes entries until the limits hold: total size in bytes, and age of the last use.
    ///
    /// # Errors
    /// Those of the store.
    pub fn prune(&self, max_bytes: u64, max_age_s: u64) -> Result<store::Pruned, StoreError> {
        lock(&self.cache).prune(max_bytes, max_age_s)
    }

    /// What the cache holds.
    ///
    /// # Errors
    /// Those of the store.
    pub fn stats(&self) -> Result<store::Stats, StoreError> {
        lock(&self.cache).stats()
    }

    /// Writes what was kept back: uses of entries, and digests.
    pub fn finish(&self) {
        self.disk.flush();
        let used: Vec<_> = lock(&self.used).drain(..).collect();
        if !used.is_empty() {
            let _ = lock(&self.cache).touch(&used);
        }
        let _ = lock(&self.cache).settle();
        let _ = lock(&self.state).settle();
    }

    /// Whether git tracks the workspace-relative path.
    pub(crate) fn is_tracked(&self, rel: &[u8]) -> bool {
        self.tracked
            .get_or_init(|| {
                gitindex::tracked(stat::as_path(&self.roots.workspace)).unwrap_or_default()
            })
            .contains(rel)
    }

    /// Whether a listing leaves out this path because it holds what a step that does not come
    /// before `step` is recorded to have left there.
    pub(crate) fn is_unordered(&self, path: &[u8], step: &Step) -> bool {
        let holders = self.holders(path);
        if holders.iter().all(|key| *key == step.key) {
            return false;
        }
        let steps = lock(&self.steps);
        let comes_before = |key: &StepKey| steps.id_of(key).is_some_and(|id| step.comes_after(id));
        !holders.iter().any(comes_before)
    }

    /// Whether a step that comes after `step` in this run is recorded to have left this path.
    pub(crate) fn is_later(&self, path: &[u8], step: &Step) -> bool {
        let keys = self.owners_of(path).into_iter().map(|owner| owner.step);
        self.any_comes_after(keys, step)
    }

    /// Whether the path holds now what a step that comes after `step` in this run left there.
    pub(crate) fn holds_later(&self, path: &[u8], step: &Step) -> bool {
        self.any_comes_after(self.holders(path).into_iter(), step)
    }

    /// Whether a step that comes before `step` is recorded to have left these bytes at the path.
    pub(crate) fn left_before(&self, path: &[u8], digest: &Digest, step: &Step) -> bool {
        let owners = self.owners_of(path);
        let steps = lock(&self.steps);
        let before = |key: &StepKey| steps.id_of(key).is_some_and(|id| step.comes_after(id));
        owners.iter().any(|owner| owner.digest == *digest && before(&owner.step))
    }

    fn any_comes_after(&self, mut keys: impl Iterator<Item = StepKey>, step: &Step) -> bool {
        let steps = lock(&self.steps);
        keys.any(|key| {
            let owner = steps.id_of(&key).and_then(|id| steps.get(id));
            owner.is_some_and(|owner| owner.comes_after(step.spec.id))
        })
    }

    /// Steps that are recorded to have left what the path holds now.
    pub(crate) fn holders(&self, path: &[u8]) -> Vec<StepKey> {
        let holds = |owner: &Owner| holds(path, owner.kind, &owner.digest, &self.disk).is_some();
        self.owners_of(path).into_iter().filter(holds).map(|owner| owner.step).collect()
    }

    fn owners_of(&self, path: &[u8]) -> Vec<Owner> {
        let Some(rel) = self.workspace_rel(path) else { return Vec::new() };
        lock(&self.owners).get(&rel).cloned().unwrap_or_default()
    }

    /// Whether another step is recorded to have left something at the workspace-relative path.
    pub(crate) fn is_anothers(&self, rel: &[u8], key: &StepKey) -> bool {
        lock(&self.owners).get(rel).is_some_and(|all| all.iter().any(|other| other.step != *key))
    }

    /// The same, but for steps that come after `step` in this run: they have yet to leave theirs.
    pub(crate) fn is_claimed_besides_later(&self, rel: &[u8], step: &Step) -> bool {
        let owners = lock(&self.owners).get(rel).cloned().unwrap_or_default();
        let others = owners.into_iter().map(|owner| owner.step).filter(|key| *key != step.key);
        let mut others = others.collect::<Vec<_>>().into_iter();
        others.any(|key| !self.any_comes_after(std::iter::once(key), step))
    }

    /// Path relative to the workspace; `None` if it lies outside.
    pub(crate) fn workspace_rel(&self, path: &[u8]) -> Option<Vec<u8>> {
        let place = self.roots.place(path);
        (place.root == policy::Root::Workspace).then_some(place.rel)
    }
}

fn resolve(dir: &Path) -> Result<PathBuf, OpenError> {
    std::fs::canonicalize(dir)
        .map_err(|source| OpenError::Directory { path: dir.to_path_buf(), source })
}

/// A directory that only the user may enter, and that git ignores.
fn make_private(dir: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::DirBuilderExt;
    let failed = |source| OpenError::Directory { path: dir.to_path_buf(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    let ignore = dir.join(".gitignore");
    if !ignore.exists() {
        std::fs::write(&ignore, "*\n").map_err(failed)?;
    }
    Ok(())
}

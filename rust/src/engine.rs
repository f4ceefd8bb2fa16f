//! `Engine`: tracer, cache and pool of one run.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cache::{Left, Workspace};
use engine::{Refusal, Reply};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::door::{Enter, misuse, patience};
use crate::event::{Checked, Event};
use crate::explain::Explained;
use crate::hints::Hinted;
use crate::step::Step;

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// Supervisor, cache and worker pool of one run, behind one `next_events`.
#[pyclass(frozen, module = "taskrunner._native")]
pub(crate) struct Engine {
    // `None` once closed.
    running: Mutex<Option<engine::Engine>>,
    workspace: Arc<Workspace>,
    waker: fspy::Waker,
}

/// What a step leaves: kind, digest (of content or target) and permission bits by path.
type Leaves = HashMap<OsString, (&'static str, String, u32)>;

type Guard<'a> = MutexGuard<'a, Option<engine::Engine>>;

impl Engine {
    fn lock(&self) -> Guard<'_> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the engine, unless it was closed.
    fn with<T>(&self, call: impl FnOnce(&mut engine::Engine) -> T) -> PyResult<T> {
        self.lock().as_mut().map(call).ok_or_else(|| misuse("the engine is closed"))
    }
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, root, cache_dir, state_dir, helper, addon, environment, home, temp, workers))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn new(
        py: Python<'_>,
        root: PathBuf,
        cache_dir: PathBuf,
        state_dir: PathBuf,
        helper: PathBuf,
        addon: Option<PathBuf>,
        environment: BTreeMap<OsString, OsString>,
        home: PathBuf,
        temp: PathBuf,
        workers: usize,
    ) -> PyResult<Self> {
        let bytes = OsStringExt::into_vec;
        let environment =
            environment.into_iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
        // `RUNNER/taskrunner/_lib/taskrunner-helper`.
        let runner = helper.ancestors().nth(3).map(PathBuf::from).unwrap_or_default();
        let workspace =
            cache::Options { root, cache_dir, state_dir, home, temp, runner, environment };
        let options = engine::Options { workspace, helper, workers, addon };
        let engine = py.enter(|| engine::Engine::open(&options))?;
        let workspace = Arc::clone(engine.workspace());
        let waker = engine.waker();
        Ok(Self { running: Mutex::new(Some(engine)), workspace, waker })
    }

    /// What tracing can do here: `notify` or `none`.
    #[getter]
    fn fidelity(&self) -> PyResult<&'static str> {
        self.with(|engine| fspy::fidelity_word(engine.fidelity().0))
    }

    /// Why tracing is not complete.
    #[getter]
    fn fidelity_reason(&self) -> PyResult<Option<String>> {
        self.with(|engine| engine.fidelity().1)
    }

    /// What the user should know about how opening the cache went.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.workspace.warnings().to_vec()
    }

    /// Return a digest that only this cache can make; for values that may be secret.
    fn keyed_digest<'py>(&self, py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.workspace.keyed_digest(data).as_bytes())
    }

    /// Make a step known.
    fn add(&self, py: Python<'_>, step: &Step) -> PyResult<()> {
        let spec = step.spec.clone();
        py.enter(|| self.workspace.add(spec))
    }

    /// Look up a wavefront in topological order; hits join the overlay for later ones.
    #[expect(clippy::needless_pass_by_value, reason = "extracted from Python")]
    fn check(&self, py: Python<'_>, steps: Vec<u32>) -> PyResult<Vec<Checked>> {
        let checked =
            py.enter(|| Ok::<_, std::convert::Infallible>(self.workspace.check(&steps)))?;
        let roots = self.workspace.roots();
        Ok(checked.into_iter().map(|checked| Checked::new(checked, roots)).collect())
    }

    /// Compare the nearest entry of a step with the tree as the step would find it.
    #[pyo3(signature = (step, *, whole=false))]
    fn explain(&self, py: Python<'_>, step: u32, whole: bool) -> PyResult<Explained> {
        let explained =
            py.enter(|| Ok::<_, std::convert::Infallible>(self.workspace.explain(step)))?;
        Ok(Explained::new(explained, whole, self.workspace.roots()))
    }

    /// Return the description of the step's last run.
    fn previous_description<'py>(&self, py: Python<'py>, step: u32) -> Option<Bound<'py, PyBytes>> {
        self.workspace.previous_description(step).map(|bytes| PyBytes::new(py, &bytes))
    }

    /// Begin to restore a hit; the event `restored` follows.
    fn restore(&self, step: u32) -> PyResult<()> {
        self.with(|engine| engine.restore(step))
    }

    /// Forget a hit: a step before it has to run after all.
    fn revoke(&self, step: u32) {
        self.workspace.revoke(step);
    }

    /// Return the log of a restored step: stream and bytes, in the order read.
    fn replay<'py>(&self, py: Python<'py>, step: u32) -> PyResult<Vec<(u8, Bound<'py, PyBytes>)>> {
        let log = self.with(|engine| engine.replay(step))?;
        Ok(log.into_iter().map(|(stream, bytes)| (stream, PyBytes::new(py, &bytes))).collect())
    }

    /// Begin to run a step: lock, second look-up unless forced, spawn.
    ///
    /// Perhaps `waiting`, then `started` and what follows, or `restored`, or `failed`.
    #[pyo3(signature = (step, force=false))]
    fn run(&self, step: u32, force: bool) -> PyResult<()> {
        self.with(|engine| engine.run(step, !force))
    }

    /// Run an exited step again that was not recorded: both attempts are one run.
    fn retry(&self, step: u32) -> PyResult<()> {
        self.with(|engine| engine.retry(step))
    }

    /// Answer a question that came in `hints` by this connection: the fields of the answer.
    fn reply(&self, step: u32, connection: u64, fields: Vec<Vec<u8>>) -> PyResult<()> {
        self.with(|engine| engine.reply(step, connection, &Reply::Value(fields)))
    }

    /// Refuse a message that came in `hints` by this connection.
    fn refuse(&self, step: u32, connection: u64, code: &str, text: &str) -> PyResult<()> {
        let refusal = Refusal { code: code.into(), text: text.into() };
        self.with(|engine| engine.reply(step, connection, &Reply::Refused(refusal)))
    }

    /// Begin to judge and store an exited step: `judged`, then `stored`, whatever the exit.
    fn record(&self, step: u32, hinted: &Hinted) -> PyResult<()> {
        self.with(|engine| engine.record(step, hinted.inner.clone()))
    }

    /// Send a signal to the whole process tree of a step.
    fn kill(&self, step: u32, signal: i32) -> PyResult<()> {
        self.with(|engine| engine.kill(step, signal))
    }

    /// Wait for events; empty after a timeout, `wake` or a signal.
    fn next_events(
        &self,
        py: Python<'_>,
        limit: usize,
        timeout: Option<f64>,
    ) -> PyResult<Vec<Event>> {
        let timeout = patience(timeout);
        let events = py.detach(|| self.with(|engine| engine.next_events(limit, timeout)))?;
        let roots = self.workspace.roots();
        Ok(events.into_iter().map(|event| Event::new(py, event, roots)).collect())
    }

    /// Make `next_events` return; may be called from a signal handler.
    fn wake(&self) {
        self.waker.wake();
    }

    /// Remove the least recently used entries beyond the limits: entries, bytes.
    fn prune(&self, py: Python<'_>, max_bytes: u64, max_age_days: u64) -> PyResult<(u64, u64)> {
        let max_age = max_age_days.saturating_mul(SECONDS_A_DAY);
        let pruned = py.enter(|| self.workspace.prune(max_bytes, max_age))?;
        Ok((pruned.entries, pruned.bytes))
    }

    /// Return the number of entries, `path_sets` and archives, and their bytes.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = py.enter(|| self.workspace.stats())?;
        let dict = PyDict::new(py);
        dict.set_item("entries", stats.entries)?;
        dict.set_item("path_sets", stats.path_sets)?;
        dict.set_item("archives", stats.archives)?;
        dict.set_item("bytes", stats.bytes)?;
        Ok(dict)
    }

    /// Take away what these steps own, and return how many paths went.
    #[expect(clippy::needless_pass_by_value, reason = "extracted from Python")]
    fn clean(&self, py: Python<'_>, steps: Vec<u32>) -> PyResult<usize> {
        py.enter(|| Ok::<_, std::convert::Infallible>(self.workspace.clean(&steps)))
    }

    /// Return what restoring the hit of a step would leave, or None if it is no hit.
    fn hit_leaves(&self, step: u32) -> Option<Leaves> {
        self.workspace.hit_leaves(step).map(leaves)
    }

    /// Return what the last run, or restore, of a step left.
    fn standing_leaves(&self, step: u32) -> Leaves {
        leaves(self.workspace.standing_leaves(step))
    }

    /// Finish background work and close the cache.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.enter(|| {
            let engine = self.lock().take();
            self.workspace.finish();
            drop(engine);
            Ok::<_, std::convert::Infallible>(())
        })
    }
}

fn leaves(left: Vec<Left>) -> Leaves {
    let kind = |kind| match kind {
        stat::Kind::File => "file",
        stat::Kind::Dir => "directory",
        stat::Kind::Link => "link",
        stat::Kind::Special => "special",
    };
    left.into_iter()
        .map(|left| {
            let path = OsString::from_vec(left.path);
            (path, (kind(left.kind), left.digest.to_string(), left.mode))
        })
        .collect()
}

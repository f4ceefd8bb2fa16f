//! Recording a run: judge it, write the ledger, pack what is new, insert the entry last.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use digest::Digest;
use fspy_trace::Trace;
use policy::{
    Facts, Hinted, Judgement, Look, NotCached, NotCachedKind, Op, Output, OutputKind, PathSet,
    Place, Root, Value, judge,
};
use store::{Left, Run, Standing};

use crate::disk::lock;
use crate::evaluate::Tree;
use crate::log::Log;
use crate::overlay::Overlay;
use crate::own::{OwnPaths, ledger_digest};
use crate::root_scan::contains_root;
use crate::run_world::RunWorld;
use crate::step::{Step, StepId};
use crate::workspace::Workspace;

/// How a run ended.
#[derive(Debug)]
pub struct RunEnd {
    /// Exit code, if it exited.
    pub code: Option<i32>,
    /// Signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Whether the runner ended it.
    pub cancelled: bool,
    /// The trace, or why there is none.
    pub trace: Result<Trace, String>,
    /// What it wrote: stream and bytes, in the order read.
    pub log: Log,
    /// How long it took.
    pub wall: Duration,
    /// What its tools said.
    pub hinted: Hinted,
}

/// The judgement of a run; what is to be stored is still to be packed.
#[derive(Debug)]
pub struct Recorded {
    /// Why it is not stored; `None` if it will be, should packing succeed.
    pub refused: Option<NotCached>,
    /// What is to be packed.
    pub pending: Option<Pending>,
}

/// What the ledger keeps of a run or restore, besides what it left.
pub(crate) struct Noted {
    pub(crate) entry: Option<Digest>,
    /// Zero if the step is to start from nothing next time.
    pub(crate) weak: Digest,
    /// Whether what stands is one result, made from nothing or built on a whole one.
    pub(crate) whole: bool,
    pub(crate) reads: Vec<u8>,
    /// What it left that is no part of the result: outputs that rules or hints leave out.
    pub(crate) aside: Vec<Left>,
}

/// A result on its way into the cache.
#[derive(Debug)]
pub struct Pending {
    pub(crate) step: Arc<Step>,
    pub(crate) set: PathSet,
    pub(crate) values: Vec<Value>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) log: Log,
    pub(crate) wall: Duration,
}

impl Workspace {
    /// Notes what is the step's own just before it runs, and makes it start from nothing if its
    /// last run built on results of unknown worth. Returns the variables it is given because it is
    /// known to look them up.
    pub fn prepare(&self, id: StepId) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.disk.forget();
        let Some(step) = self.step(id) else { return Vec::new() };
        let mut own = self.own(&step);
        let standing = lock(&self.state).standing(&step.key).ok().flatten();
        // A stale result is marked by a weak fingerprint that fits nothing.
        if standing.is_some_and(|standing| standing.weak != step.spec.weak) {
            self.set_aside(&step, &mut own);
        }
        lock(&self.own_before).insert(id, Arc::new(own));
        if step.spec.cached { self.known_variables(&step) } else { Vec::new() }
    }

    /// Judges a run that has ended, and writes the ledger. Digests of all outputs are taken here,
    /// before anything that depends on them may start.
    pub fn record(&self, id: StepId, end: RunEnd) -> Recorded {
        self.disk.forget();
        lock(&self.overlay).lift(&HashSet::from([id]));
        let Some(step) = self.step(id) else {
            return Recorded { refused: None, pending: None };
        };
        let own = lock(&self.own_before).remove(&id).unwrap_or_default();
        let judged =
            end.trace.as_ref().ok().map(|trace| self.judge(&step, trace, &own, &end.hinted));
        let refused = refuse(&step, &end)
            .or_else(|| judged.as_ref().and_then(|judged| judged.refused.clone()));
        let Some(judged) = judged else { return Recorded { refused, pending: None } };
        self.write_ledger(&step, &judged, &own, refused.as_ref());
        if refused.is_some() {
            return Recorded { refused, pending: None };
        }
        let outputs = judged.outputs.into_iter().filter(|output| output.stored).collect();
        let (set, values) = sorted(judged.inputs);
        let pending = Pending { step, set, values, outputs, log: end.log, wall: end.wall };
        Recorded { refused: None, pending: Some(pending) }
    }

    fn judge(&self, step: &Step, trace: &Trace, own: &OwnPaths, hinted: &Hinted) -> Judgement {
        let tree = Tree {
            roots: &self.roots,
            disk: &self.disk,
            environment: &self.environment,
            overlay: &Overlay::default(),
            step,
            own,
            owned: &HashMap::new(),
            is_later: &|_| false,
            is_unordered: &|path| self.is_unordered(path, step),
            needs: RefCell::default(),
            hinted: RefCell::default(),
        };
        *tree.hinted.borrow_mut() = hinted.clone();
        let (rules, path_dirs) = (&step.rules, &step.path_dirs);
        let facts = Facts { trace, roots: &self.roots, rules, path_dirs, hinted };
        let mut judged = judge(facts, &RunWorld { workspace: self, tree: &tree, own });
        if let Some(path) = &judged.kept_mode
            && self.modes_moved(step, &judged.inputs)
        {
            let reason = NotCached::at(NotCachedKind::BuiltOnItself, path);
            judged.refused.get_or_insert(reason);
        }
        if let Some(path) = judged.built_on.clone()
            && judged.refused.is_none()
            && self.build_on(step, own, &tree, &mut judged).is_none()
        {
            judged.refused = Some(NotCached::at(NotCachedKind::BuiltOnItself, &path));
        }
        self.add_hinted(hinted, trace, &tree, &mut judged);
        self.add_declared_outputs(step, &mut judged);
        if judged.refused.is_none() && self.embeds_root(&judged.outputs) {
            let place = Place { root: Root::Workspace, rel: Vec::new() };
            let value = Value::text(&self.roots.workspace);
            judged.inputs.push((Op { look: Look::Here, place }, value));
        }
        judged
    }

    /// Whether an input's permission bits are others than when the step ran, or was restored, last.
    fn modes_moved(&self, step: &Step, inputs: &[(Op, Value)]) -> bool {
        let standing = lock(&self.state).standing(&step.key).ok().flatten();
        let whole = standing.is_some_and(|standing| standing.whole);
        let Some(reads) = self.last_reads(step).filter(|_| whole) else { return true };
        let earlier: HashMap<&Op, &Value> = reads.iter().map(|(op, value)| (op, value)).collect();
        inputs.iter().any(|(op, now)| match (earlier.get(op), now) {
            (Some(Value::File(_, old)), Value::File(_, new))
            | (Some(Value::Dir(old)), Value::Dir(new)) => old != new,
            _ => false,
        })
    }

    /// Files that match a declared output pattern are outputs, whoever wrote them.
    fn add_declared_outputs(&self, step: &Step, judged: &mut Judgement) {
        let Some(globs) = step.rules.declared_outputs() else { return };
        let known: HashSet<Vec<u8>> =
            judged.outputs.iter().map(|output| output.path.clone()).collect();
        for rel in globs.walk(&self.roots.workspace).unwrap_or_default() {
            let path = stat::join(&self.roots.workspace, &rel);
            if known.contains(&path) {
                continue;
            }
            match self.declared_output(&path) {
                Ok(output) => judged.outputs.push(output),
                Err(error) => {
                    let kind = NotCachedKind::InputUnreadable;
                    let detail = Some(error.to_string());
                    judged.refused.get_or_insert(NotCached { kind, path: Some(path), detail });
                }
            }
        }
    }

    pub(crate) fn declared_output(&self, path: &[u8]) -> std::io::Result<Output> {
        let id = stat::lstat(path)?;
        let kind = if id.kind() == stat::Kind::Link {
            OutputKind::Link(crate::disk::read_link(path)?)
        } else {
            OutputKind::File { digest: self.disk.digest(path)?, size: id.size }
        };
        let (mode, mtime_ns) = (id.permissions(), id.mtime_ns);
        Ok(Output { path: path.to_vec(), kind, mode, mtime_ns, stored: true })
    }

    /// Outputs that contain the workspace's path are not what a run elsewhere would leave.
    fn embeds_root(&self, outputs: &[Output]) -> bool {
        let root = &self.roots.workspace;
        outputs.iter().filter(|output| output.stored).any(|output| match &output.kind {
            OutputKind::File { .. } => contains_root(&output.path, root).unwrap_or(true),
            OutputKind::Link(target) => memchr::memmem::find(target, root).is_some(),
            OutputKind::Dir => false,
        })
    }

    fn write_ledger(
        &self,
        step: &Step,
        judged: &Judgement,
        own: &OwnPaths,
        refused: Option<&NotCached>,
    ) {
        let outputs = judged.outputs.iter().filter(|_| !judged.took_foreign);
        let (stored, others): (Vec<&Output>, Vec<_>) = outputs.partition(|output| output.stored);
        let ledgers =
            |outputs: Vec<&Output>| outputs.iter().filter_map(|output| self.left(output)).collect();
        let mut left: Vec<Left> = ledgers(stored);
        if refused.is_none() {
            let kept = judged.outputs.iter().map(|output| output.path.clone()).collect();
            Self::remove_leftovers(&self.leftovers(step, own, &kept));
        } else {
            self.keep_standing(step, &mut left);
        }
        let stale = refused.is_some_and(|reason| reason.kind == NotCachedKind::BuiltOnItself);
        let standing = Noted {
            entry: None,
            weak: if stale { Digest::ZERO } else { step.spec.weak },
            whole: refused.is_none(),
            reads: postcard::to_stdvec(&judged.inputs).unwrap_or_default(),
            aside: ledgers(others),
        };
        self.note_run(step, &left, standing);
    }

    /// A run that is not stored still changed things: what stands is what it left, and what it
    /// left alone of the result before.
    fn keep_standing(&self, step: &Step, left: &mut Vec<Left>) {
        let standing: Option<Standing> = lock(&self.state).standing(&step.key).ok().flatten();
        let new: HashSet<Vec<u8>> = left.iter().map(|left| left.path.clone()).collect();
        let old = standing.map(|standing| standing.left).unwrap_or_default();
        left.extend(old.into_iter().filter(|left| !new.contains(&left.path)));
    }

    /// Writes one run, or restore, into the ledger.
    pub(crate) fn note_run(&self, step: &Step, left: &[Left], noted: Noted) {
        let run = Run {
            step: step.key,
            label: &step.label,
            weak: noted.weak,
            description: &step.spec.description,
            entry: noted.entry,
            whole: noted.whole,
            reads: noted.reads,
            left,
            aside: &noted.aside,
            standing: true,
            at_ns: stat::now_ns(),
        };
        // Without the ledger the step owns nothing next time: it misses, and nothing is lost.
        if lock(&self.state).record_run(run).is_ok() {
            let mut owners = lock(&self.owners);
            for left in left.iter().chain(&noted.aside) {
                let keys = owners.entry(left.path.clone()).or_default();
                if !keys.contains(&step.key) {
                    keys.push(step.key);
                }
            }
        }
    }

    pub(crate) fn left(&self, output: &Output) -> Option<Left> {
        let (kind, digest) = ledger_digest(&output.kind);
        let path = self.workspace_rel(&output.path)?;
        Some(Left { path, kind, digest, mode: output.mode })
    }
}

/// Reasons that no trace is needed for.
fn refuse(step: &Step, end: &RunEnd) -> Option<NotCached> {
    if end.cancelled {
        return Some(NotCached::plain(NotCachedKind::Cancelled));
    }
    if let Some(signal) = end.signal {
        return Some(NotCached::because(NotCachedKind::Killed, signal.to_string()));
    }
    if end.code != Some(0) {
        let code = end.code.map_or_else(String::new, |code| code.to_string());
        return Some(NotCached::because(NotCachedKind::Failed, code));
    }
    if !step.spec.cached {
        return Some(NotCached::plain(NotCachedKind::CacheDisabled));
    }
    if let Some(reason) = &end.hinted.refused {
        return Some(reason.clone());
    }
    end.trace.as_ref().err().map(|why| NotCached::because(NotCachedKind::Untraced, why))
}

/// Operations in the order of the set, each with its value. Where one operation has two values the
/// first stands: it is the earlier observation.
fn sorted(inputs: Vec<(Op, Value)>) -> (PathSet, Vec<Value>) {
    let mut values: HashMap<Op, Value> = HashMap::new();
    for (op, value) in inputs {
        values.entry(op).or_insert(value);
    }
    let set = PathSet::new(values.keys().cloned().collect());
    let ordered = set.ops().iter().filter_map(|op| values.get(op).cloned()).collect();
    (set, ordered)
}

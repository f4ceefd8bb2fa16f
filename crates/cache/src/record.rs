//! Recording a run: judge it, write the ledger, pack what is new, insert the entry last.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use digest::{Digest, hash_bytes};
use fspy_trace::Trace;
use policy::{
    Facts, Hinted, Judgement, KeptMode, Look, NotCached, NotCachedKind, Op, Output, OutputKind,
    PathSet, Place, Root, Value, judge, strong_fingerprint,
};
use store::{Left, Owner, Run, set_digest};

use crate::build_on::Reads;
use crate::disk::lock;
use crate::evaluate::Tree;
use crate::log::Log;
use crate::own::ledger_digest;
use crate::prepare::{Before, merged};
use crate::races::{Touched, touched};
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
    pub(crate) strong: Digest,
    /// Whether it holds all that a run from nothing would leave; otherwise it is right in place only.
    pub(crate) whole: bool,
    pub(crate) outputs: Vec<Output>,
    pub(crate) log: Log,
    pub(crate) provenance: Vec<u8>,
    pub(crate) wall: Duration,
}

impl Workspace {
    /// Judges a run that has ended, and writes the ledger. Digests of all outputs are taken here,
    /// before anything that depends on them may start.
    pub fn record(&self, id: StepId, end: RunEnd) -> Recorded {
        self.disk.forget();
        lock(&self.overlay).lift(&HashSet::from([id]));
        let Some(step) = self.step(id) else {
            return Recorded { refused: None, pending: None };
        };
        let before = lock(&self.before).remove(&id).unwrap_or_default();
        let judged =
            end.trace.as_ref().ok().map(|trace| self.judge(&step, trace, &before, &end.hinted));
        let Some((mut judged, in_place, touched)) = judged else {
            return Recorded { refused: refuse(&step, &end), pending: None };
        };
        if let Some(race) = self.meet(&step, &touched) {
            judged.refused.get_or_insert(race);
        }
        let refused = refuse(&step, &end).or_else(|| judged.refused.clone());
        let (set, values) = sorted(&judged.inputs);
        let strong = strong_of(&step.spec.weak, &set, &values);
        self.write_ledger(&step, &judged, &before, refused.as_ref(), (strong, in_place));
        if refused.is_some() {
            return Recorded { refused, pending: None };
        }
        let outputs = judged.outputs.into_iter().filter(|output| output.stored).collect();
        let RunEnd { log, wall, hinted: Hinted { provenance, .. }, .. } = end;
        let whole = !in_place;
        let pending = Pending { step, set, values, strong, whole, outputs, log, provenance, wall };
        Recorded { refused: None, pending: Some(pending) }
    }

    /// The judgement, whether the result is right in place only, and what the run itself did.
    fn judge(
        &self,
        step: &Step,
        trace: &Trace,
        before: &Before,
        hinted: &Hinted,
    ) -> (Judgement, bool, Touched) {
        self.with_bare_tree(step, &before.own, |tree| {
            *tree.hinted.borrow_mut() = hinted.clone();
            let (rules, path_dirs) = (&step.rules, &step.path_dirs);
            let facts = Facts { trace, roots: &self.roots, rules, path_dirs, hinted };
            let (own, umask) = (&before.own, before.umask);
            let world = RunWorld { workspace: self, tree, own, umask, in_place: false };
            let mut judged = judge(facts, &world);
            let touched = touched(&judged, &self.roots);
            let mut in_place = false;
            if judged.refused.is_none() {
                let relied_on = relied_on(&judged, before);
                if before.mixed && relied_on.is_some() {
                    in_place = true;
                    let took_foreign = judged.took_foreign;
                    judged = judge(facts, &RunWorld { in_place: true, ..world });
                    judged.took_foreign = took_foreign;
                    let place = Place { root: Root::Workspace, rel: Vec::new() };
                    let value = Value::text(&self.roots.workspace);
                    judged.input(Look::InPlace, place, value);
                } else if let Some(path) = relied_on {
                    if judged.built_on.is_none() {
                        judged.refused = Some(NotCached::at(NotCachedKind::BuiltOnItself, &path));
                    } else if let Err(stale) = self.build_on(step, before, tree, &mut judged) {
                        judged.refused = Some(self.stale(&path, &stale));
                    }
                }
            }
            self.add_odd_directories(before, tree, &mut judged);
            self.add_hinted(hinted, trace, tree, &mut judged);
            self.add_declared_outputs(step, &mut judged);
            if judged.refused.is_none() && self.embeds_root(&judged.outputs) {
                let place = Place { root: Root::Workspace, rel: Vec::new() };
                let value = Value::text(&self.roots.workspace);
                judged.input(Look::Here, place, value);
            }
            (judged, in_place, touched)
        })
    }

    /// A directory that others share stays, with bits that this run would not have given it and can't
    /// set right: it must have them again.
    fn add_odd_directories(&self, before: &Before, tree: &Tree<'_>, judged: &mut Judgement) {
        let kept = judged.kept_modes.iter().filter(|kept| kept.1 == KeptMode::Dir);
        let odd: Vec<Op> = kept
            .filter(|(path, _)| before.odd.contains(path))
            .map(|(path, _)| Op { look: Look::Bits, place: self.roots.place(path) })
            .collect();
        for op in odd {
            let value = tree.evaluate(&op);
            judged.input(op.look, op.place, value);
        }
    }

    /// The run built on `path`, and what `op` asks for has another answer than when that was made.
    fn stale(&self, path: &[u8], op: &Op) -> NotCached {
        let of = self.workspace_rel_shown(op);
        NotCached { kind: NotCachedKind::BuiltOnItself, path: Some(path.to_vec()), detail: of }
    }

    fn workspace_rel_shown(&self, op: &Op) -> Option<String> {
        let path = match op.place.root {
            Root::Workspace | Root::Above | Root::Path => op.place.rel.clone(),
            _ => self.roots.path(&op.place)?,
        };
        Some(String::from_utf8_lossy(&path).into_owned())
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

    /// What the run left and read goes into the ledger, however it ended: the next run finds it.
    fn write_ledger(
        &self,
        step: &Step,
        judged: &Judgement,
        before: &Before,
        refused: Option<&NotCached>,
        (strong, in_place): (Digest, bool),
    ) {
        let outputs = judged.outputs.iter().filter(|_| !judged.took_foreign);
        let (stored, others): (Vec<&Output>, Vec<_>) = outputs.partition(|output| output.stored);
        let ledgers =
            |outputs: Vec<&Output>| outputs.iter().filter_map(|output| self.left(output)).collect();
        let mut left: Vec<Left> = ledgers(stored);
        for output in &judged.outputs {
            if let OutputKind::File { digest, .. } = &output.kind {
                self.disk.note_written(&output.path, *digest);
            }
        }
        let stored_whole = refused.is_none() && !in_place;
        if stored_whole {
            let kept = judged.outputs.iter().map(|output| output.path.clone()).collect();
            Self::remove_leftovers(&self.leftovers(step, &before.own, &kept));
        } else {
            left.extend(self.still_standing(before.standing.as_ref(), &left));
        }
        let reads = if stored_whole {
            judged.inputs.clone()
        } else {
            merged(before.reads.clone(), &judged.inputs)
        };
        let stale = refused.is_some_and(|reason| {
            matches!(
                reason.kind,
                NotCachedKind::BuiltOnItself
                    | NotCachedKind::ReplacedUnknown
                    // The next run has what this one lacked.
                    | NotCachedKind::WithheldVariable
            )
        });
        let accounted = !before.mixed && !judged.took_foreign && is_accounted_for(refused, judged);
        let noted = Noted {
            entry: refused.is_none().then_some(strong),
            weak: if stale { Digest::ZERO } else { step.spec.weak },
            whole: stored_whole || accounted,
            reads: postcard::to_stdvec(&reads).unwrap_or_default(),
            aside: ledgers(others),
        };
        self.note_run(step, &left, noted);
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
                let owner = Owner { step: step.key, kind: left.kind, digest: left.digest };
                let all = owners.entry(left.path.clone()).or_default();
                if !all.contains(&owner) {
                    all.push(owner);
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

/// An own path that the run relied on, if any: it left it as it was, or the bytes, or permission bits,
/// of it went into what it made.
fn relied_on(judged: &Judgement, before: &Before) -> Option<Vec<u8>> {
    let kept_mode = || {
        let moved = before.mixed || modes_moved(&before.reads, &judged.inputs);
        let counts = |path, kept| match kept {
            KeptMode::Dir => false,
            KeptMode::Emptied => before.odd.contains(path),
            KeptMode::Overwritten => moved || before.odd.contains(path),
        };
        let mut kept = judged.kept_modes.iter();
        kept.find(|(path, kept)| counts(path, *kept)).map(|(path, _)| path.clone())
    };
    judged.built_on.clone().or_else(kept_mode)
}

/// Whether an input's permission bits are others than when the step ran, or was restored, last.
fn modes_moved(reads: &Reads, inputs: &[(Op, Value)]) -> bool {
    let earlier: HashMap<&Op, &Value> = reads.iter().map(|(op, value)| (op, value)).collect();
    inputs.iter().any(|(op, now)| match (earlier.get(op), now) {
        (Some(Value::File(_, old)), Value::File(_, new))
        | (Some(Value::Dir(old)), Value::Dir(new)) => old != new,
        _ => false,
    })
}

/// Whether all that a run which is not stored read and left is on record: then a later run may build
/// on it, as on any other.
fn is_accounted_for(refused: Option<&NotCached>, judged: &Judgement) -> bool {
    let orderly = |reason: &NotCached| {
        matches!(reason.kind, NotCachedKind::Failed | NotCachedKind::CacheDisabled)
    };
    judged.refused.is_none() && refused.is_some_and(orderly)
}

/// The strong fingerprint of an entry.
fn strong_of(weak: &Digest, set: &PathSet, values: &[Value]) -> Digest {
    let digests: Vec<Digest> = set.encode().iter().map(|chunk| hash_bytes(chunk)).collect();
    strong_fingerprint(weak, &set_digest(&digests), values)
}

/// Operations in the order of the set, each with its value. Where one operation has two values the
/// first stands: it is the earlier observation.
fn sorted(inputs: &[(Op, Value)]) -> (PathSet, Vec<Value>) {
    let mut values: HashMap<&Op, &Value> = HashMap::new();
    for (op, value) in inputs {
        values.entry(op).or_insert(value);
    }
    let set = PathSet::new(values.keys().copied().cloned().collect());
    let ordered = set.ops().iter().filter_map(|op| values.get(op).copied().cloned()).collect();
    (set, ordered)
}

//! Building on a result: a run that relied on the step's own standing result takes over what that
//! result was made of, if nothing of it can be stale.
//!
//! The conditions are those of `docs/semantics.md`. Where one fails the result is not stored, and the
//! step starts from nothing next time.

use std::collections::{HashMap, HashSet};

use policy::{Judgement, Look, Op, Output, OutputKind, Value, is_on};
use stat::{Kind, join, parent};
use store::{Left, Standing};

use crate::disk::{Disk, lock, read_link};
use crate::evaluate::Tree;
use crate::own::OwnPaths;
use crate::step::Step;
use crate::workspace::Workspace;

/// What a run read, as the ledger keeps it.
pub(crate) type Reads = Vec<(Op, Value)>;

impl Workspace {
    /// Adds to the judgement what the standing result had and looked at, and this run did not.
    /// `None` if the standing result may be stale, or in part somebody else's.
    pub(crate) fn build_on(
        &self,
        step: &Step,
        own: &OwnPaths,
        tree: &Tree<'_>,
        judged: &mut Judgement,
    ) -> Option<()> {
        let standing = lock(&self.state).standing(&step.key).ok().flatten()?;
        let reads = self.last_reads(step)?;
        let stood_whole = standing.whole
            && standing.weak == step.spec.weak
            && standing.left.iter().all(|left| own.contains_key(&self.absolute(left)));
        let fresh = is_fresh(&reads, tree, judged) || !is_on("fresh");
        if !fresh || !stood_whole && is_on("whole") {
            return None;
        }
        if is_on("take-over-outputs") {
            self.take_over_outputs(step, &standing, judged)?;
        }
        if !is_on("take-over-inputs") {
            return Some(());
        }
        let known: HashSet<Op> = judged.inputs.iter().map(|(op, _)| op.clone()).collect();
        judged.inputs.extend(reads.into_iter().filter(|(op, _)| !known.contains(op)));
        Some(())
    }

    /// What the step read when it ran, or was restored, last.
    pub(crate) fn last_reads(&self, step: &Step) -> Option<Reads> {
        let bytes = lock(&self.state).last_reads(&step.key).ok().flatten()?;
        postcard::from_bytes(&bytes).ok()
    }

    fn absolute(&self, left: &Left) -> Vec<u8> {
        join(&self.roots.workspace, &left.path)
    }

    /// Outputs of the standing result that this run did not touch. What it removed is gone.
    fn take_over_outputs(
        &self,
        step: &Step,
        standing: &Standing,
        judged: &mut Judgement,
    ) -> Option<()> {
        let known: HashSet<Vec<u8>> =
            judged.outputs.iter().map(|output| output.path.clone()).collect();
        for left in &standing.left {
            let path = self.absolute(left);
            if known.contains(&path) {
                continue;
            }
            let Some(id) = Disk::lstat(&path).ok()? else { continue };
            let kind = match left.kind {
                Kind::Dir => OutputKind::Dir,
                Kind::Link => OutputKind::Link(read_link(&path).ok()?),
                Kind::File | Kind::Special => {
                    OutputKind::File { digest: left.digest, size: id.size }
                }
            };
            let stored = step.rules.is_output(&left.path);
            let (mode, mtime_ns) = (id.permissions(), id.mtime_ns);
            judged.outputs.push(Output { path, kind, mode, mtime_ns, stored });
        }
        Some(())
    }
}

/// Whether everything that the standing result was made from is as it was, or was looked at again
/// by this run. A source that is gone makes it stale in any case: few tools take away what they
/// once made of it.
fn is_fresh(reads: &Reads, tree: &Tree<'_>, judged: &Judgement) -> bool {
    let again: HashMap<&Op, &Value> = judged.inputs.iter().map(|(op, value)| (op, value)).collect();
    let listed: HashSet<&policy::Place> = judged
        .inputs
        .iter()
        .filter(|(op, _)| op.look == Look::Listing)
        .map(|(op, _)| &op.place)
        .collect();
    reads.iter().all(|(op, value)| {
        let now = again.get(op).map_or_else(|| tree.evaluate(op), |value| (*value).clone());
        let gone = matches!(value, Value::File(..)) && now == Value::Absent;
        let listed_anew = || {
            let dir = parent(&op.place.rel).unwrap_or_default().to_vec();
            op.look == Look::Kind
                && listed.contains(&policy::Place { root: op.place.root, rel: dir })
        };
        *value == now || (!gone && (again.contains_key(op) || listed_anew()))
    })
}

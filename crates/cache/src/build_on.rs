//! Building on a result: a run that relied on the step's own standing result takes over what that
//! result was made of, if nothing of it can be stale.
//!
//! The conditions are those of `docs/semantics.md`. Where one fails the result is not stored, and the
//! step starts from nothing next time.

use std::collections::{HashMap, HashSet};

use policy::{Judgement, Look, Op, Output, OutputKind, Place, Value, is_on, is_tool_state};
use stat::{Kind, join, parent};
use store::{Left, Standing};

use crate::disk::{Disk, lock, read_link};
use crate::evaluate::Tree;
use crate::prepare::{Again, Before, merged};
use crate::step::Step;
use crate::workspace::Workspace;

/// What a run read, as the ledger keeps it.
pub(crate) type Reads = Vec<(Op, Value)>;

impl Workspace {
    /// Adds to the judgement what the standing result had and looked at, and this run did not.
    ///
    /// # Errors
    /// What may be stale: something that the standing result was made from differs, and this run
    /// did not look at it.
    pub(crate) fn build_on(
        &self,
        step: &Step,
        before: &Before,
        tree: &Tree<'_>,
        judged: &mut Judgement,
    ) -> Result<(), Op> {
        if let Some(stale) = stale(&before.reads, tree, judged).filter(|_| is_on("fresh")) {
            return Err(stale.clone());
        }
        if let Some(standing) = before.standing.as_ref().filter(|_| is_on("take-over-outputs")) {
            self.take_over_outputs(step, standing, judged);
        }
        if is_on("take-over-inputs") {
            judged.inputs = merged(before.reads.clone(), &judged.inputs);
        }
        Ok(())
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
    fn take_over_outputs(&self, step: &Step, standing: &Standing, judged: &mut Judgement) {
        let known: HashSet<Vec<u8>> =
            judged.outputs.iter().map(|output| output.path.clone()).collect();
        for left in &standing.left {
            let path = self.absolute(left);
            if known.contains(&path) {
                continue;
            }
            let Ok(Some(id)) = Disk::lstat(&path) else { continue };
            let kind = match left.kind {
                Kind::Dir => OutputKind::Dir,
                Kind::Link => match read_link(&path) {
                    Ok(target) => OutputKind::Link(target),
                    Err(_) => continue,
                },
                // A build tool's own state may have moved on, by another step.
                Kind::File if is_tool_state(&path) => match self.disk.digest(&path) {
                    Ok(digest) => OutputKind::File { digest, size: id.size },
                    Err(_) => continue,
                },
                Kind::File | Kind::Special => {
                    OutputKind::File { digest: left.digest, size: id.size }
                }
            };
            let stored = step.rules.is_output(&left.path);
            let (mode, mtime_ns) = (id.permissions(), id.mtime_ns);
            judged.outputs.push(Output { path, kind, mode, mtime_ns, stored });
        }
    }
}

/// The first thing that the standing result was made from and that may have made it stale: it is
/// not as it was, and this run did not look at it again. A source that is gone makes it stale in any
/// case: few tools take away what they once made of it.
fn stale<'a>(reads: &'a Reads, tree: &Tree<'_>, judged: &Judgement) -> Option<&'a Op> {
    let again = Again::new(&judged.inputs);
    let values: HashMap<&Op, &Value> =
        judged.inputs.iter().map(|(op, value)| (op, value)).collect();
    let is_fresh = |op: &Op, value: &Value| {
        let now = values.get(op).map_or_else(|| tree.evaluate(op), |value| (*value).clone());
        let gone = matches!(value, Value::File(..)) && now == Value::Absent;
        let listed_anew = || {
            let rel = parent(&op.place.rel).unwrap_or_default().to_vec();
            op.look == Look::Kind && again.lists(&Place { root: op.place.root, rel })
        };
        *value == now || (!gone && (again.covers(op) || listed_anew()))
    };
    reads.iter().find(|(op, value)| !is_fresh(op, value)).map(|(op, _)| op)
}

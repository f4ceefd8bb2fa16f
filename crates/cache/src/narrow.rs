//! Which of the known results fits the tree: path sets in order, and the entries of one, narrowed down
//! operation by operation.

use digest::Digest;
use policy::{Op, Value};
use store::Entry;

use crate::evaluate::Tree;

/// Path sets in the order in which they are tried: where several results fit, the one that stands is
/// taken, and nothing is written; then the one last used.
pub(crate) fn standing_first(mut sets: Vec<Digest>, standing: Option<&Entry>) -> Vec<Digest> {
    let at = standing.and_then(|entry| sets.iter().position(|set| *set == entry.set));
    if let Some(at) = at {
        sets[..=at].rotate_right(1);
    }
    sets
}

/// The operation on which no entry agrees with the tree, what the newest entry has and what the
/// tree has; `None` if there is no entry.
pub(crate) type FirstDifference = Option<(Op, Value, Value)>;

/// Evaluates operation by operation, keeping the entries that agree so far. The first operation
/// on which none agrees is why there is no hit.
pub(crate) fn narrow(
    ops: &[Op],
    entries: Vec<Entry>,
    tree: &Tree<'_>,
) -> Result<(Entry, Vec<Value>), FirstDifference> {
    let mut candidates: Vec<(Entry, Vec<Value>)> = entries
        .into_iter()
        .filter_map(|entry| {
            let values = postcard::from_bytes::<Vec<Value>>(&entry.values).ok()?;
            (values.len() == ops.len()).then_some((entry, values))
        })
        .collect();
    for (at, op) in ops.iter().enumerate() {
        let Some((_, newest)) = candidates.first() else { return Err(None) };
        let now = tree.evaluate(op);
        let newest = newest[at].clone();
        candidates.retain(|(_, values)| values[at] == now);
        if candidates.is_empty() {
            return Err(Some((op.clone(), newest, now)));
        }
    }
    candidates.into_iter().next().ok_or(None)
}

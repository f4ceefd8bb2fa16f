//! Which variable it is that makes a miss.

use std::collections::BTreeMap;

use digest::Digest;

use crate::pathset::{Look, Op};
use crate::reason::MissKind;
use crate::value::Value;

/// The name of the first variable on which two answers to `op` differ, and how; `None` for
/// operations that ask for no variable.
#[must_use]
pub fn changed_variable(op: &Op, then: &Value, now: &Value) -> Option<(MissKind, Vec<u8>)> {
    match (op.look, then, now) {
        (Look::Env(_), ..) => Some((then.difference(now, op.look), op.place.rel.clone())),
        (Look::Envs(_), Value::Variables(then), Value::Variables(now)) => first(then, now),
        _ => None,
    }
}

type Found = [(Vec<u8>, Digest)];

fn first(then: &Found, now: &Found) -> Option<(MissKind, Vec<u8>)> {
    let mut both: BTreeMap<&[u8], [Option<&Digest>; 2]> = BTreeMap::new();
    for (side, found) in [then, now].into_iter().enumerate() {
        for (name, digest) in found {
            both.entry(name).or_default()[side] = Some(digest);
        }
    }
    let (name, sides) = both.into_iter().find(|(_, [then, now])| then != now)?;
    let kind = match sides {
        [None, _] => MissKind::EnvAdded,
        [_, None] => MissKind::EnvRemoved,
        _ => MissKind::EnvChanged,
    };
    Some((kind, name.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pathset::Asked;
    use crate::place::{Place, Root};
    use digest::hash_bytes;

    fn found(pairs: &[(&str, &str)]) -> Value {
        let pair = |(name, value): &(&str, &str)| ((*name).into(), hash_bytes(value.as_bytes()));
        Value::Variables(pairs.iter().map(pair).collect())
    }

    fn op(look: Look, rel: &str) -> Op {
        Op { look, place: Place { root: Root::Env, rel: rel.into() } }
    }

    #[test]
    fn a_match_that_came_went_or_changed_is_named() {
        let glob = op(Look::Envs(Asked::Runner), "V_*");
        let then = found(&[("V_A", "1"), ("V_B", "2")]);
        for (now, kind, name) in [
            (found(&[("V_A", "1"), ("V_AA", ""), ("V_B", "2")]), MissKind::EnvAdded, "V_AA"),
            (found(&[("V_B", "2")]), MissKind::EnvRemoved, "V_A"),
            (found(&[("V_A", "1"), ("V_B", "3")]), MissKind::EnvChanged, "V_B"),
        ] {
            assert_eq!(changed_variable(&glob, &then, &now), Some((kind, name.into())));
        }
        assert_eq!(changed_variable(&glob, &then, &then), None);
    }

    #[test]
    fn a_single_name_is_named_by_its_operation() {
        let one = op(Look::Env(Asked::Process), "X");
        let changed = changed_variable(&one, &Value::Absent, &Value::text(b"1"));
        assert_eq!(changed, Some((MissKind::EnvAdded, b"X".to_vec())));
    }
}

//! The path set: what a step looked at, without what it found there.
//!
//! Operations are stored, not outcomes, so that one set serves every state of the tree in which the
//! step looks at the same things (the idea is `BuildXL`'s two-phase cache look-up).

use serde::{Deserialize, Serialize};

use crate::place::{Place, Root};
use crate::value::Value;

/// What is asked of a place. The order is that of evaluation: cheap and telling ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Look {
    /// Left out on purpose, by a tool's wish, with everything beneath: listings pass over it.
    Ignored,
    /// What value has the variable of this name? Asked of whom.
    Env(Asked),
    /// Which variables match this glob, with which values? Asked of whom.
    Envs(Asked),
    /// Is this the workspace in which the run was made? Asked of a result that is right only there, and
    /// makes all other operations see the step's own files as they are.
    InPlace,
    /// Is it absent, or does it hold bytes this step left? Anything else is seen as it is.
    Own,
    /// Is something of this kind there, be it the step's own? The listing of its directory leaves
    /// the name out.
    Present,
    /// Which permission bits has the directory, be it the step's own?
    Bits,
    /// Does it exist, and as what kind?
    Kind,
    /// Where does the symbolic link point?
    Link,
    /// May it be used for these `access` bits?
    Access(u8),
    /// Which program does this name start?
    Lookup,
    /// Where is the workspace? (Outputs contain its path.)
    Here,
    /// Which names, of which kinds, are in the directory?
    Listing,
    /// The same as [`Look::Content`], asked by `stat` alone: whoever goes by times and sizes.
    Stat,
    /// Which bytes, and which permission bits?
    Content,
    /// Which files are here and beneath, and what do they hold?
    Beneath,
    /// Which files match the step's declared patterns, and what do they hold?
    Declared,
}

impl Look {
    /// The rule by which this look, with this answer, is an input; one of [`crate::RULES`].
    pub(crate) fn rule(self, value: &Value) -> &'static str {
        match (self, value) {
            (Self::Ignored, _) => "ignored",
            (Self::Env(_) | Self::Envs(_), _) => "variable",
            (Self::InPlace, _) => "in-place",
            (Self::Own, _) => "own",
            (Self::Present, _) => "present",
            (Self::Bits, _) => "own-mode",
            (Self::Kind, Value::Absent) => "absence",
            (Self::Kind, _) => "kind",
            (Self::Link, _) => "link",
            (Self::Access(_), _) => "access",
            (Self::Lookup, _) => "lookup",
            (Self::Here, _) => "root",
            (Self::Listing, _) => "listing",
            (Self::Content | Self::Stat, Value::Dir(_)) => "mode",
            (Self::Content, _) => "content",
            (Self::Beneath, _) => "beneath",
            (Self::Stat, _) => "stat",
            (Self::Declared, _) => "declared",
        }
    }

    /// Whether the answer to this look says all that the answer to another look at the same place
    /// does: who read a file also knows that it is there.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self == other
            || match self {
                Self::Content => matches!(other, Self::Stat | Self::Kind | Self::Link),
                Self::Stat => matches!(other, Self::Kind | Self::Link),
                Self::Link => other == Self::Kind,
                _ => false,
            }
    }

    /// What is asked, in one word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Env(_) => "variable",
            Self::Envs(_) => "variables",
            Self::InPlace => "in-place",
            Self::Own => "own",
            Self::Present => "present",
            Self::Bits => "bits",
            Self::Kind => "kind",
            Self::Link => "link",
            Self::Access(_) => "access",
            Self::Lookup => "lookup",
            Self::Here => "root",
            Self::Listing => "listing",
            Self::Stat => "stat",
            Self::Content => "content",
            Self::Beneath => "beneath",
            Self::Declared => "declared",
        }
    }
}

/// Who was asked for a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Asked {
    /// The runner, which answers from its whole environment.
    Runner,
    /// Nobody: a process looked at its own environment. So it has to be passed on.
    Process,
}

/// One operation of a path set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Op {
    /// What is asked.
    pub look: Look,
    /// Of what.
    pub place: Place,
}

/// A sorted set of operations, without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathSet {
    ops: Vec<Op>,
}

/// Parts of a path set that are stored apart, because they are shared by many steps or seldom
/// change: the workspace's own files, installed packages, and everything outside.
const PARTS: usize = 3;

impl PathSet {
    /// Sorts, and drops what stands twice.
    #[must_use]
    pub fn new(mut ops: Vec<Op>) -> Self {
        ops.sort_unstable();
        ops.dedup();
        Self { ops }
    }

    /// The operations in the order in which they are evaluated.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The encoded parts, in a fixed order; empty parts are left out.
    #[must_use]
    pub fn encode(&self) -> Vec<Vec<u8>> {
        let mut parts: [Vec<&Op>; PARTS] = Default::default();
        for op in &self.ops {
            parts[part_of(&op.place)].push(op);
        }
        parts
            .iter()
            .filter(|part| !part.is_empty())
            .map(|part| postcard::to_stdvec(part).expect("BUG: a path set is plain data"))
            .collect()
    }

    /// The inverse of [`PathSet::encode`]; `None` if a part is not of this format.
    #[must_use]
    pub fn decode<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut ops = Vec::new();
        for part in parts {
            ops.extend(postcard::from_bytes::<Vec<Op>>(part).ok()?);
        }
        Some(Self::new(ops))
    }
}

fn part_of(place: &Place) -> usize {
    let installed = |name: &[u8]| name == b"node_modules" || name == b"site-packages";
    match place.root {
        Root::Workspace if place.rel.split(|&byte| byte == b'/').any(installed) => 1,
        Root::Workspace | Root::Above | Root::Env => 0,
        Root::Home | Root::Temp | Root::Absolute | Root::Path => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_op() -> impl Strategy<Value = Op> {
        let look = prop_oneof![
            Just(Look::Own),
            Just(Look::Kind),
            (0u8..8).prop_map(Look::Access),
            Just(Look::Listing),
            Just(Look::Content),
        ];
        let root = prop_oneof![
            Just(Root::Workspace),
            Just(Root::Above),
            Just(Root::Home),
            Just(Root::Absolute)
        ];
        (look, root, proptest::collection::vec(any::<u8>(), 0..12))
            .prop_map(|(look, root, rel)| Op { look, place: Place { root, rel } })
    }

    proptest! {
        #[test]
        fn encoding_keeps_every_operation(ops in proptest::collection::vec(any_op(), 0..40)) {
            let set = PathSet::new(ops);
            let parts = set.encode();
            let back = PathSet::decode(parts.iter().map(Vec::as_slice));
            prop_assert_eq!(back, Some(set));
        }

        #[test]
        fn decoding_garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = PathSet::decode([&bytes[..]]);
        }

        #[test]
        fn order_of_observation_does_not_matter(ops in proptest::collection::vec(any_op(), 0..20)) {
            let mut reversed = ops.clone();
            reversed.reverse();
            prop_assert_eq!(PathSet::new(ops).encode(), PathSet::new(reversed).encode());
        }
    }
}

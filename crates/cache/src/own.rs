//! Own paths: those that hold, now, bytes which a recorded result of a step left there.

use std::collections::HashMap;

use digest::{Digest, hash_bytes};
use policy::Roots;
use stat::{Kind, StatId, join};
use store::Left;

use crate::disk::{Disk, read_link};

/// What stands at a path that a step owns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owned {
    /// Its identity, when it was found to be the step's own.
    pub(crate) id: StatId,
    /// Digest of the content, or of the target of a link; zero for a directory.
    pub(crate) digest: Digest,
}

impl Owned {
    pub(crate) fn kind(&self) -> Kind {
        self.id.kind()
    }
}

/// Absolute paths that a step owns at this moment.
pub(crate) type OwnPaths = HashMap<Vec<u8>, Owned>;

/// Finds which of the paths that are recorded for a step still hold what it left there.
pub(crate) fn own_paths(left: &[Left], roots: &Roots, disk: &Disk) -> OwnPaths {
    let mut own = OwnPaths::new();
    for record in left {
        let path = join(&roots.workspace, &record.path);
        if !own.contains_key(&path)
            && let Some(id) = holds(&path, record.kind, &record.digest, disk)
        {
            own.insert(path, Owned { id, digest: record.digest });
        }
    }
    own
}

/// Whether a path holds what is recorded; its identity, if so.
pub(crate) fn holds(path: &[u8], kind: Kind, digest: &Digest, disk: &Disk) -> Option<StatId> {
    let id = disk.look(path).ok().flatten().filter(|id| id.kind() == kind)?;
    let same = match kind {
        Kind::Dir => true,
        Kind::File => disk.digest_of(path, &id).is_ok_and(|now| now == *digest),
        Kind::Link => read_link(path).is_ok_and(|target| hash_bytes(&target) == *digest),
        Kind::Special => false,
    };
    same.then_some(id)
}

/// The digest under which an output stands in the ledger.
pub(crate) fn ledger_digest(kind: &policy::OutputKind) -> (Kind, Digest) {
    match kind {
        policy::OutputKind::File { digest, .. } => (Kind::File, *digest),
        policy::OutputKind::Link(target) => (Kind::Link, hash_bytes(target)),
        policy::OutputKind::Dir => (Kind::Dir, Digest::ZERO),
    }
}

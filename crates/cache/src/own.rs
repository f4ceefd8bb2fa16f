//! Own paths: those that hold, now, bytes which a recorded result of a step left there.

use std::collections::HashMap;

use digest::{Digest, hash_bytes};
use policy::Roots;
use stat::{Kind, join};
use store::Left;

use crate::disk::{Disk, read_link};

/// Absolute paths that a step owns at this moment, with their kinds.
pub(crate) type OwnPaths = HashMap<Vec<u8>, Kind>;

/// Finds which of the paths that are recorded for a step still hold what it left there.
pub(crate) fn own_paths(left: &[Left], roots: &Roots, disk: &Disk) -> OwnPaths {
    let mut own = OwnPaths::new();
    for record in left {
        let path = join(&roots.workspace, &record.path);
        if !own.contains_key(&path) && holds(&path, record, disk) {
            own.insert(path, record.kind);
        }
    }
    own
}

/// Whether a path holds what is recorded.
pub(crate) fn holds(path: &[u8], record: &Left, disk: &Disk) -> bool {
    let Ok(Some(id)) = disk.look(path) else { return false };
    id.kind() == record.kind
        && match record.kind {
            Kind::Dir => true,
            Kind::File => disk.digest_of(path, &id).is_ok_and(|digest| digest == record.digest),
            Kind::Link => read_link(path).is_ok_and(|target| hash_bytes(&target) == record.digest),
            Kind::Special => false,
        }
}

/// The digest under which an output stands in the ledger.
pub(crate) fn ledger_digest(kind: &policy::OutputKind) -> (Kind, Digest) {
    match kind {
        policy::OutputKind::File { digest, .. } => (Kind::File, *digest),
        policy::OutputKind::Link(target) => (Kind::Link, hash_bytes(target)),
        policy::OutputKind::Dir => (Kind::Dir, Digest::ZERO),
    }
}

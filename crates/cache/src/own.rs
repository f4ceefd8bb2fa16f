//! Own paths: those that hold, now, bytes which a recorded result of a step left there, or the second
//! name of a file that it made there.

use std::collections::{HashMap, HashSet};

use digest::{Digest, hash_bytes};
use policy::{Root, Roots, Value, is_on, is_tool_state};
use stat::{Kind, StatId, join};
use store::Left;

use crate::build_on::Reads;
use crate::disk::{Disk, has_other_names, read_link};

/// What stands at a path that a step owns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owned {
    /// Its identity, when it was found to be the step's own.
    pub(crate) id: StatId,
    /// Digest of the content that it holds, or of the target of a link; zero for a directory.
    pub(crate) digest: Digest,
}

impl Owned {
    pub(crate) fn kind(&self) -> Kind {
        self.id.kind()
    }

    /// Whether somebody changed its permission bits since it was left so.
    pub(crate) fn has_other_mode(&self, left: &Left) -> bool {
        self.kind() != Kind::Link && self.id.permissions() != left.mode
    }
}

/// Absolute paths that a step owns at this moment.
pub(crate) type OwnPaths = HashMap<Vec<u8>, Owned>;

/// Finds which of the paths that are recorded for a step still hold what it left there. A build tool's
/// own state is its step's whoever wrote there last.
pub(crate) fn own_paths(left: &[Left], roots: &Roots, disk: &Disk) -> OwnPaths {
    let mut own = OwnPaths::new();
    for record in left {
        let path = join(&roots.workspace, &record.path);
        if !own.contains_key(&path)
            && let Some(owned) = holding(&path, record, disk)
        {
            own.insert(path, owned);
        }
    }
    own
}

fn holding(path: &[u8], record: &Left, disk: &Disk) -> Option<Owned> {
    if is_tool_state(path) && record.kind == Kind::File {
        let id = disk.look(path).ok().flatten().filter(|id| id.kind() == Kind::File)?;
        return disk.digest_of(path, &id).ok().map(|digest| Owned { id, digest });
    }
    let id = holds(path, record.kind, &record.digest, disk)?;
    Some(Owned { id, digest: record.digest })
}

/// Adds the paths at which the step left a second name of a file that it read (`cp -l`, `ln`), and that
/// still are one. Their bytes moved with that file's; whoever takes such a name away destroys nothing.
/// `reads` is asked only if there may be any.
pub(crate) fn add_second_names(
    own: &mut OwnPaths,
    left: &[Left],
    reads: impl FnOnce() -> Reads,
    roots: &Roots,
    disk: &Disk,
) {
    let mut strayed = left.iter().filter(|record| record.kind == Kind::File).filter_map(|record| {
        let path = join(&roots.workspace, &record.path);
        (!own.contains_key(&path) && has_other_names(&path)).then_some((path, record.digest))
    });
    let Some(first) = strayed.next().filter(|_| is_on("second-name")) else { return };
    let strayed: Vec<(Vec<u8>, Digest)> = std::iter::once(first).chain(strayed).collect();
    let names: HashSet<Vec<u8>> = strayed.iter().map(|(path, _)| path.clone()).collect();
    let mut sources: HashMap<(u64, u64), HashSet<Digest>> = HashMap::new();
    for (op, value) in reads() {
        let path = roots.path(&op.place).filter(|_| op.place.root == Root::Workspace);
        if let (Some(path), Value::File(digest, _)) = (path, value)
            && !names.contains(&path)
            && let Ok(Some(id)) = disk.look(&path)
        {
            sources.entry((id.dev, id.ino)).or_default().insert(digest);
        }
    }
    for (path, left) in strayed {
        let Ok(Some(id)) = disk.look(&path) else { continue };
        let was_equal = sources.get(&(id.dev, id.ino)).is_some_and(|read| read.contains(&left));
        if let Some(digest) = was_equal.then(|| disk.digest_of(&path, &id).ok()).flatten() {
            own.insert(path, Owned { id, digest });
        }
    }
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

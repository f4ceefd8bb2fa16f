//! The disk as it is now: `lstat`, listings and digests, with one memory for the whole run.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use digest::{Digest, hash_file};
use fspy_trace::Listed;
use stat::{Kind, StatId, as_path};
use store::State;

/// Takes a lock even if a thread died holding it: what is guarded stays consistent row by row.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many fresh digests are kept back before they are written to the stat index in one go.
const BATCH: usize = 4096;

/// Looks at the disk.
#[derive(Debug)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
    looks: Mutex<HashMap<Vec<u8>, Option<StatId>>>,
    fresh: Mutex<HashMap<StatId, Digest>>,
    written: Mutex<HashMap<StatId, Digest>>,
}

impl Disk {
    pub(crate) fn new(state: Arc<Mutex<State>>) -> Self {
        Self { state, looks: Mutex::default(), fresh: Mutex::default(), written: Mutex::default() }
    }

    /// What stands at a path now; `None` if nothing does.
    pub(crate) fn lstat(path: &[u8]) -> io::Result<Option<StatId>> {
        match stat::lstat(path) {
            Ok(id) => Ok(Some(id)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same, but each path is looked at once until [`Disk::forget`], and a parent that is no
    /// directory is an error: a command is told so too.
    pub(crate) fn look(&self, path: &[u8]) -> io::Result<Option<StatId>> {
        if let Some(found) = lock(&self.looks).get(path) {
            return Ok(*found);
        }
        let found = match stat::lstat(path) {
            Ok(id) => Some(id),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        lock(&self.looks).insert(path.to_vec(), found);
        Ok(found)
    }

    /// Forgets what was looked at: something has run, or been restored, since.
    pub(crate) fn forget(&self) {
        lock(&self.looks).clear();
    }

    /// Digest of the bytes that went with an identity, if it was taken before.
    pub(crate) fn known(&self, id: &StatId) -> Option<Digest> {
        if let Some(digest) = lock(&self.fresh).get(id) {
            return Some(*digest);
        }
        lock(&self.state).digest_of(id)
    }

    /// Digest of the bytes that a regular file holds now, read only if its identity is new.
    pub(crate) fn digest(&self, path: &[u8]) -> io::Result<Digest> {
        match stat::lstat(path)? {
            id if id.kind() == Kind::File => self.digest_of(path, &id),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
        }
    }

    /// The same, for a file that was just looked at.
    pub(crate) fn digest_of(&self, path: &[u8], id: &StatId) -> io::Result<Digest> {
        if let Some(digest) = self.known(id) {
            return Ok(digest);
        }
        let (digest, id) = match git_index_digest(path) {
            Some(digest) => (digest, *id),
            None => hash_file(path)?,
        };
        if !id.is_young(stat::now_ns()) {
            self.remember(id, digest);
        }
        Ok(digest)
    }

    /// Notes what a step of this run left, or had restored. The identity may be young, so this says
    /// only what a step that comes after finds, and never spares looking at the bytes.
    pub(crate) fn note_written(&self, path: &[u8], digest: Digest) {
        if let Ok(Some(id)) = Self::lstat(path) {
            lock(&self.written).insert(id, digest);
        }
    }

    /// Digest of what went with an identity, as far as steps of this run, or the stat index, tell.
    pub(crate) fn known_before(&self, id: &StatId) -> Option<Digest> {
        self.left_by_a_step(id).or_else(|| self.known(id))
    }

    /// Digest of what a step of this run left, or had restored, with an identity.
    pub(crate) fn left_by_a_step(&self, id: &StatId) -> Option<Digest> {
        lock(&self.written).get(id).copied()
    }

    fn remember(&self, id: StatId, digest: Digest) {
        let full = {
            let mut fresh = lock(&self.fresh);
            fresh.insert(id, digest);
            fresh.len() >= BATCH
        };
        if full {
            self.flush();
        }
    }

    /// Writes fresh digests to the stat index. Failing costs only time later.
    pub(crate) fn flush(&self) {
        let batch: Vec<(StatId, Digest)> = lock(&self.fresh).drain().collect();
        if !batch.is_empty() {
            let _ = lock(&self.state).remember(&batch);
        }
    }
}

/// The index of a git repository counts by its entries, not by the times it remembers.
fn git_index_digest(path: &[u8]) -> Option<Digest> {
    let meaning = path.ends_with(b"/.git/index").then(|| gitindex::meaning(as_path(path)))??;
    Some(digest::hash_bytes(&meaning))
}

/// Whether an error says that nothing is there.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Names and kinds in a directory, in no order.
pub(crate) fn list(dir: &[u8]) -> io::Result<Vec<Listed>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(as_path(dir))? {
        let entry = entry?;
        let kind = match entry.file_type() {
            Ok(kind) if kind.is_file() => Kind::File,
            Ok(kind) if kind.is_dir() => Kind::Dir,
            Ok(kind) if kind.is_symlink() => Kind::Link,
            Ok(_) => Kind::Special,
            Err(error) if is_absence(&error) => continue,
            Err(error) => return Err(error),
        };
        names.push((std::os::unix::ffi::OsStringExt::into_vec(entry.file_name()), kind));
    }
    Ok(names)
}

/// Target of a symbolic link.
pub(crate) fn read_link(path: &[u8]) -> io::Result<Vec<u8>> {
    std::fs::read_link(as_path(path)).map(|target| stat::as_bytes(&target).to_vec())
}

/// Whether a regular file has more names than this one.
pub(crate) fn has_other_names(path: &[u8]) -> bool {
    std::fs::symlink_metadata(as_path(path)).is_ok_and(|meta| meta.is_file() && meta.nlink() > 1)
}

/// Which of these `access` bits this process is granted.
pub(crate) fn access(path: &[u8], bits: u8) -> u8 {
    use rustix::fs::Access;
    [Access::READ_OK, Access::WRITE_OK, Access::EXEC_OK]
        .into_iter()
        .filter(|bit| bits & bit_of(*bit) != 0)
        .filter(|bit| rustix::fs::access(path, *bit).is_ok())
        .fold(0, |granted, bit| granted | bit_of(bit))
}

fn bit_of(access: rustix::fs::Access) -> u8 {
    u8::try_from(access.bits()).unwrap_or(0)
}

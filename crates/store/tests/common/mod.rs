//! What the tests of the store share: results to insert, and this test binary as a child process.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses its part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use digest::{Digest, Hasher, hash_bytes};
use store::{Blob, Cache, Insert, StoreError};

/// Names the directory a child works in; unset in the parent.
pub const DIR: &str = "STORE_TEST_DIR";

/// A result whose every part follows from its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub weak: u32,
    pub set: u32,
    pub values: u32,
}

impl Sample {
    pub fn new(weak: u32, set: u32, values: u32) -> Self {
        Self { weak, set, values }
    }

    pub fn weak(&self) -> Digest {
        hash_bytes(format!("weak {}", self.weak).as_bytes())
    }

    /// One chunk that all sets share, and one of its own.
    pub fn chunks(&self) -> Vec<Vec<u8>> {
        vec![b"shared ".repeat(100), format!("own {}", self.set).into_bytes()]
    }

    pub fn set(&self) -> Digest {
        let digests: Vec<Digest> = self.chunks().iter().map(|chunk| hash_bytes(chunk)).collect();
        store::set_digest(&digests)
    }

    pub fn strong(&self) -> Digest {
        let mut hasher = Hasher::new();
        hasher.digest(&self.weak()).digest(&self.set()).number(self.values.into()).finish()
    }

    /// Content of its archive: incompressible enough to have a size.
    pub fn archive(&self) -> Vec<u8> {
        let part =
            |index: u32| *hash_bytes(format!("{index} {}", self.values).as_bytes()).as_bytes();
        (0..200).flat_map(part).collect()
    }

    /// Writes its blobs, then its entry.
    pub fn insert(&self, cache: &mut Cache) -> Result<(), StoreError> {
        let archive = write_blob(cache, Blob::Archive, &self.archive())?;
        let log = write_blob(cache, Blob::Log, b"a log that all share")?;
        self.insert_row(cache, archive, log)
    }

    pub fn insert_row(
        &self,
        cache: &mut Cache,
        archive: (Digest, u64),
        log: (Digest, u64),
    ) -> Result<(), StoreError> {
        cache.insert(self.row(&self.chunks(), vec![archive], Some(log)))
    }

    pub fn row<'a>(
        &self,
        set: &'a [Vec<u8>],
        archives: Vec<(Digest, u64)>,
        log: Option<(Digest, u64)>,
    ) -> Insert<'a> {
        Insert {
            weak: self.weak(),
            set,
            strong: self.strong(),
            manifest: format!("manifest {self:?}").into_bytes(),
            values: format!("values {}", self.values).into_bytes(),
            archives,
            log,
            duration_ms: 1234,
            from_nothing: true,
        }
    }

    pub fn hit(&self) -> (Digest, Digest, Digest) {
        (self.weak(), self.set(), self.strong())
    }
}

pub fn write_blob(cache: &Cache, kind: Blob, bytes: &[u8]) -> Result<(Digest, u64), StoreError> {
    let mut blob = cache.new_blob(kind)?;
    let written = blob.write_all(bytes);
    written.map_err(|source| StoreError::Io { doing: "write", path: PathBuf::new(), source })?;
    blob.commit()
}

/// Number of entries, all of which must be sound.
pub fn sound_entries(cache: &Cache) -> usize {
    let sound = |(strong, entry): (Digest, Result<_, StoreError>)| {
        entry.unwrap_or_else(|error| panic!("entry {strong}: {error}"));
    };
    cache.verify().unwrap().map(sound).count()
}

/// This test binary, running one test in a directory.
pub fn child(test: &str, dir: &Path) -> Command {
    child_of(&std::env::current_exe().unwrap(), test, dir)
}

pub fn child_of(program: &Path, test: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(DIR, dir);
    command
}

/// The directory to work in, if this is a child.
pub fn child_dir() -> Option<PathBuf> {
    std::env::var_os(DIR).map(PathBuf::from)
}

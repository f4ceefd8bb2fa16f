//! The shared part: a database of entries and path sets, and the blobs they refer to.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use digest::Digest;

use crate::connect::Layout;
use crate::db::Db;
use crate::session::Session;
use crate::{Blob, BlobWriter, Result, StoreError};

/// Tables of the cache; see `docs/formats.md`.
const LAYOUT: Layout =
    Layout { file: "cache.db", format: 1, schema: include_str!("sql/cache.sql") };

/// The shared cache. Reading takes no lock; one that can't be written is read as it is.
#[derive(Debug)]
pub struct Cache {
    pub(crate) db: Db,
    pub(crate) dir: PathBuf,
    key: [u8; 32],
}

/// What a cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Entries.
    pub entries: u64,
    /// Path sets.
    pub path_sets: u64,
    /// Archives.
    pub archives: u64,
    /// Logs.
    pub logs: u64,
    /// Bytes of blobs and of bodies in the database.
    pub bytes: u64,
}

impl Stats {
    pub(crate) fn of(session: &Session<'_>) -> Result<Self> {
        let stats = session.first(include_str!("sql/stats.sql"), [], |row| {
            Ok(Self {
                entries: row.get(0)?,
                path_sets: row.get(1)?,
                archives: row.get(2)?,
                logs: row.get(3)?,
                bytes: row.get(4)?,
            })
        })?;
        Ok(stats.unwrap_or_default())
    }
}

impl Cache {
    /// Opens the cache in a directory, which is made if it is not there. A database of another
    /// format is emptied, a damaged one is set aside: see [`Cache::warnings`].
    pub fn open(dir: &Path) -> Result<Self> {
        let mut db = Db::open(dir, &LAYOUT)?;
        let key = load_key(&mut db)?;
        Ok(Self { db, dir: dir.to_path_buf(), key })
    }

    /// What opening it had to put right, in words.
    pub fn warnings(&self) -> &[String] {
        &self.db.warnings
    }

    /// Whether nothing can be added.
    pub fn is_read_only(&self) -> bool {
        self.db.read_only
    }

    /// A key that belongs to this cache alone, for digests of what must not be guessed from them.
    pub fn key(&self) -> [u8; 32] {
        self.key
    }

    /// Where a blob is, if it is there.
    pub fn blob_path(&self, kind: Blob, digest: &Digest) -> PathBuf {
        kind.path(&self.dir, digest)
    }

    /// A new blob to write to.
    pub fn new_blob(&self, kind: Blob) -> Result<BlobWriter> {
        if self.db.read_only {
            return Err(StoreError::ReadOnly { path: self.dir.clone() });
        }
        BlobWriter::create(&self.dir, kind)
    }

    /// What it holds.
    pub fn stats(&self) -> Result<Stats> {
        Stats::of(&self.db.read("count"))
    }

    /// Makes sure that its log does not grow without bound. Call it when nothing more is to come.
    pub fn settle(&mut self) -> Result<()> {
        self.db.checkpoint()
    }
}

/// The cache's key, made if this is a new cache; one for now if it can't be kept.
fn load_key(db: &mut Db) -> Result<[u8; 32]> {
    if let Some(key) = stored_key(&db.read("read the key"))? {
        return Ok(key);
    }
    let fresh = random_key()?;
    if db.read_only {
        return Ok(fresh);
    }
    db.write("write the key", |session| {
        let insert = "INSERT INTO meta (name, value) VALUES ('key', ?1) ON CONFLICT DO NOTHING";
        session.run(insert, [fresh])?;
        // Another process may have been faster.
        Ok(stored_key(session)?.unwrap_or(fresh))
    })
}

fn stored_key(session: &Session<'_>) -> Result<Option<[u8; 32]>> {
    session.first("SELECT value FROM meta WHERE name = 'key'", [], |row| row.get(0))
}

fn random_key() -> Result<[u8; 32]> {
    let source = Path::new("/dev/urandom");
    let mut key = [0; 32];
    let filled = File::open(source).and_then(|mut file| file.read_exact(&mut key));
    filled.map_err(|error| StoreError::of_file("read", source, error))?;
    Ok(key)
}

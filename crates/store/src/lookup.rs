//! Reading the cache: from a weak fingerprint to path sets, from a strong one to its entry.

use digest::{Digest, Hasher, hash_bytes};
use rusqlite::Row;

use crate::session::{Column, Session, first_digest};
use crate::{Blob, Cache, Result};

/// What is being done here, for errors.
const LOOK_UP: &str = "look up";

/// A part of a path set that it may share with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Digest of the body.
    pub digest: Digest,
    /// The body, whose meaning is the caller's.
    pub body: Vec<u8>,
}

/// A result that can be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Strong fingerprint.
    pub strong: Digest,
    /// Weak fingerprint.
    pub weak: Digest,
    /// Digest of the path set.
    pub set: Digest,
    /// Output manifest.
    pub manifest: Vec<u8>,
    /// What the path set held.
    pub values: Vec<u8>,
    /// Archives with their sizes, in the order in which they were given.
    pub archives: Vec<(Digest, u64)>,
    /// The log, with its size.
    pub log: Option<(Digest, u64)>,
    /// How long the run took.
    pub duration_ms: u64,
    /// Whether the run built on no earlier result.
    pub from_nothing: bool,
    /// When it was made, seconds since the epoch.
    pub created_s: i64,
    /// When it was last a hit, seconds since the epoch.
    pub used_s: i64,
}

/// Nanoseconds in a second.
pub(crate) const NANOS: i64 = 1_000_000_000;

/// A row of `entry` before its bodies are decoded and its blobs are looked up.
struct EntryRow {
    id: i64,
    entry: Entry,
}

const SELECT_ENTRY: &str = "SELECT entry.id, strong, weak, path_set.digest, manifest, \
    input_values, duration_ms, from_nothing, created_ns, used_ns \
    FROM entry JOIN path_set ON path_set.id = set_id";

/// Digest of a path set, given its chunks' digests in order.
#[must_use]
pub fn set_digest<'a>(chunks: impl IntoIterator<Item = &'a Digest>) -> Digest {
    let mut hasher = Hasher::new();
    for chunk in chunks {
        hasher.digest(chunk);
    }
    hasher.finish()
}

impl Cache {
    /// Path sets of a weak fingerprint, the one with the newest hit first.
    pub fn path_sets(&self, weak: &Digest, limit: usize) -> Result<Vec<Digest>> {
        // In the order of an index, read no further than needed.
        let select = "SELECT path_set.digest FROM entry JOIN path_set ON path_set.id = set_id \
            WHERE weak = ?1 ORDER BY used_ns DESC";
        let session = self.db.read(LOOK_UP);
        let mut sets = Vec::new();
        session.each(select, [weak.as_bytes()], |row| {
            let set = first_digest(row)?;
            if sets.len() < limit && !sets.contains(&set) {
                sets.push(set);
            }
            Ok(sets.len() < limit)
        })?;
        Ok(sets)
    }

    /// Chunks of a path set in order; `None` if there is no such set.
    ///
    /// # Errors
    /// A chunk or set that is not what its digest says is damage.
    pub fn path_set(&self, set: &Digest) -> Result<Option<Vec<Chunk>>> {
        self.db.snapshot(LOOK_UP, |session| {
            let Some(digests) = chunk_digests(session, set)? else { return Ok(None) };
            let chunks = digests.iter().map(|digest| {
                let chunk = chunk(session, digest)?;
                chunk.ok_or_else(|| session.damaged(format!("chunk {digest} is not there")))
            });
            chunks.collect::<Result<_>>().map(Some)
        })
    }

    /// Digests of the chunks of a path set, for who knows most of them: see [`Cache::chunk`].
    pub fn chunk_digests(&self, set: &Digest) -> Result<Option<Vec<Digest>>> {
        self.db.snapshot(LOOK_UP, |session| chunk_digests(session, set))
    }

    /// One chunk.
    ///
    /// # Errors
    /// A chunk that is not what its digest says is damage.
    pub fn chunk(&self, digest: &Digest) -> Result<Option<Chunk>> {
        chunk(&self.db.read(LOOK_UP), digest)
    }

    /// The entry of a strong fingerprint.
    pub fn entry(&self, strong: &Digest) -> Result<Option<Entry>> {
        self.db.snapshot(LOOK_UP, |session| {
            let select = format!("{SELECT_ENTRY} WHERE strong = ?1");
            let row = session.first(&select, [strong.as_bytes()], entry_row)?;
            row.map(|row| finish(session, row)).transpose()
        })
    }

    /// Entries of a path set, newest first. Those that are damaged are left out.
    pub fn entries_of(&self, weak: &Digest, set: &Digest) -> Result<Vec<Entry>> {
        let select = format!(
            "{SELECT_ENTRY} WHERE weak = ?1 AND path_set.digest = ?2 \
            ORDER BY used_ns DESC"
        );
        self.db.snapshot(LOOK_UP, |session| {
            let rows = session.rows(&select, (weak.as_bytes(), set.as_bytes()), entry_row)?;
            Ok(rows.into_iter().filter_map(|row| finish(session, row).ok()).collect())
        })
    }
}

fn chunk_digests(session: &Session<'_>, set: &Digest) -> Result<Option<Vec<Digest>>> {
    let select = "SELECT id FROM path_set WHERE digest = ?1";
    let id: Option<i64> = session.first(select, [set.as_bytes()], |row| row.get(0))?;
    let Some(id) = id else { return Ok(None) };
    let select = "SELECT digest FROM path_set_chunk JOIN chunk ON chunk.id = chunk_id \
        WHERE set_id = ?1 ORDER BY position";
    let digests = session.rows(select, [id], first_digest)?;
    if set_digest(&digests) == *set {
        Ok(Some(digests))
    } else {
        Err(session.damaged(format!("path set {set} is not whole")))
    }
}

fn chunk(session: &Session<'_>, digest: &Digest) -> Result<Option<Chunk>> {
    let select = "SELECT body FROM chunk WHERE digest = ?1";
    let stored: Option<Vec<u8>> = session.first(select, [digest.as_bytes()], |row| row.get(0))?;
    let Some(body) = stored.map(|stored| session.decode(&stored)).transpose()? else {
        return Ok(None);
    };
    if hash_bytes(&body) == *digest {
        Ok(Some(Chunk { digest: *digest, body }))
    } else {
        Err(session.damaged(format!("chunk {digest} holds other bytes")))
    }
}

fn entry_row(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    let digest = |index| row.get(index).map(|Column(digest)| digest);
    let seconds = |index| row.get(index).map(|nanos: i64| nanos.div_euclid(NANOS));
    let entry = Entry {
        strong: digest(1)?,
        weak: digest(2)?,
        set: digest(3)?,
        manifest: row.get(4)?,
        values: row.get(5)?,
        archives: Vec::new(),
        log: None,
        duration_ms: row.get(6)?,
        from_nothing: row.get(7)?,
        created_s: seconds(8)?,
        used_s: seconds(9)?,
    };
    Ok(EntryRow { id: row.get(0)?, entry })
}

/// Decodes the bodies and adds the blobs.
fn finish(session: &Session<'_>, EntryRow { id, mut entry }: EntryRow) -> Result<Entry> {
    entry.manifest = session.decode(&entry.manifest)?;
    entry.values = session.decode(&entry.values)?;
    let select = "SELECT digest, size, kind FROM entry_blob JOIN blob ON blob.id = blob_id \
        WHERE entry_id = ?1 ORDER BY position";
    let blobs: Vec<(Digest, u64, i64)> =
        session.rows(select, [id], |row| Ok((first_digest(row)?, row.get(1)?, row.get(2)?)))?;
    for (digest, size, kind) in blobs {
        if kind == Blob::Log.code() {
            entry.log = Some((digest, size));
        } else {
            entry.archives.push((digest, size));
        }
    }
    Ok(entry)
}

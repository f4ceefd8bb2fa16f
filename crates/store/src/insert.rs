//! Adding, stamping and dropping entries.

use digest::{Digest, hash_bytes};
use rusqlite::params;

use crate::session::Session;
use crate::{Blob, Cache, Result, StoreError, set_digest};

/// A new entry.
#[derive(Clone, Debug)]
pub struct Insert<'a> {
    /// Weak fingerprint.
    pub weak: Digest,
    /// Bodies of the chunks of the path set, in order; [`set_digest`] of their digests names it.
    pub set: &'a [Vec<u8>],
    /// Strong fingerprint.
    pub strong: Digest,
    /// Output manifest.
    pub manifest: Vec<u8>,
    /// What the path set held.
    pub values: Vec<u8>,
    /// Archives that the manifest refers to, with their sizes.
    pub archives: Vec<(Digest, u64)>,
    /// The log, with its size.
    pub log: Option<(Digest, u64)>,
    /// How long the run took.
    pub duration_ms: u64,
    /// Whether the run built on no earlier result.
    pub from_nothing: bool,
}

impl Cache {
    /// Adds an entry in one transaction; one with the same strong fingerprint is replaced.
    ///
    /// # Errors
    /// [`StoreError::BlobMissing`] if a blob is not there: another process pruned it. Checked
    /// under the lock that pruning takes as well.
    #[expect(clippy::needless_pass_by_value, reason = "an entry is made to be given away")]
    pub fn insert(&mut self, new: Insert<'_>) -> Result<()> {
        let Self { db, dir, .. } = self;
        db.write("insert an entry", |session| {
            let blobs = blobs_of(&new);
            if let Some(&(kind, digest, _)) =
                blobs.iter().find(|(kind, digest, _)| !kind.path(dir, digest).exists())
            {
                return Err(StoreError::BlobMissing { kind, digest });
            }
            let set = path_set(session, new.set)?;
            drop_row(session, &new.strong)?;
            let entry = entry(session, &new, set)?;
            refer(session, entry, &blobs)
        })
    }

    /// Stamps hits (weak, set, strong) as used now, the last one given as the newest.
    pub fn touch(&mut self, hits: &[(Digest, Digest, Digest)]) -> Result<()> {
        if hits.is_empty() {
            return Ok(());
        }
        self.db.write("stamp entries", |session| {
            let update = "UPDATE entry SET used_ns = ?1 WHERE strong = ?2";
            for ((_, _, strong), now) in hits.iter().zip(stat::now_ns()..) {
                session.run(update, (now, strong.as_bytes()))?;
            }
            Ok(())
        })
    }

    /// Removes an entry; what only it referred to goes with the next prune.
    pub fn drop_entry(&mut self, strong: &Digest) -> Result<()> {
        self.db.write("drop an entry", |session| drop_row(session, strong))
    }
}

fn blobs_of(new: &Insert<'_>) -> Vec<(Blob, Digest, u64)> {
    let archives = new.archives.iter().map(|&(digest, size)| (Blob::Archive, digest, size));
    archives.chain(new.log.map(|(digest, size)| (Blob::Log, digest, size))).collect()
}

/// Id of the path set with these chunks, made if it is new.
fn path_set(session: &Session<'_>, chunks: &[Vec<u8>]) -> Result<i64> {
    let digests: Vec<Digest> = chunks.iter().map(|chunk| hash_bytes(chunk)).collect();
    let set = set_digest(&digests);
    let select = "SELECT id FROM path_set WHERE digest = ?1";
    if let Some(id) = session.first(select, [set.as_bytes()], |row| row.get(0))? {
        return Ok(id);
    }
    let id = session.insert("INSERT INTO path_set (digest) VALUES (?1)", [set.as_bytes()])?;
    for ((chunk, digest), position) in chunks.iter().zip(&digests).zip(0_i64..) {
        let chunk = chunk_id(session, digest, chunk)?;
        let insert = "INSERT INTO path_set_chunk (set_id, position, chunk_id) VALUES (?1, ?2, ?3)";
        session.run(insert, (id, position, chunk))?;
    }
    Ok(id)
}

/// Id of a chunk, made if it is new.
fn chunk_id(session: &Session<'_>, digest: &Digest, chunk: &[u8]) -> Result<i64> {
    let select = "SELECT id FROM chunk WHERE digest = ?1";
    if let Some(id) = session.first(select, [digest.as_bytes()], |row| row.get(0))? {
        return Ok(id);
    }
    let insert = "INSERT INTO chunk (digest, body) VALUES (?1, ?2)";
    session.insert(insert, (digest.as_bytes(), session.encode(chunk)?))
}

/// Adds the row of an entry; its id.
fn entry(session: &Session<'_>, new: &Insert<'_>, set: i64) -> Result<i64> {
    let insert = "INSERT INTO entry (strong, weak, set_id, duration_ms, from_nothing, created_ns, \
        used_ns, manifest, input_values) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)";
    let duration_ms = i64::try_from(new.duration_ms).unwrap_or(i64::MAX);
    let row = params![
        new.strong.as_bytes(),
        new.weak.as_bytes(),
        set,
        duration_ms,
        new.from_nothing,
        stat::now_ns(),
        session.encode(&new.manifest)?,
        session.encode(&new.values)?,
    ];
    session.insert(insert, row)
}

/// Notes which blobs an entry needs.
fn refer(session: &Session<'_>, entry: i64, blobs: &[(Blob, Digest, u64)]) -> Result<()> {
    for (&(kind, digest, size), position) in blobs.iter().zip(0_i64..) {
        let key = (kind.code(), digest.as_bytes());
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let insert = "INSERT INTO blob (kind, digest, size) VALUES (?1, ?2, ?3) \
            ON CONFLICT (kind, digest) DO UPDATE SET size = excluded.size";
        session.run(insert, (key.0, key.1, size))?;
        let insert = "INSERT INTO entry_blob (entry_id, position, blob_id) \
            SELECT ?1, ?2, id FROM blob WHERE kind = ?3 AND digest = ?4";
        session.run(insert, (entry, position, key.0, key.1))?;
    }
    Ok(())
}

/// Removes the row of an entry and its references.
fn drop_row(session: &Session<'_>, strong: &Digest) -> Result<()> {
    let delete = "DELETE FROM entry_blob \
        WHERE entry_id IN (SELECT id FROM entry WHERE strong = ?1)";
    session.run(delete, [strong.as_bytes()])?;
    session.run("DELETE FROM entry WHERE strong = ?1", [strong.as_bytes()]).map(drop)
}

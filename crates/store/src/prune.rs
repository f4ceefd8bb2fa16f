//! Keeping the cache within its limits: least recently used entries go first, then whatever no
//! entry refers to any more.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use digest::Digest;

use crate::blob::TMP;
use crate::lookup::NANOS;
use crate::session::Session;
use crate::{Blob, Cache, Result, Stats, StoreError};

/// What is being done here, for errors.
const PRUNE: &str = "prune";

/// Age below which a file that no entry refers to is kept: its entry may be about to be added.
const ORPHAN_GRACE: Duration = Duration::from_secs(10 * 60);

/// Age below which an unfinished blob is kept: its writer may be alive, but slow.
const UNFINISHED_GRACE: Duration = Duration::from_secs(60 * 60);

/// How often to look for orphans when no entry was removed.
const SWEEP_INTERVAL_NS: i64 = 24 * 60 * 60 * NANOS;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Entries.
    pub entries: u64,
    /// Bytes of the cache, as [`crate::Stats::bytes`] counts them.
    pub bytes: u64,
}

impl Cache {
    /// Removes entries not used for `max_age_s` seconds, then the least recently used ones until
    /// the cache holds `max_bytes` at most, and what nothing refers to then.
    ///
    /// Other processes may be at work: files younger than a grace stay, and [`Cache::insert`]
    /// looks for its blobs under the lock under which they are removed here. Who looked an entry
    /// up before may find its blobs gone: a miss.
    pub fn prune(&mut self, max_bytes: u64, max_age_s: u64) -> Result<Pruned> {
        let now = stat::now_ns();
        let max_age = i64::try_from(max_age_s).unwrap_or(i64::MAX).saturating_mul(NANOS);
        let pruned = self.db.write(PRUNE, |session| {
            let before = Stats::of(session)?;
            drop_entries(session, "used_ns < ?1", now.saturating_sub(max_age))?;
            collect(session)?;
            shrink(session, max_bytes)?;
            let after = Stats::of(session)?;
            let entries = before.entries - after.entries;
            Ok(Pruned { entries, bytes: before.bytes - after.bytes })
        })?;
        if pruned.entries > 0 || self.swept_ns()? < now.saturating_sub(SWEEP_INTERVAL_NS) {
            self.sweep(now)?;
        }
        Ok(pruned)
    }

    fn swept_ns(&self) -> Result<i64> {
        let select = "SELECT value FROM meta WHERE name = 'swept_ns'";
        let swept = self.db.read(PRUNE).first(select, [], |row| row.get(0))?;
        Ok(swept.unwrap_or(i64::MIN))
    }

    /// Removes files that no entry refers to, and gives free pages back.
    fn sweep(&mut self, now: i64) -> Result<()> {
        let Self { db, dir, .. } = self;
        db.write(PRUNE, |session| {
            for kind in Blob::ALL {
                for path in files(&dir.join(kind.directory()), ORPHAN_GRACE)? {
                    if !is_referenced(session, kind, &path)? {
                        remove(&path)?;
                    }
                }
            }
            files(&dir.join(TMP), UNFINISHED_GRACE)?.iter().try_for_each(|path| remove(path))?;
            let insert = "INSERT OR REPLACE INTO meta (name, value) VALUES ('swept_ns', ?1)";
            session.run(insert, [now]).map(drop)
        })?;
        let vacuum = db.connection.execute_batch("PRAGMA incremental_vacuum");
        vacuum.map_err(|source| db.read(PRUNE).error(source))
    }
}

/// Drops the least recently used entries until what is left fits.
fn shrink(session: &Session<'_>, max_bytes: u64) -> Result<()> {
    loop {
        let Stats { entries, bytes, .. } = Stats::of(session)?;
        if entries == 0 || bytes <= max_bytes {
            return Ok(());
        }
        // Path sets count once they are collected, so that no entry goes in vain.
        let mut excess = bytes - max_bytes;
        while let Some((oldest, size)) = oldest(session)?.filter(|_| excess > 0) {
            drop_entries(session, "id = ?1", oldest)?;
            excess = excess.saturating_sub(size);
        }
        collect(session)?;
    }
}

/// Id of the least recently used entry, and the bytes that go with it alone.
fn oldest(session: &Session<'_>) -> Result<Option<(i64, u64)>> {
    session.first(include_str!("sql/oldest.sql"), [], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Removes the rows that no entry leads to.
fn collect(session: &Session<'_>) -> Result<()> {
    let failed = |source| session.error(source);
    session.connection.execute_batch(include_str!("sql/collect.sql")).map_err(failed)
}

/// Drops the entries that a condition with one number selects.
fn drop_entries(session: &Session<'_>, condition: &str, number: i64) -> Result<()> {
    let delete = format!(
        "DELETE FROM entry_blob WHERE entry_id IN (SELECT id FROM entry WHERE {condition})"
    );
    session.run(&delete, [number])?;
    session.run(&format!("DELETE FROM entry WHERE {condition}"), [number]).map(drop)
}

/// Whether an entry needs the blob in this file.
fn is_referenced(session: &Session<'_>, kind: Blob, path: &Path) -> Result<bool> {
    let name = stat::file_name(stat::as_bytes(path));
    let digest = name.strip_suffix(kind.suffix().as_bytes()).and_then(Digest::from_hex);
    let Some(digest) = digest else { return Ok(false) };
    let select = "SELECT 1 FROM blob WHERE kind = ?1 AND digest = ?2";
    let found = session.first(select, (kind.code(), digest.as_bytes()), |_| Ok(()))?;
    Ok(found.is_some())
}

/// Files in a directory and those below it that have not been written to for a time.
fn files(dir: &Path, age: Duration) -> Result<Vec<PathBuf>> {
    let failed = |source| StoreError::of_file("list", dir, source);
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut old = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        // What is gone by now is another process's doing.
        let Ok(meta) = path.symlink_metadata() else { continue };
        if meta.is_dir() {
            old.extend(files(&path, age)?);
        } else if meta.modified().is_ok_and(|at| is_older(at, age)) {
            old.push(path);
        }
    }
    Ok(old)
}

/// A time in the future is not old: the clock may have been set back.
fn is_older(time: SystemTime, age: Duration) -> bool {
    time.elapsed().is_ok_and(|elapsed| elapsed >= age)
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::of_file("remove", path, error))
        }
        _ => Ok(()),
    }
}

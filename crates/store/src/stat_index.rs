//! Digests of files by identity, so that what did not change is not read again.
//!
//! Files are kept in blocks of neighbouring inode numbers: those of a directory are mostly made
//! one after another and asked for together, so one row read answers for many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use digest::Digest;
use stat::StatId;

use crate::session::Session;
use crate::{Result, State};

/// Inode numbers in a block: one more bit than this many would not fit a page of the tree.
const BLOCK_BITS: u32 = 4;

/// Blocks that are kept; the least recently used ones go first.
const BLOCKS_MAX: u64 = 1 << 16;

/// Days after which a block that is in use is marked so again.
const MARK_AFTER_DAYS: i64 = 7;

/// Device and number of a block.
type Key = (u64, u64);

/// One file that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct File {
    id: StatId,
    digest: Digest,
}

/// A block as far as it was read, and when it was last marked as used.
#[derive(Clone, Debug, Default)]
struct Block {
    files: Vec<File>,
    used_day: i64,
}

/// What was read of the index so far.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    blocks: HashMap<Key, Block>,
    added: bool,
}

impl State {
    /// The digest that was remembered for exactly this identity.
    pub fn digest_of(&self, id: &StatId) -> Option<Digest> {
        let mut loaded = self.loaded.borrow_mut();
        let block = match loaded.blocks.entry(key(id)) {
            Entry::Occupied(known) => known.into_mut(),
            // A block that can't be read costs no more than reading its files again.
            Entry::Vacant(new) => {
                new.insert(load(&self.db.read("look up"), key(id)).unwrap_or_default())
            }
        };
        block.files.iter().find(|file| file.id == *id).map(|file| file.digest)
    }

    /// Remembers digests. An identity that was young when its file was read must not be among
    /// them: its bytes may have changed without it.
    pub fn remember(&mut self, digests: &[(StatId, Digest)]) -> Result<()> {
        if digests.is_empty() {
            return Ok(());
        }
        let mut blocks: HashMap<Key, Vec<File>> = HashMap::new();
        for &(id, digest) in digests {
            blocks.entry(key(&id)).or_default().push(File { id, digest });
        }
        let Self { db, loaded } = self;
        let stored = db.write("remember digests", |session| {
            blocks.into_iter().map(|(key, files)| merge(session, key, files)).collect()
        });
        let stored: Vec<(Key, Block)> = stored?;
        let loaded = loaded.get_mut();
        loaded.blocks.extend(stored);
        loaded.added = true;
        Ok(())
    }

    /// Marks the blocks that were asked for as used, and forgets the least recently used ones
    /// beyond the bound.
    pub(crate) fn keep_used(&mut self) -> Result<()> {
        let today = today();
        let stale =
            |block: &Block| !block.files.is_empty() && block.used_day < today - MARK_AFTER_DAYS;
        let Self { db, loaded } = self;
        let loaded = loaded.get_mut();
        let marked: Vec<Key> =
            loaded.blocks.iter().filter(|(_, block)| stale(block)).map(|(&key, _)| key).collect();
        if db.read_only || (marked.is_empty() && !loaded.added) {
            return Ok(());
        }
        db.write("mark digests as used", |session| {
            for (dev, block) in marked {
                let update = "UPDATE stat SET used_day = ?1 WHERE dev = ?2 AND block = ?3";
                session.run(update, (today, dev.cast_signed(), block.cast_signed()))?;
            }
            forget_excess(session)
        })
    }
}

fn forget_excess(session: &Session<'_>) -> Result<()> {
    let count: Option<u64> = session.first("SELECT count(*) FROM stat", [], |row| row.get(0))?;
    let excess = count.unwrap_or(0).saturating_sub(BLOCKS_MAX);
    if excess == 0 {
        return Ok(());
    }
    let delete = "DELETE FROM stat WHERE (dev, block) IN \
        (SELECT dev, block FROM stat ORDER BY used_day LIMIT ?1)";
    session.run(delete, [excess.cast_signed()]).map(drop)
}

fn key(id: &StatId) -> Key {
    (id.dev, id.ino >> BLOCK_BITS)
}

fn today() -> i64 {
    const DAY_NS: i64 = 24 * 60 * 60 * 1_000_000_000;
    stat::now_ns() / DAY_NS
}

/// Reads a block; an empty one, if there is none.
fn load(session: &Session<'_>, key: Key) -> Result<Block> {
    let select = "SELECT files, used_day FROM stat WHERE dev = ?1 AND block = ?2";
    let row = (key.0.cast_signed(), key.1.cast_signed());
    let block = session.first(select, row, |row| {
        Ok(Block { files: decode(key, row.get_ref(0)?.as_blob()?), used_day: row.get(1)? })
    });
    block.map(Option::unwrap_or_default)
}

/// Adds files to what the database holds of their block now, and stores it.
fn merge(session: &Session<'_>, key: Key, files: Vec<File>) -> Result<(Key, Block)> {
    let mut block = load(session, key)?;
    for file in files {
        block.files.retain(|known| known.id.ino != file.id.ino);
        block.files.push(file);
    }
    block.used_day = today();
    let insert = "INSERT OR REPLACE INTO stat (dev, block, used_day, files) \
        VALUES (?1, ?2, ?3, ?4)";
    let row = (key.0.cast_signed(), key.1.cast_signed(), block.used_day, encode(&block.files));
    session.run(insert, row)?;
    Ok((key, block))
}

/// Bytes of one file in a block: number within it, size, two times, mode, digest.
const FILE: usize = 1 + 8 + 8 + 8 + 4 + 32;

fn encode(files: &[File]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(files.len() * FILE);
    for File { id, digest } in files {
        bytes.push((id.ino & ((1 << BLOCK_BITS) - 1)) as u8);
        bytes.extend(id.size.to_le_bytes());
        bytes.extend(id.mtime_ns.to_le_bytes());
        bytes.extend(id.ctime_ns.to_le_bytes());
        bytes.extend(id.mode.to_le_bytes());
        bytes.extend(digest.as_bytes());
    }
    bytes
}

/// The files in a block; whatever is cut short is left out.
fn decode((dev, block): Key, bytes: &[u8]) -> Vec<File> {
    bytes.chunks_exact(FILE).filter_map(|bytes| file(dev, block << BLOCK_BITS, bytes)).collect()
}

fn file(dev: u64, base: u64, bytes: &[u8]) -> Option<File> {
    let (&within, rest) = bytes.split_first()?;
    let (size, rest) = rest.split_first_chunk()?;
    let (mtime, rest) = rest.split_first_chunk()?;
    let (ctime, rest) = rest.split_first_chunk()?;
    let (mode, rest) = rest.split_first_chunk()?;
    let id = StatId {
        dev,
        ino: base | u64::from(within),
        size: u64::from_le_bytes(*size),
        mtime_ns: i64::from_le_bytes(*mtime),
        ctime_ns: i64::from_le_bytes(*ctime),
        mode: u32::from_le_bytes(*mode),
    };
    Some(File { id, digest: Digest::from_slice(rest)? })
}

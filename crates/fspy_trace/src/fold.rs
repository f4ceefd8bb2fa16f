//! The fold: single observations, in the order in which they were seen, into one record a path.
//!
//! A pure function of its events. Memory grows with the number of paths, not of calls.

use std::collections::HashSet;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use stat::Kind;

use crate::trace::{Change, Op, Record, Seen, State};

/// Folds events into records.
#[derive(Debug, Default)]
pub struct Fold {
    /// In first-touch order.
    records: Vec<Record>,
    /// Where each is, by its path.
    index: HashTable<usize>,
    hasher: DefaultHashBuilder,
    /// Opened for writing alone, and nothing happened since: a truncation now means that no old
    /// byte mattered (`split`, `dd` and libuv open first and truncate then).
    just_opened: HashSet<usize>,
}

impl Fold {
    /// An empty fold.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a further event of this kind on this path would add nothing; lets the caller skip
    /// the cost of finding out what is there (a listing, above all).
    #[must_use]
    pub fn knows_listing(&self, path: &[u8]) -> bool {
        let known = |record: &Record| record.seen.list.is_some() || record.change.is_some();
        self.get(path).is_some_and(known)
    }

    /// Whether the command itself changed what is at this path, or the name of it.
    #[must_use]
    pub fn has_changed(&self, path: &[u8]) -> bool {
        self.get(path).is_some_and(|record| record.change.is_some())
    }

    /// Adds one event: `op` on `path`, where `before` is what the path held just before it.
    pub fn add(&mut self, path: &[u8], op: Op, before: &State) {
        let at = self.entry(path, before);
        let just_opened = !self.just_opened.is_empty() && self.just_opened.remove(&at);
        let record = &mut self.records[at];
        match op {
            Op::Change(Change::Replace) if just_opened => record.change = Some(Change::Replace),
            Op::Change(change) => {
                if change == Change::Write && record.change.is_none() {
                    self.just_opened.insert(at);
                }
                apply_change(record, change, before);
            }
            observation if record.change.is_none() => observe(&mut record.seen, observation),
            // The command sees its own work: neither input nor output.
            _ => {}
        }
    }

    /// The records, in first-touch order.
    #[must_use]
    pub fn into_records(self) -> Vec<Record> {
        self.records
    }

    fn get(&self, path: &[u8]) -> Option<&Record> {
        self.records.get(self.position(path, self.hasher.hash_one(path))?)
    }

    fn position(&self, path: &[u8], hash: u64) -> Option<usize> {
        self.index.find(hash, |&at| self.records[at].path == path).copied()
    }

    fn entry(&mut self, path: &[u8], before: &State) -> usize {
        let hash = self.hasher.hash_one(path);
        if let Some(at) = self.position(path, hash) {
            return at;
        }
        let at = self.records.len();
        self.records.push(Record {
            path: path.to_vec(),
            before: before.clone(),
            seen: Seen::default(),
            change: None,
            touched: false,
            at_change: None,
        });
        let Self { records, index, hasher, .. } = self;
        index.insert_unique(hash, at, |&at| hasher.hash_one(&records[at].path[..]));
        at
    }
}

fn observe(seen: &mut Seen, op: Op) {
    match op {
        Op::Read => seen.read = true,
        Op::Exec => seen.exec = true,
        Op::Stat => seen.stat = true,
        Op::Access(0) | Op::Exists => seen.exists = true,
        Op::Access(bits) => seen.access |= bits,
        Op::Follow => seen.follow = true,
        Op::List(names) => {
            seen.list.get_or_insert(names);
        }
        Op::Change(_) => unreachable!("BUG: changes are folded by apply_change"),
    }
}

/// The first change of content or name decides. Changes of permission bits, times and link count
/// are noted apart, because they say nothing about the bytes: an open for writing that follows a
/// `chmod` is still the first change of content.
fn apply_change(record: &mut Record, change: Change, before: &State) {
    match change {
        Change::Meta | Change::Times | Change::LinkCount => record.touched = true,
        _ if record.change.is_none() => {
            record.change = Some(change);
            // A directory's identity moves with every change of its entries, the command's own too.
            let is_dir = before.kind() == Some(Kind::Dir);
            if *before != record.before && !record.touched && !is_dir {
                record.at_change = Some(before.clone());
            }
        }
        _ => {}
    }
}

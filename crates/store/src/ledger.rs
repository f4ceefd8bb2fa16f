//! The ledger: what each step's runs read and left, and which result of each step stands.

use std::collections::HashMap;

use digest::{Digest, Hasher};
use stat::Kind;

use crate::lookup::NANOS;
use crate::session::{Column, Session, first_digest};
use crate::{Result, State};

/// Results of one step that are remembered at one path.
const RESULTS_PER_PATH: i64 = 8;

/// Results of one step that are remembered at all: a step that gives its outputs new names every
/// time must not grow the ledger for ever.
const RESULTS_PER_STEP: i64 = 64;

/// How old the record of a run may be for an equal run to leave it as it is.
const REFRESH_NS: i64 = 24 * 60 * 60 * NANOS;

/// Names a step: package, task, index and arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepKey(Digest);

impl StepKey {
    /// The key of the step of a task at an index, run with these arguments.
    #[must_use]
    pub fn new(package: &str, task: &str, index: usize, args: &[impl AsRef<[u8]>]) -> Self {
        let mut hasher = Hasher::new();
        hasher.field(package.as_bytes()).field(task.as_bytes()).number(index as u64);
        for arg in args {
            hasher.field(arg.as_ref());
        }
        Self(hasher.finish())
    }

    /// The digest that the key is.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.0
    }
}

/// What a run left at a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Left {
    /// The path, as the caller names it.
    pub path: Vec<u8>,
    /// What is there.
    pub kind: Kind,
    /// Digest of the content, or of the target of a link; zero for a directory.
    pub digest: Digest,
    /// Permission bits.
    pub mode: u32,
}

/// A step that is recorded to have left something at a path, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The step.
    pub step: StepKey,
    /// What it left.
    pub kind: Kind,
    /// Digest of the content, or of the target of a link; zero for a directory.
    pub digest: Digest,
}

/// A run of a step, or the restoring of a result.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The step.
    pub step: StepKey,
    /// Its name, for people.
    pub label: &'a str,
    /// Weak fingerprint.
    pub weak: Digest,
    /// What the weak fingerprint is the digest of, to explain a later one.
    pub description: &'a [u8],
    /// Strong fingerprint of the entry that was stored or restored.
    pub entry: Option<Digest>,
    /// Whether the result is whole: made from nothing, or built on a whole one.
    pub whole: bool,
    /// What was read, with the value last read; its meaning is the caller's.
    pub reads: Vec<u8>,
    /// What was left.
    pub left: &'a [Left],
    /// What was left besides, and is no part of the result.
    pub aside: &'a [Left],
    /// Whether this is the result that stands from now on.
    pub standing: bool,
    /// When.
    pub at_ns: i64,
}

/// The result of a step that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Weak fingerprint of the run that made it.
    pub weak: Digest,
    /// Strong fingerprint of its entry, if it has one.
    pub entry: Option<Digest>,
    /// Whether it is whole.
    pub whole: bool,
    /// What it left, by path.
    pub left: Vec<Left>,
}

impl State {
    /// Records a run in one transaction: as the step's last, what it left with what was recorded
    /// before, and as the standing result if it is. A run just like the last changes nothing.
    #[expect(clippy::needless_pass_by_value, reason = "a run is made to be given away")]
    pub fn record_run(&mut self, run: Run<'_>) -> Result<()> {
        let fingerprint = fingerprint(&run);
        if self.is_recorded(&run, &fingerprint)? {
            return Ok(());
        }
        self.db.write("record a run", |session| {
            let (step, result) = record_step(session, &run, &fingerprint)?;
            if run.standing {
                stand(session, step, &run)?;
            }
            for left in run.left {
                record_left(session, step, result, left, run.standing)?;
            }
            for left in run.aside {
                record_left(session, step, result, left, false)?;
            }
            forget_old(session, step, result)
        })
    }

    /// All that remembered results of a step left, by path.
    pub fn left(&self, step: &StepKey) -> Result<Vec<Left>> {
        let select = "SELECT path, kind, recorded.digest, mode FROM recorded \
            JOIN step ON step.id = step_id WHERE key = ?1 ORDER BY path, recorded.result DESC";
        self.db.read("read the ledger").rows(select, [step.0.as_bytes()], left_row)
    }

    /// The standing result of a step.
    pub fn standing(&self, step: &StepKey) -> Result<Option<Standing>> {
        self.db.snapshot("read the ledger", |session| {
            let select = "SELECT standing_weak, standing_entry, standing_whole, id FROM step \
                WHERE key = ?1 AND standing_weak IS NOT NULL";
            let found = session.first(select, [step.0.as_bytes()], standing_row)?;
            let Some((mut standing, id)) = found else { return Ok(None) };
            let select = "SELECT path, kind, digest, mode FROM recorded \
                WHERE step_id = ?1 AND standing = 1 ORDER BY path";
            standing.left = session.rows(select, [id], left_row)?;
            Ok(Some(standing))
        })
    }

    /// Every path at which steps are recorded to have left something, with what each left there.
    pub fn owners(&self) -> Result<HashMap<Vec<u8>, Vec<Owner>>> {
        self.db.snapshot("read the ledger", |session| {
            let steps = session.rows("SELECT id, key FROM step", [], |row| {
                Ok((row.get(0)?, row.get(1).map(|Column(key)| StepKey(key))?))
            })?;
            let steps: HashMap<i64, StepKey> = steps.into_iter().collect();
            let mut owners: HashMap<Vec<u8>, Vec<Owner>> = HashMap::new();
            let select = "SELECT path, kind, digest, mode, step_id FROM recorded";
            let rows = session.rows(select, [], |row| Ok((left_row(row)?, row.get(4)?)))?;
            for (left, step) in rows {
                let Some(step) = steps.get::<i64>(&step).copied() else { continue };
                let owner = Owner { step, kind: left.kind, digest: left.digest };
                owners.entry(left.path).or_default().push(owner);
            }
            Ok(owners)
        })
    }

    /// Description of a step's last run.
    pub fn description(&self, step: &StepKey) -> Result<Option<Vec<u8>>> {
        self.body("SELECT description FROM step WHERE key = ?1", step)
    }

    /// What a step's last run read.
    pub fn last_reads(&self, step: &StepKey) -> Result<Option<Vec<u8>>> {
        self.body("SELECT reads FROM step WHERE key = ?1", step)
    }

    fn body(&self, select: &str, step: &StepKey) -> Result<Option<Vec<u8>>> {
        let session = self.db.read("read the ledger");
        let stored: Option<Vec<u8>> =
            session.first(select, [step.0.as_bytes()], |row| row.get(0))?;
        stored.map(|stored| session.decode(&stored)).transpose()
    }

    fn is_recorded(&self, run: &Run<'_>, fingerprint: &Digest) -> Result<bool> {
        let select = "SELECT 1 FROM step WHERE key = ?1 AND fingerprint = ?2 AND at_ns > ?3";
        let params =
            (run.step.0.as_bytes(), fingerprint.as_bytes(), run.at_ns.saturating_sub(REFRESH_NS));
        let found = self.db.read("read the ledger").first(select, params, |_| Ok(()))?;
        Ok(found.is_some())
    }
}

/// Digest of all of a run but its time.
fn fingerprint(run: &Run<'_>) -> Digest {
    let mut hasher = Hasher::new();
    hasher.field(run.label.as_bytes()).digest(&run.weak).field(run.description);
    hasher.field(run.entry.as_ref().map_or(&[], |entry| entry.as_bytes()));
    hasher.field(&[run.whole.into(), run.standing.into()]).field(&run.reads);
    for left in run.left.iter().chain(run.aside) {
        hasher.field(&left.path).digest(&left.digest);
        hasher.field(&[code(left.kind)]).number(left.mode.into());
    }
    hasher.finish()
}

/// Updates the row of a step; its id, and the number of this result among its results.
fn record_step(session: &Session<'_>, run: &Run<'_>, fingerprint: &Digest) -> Result<(i64, i64)> {
    let insert = "INSERT INTO step (key, fingerprint, label, description, reads, at_ns, result) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1) ON CONFLICT (key) DO UPDATE SET \
        fingerprint = ?2, label = ?3, description = ?4, reads = ?5, at_ns = ?6, result = result + 1";
    let (description, reads) = (session.encode(run.description)?, session.encode(&run.reads)?);
    let (key, fingerprint) = (run.step.0.as_bytes(), fingerprint.as_bytes());
    session.run(insert, (key, fingerprint, run.label, description, reads, run.at_ns))?;
    let select = "SELECT id, result FROM step WHERE key = ?1";
    let row = session.first(select, [key], |row| Ok((row.get(0)?, row.get(1)?)))?;
    row.ok_or_else(|| session.damaged("a step that was just recorded is gone".into()))
}

/// Makes this the standing result in place of the one before.
fn stand(session: &Session<'_>, step: i64, run: &Run<'_>) -> Result<()> {
    let update = "UPDATE step SET standing_weak = ?2, standing_entry = ?3, standing_whole = ?4 \
        WHERE id = ?1";
    let entry = run.entry.as_ref().map(Digest::as_bytes);
    session.run(update, (step, run.weak.as_bytes(), entry, run.whole))?;
    let update = "UPDATE recorded SET standing = 0 WHERE step_id = ?1 AND standing = 1";
    session.run(update, [step]).map(drop)
}

fn record_left(
    session: &Session<'_>,
    step: i64,
    result: i64,
    left: &Left,
    standing: bool,
) -> Result<()> {
    let insert = "INSERT INTO recorded (step_id, path, kind, digest, mode, result, standing) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET \
        result = excluded.result, standing = max(standing, excluded.standing)";
    let Left { path, kind, digest, mode } = left;
    let row = (step, path, code(*kind), digest.as_bytes(), mode, result, standing);
    session.run(insert, row).map(drop)
}

/// Forgets results beyond the bounds, but never the one that stands.
fn forget_old(session: &Session<'_>, step: i64, result: i64) -> Result<()> {
    let delete = "DELETE FROM recorded WHERE step_id = ?1 AND standing = 0 AND result <= ?2";
    session.run(delete, (step, result - RESULTS_PER_STEP))?;
    let select = "SELECT path FROM recorded WHERE step_id = ?1 GROUP BY path HAVING count(*) > ?2";
    let crowded: Vec<Vec<u8>> = session.rows(select, (step, RESULTS_PER_PATH), |row| row.get(0))?;
    for path in crowded {
        let delete = "DELETE FROM recorded WHERE step_id = ?1 AND path = ?2 AND standing = 0 \
            AND result < (SELECT result FROM recorded WHERE step_id = ?1 AND path = ?2 \
            ORDER BY result DESC LIMIT 1 OFFSET ?3)";
        session.run(delete, (step, path, RESULTS_PER_PATH - 1))?;
    }
    Ok(())
}

fn code(kind: Kind) -> u8 {
    match kind {
        Kind::File => 0,
        Kind::Dir => 1,
        Kind::Link => 2,
        Kind::Special => 3,
    }
}

fn left_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Left> {
    let kind = match row.get(1)? {
        0_u8 => Kind::File,
        1 => Kind::Dir,
        2 => Kind::Link,
        _ => Kind::Special,
    };
    let digest = row.get(2).map(|Column(digest)| digest)?;
    Ok(Left { path: row.get(0)?, kind, digest, mode: row.get(3)? })
}

fn standing_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Standing, i64)> {
    let weak = first_digest(row)?;
    let entry = row.get::<_, Option<Column>>(1)?.map(|Column(digest)| digest);
    Ok((Standing { weak, entry, whole: row.get(2)?, left: Vec::new() }, row.get(3)?))
}

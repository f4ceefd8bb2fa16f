//! Restoring a hit: verify, stage, then put in place; on any failure the workspace is as before.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::{UnpackError, Wanted, unpack};
use digest::{Digest, hash_bytes};
use policy::is_tool_state;
use stat::{Kind, StatId, as_path, is_within, parent};
use store::{Blob, Left};

use crate::disk::{Disk, has_other_names, lock, read_link};
use crate::journal::Journal;
use crate::log::{self, Log};
use crate::lookup::Hit;
use crate::manifest::{Item, ItemKind, Manifest};
use crate::own::OwnPaths;
use crate::prepare::merged;
use crate::races::{Touch, Touched};
use crate::record::Noted;
use crate::step::{Step, StepId};
use crate::times;
use crate::workspace::Workspace;

/// What restoring did.
#[derive(Debug)]
pub struct Restored {
    /// How many files, links and directories were written or changed; 0 if all stood as stored.
    pub files: usize,
    /// Paths whose bytes nobody had recorded: they are kept in `.taskrunner/replaced/`.
    pub replaced: Vec<Vec<u8>>,
    /// What the run wrote to the terminal.
    pub log: Log,
    /// [`policy::Hinted::provenance`] of the run.
    pub provenance: Vec<u8>,
}

/// Why a hit could not be restored. The step must run.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no hit to restore.
    #[error("the look-up was revoked")]
    Revoked,
    /// The stored result is damaged; its entry is dropped.
    #[error("the stored result is damaged: {0}")]
    Damaged(String),
    /// A parent of an output is not a directory: writing there could change somebody's files.
    #[error("`{}` is not a directory", .0.escape_ascii())]
    Parent(Vec<u8>),
    /// The disk refused.
    #[error("cannot restore `{}`", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RestoreError {
    pub(crate) fn io(path: &[u8], source: io::Error) -> Self {
        Self::Io { path: as_path(path).to_path_buf(), source }
    }
}

/// An output of the manifest, with where it goes.
pub(crate) struct Target<'a> {
    pub(crate) item: &'a Item,
    pub(crate) path: Vec<u8>,
    pub(crate) state: Standing,
}

/// How the place of an output looks before restoring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// As stored.
    Same,
    /// The bytes as stored, with other permission bits.
    OtherMode,
    /// Nothing there.
    Nothing,
    /// Bytes that a recorded result left, this step's or another's.
    Own,
    /// Somebody's.
    Foreign,
}

impl Workspace {
    /// Restores the hit of a step: files first, then the ledger; the log is for the caller.
    ///
    /// # Errors
    /// Why the step must run after all.
    pub fn restore(&self, id: StepId) -> Result<Restored, RestoreError> {
        let step = self.step(id).ok_or(RestoreError::Revoked)?;
        let hit = lock(&self.hits).get(&id).cloned().ok_or(RestoreError::Revoked)?;
        let log = self.read_log(&hit)?;
        let own = self.own(&step);
        let all = self.targets(&hit, &own)?;
        let targets = self.without_deferred(&step, self.without_shared_state(&step, all));
        let (files, replaced) = self.put_in_place(id, &hit, &targets)?;
        self.note_restored(&step, &hit, &targets);
        let entry = &hit.entry;
        lock(&self.used).push((entry.weak, entry.set, entry.strong));
        lock(&self.overlay).lift(&HashSet::from([id]));
        if files > 0 {
            self.disk.forget();
        }
        Ok(Restored { files, replaced, log, provenance: hit.manifest.provenance.clone() })
    }

    /// A build tool's own state that another step left too is that step's to go on with: what stands is
    /// not put back to what it was in between.
    fn without_shared_state<'a>(
        &self,
        step: &Step,
        mut targets: Vec<Target<'a>>,
    ) -> Vec<Target<'a>> {
        targets.retain(|target| {
            let shared = || self.is_anothers(&target.item.place.rel, &step.key);
            !(target.state == Standing::Own && is_tool_state(&target.path) && shared())
        });
        targets
    }

    fn note_restored(&self, step: &Step, hit: &Hit, targets: &[Target<'_>]) {
        let written = || targets.iter().filter(|target| target.state != Standing::Same);
        let files = written().filter(|target| target.item.kind != ItemKind::Dir);
        let wrote: Touched = files.map(|target| (target.path.clone(), Touch::Wrote)).collect();
        // That it raced is for the others to know: its own result is an earlier run's.
        let _ = self.meet(step, &wrote);
        for target in written() {
            if let ItemKind::File { digest, .. } = &target.item.kind {
                self.disk.note_written(&target.path, *digest);
            }
        }
        let mut left: Vec<Left> = hit.manifest.items.iter().filter_map(as_left).collect();
        let whole = hit.entry.from_nothing;
        let mut reads = hit.reads();
        if !whole {
            let standing = lock(&self.state).standing(&step.key).ok().flatten();
            left.extend(self.still_standing(standing.as_ref(), &left));
            reads = merged(self.last_reads(step).unwrap_or_default(), &reads);
        }
        let entry = Some(hit.entry.strong);
        let reads = postcard::to_stdvec(&reads).unwrap_or_default();
        self.note_run(
            step,
            &left,
            Noted { entry, weak: step.spec.weak, whole, reads, aside: Vec::new() },
        );
    }

    /// Puts part of a stored result back in its place. `None` if it can't be done; then nothing of
    /// it was.
    pub(crate) fn restore_part(
        &self,
        step: &Step,
        entry: Option<&Digest>,
        wanted: &HashSet<Vec<u8>>,
    ) -> Option<()> {
        let entry = lock(&self.cache).entry(entry?).ok()??;
        let manifest = Manifest::decode(&entry.manifest)?;
        let hit = Hit::of_part(entry, manifest);
        let own = self.own(step);
        let mut targets = self.targets(&hit, &own).ok()?;
        targets.retain(|target| wanted.contains(&target.path));
        if targets.len() != wanted.len() {
            return None;
        }
        self.put_in_place(step.spec.id, &hit, &targets).ok()?;
        Some(())
    }

    fn read_log(&self, hit: &Arc<Hit>) -> Result<Log, RestoreError> {
        let Some((digest, _)) = hit.entry.log else { return Ok(Log::new()) };
        let path = lock(&self.cache).blob_path(Blob::Log, &digest);
        let stored = fs::read(&path).ok().filter(|bytes| hash_bytes(bytes) == digest);
        stored
            .and_then(|bytes| log::decode(&bytes, &self.roots))
            .ok_or_else(|| self.damaged(hit, format!("log `{}`", path.display())))
    }

    /// A damaged entry is dropped: the next look-up misses, and the run stores a sound one.
    fn damaged(&self, hit: &Hit, what: String) -> RestoreError {
        let _ = lock(&self.cache).drop_entry(&hit.entry.strong);
        RestoreError::Damaged(what)
    }

    fn targets<'a>(&self, hit: &'a Hit, own: &OwnPaths) -> Result<Vec<Target<'a>>, RestoreError> {
        let gone: HashSet<&[u8]> = hit.leftovers.iter().map(Vec::as_slice).collect();
        let mut made: HashSet<Vec<u8>> = HashSet::new();
        let mut targets = Vec::with_capacity(hit.manifest.items.len());
        for item in &hit.manifest.items {
            let path = self.target_path(item).ok_or_else(|| {
                self.damaged(hit, format!("output `{}`", item.place.rel.escape_ascii()))
            })?;
            self.check_parents(&path, &gone, &mut made)?;
            let state =
                self.standing(item, &path, own).map_err(|error| RestoreError::io(&path, error))?;
            if item.kind == ItemKind::Dir {
                made.insert(path.clone());
            }
            targets.push(Target { item, path, state });
        }
        Ok(targets)
    }

    /// Outputs lie in the workspace, whatever the stored manifest says.
    fn target_path(&self, item: &Item) -> Option<Vec<u8>> {
        let path = self.roots.path(&item.place)?;
        let sound = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && !name.contains(&0);
        let inside = item.place.root == policy::Root::Workspace
            && item.place.rel.split(|&byte| byte == b'/').all(sound)
            && is_within(&path, &self.roots.workspace);
        inside.then_some(path)
    }

    /// Every directory between the workspace and an output is a real one, or will be made.
    fn check_parents(
        &self,
        path: &[u8],
        gone: &HashSet<&[u8]>,
        checked: &mut HashSet<Vec<u8>>,
    ) -> Result<(), RestoreError> {
        let mut dir = parent(path).unwrap_or(b"/");
        while is_within(dir, &self.roots.workspace) && dir != self.roots.workspace {
            if !checked.insert(dir.to_vec()) {
                return Ok(());
            }
            match Disk::lstat(dir) {
                Ok(Some(id)) if id.kind() != Kind::Dir && !gone.contains(dir) => {
                    return Err(RestoreError::Parent(dir.to_vec()));
                }
                Ok(_) => {}
                Err(error) => return Err(RestoreError::io(dir, error)),
            }
            dir = parent(dir).unwrap_or(b"/");
        }
        Ok(())
    }

    fn standing(&self, item: &Item, path: &[u8], own: &OwnPaths) -> io::Result<Standing> {
        let Some(id) = Disk::lstat(path)? else { return Ok(Standing::Nothing) };
        if self.holds(item, path, &id)? {
            if item.mode == id.permissions() || id.kind() == Kind::Link {
                return Ok(Standing::Same);
            }
            // The bits of a file are those of all its names, and another may be somebody's source.
            let shared = has_other_names(path);
            return Ok(if shared { Standing::Own } else { Standing::OtherMode });
        }
        let recorded = own.contains_key(path) || !self.holders(path).is_empty();
        Ok(if recorded { Standing::Own } else { Standing::Foreign })
    }

    fn holds(&self, item: &Item, path: &[u8], id: &StatId) -> io::Result<bool> {
        Ok(match (&item.kind, id.kind()) {
            (ItemKind::File { digest, size, .. }, Kind::File) => {
                *size == id.size && *digest == self.disk.digest_of(path, id)?
            }
            (ItemKind::Link(target), Kind::Link) => *target == read_link(path)?,
            (ItemKind::Dir, Kind::Dir) => true,
            _ => false,
        })
    }

    fn put_in_place(
        &self,
        id: StepId,
        hit: &Hit,
        targets: &[Target<'_>],
    ) -> Result<(usize, Vec<Vec<u8>>), RestoreError> {
        let changes = targets.iter().filter(|target| target.state != Standing::Same).count();
        let stamps = times::plan(hit, targets);
        if changes == 0 && hit.leftovers.is_empty() && stamps.is_empty() {
            return Ok((0, Vec::new()));
        }
        let scratch = self.scratch_dir("restore", id);
        let staged = self.stage(&scratch, hit, targets);
        let done = staged.and_then(|staged| self.commit(&scratch, hit, targets, &staged, &stamps));
        let _ = fs::remove_dir_all(&scratch);
        done.map(|replaced| (changes + hit.leftovers.len(), replaced))
    }

    /// Unpacks the files that are wanted, verified, with their mode, under the index of their
    /// target.
    fn stage(
        &self,
        scratch: &Path,
        hit: &Hit,
        targets: &[Target<'_>],
    ) -> Result<PathBuf, RestoreError> {
        let dir = scratch.join("new");
        fs::create_dir_all(&dir).map_err(|e| RestoreError::io(stat::as_bytes(&dir), e))?;
        let mut wanted: HashMap<Digest, HashMap<Digest, Wanted>> = HashMap::new();
        for (at, target) in targets.iter().enumerate() {
            let ItemKind::File { digest, size, archive } = &target.item.kind else { continue };
            if matches!(target.state, Standing::Same | Standing::OtherMode) {
                continue;
            }
            let staged = dir.join(at.to_string());
            if *archive == Digest::ZERO {
                fs::write(&staged, b"").map_err(|e| RestoreError::io(&target.path, e))?;
                continue;
            }
            let members = wanted.entry(*archive).or_default();
            let member = members.entry(*digest).or_insert_with(|| Wanted {
                digest: *digest,
                size: *size,
                targets: Vec::new(),
            });
            member.targets.push(staged);
        }
        for (archive, members) in wanted {
            let path = lock(&self.cache).blob_path(Blob::Archive, &archive);
            let members: Vec<Wanted> = members.into_values().collect();
            unpack(&path, &members).map_err(|error| self.unpack_failed(hit, error))?;
        }
        Ok(dir)
    }

    fn unpack_failed(&self, hit: &Hit, error: UnpackError) -> RestoreError {
        match error {
            UnpackError::Write { target, source } => RestoreError::Io { path: target, source },
            UnpackError::Read { archive, source } => RestoreError::Io { path: archive, source },
            damage => self.damaged(hit, damage.to_string()),
        }
    }

    fn commit(
        &self,
        scratch: &Path,
        hit: &Hit,
        targets: &[Target<'_>],
        staged: &Path,
        stamps: &[(usize, i64)],
    ) -> Result<Vec<Vec<u8>>, RestoreError> {
        let mut journal = Journal::new(scratch, self.replaced_dir())?;
        let outcome = write_all(&mut journal, hit, targets, staged, stamps);
        match outcome {
            Ok(()) => Ok(journal.keep()),
            Err(error) => {
                journal.undo();
                Err(error)
            }
        }
    }

    fn replaced_dir(&self) -> PathBuf {
        let stamp = format!("{}-{}", stat::now_ns() / 1_000_000, std::process::id());
        self.state_dir.join("replaced").join(stamp)
    }
}

fn write_all(
    journal: &mut Journal,
    hit: &Hit,
    targets: &[Target<'_>],
    staged: &Path,
    stamps: &[(usize, i64)],
) -> Result<(), RestoreError> {
    for path in &hit.leftovers {
        journal.remove_own(path)?;
    }
    for (at, target) in targets.iter().enumerate() {
        match target.state {
            Standing::Same => continue,
            Standing::OtherMode => {
                journal.set_mode(&target.path, target.item.mode)?;
                continue;
            }
            Standing::Own => journal.take_away(&target.path)?,
            Standing::Foreign => journal.replace(&target.path)?,
            Standing::Nothing => {}
        }
        match &target.item.kind {
            ItemKind::Dir => journal.make_dir(&target.path, target.item.mode)?,
            ItemKind::Link(to) => journal.make_link(&target.path, to)?,
            ItemKind::File { .. } => {
                let file = staged.join(at.to_string());
                journal.move_in(&file, &target.path, target.item.mode, target.item.mtime_ns)?;
            }
        }
    }
    for (at, mtime_ns) in stamps {
        Journal::set_mtime(&targets[*at].path, *mtime_ns)?;
    }
    Ok(())
}

pub(crate) fn as_left(item: &Item) -> Option<Left> {
    let (kind, digest) = match &item.kind {
        ItemKind::File { digest, .. } => (Kind::File, *digest),
        ItemKind::Link(target) => (Kind::Link, hash_bytes(target)),
        ItemKind::Dir => (Kind::Dir, Digest::ZERO),
    };
    let inside = item.place.root == policy::Root::Workspace;
    inside.then(|| Left { path: item.place.rel.clone(), kind, digest, mode: item.mode })
}

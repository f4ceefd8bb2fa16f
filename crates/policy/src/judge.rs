//! Judging a finished run: from its trace to inputs, outputs, and the reason not to store, if any.

use std::collections::{BTreeSet, HashSet};
use std::io;

use digest::Digest;
use fspy_trace::{Change, Listed, Record, State, Trace};
use stat::{Kind, StatId, file_name, is_within, parent};

use crate::changed::judge_change;
use crate::complete::refuse_incomplete;
use crate::hinted::Hinted;
use crate::observed::judge_observation;
use crate::pathset::{Look, Op};
use crate::place::{Place, Root, Roots};
use crate::reason::{NotCached, NotCachedKind};
use crate::rules::Rules;
use crate::switch::is_on;
use crate::value::Value;
use crate::zone::{Zone, is_package_file, zone_of};

/// The world after the run, and what is on record about it. Implemented by the cache; by a table
/// in tests.
pub trait World {
    /// What stands at a path now; `None` if nothing does.
    fn lstat(&self, path: &[u8]) -> io::Result<Option<StatId>>;
    /// Target of a symbolic link.
    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>>;
    /// Digest of the bytes that a regular file holds now.
    fn digest(&self, path: &[u8]) -> io::Result<Digest>;
    /// Digest of the bytes that went with an identity, if it was taken before.
    fn known(&self, id: &StatId) -> Option<Digest>;
    /// Names in a directory.
    fn list(&self, dir: &[u8]) -> io::Result<Vec<Listed>>;
    /// Which of these `access` bits are granted.
    fn access(&self, path: &[u8], bits: u8) -> io::Result<u8>;
    /// What has a bare name in the directories of the step's `PATH`, up to the program that it starts:
    /// files before that which may not be executed, too.
    fn lookup(&self, name: &[u8]) -> Vec<Place>;
    /// Value of the step's declared input patterns, without the paths in `changed`.
    fn declared(&self, changed: &HashSet<&[u8]>) -> io::Result<Value>;
    /// Whether the path held, just before the run, bytes that a recorded result of this step left.
    /// If the identity that the command found there is given, it must be that of those bytes.
    fn was_own(&self, path: &[u8], found: Option<&StatId>) -> bool;
    /// Whether the path held, just before the run, the bytes of a step that comes later in this
    /// run: they count as absent.
    fn was_later(&self, path: &[u8]) -> bool;
    /// Digest of what the path held just before the run, if that was left by a step that comes
    /// before this one, and was found with this identity.
    fn earlier(&self, path: &[u8], found: &StatId) -> Option<Digest>;
    /// Whether a regular file with this identity has the permission bits of one that the run would
    /// have made without a word about them.
    fn has_plain_mode(&self, id: &StatId) -> bool;
    /// Whether a name at this path is left out of listings: a step that does not come before this
    /// one is recorded to have left it.
    fn is_unordered(&self, path: &[u8]) -> bool;
}

/// What is to be judged.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The trace of the run.
    pub trace: &'a Trace,
    /// Where the roots are.
    pub roots: &'a Roots,
    /// The step's declared rules.
    pub rules: &'a Rules,
    /// The directories of the step's `PATH`, resolved.
    pub path_dirs: &'a HashSet<Vec<u8>>,
    /// What the step's tools wished.
    pub hinted: &'a Hinted,
}

/// What an output is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// A regular file.
    File {
        /// Digest of its bytes.
        digest: Digest,
        /// Size in bytes.
        size: u64,
    },
    /// A symbolic link and its target.
    Link(Vec<u8>),
    /// A directory that the step made.
    Dir,
}

/// Something the step left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Absolute path.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: OutputKind,
    /// Permission bits.
    pub mode: u32,
    /// Time of its last modification, nanoseconds since the epoch.
    pub mtime_ns: i64,
    /// Whether it belongs to the stored result: output rules may leave it out.
    pub stored: bool,
}

/// How something of the step's own kept its permission bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptMode {
    /// A directory that was found and left.
    Dir,
    /// A file that was emptied, by a command that would have made it.
    Emptied,
    /// A file that was overwritten as one that was there (`cp` onto its earlier copy). Its bits are
    /// right as long as no input's are others than when that result was made.
    Overwritten,
}

/// The judgement of one run.
#[derive(Debug, Default)]
pub struct Judgement {
    /// What the step looked at, and what it found.
    pub inputs: Vec<(Op, Value)>,
    /// What it left.
    pub outputs: Vec<Output>,
    /// What in the workspace it changed, made or took away, with the kind of what is there now, or
    /// was there before.
    pub wrote: Vec<(Vec<u8>, Kind)>,
    /// The first reason not to store the result.
    pub refused: Option<NotCached>,
    /// Whether the run removed, or changed in part, what was not its own: its outputs may hold
    /// somebody's only copy of something, so none of them is ever to be removed as its own.
    pub took_foreign: bool,
    /// An own file whose bytes the run relied on: it found `b.o` up to date, or read its own state
    /// and wrote it anew. The result is then made of more than this run looked at.
    pub built_on: Option<Vec<u8>>,
    /// Own paths that kept the permission bits which they were found with.
    pub kept_modes: Vec<(Vec<u8>, KeptMode)>,
}

impl Judgement {
    pub(crate) fn refuse(&mut self, reason: NotCached) {
        if is_on(reason.kind.as_str()) {
            self.refused.get_or_insert(reason);
        }
    }

    /// Adds an operation, with what it found.
    pub fn input(&mut self, look: Look, place: Place, value: Value) {
        if is_on(look.rule(&value)) {
            self.inputs.push((Op { look, place }, value));
        }
    }
}

/// Everything that judging a single record needs.
pub(crate) struct Context<'a, W: World> {
    pub(crate) facts: Facts<'a>,
    pub(crate) world: &'a W,
    /// Paths whose state the run changed, temporary ones included.
    pub(crate) changed: HashSet<&'a [u8]>,
    /// Those among them that held something which was neither the step's own nor a later step's.
    pub(crate) replaced: HashSet<&'a [u8]>,
    /// Directories that were found to hold a `pyvenv.cfg`.
    environments: Vec<&'a [u8]>,
}

impl<W: World> Context<'_, W> {
    /// Path relative to the workspace; `None` if it lies outside.
    pub(crate) fn workspace_rel(&self, path: &[u8]) -> Option<Vec<u8>> {
        let place = self.facts.roots.place(path);
        (place.root == Root::Workspace).then_some(place.rel)
    }

    /// Whether the path held, before the run, bytes that a recorded result of this step left.
    pub(crate) fn was_own(&self, record: &Record) -> bool {
        record.before.id().is_some_and(|id| self.world.was_own(&record.path, Some(id)))
    }

    /// Whether the path held something that is not hidden from the step.
    fn held_foreign(&self, record: &Record) -> bool {
        record.before.id().is_some() && !self.was_own(record) && !self.world.was_later(&record.path)
    }

    /// Whether a temporary file is installed code, wherever it lies: a program that was started, or
    /// part of a virtual environment or of a package directory.
    pub(crate) fn is_installed(&self, record: &Record) -> bool {
        record.seen.exec
            || is_package_file(&record.path)
            || self.environments.iter().any(|dir| is_within(&record.path, dir))
            || self.is_runner(&record.path)
    }

    /// Whether a path is the runner's own: its client and its pytest plugin are loaded from there.
    fn is_runner(&self, path: &[u8]) -> bool {
        let runner = &self.facts.roots.runner;
        !runner.is_empty() && is_within(path, runner)
    }

    /// Whether an observation of this path counts as an input by the step's rules.
    pub(crate) fn counts_as_input(&self, path: &[u8]) -> bool {
        self.workspace_rel(path).is_none_or(|rel| {
            self.facts.rules.infers_input(&rel) && !self.facts.hinted.ignores_input(&rel)
        })
    }

    /// Whether a tool wished that looks at this path be left out.
    pub(crate) fn ignores_input(&self, path: &[u8]) -> bool {
        self.workspace_rel(path).is_some_and(|rel| self.facts.hinted.ignores_input(&rel))
    }

    /// Whether a tool wished that changes of this path be left out.
    pub(crate) fn ignores_output(&self, path: &[u8]) -> bool {
        self.workspace_rel(path).is_some_and(|rel| self.facts.hinted.ignores_output(&rel))
    }

    /// Whether a tool wished that nothing about this path matter.
    fn ignores(&self, path: &[u8]) -> bool {
        self.workspace_rel(path).is_some_and(|rel| self.facts.hinted.ignores(&rel))
    }
}

/// Judges a run that ended well. Every output is found even if the result is refused: the ledger
/// wants them.
pub fn judge<W: World>(facts: Facts<'_>, world: &W) -> Judgement {
    let mut judgement = Judgement::default();
    refuse_incomplete(facts.trace, &mut judgement);
    let mut context = Context {
        facts,
        world,
        changed: HashSet::new(),
        replaced: HashSet::new(),
        environments: environments(facts.trace),
    };
    for record in &facts.trace.records {
        match was_changed(record, facts.trace, world) {
            Ok(true) => {
                context.changed.insert(&record.path);
                if context.held_foreign(record) {
                    context.replaced.insert(&record.path);
                }
            }
            Ok(false) => {}
            Err(error) => judgement.refuse(unreadable(&record.path, &error)),
        }
    }
    let mut names = BTreeSet::new();
    for record in facts.trace.records.iter().filter(|record| !context.ignores(&record.path)) {
        if let Some(name) = looked_up_name(record, facts.path_dirs) {
            names.insert(name);
            if record.before == State::Absent && !context.changed.contains(&record.path[..]) {
                continue;
            }
        }
        if let Err(error) = judge_record(record, &context, &mut judgement) {
            judgement.refuse(unreadable(&record.path, &error));
        }
    }
    judge_lookups(&names, world, &mut judgement);
    judge_declared(&context, &mut judgement);
    leave_out(facts, &mut judgement);
    judgement
}

/// Takes out what tools wished to be ignored of what was inferred, and notes that wish: look-ups
/// have to leave the same names out of listings.
fn leave_out(facts: Facts<'_>, judgement: &mut Judgement) {
    let hinted = facts.hinted;
    judgement.inputs.retain(|(op, _)| {
        op.look == Look::Declared
            || op.place.root != Root::Workspace
            || !hinted.ignores_input(&op.place.rel)
    });
    for output in &mut judgement.outputs {
        let place = facts.roots.place(&output.path);
        let declared =
            facts.rules.declared_outputs().is_some_and(|globs| globs.matches(&place.rel));
        output.stored &= declared || !hinted.ignores_output(&place.rel);
    }
    for rel in &hinted.ignored_inputs {
        let place = Place { root: Root::Workspace, rel: rel.clone() };
        judgement.input(Look::Ignored, place, Value::Absent);
    }
}

fn judge_record<W: World>(
    record: &Record,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    let changed = context.changed.contains(&record.path[..]);
    match (zone_of(&record.path, context.facts.roots, context.facts.rules.noise()), changed) {
        (Zone::Ignored | Zone::TempCache, _) | (Zone::Droppings, true) => Ok(()),
        (Zone::Temp, false) if context.is_installed(record) || !is_handed_over(record) => {
            judge_observation(record, context, judgement)
        }
        (Zone::Temp, _) => {
            if is_handed_over(record) {
                judgement.refuse(NotCached::at(NotCachedKind::ReadTemp, &record.path));
            }
            Ok(())
        }
        (Zone::Outside, true) => judge_outside_change(record, context, judgement),
        (Zone::Workspace, true) => judge_change(record, context, judgement),
        (_, false) => judge_observation(record, context, judgement),
    }
}

/// Whether the run changed what stands at the record's path. An open for writing that changed
/// nothing did not; something made and gone again did, because the run is then what explains it.
fn was_changed<W: World>(record: &Record, trace: &Trace, world: &W) -> io::Result<bool> {
    let after = world.lstat(&record.path)?;
    let Some(change) = record.change else { return Ok(has_other_mode(record, after.as_ref())) };
    Ok(match (record.before.id(), after) {
        (None, _) | (Some(_), None) => true,
        // A young identity may stand for both the old bytes and the new.
        (Some(before), Some(after)) if *before == after && !before.is_young(trace.started_ns) => {
            false
        }
        (Some(before), Some(after)) => match (change, before.kind(), after.kind()) {
            // Opened for writing in place, perhaps written with what was there: bytes decide.
            (Change::Write | Change::Modify | Change::Append, Kind::File, Kind::File) => {
                world.known(before) != Some(world.digest(&record.path)?)
                    || before.permissions() != after.permissions()
            }
            _ => true,
        },
    })
}

/// Whether a file has nothing but its permission bits changed.
fn has_other_mode(record: &Record, after: Option<&StatId>) -> bool {
    let (Some(before), Some(after)) = (record.before.id(), after) else { return false };
    let files = before.kind() == Kind::File && after.kind() == Kind::File;
    record.touched && files && before.permissions() != after.permissions()
}

fn environments(trace: &Trace) -> Vec<&[u8]> {
    let marks = trace.records.iter().filter(|record| {
        file_name(&record.path) == b"pyvenv.cfg" && record.before.kind() == Some(Kind::File)
    });
    marks.filter_map(|record| parent(&record.path)).collect()
}

/// What stood in a directory for temporary files before, and was used: an input that cannot be
/// named. A look at whether something is there is an input like any other; bytes that were
/// replaced unread are nothing.
fn is_handed_over(record: &Record) -> bool {
    let unread = |change| matches!(change, Change::Replace | Change::Overwrite | Change::Create);
    match record.before.kind() {
        Some(Kind::File) => {
            record.seen.content() || record.change.is_some_and(|change| !unread(change))
        }
        Some(Kind::Dir) => {
            record.seen.list.as_ref().is_some_and(|names| !names.is_empty())
                || record.change == Some(Change::Delete)
        }
        _ => false,
    }
}

fn judge_outside_change<W: World>(
    record: &Record,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    let gone_again = record.before == State::Absent && context.world.lstat(&record.path)?.is_none();
    if !gone_again {
        judgement.refuse(NotCached::at(NotCachedKind::WroteOutside, &record.path));
    }
    Ok(())
}

/// A path directly in a directory of `PATH` was looked at to find a program.
fn looked_up_name(record: &Record, path_dirs: &HashSet<Vec<u8>>) -> Option<Vec<u8>> {
    let dir = parent(&record.path)?;
    path_dirs.contains(dir).then(|| file_name(&record.path).to_vec())
}

fn judge_lookups<W: World>(names: &BTreeSet<Vec<u8>>, world: &W, judgement: &mut Judgement) {
    for name in names {
        let place = Place { root: Root::Path, rel: name.clone() };
        judgement.input(Look::Lookup, place, lookup_value(&world.lookup(name)));
    }
}

/// The value of a program look-up.
#[must_use]
pub fn lookup_value(found: &[Place]) -> Value {
    if found.is_empty() {
        return Value::Absent;
    }
    let texts = found.iter().map(|place| [&[place.root as u8], &place.rel[..]].concat());
    Value::text(&texts.collect::<Vec<_>>().join(&0))
}

fn judge_declared<W: World>(context: &Context<'_, W>, judgement: &mut Judgement) {
    if context.facts.rules.declared_inputs().is_none() {
        return;
    }
    match context.world.declared(&context.changed) {
        Ok(value) => {
            let place = Place { root: Root::Workspace, rel: Vec::new() };
            judgement.input(Look::Declared, place, value);
        }
        Err(error) => judgement.refuse(unreadable(&context.facts.roots.workspace, &error)),
    }
}

fn unreadable(path: &[u8], error: &io::Error) -> NotCached {
    NotCached {
        kind: NotCachedKind::InputUnreadable,
        path: Some(path.to_vec()),
        detail: Some(error.to_string()),
    }
}

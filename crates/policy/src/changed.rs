//! What the run changed: outputs, and changes that forbid storing (DESIGN: "What the step found").

use std::io;

use fspy_trace::{Change, Record, Seen, State};
use stat::{Kind, StatId, is_within, join, normal, parent};

use crate::judge::{Context, Judgement, KeptMode, Output, OutputKind, World};
use crate::observed::{judge_observation, visible};
use crate::pathset::Look;
use crate::reason::{NotCached, NotCachedKind};
use crate::value::{Value, mode_class};
use crate::zone::is_tool_state;

/// How many links lead to one another at most, as the kernel has it.
const MAX_LINKS: usize = 40;

/// What a path held before the run, as far as the rules tell things apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    /// Bytes that a recorded result of this step left.
    Own,
    /// Bytes that a step which comes later in this run left: no more there than own ones.
    Later,
    /// Anything else: a source, another step's, a stranger's.
    Foreign,
}

/// Judges one path in the workspace that the run changed.
pub(crate) fn judge_change<W: World>(
    record: &Record,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    if matches!(record.before, State::Error(_)) {
        judgement.refuse(NotCached::at(NotCachedKind::InputUnreadable, &record.path));
        return Ok(());
    }
    let held = match &record.before {
        State::Absent => Held::Nothing,
        _ if context.was_own(record) => Held::Own,
        _ if context.world.was_later(&record.path) => Held::Later,
        _ => Held::Foreign,
    };
    let after = context.world.lstat(&record.path)?;
    if let Some(id) = after.as_ref().or(record.before.id()) {
        judgement.wrote.push((record.path.clone(), id.kind()));
    }
    match after {
        after if is_tool_state(&record.path) => {
            return judge_tool_state(record, held, after.as_ref(), context, judgement);
        }
        None => judge_removal(record, held, context, judgement),
        Some(after) => judge_left(record, held, &after, context, judgement)?,
    }
    Ok(())
}

/// A build tool's own state is no input, and may be changed in any way. What a later step keeps there
/// is that step's.
fn judge_tool_state<W: World>(
    record: &Record,
    held: Held,
    after: Option<&StatId>,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    if held == Held::Own && (record.seen.read || keeps_bytes(record)) {
        judgement.built_on.get_or_insert_with(|| record.path.clone());
    }
    if let Some(after) = after.filter(|_| held != Held::Later) {
        judgement.outputs.push(output(record, after, context)?);
    }
    Ok(())
}

/// Nothing is there now. Made and gone again: nothing to say. What was the step's own counts as
/// absent, and was so if nobody put anything else there, or into it.
fn judge_removal<W: World>(
    record: &Record,
    held: Held,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) {
    let place = || context.facts.roots.place(&record.path);
    let foreign = held == Held::Foreign && !context.ignores_output(&record.path);
    if foreign || held == Held::Later && record.seen.read {
        judgement.took_foreign |= may_be_kept(record, context);
        judgement.refuse(NotCached::at(NotCachedKind::Removed, &record.path));
        return;
    }
    match held {
        // That nothing was there may have decided what was done, whatever came and went since.
        Held::Nothing if record.seen.any() => {
            judgement.input(Look::Own, place(), Value::OwnOrAbsent);
        }
        // Whoever shares an ignored place with a tool knows that it cleans up there.
        Held::Nothing | Held::Foreign => {}
        Held::Own | Held::Later => {
            judgement.input(Look::Own, place(), Value::OwnOrAbsent);
            if held == Held::Own && (record.seen.read || record.seen.exec) {
                judgement.built_on.get_or_insert_with(|| record.path.clone());
            }
            if let Some(given) = &record.seen.list {
                let value = visible(&record.path, given, context);
                judgement.input(Look::Listing, place(), value);
            }
        }
    }
}

/// Whether what the run left may hold the bytes of something it removed: it read them, moved them, or
/// gave them another name.
fn may_be_kept<W: World>(record: &Record, context: &Context<'_, W>) -> bool {
    let moved = || {
        let renames = &context.facts.trace.renames;
        renames.iter().any(|(from, _)| is_within(&record.path, from))
    };
    record.touched || moved() || was_read(record, context)
}

fn judge_left<W: World>(
    record: &Record,
    held: Held,
    after: &StatId,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    if after.kind() == Kind::Special {
        judgement.refuse(NotCached::at(NotCachedKind::SpecialFile, &record.path));
        return Ok(());
    }
    let foreign = matches!(held, Held::Foreign | Held::Later);
    let earlier = if held == Held::Foreign { earlier_value(record, context) } else { None };
    if appends(record, held) && earlier.is_none() && !context.ignores_output(&record.path) {
        judgement.took_foreign |= foreign;
        judgement.refuse(NotCached::at(NotCachedKind::Appended, &record.path));
    }
    if record.at_change.is_some() && record.seen.any() {
        judgement.refuse(NotCached::at(NotCachedKind::InputModified, &record.path));
    }
    let kept = kept_mode(record, after);
    let keeps_odd = kept.is_some() && !context.world.has_plain_mode(after);
    if let Some(value) = earlier.filter(|_| keeps_odd || looked_at(record, context)) {
        judgement.input(Look::Content, context.facts.roots.place(&record.path), value);
    } else if foreign && looked_at(record, context) {
        if restored_its_bytes(record, after, context)? {
            return judge_observation(record, context, judgement);
        }
        let kind = kind_of_overwriting(record, context);
        judgement.took_foreign |= kind == NotCachedKind::ModifiedItsInput;
        judgement.refuse(NotCached::at(kind, &record.path));
    } else if foreign && keeps_odd {
        // What bits it would have got is known when the next run makes it from nothing.
        judgement.refuse(NotCached::at(NotCachedKind::ReplacedUnknown, &record.path));
    }
    if foreign
        && record.change == Some(Change::Delete)
        && let Some(kind) = record.before.kind()
    {
        // Whoever takes something away learns that it was there.
        let place = context.facts.roots.place(&record.path);
        judgement.input(Look::Present, place, Value::Kind(kind));
    }
    if held == Held::Own && (record.seen.read || keeps_bytes(record)) {
        judgement.built_on.get_or_insert_with(|| record.path.clone());
    }
    if let Some(kept) = kept.filter(|_| held == Held::Own) {
        judgement.kept_modes.push((record.path.clone(), kept));
    }
    // An append to an output that the tool wants left out goes on with whatever is there.
    let appended_aside = context.ignores_output(&record.path)
        && record.seen == (Seen { exists: true, ..Seen::default() });
    if !foreign && record.seen.any() && !appended_aside {
        judgement.input(Look::Own, context.facts.roots.place(&record.path), Value::OwnOrAbsent);
    }
    judgement.outputs.push(output(record, after, context)?);
    Ok(())
}

/// What a step that comes before left there, by value: it may be changed in place, since that step
/// gives it again. So may, in a run that is stored in place only, what is the step's own.
fn earlier_value<W: World>(record: &Record, context: &Context<'_, W>) -> Option<Value> {
    let State::Present(before) = &record.before else { return None };
    let digest = context.world.earlier(&record.path, before)?;
    Some(Value::File(digest, mode_class(before.permissions())))
}

/// Whether bytes were added to some that were there.
fn appends(record: &Record, held: Held) -> bool {
    record.change == Some(Change::Append) && held != Held::Nothing
}

/// Whether what was there before can have mattered. Bytes that stay under an in-place write count
/// as looked at.
fn looked_at<W: World>(record: &Record, context: &Context<'_, W>) -> bool {
    let appends_aside =
        record.change == Some(Change::Append) && context.ignores_output(&record.path);
    let in_place = writes_in_place(record) && !appends_aside;
    context.counts_as_input(&record.path) && (record.seen.any() || in_place)
}

fn keeps_bytes(record: &Record) -> bool {
    matches!(record.change, Some(Change::Modify | Change::Append) | None)
}

fn writes_in_place(record: &Record) -> bool {
    matches!(record.change, Some(Change::Write | Change::Modify | Change::Append) | None)
}

/// Whether the permission bits are those that the file was found with: it is the same file, and they
/// were not set again.
fn kept_mode(record: &Record, after: &StatId) -> Option<KeptMode> {
    let before = record.before.id().filter(|before| {
        let same = (before.dev, before.ino, before.mode) == (after.dev, after.ino, after.mode);
        same && before.kind() == Kind::File && !record.touched
    });
    match (before?, record.change?) {
        (_, Change::Overwrite) => Some(KeptMode::Overwritten),
        (_, Change::Replace) => Some(KeptMode::Emptied),
        _ => None,
    }
}

/// A look at the bytes makes them an input that is gone. A mere look at whether something is there
/// may still have decided what was written (`test -e x || …`), and what was there is not on record.
fn kind_of_overwriting<W: World>(record: &Record, context: &Context<'_, W>) -> NotCachedKind {
    let read = writes_in_place(record) || was_read(record, context);
    if read { NotCachedKind::ModifiedItsInput } else { NotCachedKind::ReplacedUnknown }
}

/// Whether the bytes that were there are known to the command.
fn was_read<W: World>(record: &Record, context: &Context<'_, W>) -> bool {
    record.seen.read || record.seen.exec || read_through(record, context)
}

/// Whether a symbolic link was there, and what it leads to was read: `sed -i` reads through it, and puts
/// a file in its place.
fn read_through<W: World>(record: &Record, context: &Context<'_, W>) -> bool {
    let State::Link(_, target) = &record.before else { return false };
    if !record.seen.follow {
        return false;
    }
    let records = &context.facts.trace.records;
    let is_read = |path: &[u8]| {
        let mut below = records.iter().filter(|other| is_within(&other.path, path));
        below.any(|other| other.seen.read || other.seen.exec)
    };
    let mut end = resolved(&record.path, target);
    for _ in 0..MAX_LINKS {
        let link = records.iter().find(|other| other.path == end).map(|other| &other.before);
        let Some(State::Link(_, target)) = link else { break };
        end = resolved(&end, target);
    }
    is_read(&end)
}

/// Where a link leads, by its text alone.
fn resolved(link: &[u8], target: &[u8]) -> Vec<u8> {
    let dir = parent(link).filter(|_| !target.starts_with(b"/"));
    normal(&join(dir.unwrap_or(b"/"), target))
}

/// A formatter on clean code: the bytes end as they began.
fn restored_its_bytes<W: World>(
    record: &Record,
    after: &StatId,
    context: &Context<'_, W>,
) -> io::Result<bool> {
    match &record.before {
        State::Present(before) if before.kind() == Kind::File && after.kind() == Kind::File => {
            Ok(before.permissions() == after.permissions()
                && context.world.known(before) == Some(context.world.digest(&record.path)?))
        }
        State::Link(_, target) if after.kind() == Kind::Link => {
            Ok(context.world.read_link(&record.path)? == *target)
        }
        _ => Ok(false),
    }
}

/// The output that stands at a record's path now.
pub(crate) fn output<W: World>(
    record: &Record,
    after: &StatId,
    context: &Context<'_, W>,
) -> io::Result<Output> {
    let kind = match after.kind() {
        Kind::Dir => OutputKind::Dir,
        Kind::Link => OutputKind::Link(context.world.read_link(&record.path)?),
        Kind::File | Kind::Special => {
            OutputKind::File { digest: context.world.digest(&record.path)?, size: after.size }
        }
    };
    let stored =
        context.workspace_rel(&record.path).is_some_and(|rel| context.facts.rules.is_output(&rel));
    Ok(Output {
        path: record.path.clone(),
        kind,
        mode: after.permissions(),
        mtime_ns: after.mtime_ns,
        stored,
    })
}

//! What the run looked at and left as it was: inputs, and the signs that somebody else changed them.

use std::io;

use fspy_trace::{Change, Listed, Record, State};
use stat::{Kind, StatId, join};

use crate::changed::output;
use crate::judge::{Context, Judgement, KeptMode, World};
use crate::pathset::Look;
use crate::reason::{NotCached, NotCachedKind};
use crate::value::{Value, listing_value, mode_class};
use crate::zone::{is_tool_state, is_unlisted_name};

/// Judges one path that stands as it stood.
pub(crate) fn judge_observation<W: World>(
    record: &Record,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    let observed = is_observed(record);
    if context.was_own(record) && is_blind_touch(record) {
        return judge_blind_touch(record, context, judgement);
    }
    if (observed || record.touched) && context.was_own(record) {
        return judge_own(record, context, judgement);
    }
    if is_tool_state(&record.path) {
        return Ok(());
    }
    if !observed {
        return judge_touched(record, context, judgement);
    }
    if !context.counts_as_input(&record.path) {
        return Ok(());
    }
    let after = context.world.lstat(&record.path)?;
    match (&record.before, after) {
        (State::Absent, None) => judge_absence(record, context, judgement),
        (State::Error(errno), _) => {
            let place = context.facts.roots.place(&record.path);
            judgement.input(Look::Kind, place, Value::Error(*errno));
        }
        (State::Link(_, target), Some(after)) if after.kind() == Kind::Link => {
            judge_link(record, target, context, judgement)?;
        }
        (State::Present(before), Some(after)) if before.kind() == after.kind() => {
            judge_present(record, before, &after, context, judgement)?;
        }
        _ => judgement.refuse(modified(record)),
    }
    Ok(())
}

/// An open for writing that changed nothing was a read.
fn is_observed(record: &Record) -> bool {
    record.seen.any()
        || matches!(record.change, Some(Change::Write | Change::Modify | Change::Append))
}

/// `touch` on the step's own empty file: opened for writing without a look, and nothing written.
/// From nothing it leaves the same; somebody's bytes it would have left.
fn is_blind_touch(record: &Record) -> bool {
    let empty = record.before.id().is_some_and(|id| id.kind() == Kind::File && id.size == 0);
    empty && record.change == Some(Change::Write) && !record.seen.any()
}

fn judge_blind_touch<W: World>(
    record: &Record,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    let place = context.facts.roots.place(&record.path);
    judgement.input(Look::Own, place, Value::OwnOrAbsent);
    if let Some(after) = context.world.lstat(&record.path)? {
        judgement.outputs.push(output(record, &after, context)?);
    }
    Ok(())
}

/// Not looked at, but its permissions or times were set.
fn judge_touched<W: World>(
    record: &Record,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    let after = context.world.lstat(&record.path)?;
    let (Some(before), Some(after)) = (record.before.id(), after) else { return Ok(()) };
    if before.permissions() != after.permissions() {
        judgement.refuse(NotCached::at(NotCachedKind::ModifiedItsInput, &record.path));
    }
    Ok(())
}

/// Own paths count as absent. A directory that the step made earlier and found again is an output
/// as if made anew; a file that it found again and left means it built on its earlier result.
fn judge_own<W: World>(
    record: &Record,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    if !is_tool_state(&record.path) {
        let place = context.facts.roots.place(&record.path);
        judgement.input(Look::Own, place, Value::OwnOrAbsent);
    }
    let Some(after) = context.world.lstat(&record.path)? else { return Ok(()) };
    if after.kind() == Kind::Dir {
        judgement.kept_modes.push((record.path.clone(), KeptMode::Dir));
        judge_listing(record, context, judgement)?;
    } else {
        judgement.built_on.get_or_insert_with(|| record.path.clone());
    }
    judgement.outputs.push(output(record, &after, context)?);
    Ok(())
}

fn judge_absence<W: World>(record: &Record, context: &Context<'_, W>, judgement: &mut Judgement) {
    let roots = context.facts.roots;
    if let Some(above) = roots.place_above(&record.path) {
        let everywhere = is_absent_above(&above.rel, context);
        if everywhere {
            judgement.input(Look::Kind, above, Value::Absent);
        }
        if everywhere && roots.place(&record.path).root == crate::place::Root::Absolute {
            return;
        }
    }
    judgement.input(Look::Kind, roots.place(&record.path), Value::Absent);
}

/// Whether the name is absent from every directory above the workspace, as one that is searched for
/// upwards and not found is.
fn is_absent_above<W: World>(rel: &[u8], context: &Context<'_, W>) -> bool {
    let mut above = context.facts.roots.above();
    above.all(|dir| matches!(context.world.lstat(&join(dir, rel)), Ok(None)))
}

fn judge_link<W: World>(
    record: &Record,
    target: &[u8],
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    if context.world.read_link(&record.path)? == target {
        let place = context.facts.roots.place(&record.path);
        judgement.input(Look::Link, place, Value::link(target));
    } else {
        judgement.refuse(modified(record));
    }
    Ok(())
}

fn judge_present<W: World>(
    record: &Record,
    before: &StatId,
    after: &StatId,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    match before.kind() {
        Kind::File => judge_file(record, before, after, context, judgement),
        Kind::Dir => {
            let roots = context.facts.roots;
            if !roots.is_ancestor(&record.path) && record.path != roots.workspace {
                let place = roots.place(&record.path);
                if record.seen.stat {
                    let value = Value::Dir(mode_class(after.permissions()));
                    judgement.input(Look::Stat, place, value);
                } else {
                    judgement.input(Look::Kind, place, Value::Kind(Kind::Dir));
                }
            }
            judge_listing(record, context, judgement)
        }
        Kind::Special if record.seen.read => {
            // Whoever is at the other end of a FIFO or device decides what is read.
            judgement.refuse(NotCached::at(NotCachedKind::AskedPeer, &record.path));
            Ok(())
        }
        Kind::Link | Kind::Special => {
            let place = context.facts.roots.place(&record.path);
            judgement.input(Look::Kind, place, Value::Kind(before.kind()));
            Ok(())
        }
    }
}

fn judge_file<W: World>(
    record: &Record,
    before: &StatId,
    after: &StatId,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    let place = context.facts.roots.place(&record.path);
    let seen = &record.seen;
    if seen.content() || record.change.is_some() {
        let digest = context.world.digest(&record.path)?;
        if !same_bytes(record, before, after, context.world.known(before) == Some(digest)) {
            judgement.refuse(modified(record));
        }
        let value = Value::File(digest, mode_class(after.permissions()));
        let opened = seen.read || seen.exec || record.change.is_some();
        let look = if opened { Look::Content } else { Look::Stat };
        judgement.input(look, place.clone(), value);
    } else if seen.exists {
        judgement.input(Look::Kind, place.clone(), Value::Kind(Kind::File));
    }
    if seen.access != 0 {
        let granted = context.world.access(&record.path, seen.access)?;
        judgement.input(Look::Access(seen.access), place, Value::Access(granted));
    }
    if before.permissions() != after.permissions() {
        judgement.refuse(NotCached::at(NotCachedKind::ModifiedItsInput, &record.path));
    }
    Ok(())
}

/// Whether the file holds, after the run, the bytes that the run saw. Its `ctime` moves with every
/// write; where the run itself moved it, without writing, the other marks must do.
fn same_bytes(record: &Record, before: &StatId, after: &StatId, digest_was_known: bool) -> bool {
    let unmoved = before == after;
    let touched = record.touched && before.ino == after.ino && before.size == after.size;
    unmoved || touched || digest_was_known
}

/// The names given must still be there, but for what the run itself made: otherwise somebody else
/// was at work, and nobody knows which names the command saw.
fn judge_listing<W: World>(
    record: &Record,
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    let Some(given) = &record.seen.list else { return Ok(()) };
    let value = visible(&record.path, given, context);
    if value != visible(&record.path, &context.world.list(&record.path)?, context) {
        judgement.refuse(modified(record));
    }
    judgement.input(Look::Listing, context.facts.roots.place(&record.path), value);
    judge_listed_names(record, given, context, judgement)
}

/// Names that the listing leaves out, but that the command may have gone by. What it replaced was
/// there before it, and must be there again, whosever bytes it holds. What it made in an earlier run
/// and left alone now was not made by this run: it built on it.
fn judge_listed_names<W: World>(
    record: &Record,
    given: &[Listed],
    context: &Context<'_, W>,
    judgement: &mut Judgement,
) -> io::Result<()> {
    for (name, kind) in
        given.iter().filter(|(name, _)| !is_unlisted_name(name, context.facts.rules.noise()))
    {
        let path = join(&record.path, name);
        if context.replaced.contains(&path[..]) {
            let place = context.facts.roots.place(&path);
            judgement.input(Look::Present, place, Value::Kind(*kind));
        } else if *kind != Kind::Dir
            && !context.changed.contains(&path[..])
            && context.world.was_own(&path, None)
            && context.world.lstat(&path)?.is_some()
        {
            judgement.built_on.get_or_insert(path);
        }
    }
    Ok(())
}

pub(crate) fn visible<W: World>(dir: &[u8], names: &[Listed], context: &Context<'_, W>) -> Value {
    listing_value(names.iter().filter_map(|(name, kind)| {
        let path = join(dir, name);
        let hidden = is_unlisted_name(name, context.facts.rules.noise())
            || context.changed.contains(&path[..])
            || context.world.was_own(&path, None)
            || context.world.is_unordered(&path)
            || context.ignores_input(&path);
        (!hidden).then_some((&name[..], *kind))
    }))
}

fn modified(record: &Record) -> NotCached {
    NotCached::at(NotCachedKind::InputModified, &record.path)
}

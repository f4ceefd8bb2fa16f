//! Which modification times restored files get.
//!
//! As recorded, if all inputs are older than the oldest output; otherwise just before the look-up
//! began, in recorded order, so that make and cargo find outputs newer than inputs, and a source
//! that is saved meanwhile is newer still. A second name of another file is as old as that file, as
//! after a run.

use stat::StatId;

use crate::disk::has_other_names;
use crate::lookup::Hit;
use crate::manifest::ItemKind;
use crate::restore::{Standing, Target};

/// Distance between neighbouring times of outputs that are given new ones.
const SPACING_NS: i64 = 1_000;

/// Times to set, by index of target. Nothing is to be set where everything stands as stored and is
/// no older than the inputs.
pub(crate) fn plan(hit: &Hit, targets: &[Target<'_>]) -> Vec<(usize, i64)> {
    let mut files: Vec<(usize, i64)> = targets
        .iter()
        .enumerate()
        .filter(|(_, target)| matches!(target.item.kind, ItemKind::File { .. }))
        .filter(|(_, target)| !(stands(target) && has_other_names(&target.path)))
        .map(|(at, target)| (at, target.item.mtime_ns))
        .collect();
    files.sort_by_key(|(_, mtime)| *mtime);
    let Some((_, oldest)) = files.first() else { return Vec::new() };
    if *oldest > hit.newest_input_ns {
        files.retain(|(at, _)| needs_time(&targets[*at], hit.newest_input_ns));
        return files;
    }
    if files.iter().all(|(at, _)| !needs_time(&targets[*at], hit.newest_input_ns)) {
        return Vec::new();
    }
    let count = i64::try_from(files.len()).unwrap_or(i64::MAX);
    let first = hit.looked_ns.saturating_sub(count.saturating_mul(SPACING_NS));
    for (rank, file) in (0i64..).zip(&mut files) {
        file.1 = first.saturating_add(rank.saturating_mul(SPACING_NS));
    }
    files
}

fn stands(target: &Target<'_>) -> bool {
    matches!(target.state, Standing::Same | Standing::OtherMode)
}

fn needs_time(target: &Target<'_>, newest_input_ns: i64) -> bool {
    let mtime = |id: StatId| id.mtime_ns;
    !stands(target)
        || stat::lstat(&target.path).map(mtime).is_ok_and(|mtime| mtime < newest_input_ns)
}

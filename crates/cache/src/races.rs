//! Races: two steps of this run with no order between them, of which one wrote what the other used.
//! Whichever came first, the next run may see it the other way round.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use digest::Digest;
use policy::{Judgement, Look, NotCached, NotCachedKind, Op, Roots, Value, is_on};
use stat::Kind;

use crate::disk::lock;
use crate::step::{Step, StepId, Steps};
use crate::workspace::Workspace;

/// What a step did with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// It changed a file or link, or took something away.
    Wrote,
    /// It made a directory. Several may: nothing but its absence can matter to another.
    MadeDir,
    /// It looked at a file or link.
    Saw,
    /// It found nothing there.
    Missed,
}

impl Touch {
    /// Whether the result of who did this depends on who did `other` being first.
    fn depends_on(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Wrote | Self::Saw | Self::Missed, Self::Wrote) | (Self::Missed, Self::MadeDir)
        )
    }
}

/// A path and what was done with it.
pub(crate) type Touched = Vec<(Vec<u8>, Touch)>;

/// What the steps of this run did so far, by digest of the path.
#[derive(Debug, Default)]
pub(crate) struct Races {
    touched: HashMap<u64, Vec<(StepId, Touch)>>,
    stored: HashMap<StepId, Digest>,
    found: HashMap<StepId, NotCached>,
}

/// What a run did, as far as it can race: whole directories are nobody's.
pub(crate) fn touched(judged: &Judgement, roots: &Roots) -> Touched {
    let wrote = judged.wrote.iter().map(|(path, kind)| {
        (path.clone(), if *kind == Kind::Dir { Touch::MadeDir } else { Touch::Wrote })
    });
    let saw = judged.inputs.iter().filter_map(|(op, value)| {
        let touch = seen(op, value)?;
        let inside = op.place.root == policy::Root::Workspace;
        Some((roots.path(&op.place).filter(|_| inside)?, touch))
    });
    wrote.chain(saw).collect()
}

fn seen(op: &Op, value: &Value) -> Option<Touch> {
    match (op.look, value) {
        (Look::Kind, Value::Absent) => Some(Touch::Missed),
        (Look::Content | Look::Stat, Value::File(..)) | (Look::Link | Look::Access(_), _) => {
            Some(Touch::Saw)
        }
        (Look::Kind, Value::Kind(kind)) if *kind != Kind::Dir => Some(Touch::Saw),
        _ => None,
    }
}

impl Workspace {
    /// Notes what a step did, and says with which step it races, if with any. Results of others
    /// that turn out to have raced with it are taken back.
    pub(crate) fn meet(&self, step: &Step, touched: &Touched) -> Option<NotCached> {
        if !is_on("race") {
            return None;
        }
        let steps = lock(&self.steps);
        let mut races = lock(&self.races);
        let mut mine = None;
        let mut taken_back = Vec::new();
        for (path, touch) in touched {
            let others = races.touched.entry(key(path)).or_default();
            for (other, theirs) in others.iter().filter(|(id, _)| *id != step.spec.id) {
                let Some(other) = unordered(*other, step, &steps) else { continue };
                if touch.depends_on(*theirs) {
                    mine.get_or_insert_with(|| race(path, &other.label));
                }
                if theirs.depends_on(*touch) {
                    taken_back.push((other.spec.id, race(path, &step.label)));
                }
            }
            others.push((step.spec.id, *touch));
        }
        let mut gone = Vec::new();
        for (id, reason) in taken_back {
            gone.extend(races.stored.remove(&id));
            races.found.entry(id).or_insert(reason);
        }
        drop((races, steps));
        for strong in gone {
            let _ = lock(&self.cache).drop_entry(&strong);
        }
        mine
    }

    /// Notes that a step's result was stored.
    ///
    /// # Errors
    /// It was found to race meanwhile: it must not be.
    pub(crate) fn may_stand(&self, id: StepId, strong: &Digest) -> Result<(), NotCached> {
        let mut races = lock(&self.races);
        if let Some(reason) = races.found.get(&id) {
            return Err(reason.clone());
        }
        races.stored.insert(id, *strong);
        Ok(())
    }
}

fn key(path: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

fn unordered(other: StepId, step: &Step, steps: &Steps) -> Option<std::sync::Arc<Step>> {
    let other = steps.get(other)?;
    let ordered = step.comes_after(other.spec.id) || other.comes_after(step.spec.id);
    (!ordered).then_some(other)
}

fn race(path: &[u8], other: &str) -> NotCached {
    NotCached {
        kind: NotCachedKind::Race,
        path: Some(path.to_vec()),
        detail: Some(other.to_owned()),
    }
}

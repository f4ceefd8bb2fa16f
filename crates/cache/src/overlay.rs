//! The results of hits, laid over the disk before they are restored.

use std::collections::{BTreeSet, HashMap, HashSet};

use digest::Digest;
use policy::Roots;
use stat::{Kind, file_name, parent};

use crate::manifest::{Item, ItemKind};
use crate::step::{Step, StepId};

/// What a hit will have left at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Laid {
    File {
        digest: Digest,
        mode: u32,
    },
    Link(Vec<u8>),
    Dir {
        mode: u32,
    },
    /// A leftover of an earlier result, which restoring will remove.
    Gone,
}

impl Laid {
    pub(crate) fn kind(&self) -> Option<Kind> {
        match self {
            Self::File { .. } => Some(Kind::File),
            Self::Link(_) => Some(Kind::Link),
            Self::Dir { .. } => Some(Kind::Dir),
            Self::Gone => None,
        }
    }

    fn of(item: &Item) -> Self {
        match &item.kind {
            ItemKind::File { digest, .. } => Self::File { digest: *digest, mode: item.mode },
            ItemKind::Link(target) => Self::Link(target.clone()),
            ItemKind::Dir => Self::Dir { mode: item.mode },
        }
    }
}

/// Results of hits by path, in the order in which they will be restored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    ids: HashSet<StepId>,
    at: HashMap<Vec<u8>, Vec<(StepId, Laid)>>,
    names: HashMap<Vec<u8>, BTreeSet<Vec<u8>>>,
}

impl Overlay {
    /// Lays a result over what is there; `gone` are the leftovers that go with it.
    pub(crate) fn lay(&mut self, id: StepId, items: &[Item], gone: &[Vec<u8>], roots: &Roots) {
        self.ids.insert(id);
        for path in gone {
            self.put(id, path.clone(), Laid::Gone);
        }
        for item in items {
            if let Some(path) = roots.path(&item.place) {
                self.put(id, path, Laid::of(item));
            }
        }
    }

    /// Takes results away: they stand on the disk now, or will not come.
    pub(crate) fn lift(&mut self, ids: &HashSet<StepId>) {
        if self.ids.is_disjoint(ids) {
            return;
        }
        self.ids.retain(|id| !ids.contains(id));
        self.at.retain(|_, laid| {
            laid.retain(|(step, _)| !ids.contains(step));
            !laid.is_empty()
        });
    }

    /// What the steps before `step` will have left at a path, if anything.
    pub(crate) fn at(&self, path: &[u8], step: &Step) -> Option<&Laid> {
        let laid = self.at.get(path)?;
        laid.iter().rev().find(|(id, _)| step.comes_after(*id)).map(|(_, laid)| laid)
    }

    /// Paths at which steps before `step` will have left something.
    pub(crate) fn paths<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = &'a [u8]> {
        let before = |laid: &&(StepId, Laid)| step.comes_after(laid.0);
        let left = move |laid: &Vec<(StepId, Laid)>| {
            laid.iter().rev().find(before).is_some_and(|(_, laid)| *laid != Laid::Gone)
        };
        self.at.iter().filter(move |(_, laid)| left(laid)).map(|(path, _)| &path[..])
    }

    /// Names that hits have something to say about in a directory.
    pub(crate) fn names<'a>(&'a self, dir: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        self.names.get(dir).into_iter().flatten().map(Vec::as_slice)
    }

    fn put(&mut self, id: StepId, path: Vec<u8>, laid: Laid) {
        if let Some(dir) = parent(&path) {
            self.names.entry(dir.to_vec()).or_default().insert(file_name(&path).to_vec());
        }
        self.at.entry(path).or_default().push((id, laid));
    }
}

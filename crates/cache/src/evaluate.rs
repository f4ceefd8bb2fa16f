//! Evaluating the operations of a path set in the tree as a step would find it: the disk, with the
//! results of earlier hits laid over it, without the step's own.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;

use digest::Hasher;
use policy::{
    Hinted, Look, Op, Place, Root, Roots, Value, is_on, is_unlisted_name, listing_value,
    lookup_value, mode_class,
};
use stat::{Kind, join};

use crate::disk::{Disk, access, list, read_link};
use crate::environment::Environment;
use crate::overlay::{Laid, Overlay};
use crate::own::OwnPaths;
use crate::step::{Step, StepId};

/// The tree as one step would find it.
pub(crate) struct Tree<'a> {
    pub(crate) roots: &'a Roots,
    pub(crate) disk: &'a Disk,
    pub(crate) environment: &'a Environment,
    pub(crate) overlay: &'a Overlay,
    pub(crate) step: &'a Step,
    /// Paths that hold the step's own bytes.
    pub(crate) own: &'a OwnPaths,
    /// Paths that hold the bytes of steps of this run, and whose.
    pub(crate) owned: &'a HashMap<Vec<u8>, Vec<StepId>>,
    /// Whether a step comes after this one and is assumed to hit.
    pub(crate) is_later: &'a dyn Fn(StepId) -> bool,
    /// Whether a name at this path is recorded as left by a step that does not come before.
    pub(crate) is_unordered: &'a dyn Fn(&[u8]) -> bool,
    /// Whether the path set is that of a result which is right in place only.
    pub(crate) in_place: Cell<bool>,
    /// Names that a path set asks for one by one, and that its listings leave out.
    pub(crate) unlisted: RefCell<HashSet<Vec<u8>>>,
    /// Later steps whose results were left out of the picture.
    pub(crate) needs: RefCell<HashSet<StepId>>,
    /// What the path set at hand leaves out by a tool's wish.
    pub(crate) hinted: RefCell<Hinted>,
}

/// What stands at a path in the tree.
enum Stands {
    Nothing,
    Laid(Laid),
    Disk(stat::StatId),
}

impl Tree<'_> {
    /// Makes ready for the operations of another path set.
    pub(crate) fn begin(&self, ops: &[Op]) {
        self.needs.borrow_mut().clear();
        self.leave_out(ops);
        self.in_place.set(ops.iter().any(|op| op.look == Look::InPlace));
        let present = ops.iter().filter(|op| op.look == Look::Present);
        *self.unlisted.borrow_mut() = present.filter_map(|op| self.roots.path(&op.place)).collect();
    }

    /// What the operation finds.
    pub(crate) fn evaluate(&self, op: &Op) -> Value {
        match (op.look, op.place.root) {
            (Look::Ignored, _) => Value::Absent,
            (Look::Env(_), _) => self.environment.value(&op.place.rel, &self.step.spec),
            (Look::Envs(_), _) => self.environment.matches(&op.place.rel, &self.step.spec),
            (Look::Beneath, _) => self.all_beneath(&op.place).unwrap_or_else(|e| failed(&e)),
            (Look::Lookup, _) => lookup_value(&self.lookup(&op.place.rel)),
            (Look::Here | Look::InPlace, _) => Value::text(&self.roots.workspace),
            (Look::Declared, _) => {
                self.declared(&HashSet::new(), |_| false).unwrap_or_else(|e| failed(&e))
            }
            (_, Root::Above) => self.above(&op.place.rel),
            (look, _) => match self.roots.path(&op.place) {
                Some(path) => self.look(look, &path).unwrap_or_else(|error| failed(&error)),
                None => Value::Absent,
            },
        }
    }

    fn all_beneath(&self, place: &Place) -> io::Result<Value> {
        match self.roots.path(place) {
            Some(path) => self.value_beneath(&path, &HashSet::new()),
            None => Ok(Value::Absent),
        }
    }

    pub(crate) fn look(&self, look: Look, path: &[u8]) -> io::Result<Value> {
        match look {
            Look::Listing => return self.listing(path),
            Look::Present => return self.present(path),
            Look::Bits => return self.bits(path),
            Look::Own if self.is_own_in_place(path) => return Ok(Value::OwnOrAbsent),
            _ => {}
        }
        let stands = match self.stands(path) {
            // Below something that is no directory, nothing of this step's can be in the way.
            Err(error) if look == Look::Own && crate::disk::is_absence(&error) => Stands::Nothing,
            other => other?,
        };
        Ok(match stands {
            Stands::Nothing if look == Look::Own => Value::OwnOrAbsent,
            Stands::Nothing => Value::Absent,
            Stands::Laid(laid) => laid_value(look, &laid),
            Stands::Disk(id) => self.disk_value(look, path, &id)?,
        })
    }

    /// The kind of what stands at a path.
    pub(crate) fn kind(&self, path: &[u8]) -> io::Result<Option<Kind>> {
        Ok(match self.stands(path)? {
            Stands::Nothing => None,
            Stands::Laid(laid) => laid.kind(),
            Stands::Disk(id) => Some(id.kind()),
        })
    }

    /// The kind of what the step would find at a path, if it is not of the runner's making.
    pub(crate) fn disk_kind(&self, path: &[u8]) -> Option<Kind> {
        match self.stands(path) {
            Ok(Stands::Disk(id)) => Some(id.kind()),
            _ => None,
        }
    }

    fn stands(&self, path: &[u8]) -> io::Result<Stands> {
        match self.overlay.at(path, self.step) {
            Some(Laid::Gone) => return Ok(Stands::Nothing),
            Some(laid) => return Ok(Stands::Laid(laid.clone())),
            None => {}
        }
        if self.is_hidden(path) {
            return Ok(Stands::Nothing);
        }
        Ok(self.disk.look(path)?.map_or(Stands::Nothing, Stands::Disk))
    }

    /// What is there, the step's own included.
    fn present(&self, path: &[u8]) -> io::Result<Value> {
        let kind = match self.overlay.at(path, self.step) {
            Some(laid) => laid.kind(),
            None => self.disk.look(path)?.map(|id| id.kind()),
        };
        Ok(kind.map_or(Value::Absent, Value::Kind))
    }

    /// The permission bits of the directory there, the step's own included.
    fn bits(&self, path: &[u8]) -> io::Result<Value> {
        let of_dir = |id: stat::StatId| (id.kind() == Kind::Dir).then(|| id.permissions());
        let bits = match self.overlay.at(path, self.step) {
            Some(Laid::Dir { mode }) => Some(*mode),
            Some(_) => None,
            None => self.disk.look(path)?.and_then(of_dir),
        };
        bits.map_or_else(|| self.present(path), |bits| Ok(Value::Dir(bits)))
    }

    /// Whether what stands on the disk is the step's own result, or a later step's.
    fn is_hidden(&self, path: &[u8]) -> bool {
        if self.own.contains_key(path) && !self.in_place.get() && is_on("own-as-absent") {
            return true;
        }
        let owners = self.owned.get(path).into_iter().flatten();
        let later = owners.copied().find(|id| (self.is_later)(*id) && is_on("later"));
        self.needs.borrow_mut().extend(later);
        later.is_some()
    }

    /// Whether what the run in question did not find, and perhaps made, is there as the step left it.
    fn is_own_in_place(&self, path: &[u8]) -> bool {
        let is_own = || self.own.contains_key(path) && self.overlay.at(path, self.step).is_none();
        self.in_place.get() && is_own()
    }

    fn disk_value(&self, look: Look, path: &[u8], id: &stat::StatId) -> io::Result<Value> {
        Ok(match (look, id.kind()) {
            (Look::Kind, kind) => Value::Kind(kind),
            (_, Kind::Link) => Value::link(&read_link(path)?),
            (Look::Access(bits), Kind::File) => Value::Access(access(path, bits)),
            (_, Kind::File) => {
                let digest = self.disk.digest_of(path, id)?;
                Value::File(digest, mode_class(id.permissions()))
            }
            (Look::Content | Look::Stat, Kind::Dir) => Value::Dir(mode_class(id.permissions())),
            (_, kind) => Value::Kind(kind),
        })
    }

    fn listing(&self, dir: &[u8]) -> io::Result<Value> {
        let names = self.names(dir)?;
        Ok(listing_value(names.iter().map(|(name, kind)| (&name[..], *kind))))
    }

    /// Names in a directory that count, with their kinds.
    pub(crate) fn names(&self, dir: &[u8]) -> io::Result<HashMap<Vec<u8>, Kind>> {
        let mut names: HashMap<Vec<u8>, Kind> = HashMap::new();
        if matches!(self.stands(dir)?, Stands::Disk(id) if id.kind() == Kind::Dir)
            || self.own.contains_key(dir)
            || self.overlay.at(dir, self.step).is_some()
        {
            names.extend(list(dir).or_else(none_if_absent)?);
        }
        for name in self.overlay.names(dir) {
            match self.overlay.at(&join(dir, name), self.step).map(Laid::kind) {
                Some(Some(kind)) => names.insert(name.to_vec(), kind),
                Some(None) => names.remove(name),
                None => None,
            };
        }
        names.retain(|name, _| self.is_listed(dir, name));
        Ok(names)
    }

    fn is_listed(&self, dir: &[u8], name: &[u8]) -> bool {
        let path = join(dir, name);
        !is_unlisted_name(name, self.step.rules.noise())
            && !self.is_ignored(&path)
            && !self.unlisted.borrow().contains(&path)
            && (self.overlay.at(&path, self.step).is_some()
                || !(self.is_hidden(&path) || (self.is_unordered)(&path)))
    }

    /// Something that tools search for upwards: absent at every level, or what the nearest is.
    fn above(&self, rel: &[u8]) -> Value {
        for dir in self.roots.above() {
            match self.disk.look(&join(dir, rel)) {
                Ok(None) => {}
                Ok(Some(id)) => return Value::Kind(id.kind()),
                Err(error) => return failed(&error),
            }
        }
        Value::Absent
    }

    /// What has a bare name in the directories of the step's `PATH`, up to the program it starts. A
    /// file that may not be executed is passed over, but makes another error if nothing follows.
    pub(crate) fn lookup(&self, name: &[u8]) -> Vec<Place> {
        let mut found = Vec::new();
        for dir in &self.step.path_search {
            let path = join(dir, name);
            let Ok(meta) = std::fs::metadata(stat::as_path(&path)) else { continue };
            found.push(self.roots.place(&path));
            if meta.is_file() && access(&path, EXECUTE) != 0 {
                break;
            }
        }
        found
    }

    /// The files that match the step's declared input patterns, with what they hold: on the disk, and
    /// in the results of earlier hits. `is_later` tells what a later step left.
    pub(crate) fn declared(
        &self,
        changed: &HashSet<&[u8]>,
        is_later: impl Fn(&[u8]) -> bool,
    ) -> io::Result<Value> {
        let Some(globs) = self.step.rules.declared_inputs() else { return Ok(Value::Absent) };
        let mut rels: BTreeSet<Vec<u8>> = globs.walk(&self.roots.workspace)?.into_iter().collect();
        let laid = self.overlay.paths(self.step).map(|path| self.roots.place(path));
        let inside = laid.filter(|place| place.root == Root::Workspace).map(|place| place.rel);
        rels.extend(inside.filter(|rel| globs.matches(rel)));
        let mut hasher = Hasher::new();
        for rel in rels {
            let path = join(&self.roots.workspace, &rel);
            if changed.contains(&path[..]) || self.own.contains_key(&path) || is_later(&path) {
                continue;
            }
            let value = self.look(Look::Content, &path)?;
            if value == Value::Absent || matches!(value, Value::Dir(_)) {
                continue;
            }
            hasher.field(&rel);
            hasher.field(format!("{value:?}").as_bytes());
        }
        Ok(Value::Text(hasher.finish()))
    }
}

const EXECUTE: u8 = 1;

fn laid_value(look: Look, laid: &Laid) -> Value {
    match (look, laid) {
        (_, Laid::Gone) => Value::Absent,
        (Look::Kind, laid) => laid.kind().map_or(Value::Absent, Value::Kind),
        (Look::Access(bits), Laid::File { mode, .. }) => {
            Value::Access(bits & u8::try_from(mode >> 6 & 7).unwrap_or(0))
        }
        (_, Laid::File { digest, mode }) => Value::File(*digest, mode_class(*mode)),
        (_, Laid::Link(target)) => Value::link(target),
        (Look::Content | Look::Stat, Laid::Dir { mode }) => Value::Dir(mode_class(*mode)),
        (_, Laid::Dir { .. }) => Value::Kind(Kind::Dir),
    }
}

fn failed(error: &io::Error) -> Value {
    Value::Error(error.raw_os_error().unwrap_or(0))
}

fn none_if_absent<T: Default>(error: io::Error) -> io::Result<T> {
    if crate::disk::is_absence(&error) { Ok(T::default()) } else { Err(error) }
}

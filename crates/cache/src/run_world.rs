//! The world as `policy::judge` wants to see it after a run.

use std::collections::HashSet;
use std::io;

use digest::Digest;
use fspy_trace::Listed;
use policy::{Place, Value, World};
use stat::{Kind, StatId};

use crate::disk::{Disk, access, list, read_link};
use crate::evaluate::Tree;
use crate::modes::is_plain;
use crate::own::{OwnPaths, Owned};
use crate::workspace::Workspace;

/// The disk after a run, and what was the step's own before it.
pub(crate) struct RunWorld<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) tree: &'a Tree<'a>,
    pub(crate) own: &'a OwnPaths,
    /// The umask that the run was given, if it is known.
    pub(crate) umask: Option<u32>,
    /// Whether the run is judged as one that is right in place only: own paths are nothing special.
    pub(crate) in_place: bool,
}

impl World for RunWorld<'_> {
    fn lstat(&self, path: &[u8]) -> io::Result<Option<StatId>> {
        Disk::lstat(path)
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        read_link(path)
    }

    fn digest(&self, path: &[u8]) -> io::Result<Digest> {
        self.workspace.disk.digest(path)
    }

    fn known(&self, id: &StatId) -> Option<Digest> {
        self.workspace.disk.known_before(id)
    }

    fn list(&self, dir: &[u8]) -> io::Result<Vec<Listed>> {
        list(dir)
    }

    fn access(&self, path: &[u8], bits: u8) -> io::Result<u8> {
        Ok(access(path, bits))
    }

    fn lookup(&self, name: &[u8]) -> Vec<Place> {
        self.tree.lookup(name)
    }

    fn declared(&self, changed: &HashSet<&[u8]>) -> io::Result<Value> {
        self.tree.declared(changed, |path| self.workspace.is_later(path, self.tree.step))
    }

    fn was_own(&self, path: &[u8], found: Option<&StatId>) -> bool {
        if self.in_place {
            return false;
        }
        let same =
            |owned: &Owned| owned.kind() == Kind::Dir || found.is_none_or(|id| *id == owned.id);
        self.own.get(path).is_some_and(same)
    }

    fn was_later(&self, path: &[u8]) -> bool {
        self.workspace.is_later(path, self.tree.step)
    }

    fn earlier(&self, path: &[u8], found: &StatId) -> Option<Digest> {
        let own = self.own.get(path).filter(|owned| self.in_place && owned.id == *found);
        own.map(|owned| owned.digest).or_else(|| {
            let digest = self.workspace.disk.known_before(found)?;
            self.workspace.left_before(path, &digest, self.tree.step).then_some(digest)
        })
    }

    fn has_plain_mode(&self, id: &StatId) -> bool {
        self.umask.is_some_and(|umask| is_plain(Kind::File, id.permissions(), umask))
    }

    fn is_unordered(&self, path: &[u8]) -> bool {
        self.workspace.is_unordered(path, self.tree.step)
    }
}

//! Where there is no channel: statements into the hint file, questions to the snapshot, and last
//! of all to the process's own environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::Delivery;
use crate::hint_line;
use crate::message::{Message, Verb};
use crate::snapshot;

/// The ways that need no socket.
#[derive(Debug)]
pub(super) struct Fallback {
    pub(super) file: Option<PathBuf>,
    pub(super) snapshot: Option<PathBuf>,
}

impl Fallback {
    /// Appends one line. The file is the runner's: never made anew after it is gone.
    pub(super) fn write(&self, message: &Message, from_snapshot: bool) -> Delivery {
        // What a file does not hold needs no writing.
        hint_line::encode(message, from_snapshot)
            .map_or(Delivery::Written, |line| self.append(&line))
    }

    /// Leaves a verb without its fields, for the runner to count.
    pub(super) fn write_bare(&self, verb: Verb) -> Delivery {
        self.append(&hint_line::encode_bare(verb))
    }

    fn append(&self, line: &[u8]) -> Delivery {
        let Some(file) = &self.file else { return Delivery::Lost };
        let written =
            OpenOptions::new().append(true).open(file).and_then(|mut f| f.write_all(line));
        if written.is_ok() { Delivery::Written } else { Delivery::Lost }
    }

    pub(super) fn has_snapshot(&self) -> bool {
        self.read_snapshot().is_some()
    }

    pub(super) fn variable(&self, name: &OsStr) -> Option<OsString> {
        match self.read_snapshot() {
            Some(env) => env.into_iter().find(|(n, _)| n == name.as_bytes()).map(|(_, v)| owned(v)),
            None => std::env::var_os(name),
        }
    }

    pub(super) fn variables(&self, wanted: impl Fn(&[u8]) -> bool) -> BTreeMap<OsString, OsString> {
        let env: Vec<_> = match self.read_snapshot() {
            Some(env) => env.into_iter().map(|(name, value)| (owned(name), owned(value))).collect(),
            None => std::env::vars_os().collect(),
        };
        env.into_iter().filter(|(name, _)| wanted(name.as_bytes())).collect()
    }

    fn read_snapshot(&self) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        snapshot::read(self.snapshot.as_deref()?)
    }
}

fn owned(bytes: Vec<u8>) -> OsString {
    OsString::from_vec(bytes)
}

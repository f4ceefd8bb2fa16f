//! `Explained`, `Compared`: how the nearest entry differs from the tree, as frozen values.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use policy::Roots;
use pyo3::prelude::*;

use crate::event::shown;

/// One thing that the nearest entry depends on: what it was, and what it is.
#[pyclass(frozen, get_all, module = "taskrunner._native")]
#[derive(Clone)]
pub(crate) struct Compared {
    look: &'static str,
    kind: Option<&'static str>,
    path: Option<OsString>,
    name: Option<OsString>,
    old: String,
    new: String,
}

impl Compared {
    fn new(compared: cache::Compared, roots: &Roots) -> Self {
        Self {
            look: compared.look.as_str(),
            kind: compared.kind.map(policy::MissKind::as_str),
            path: compared.path.map(|path| shown(&path, roots)),
            name: compared.name.map(OsString::from_vec),
            old: compared.old,
            new: compared.new,
        }
    }
}

/// What is known about a step's look-up.
#[pyclass(frozen, get_all, module = "taskrunner._native")]
pub(crate) struct Explained {
    hit: bool,
    path_sets: usize,
    entries: usize,
    differences: Vec<Compared>,
    inputs: Vec<Compared>,
}

impl Explained {
    pub(crate) fn new(explained: cache::Explained, whole: bool, roots: &Roots) -> Self {
        let all: Vec<Compared> =
            explained.compared.into_iter().map(|compared| Compared::new(compared, roots)).collect();
        Self {
            hit: explained.hit,
            path_sets: explained.path_sets,
            entries: explained.entries,
            differences: all.iter().filter(|compared| compared.kind.is_some()).cloned().collect(),
            inputs: if whole { all } else { Vec::new() },
        }
    }
}

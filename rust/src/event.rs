//! `Reason`, `Checked`, `Event`: what the engine says, as frozen values.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use policy::{Miss, NotCached, Root, Roots};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::hints::Message;

/// Why something was not answered from the cache, or not stored in it. Frozen.
#[pyclass(frozen, get_all, module = "taskrunner._native")]
#[derive(Clone)]
pub(crate) struct Reason {
    kind: &'static str,
    path: Option<OsString>,
    detail: Option<String>,
}

impl Reason {
    pub(crate) fn of_miss(miss: Miss, roots: &Roots) -> Self {
        let path = miss.path.map(|path| shown(&path, roots));
        Self { kind: miss.kind.as_str(), path, detail: miss.detail }
    }

    fn of_store(reason: NotCached, roots: &Roots) -> Self {
        let path = reason.path.map(|path| shown(&path, roots));
        Self { kind: reason.kind.as_str(), path, detail: reason.detail }
    }

    fn worded(kind: &'static str, detail: String) -> Self {
        Self { kind, path: None, detail: Some(detail) }
    }
}

/// A path as people want to see it: relative to the workspace if it lies inside.
pub(crate) fn shown(path: &[u8], roots: &Roots) -> OsString {
    let place = roots.place(path);
    OsString::from_vec(match (place.root, place.rel.is_empty()) {
        (Root::Workspace, true) => b".".to_vec(),
        (Root::Workspace, false) => place.rel,
        _ => path.to_vec(),
    })
}

/// What a look-up says of one step.
#[pyclass(frozen, get_all, module = "taskrunner._native")]
pub(crate) struct Checked {
    step: u32,
    hit: bool,
    reason: Option<Reason>,
    saved: f64,
}

impl Checked {
    pub(crate) fn new(checked: cache::Checked, roots: &Roots) -> Self {
        Self {
            step: checked.step,
            hit: checked.miss.is_none(),
            saved: checked.saved.as_secs_f64(),
            reason: checked.miss.map(|miss| Reason::of_miss(miss, roots)),
        }
    }
}

/// Something that happened to a step; which fields count depends on the kind.
#[pyclass(frozen, get_all, module = "taskrunner._native")]
pub(crate) struct Event {
    kind: &'static str,
    step: u32,
    stream: u8,
    data: Py<PyBytes>,
    code: Option<i32>,
    signal: Option<i32>,
    seconds: f64,
    ok: bool,
    reason: Option<Reason>,
    files: usize,
    replaced: Vec<OsString>,
    names: Vec<OsString>,
    hints: Vec<Message>,
    faults: BTreeMap<&'static str, u64>,
    lost: bool,
}

impl Event {
    pub(crate) fn new(py: Python<'_>, event: engine::Event, roots: &Roots) -> Self {
        use engine::Event as Native;
        match event {
            Native::Waiting(step) => Self::plain(py, "waiting", step),
            Native::Started(step) => Self::plain(py, "started", step),
            Native::HelperLost(step) => Self::plain(py, "helper-lost", step),
            Native::Output(step, stream, data) => Self::output(py, step, stream, &data),
            Native::Opened(step, names) => Self {
                names: names.into_iter().map(OsString::from_vec).collect(),
                ..Self::plain(py, "opened", step)
            },
            Native::Hints(step, requests) => Self {
                hints: requests.iter().map(Message::new).collect(),
                ..Self::plain(py, "hints", step)
            },
            Native::Exited(step, exit, wall, heard) => Self {
                faults: heard.tally.iter().map(|(fault, count)| (fault.name(), count)).collect(),
                lost: heard.tally.lost(),
                names: heard.looked_up.into_iter().map(OsString::from_vec).collect(),
                ..Self::exited(py, step, (exit.code, exit.signal), wall)
            },
            Native::Judged(step, refused) => Self::stored(py, "judged", step, refused, roots),
            Native::Stored(step, refused) => Self::stored(py, "stored", step, refused, roots),
            Native::Restored(step, restored) => Self {
                ok: true,
                data: PyBytes::new(py, &restored.provenance).unbind(),
                files: restored.files,
                replaced: restored.replaced.iter().map(|path| shown(path, roots)).collect(),
                ..Self::plain(py, "restored", step)
            },
            Native::NotRestored(step, why) => {
                Self::failed(py, "restored", step, Reason::worded("entry-damaged", why))
            }
            Native::Failed(step, why, code) => Self::not_started(py, step, why, code),
        }
    }

    pub(crate) fn output(py: Python<'_>, step: u32, stream: u8, data: &[u8]) -> Self {
        let data = PyBytes::new(py, data).unbind();
        Self { stream, data, ..Self::plain(py, "output", step) }
    }

    /// Of exit code and signal one is there.
    pub(crate) fn exited(
        py: Python<'_>,
        step: u32,
        (code, signal): (Option<i32>, Option<i32>),
        wall: Duration,
    ) -> Self {
        Self { code, signal, seconds: wall.as_secs_f64(), ..Self::plain(py, "exited", step) }
    }

    pub(crate) fn not_started(py: Python<'_>, step: u32, why: String, code: Option<i32>) -> Self {
        Self { code, ..Self::failed(py, "failed", step, Reason::worded("spawn-failed", why)) }
    }

    pub(crate) fn plain(py: Python<'_>, kind: &'static str, step: u32) -> Self {
        Self {
            kind,
            step,
            stream: 0,
            data: PyBytes::new(py, b"").unbind(),
            code: None,
            signal: None,
            seconds: 0.0,
            ok: false,
            reason: None,
            files: 0,
            replaced: Vec::new(),
            names: Vec::new(),
            hints: Vec::new(),
            faults: BTreeMap::new(),
            lost: false,
        }
    }

    fn stored(
        py: Python<'_>,
        kind: &'static str,
        step: u32,
        refused: Option<NotCached>,
        roots: &Roots,
    ) -> Self {
        Self {
            ok: refused.is_none(),
            reason: refused.map(|reason| Reason::of_store(reason, roots)),
            ..Self::plain(py, kind, step)
        }
    }

    fn failed(py: Python<'_>, kind: &'static str, step: u32, reason: Reason) -> Self {
        Self { reason: Some(reason), ..Self::plain(py, kind, step) }
    }
}

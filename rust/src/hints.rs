//! `Message`, `Hinted`: what tools say, and what it means for the cache.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use engine::{Request, Source};
use policy::{Asked, NotCached, NotCachedKind};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// One thing that a tool said or asked. Frozen.
#[pyclass(frozen, get_all, module = "taskrunner._native")]
#[derive(Clone)]
pub(crate) struct Message {
    verb: &'static str,
    fields: Vec<Vec<u8>>,
    source: &'static str,
    connection: Option<u64>,
}

impl Message {
    pub(crate) fn new(request: &Request) -> Self {
        let (source, connection) = match request.source {
            Source::Connection(conn) => ("channel", Some(conn)),
            Source::File => ("file", None),
            Source::Snapshot => ("snapshot", None),
        };
        let verb = request.message.verb().name();
        let fields = request.message.fields().into_iter().map(<[u8]>::to_vec).collect();
        Self { verb, fields, source, connection }
    }
}

/// The hints of one run as the cache wants them. Frozen.
#[pyclass(frozen, module = "taskrunner._native")]
pub(crate) struct Hinted {
    pub(crate) inner: policy::Hinted,
}

#[pymethods]
impl Hinted {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "all of them have names in Python")]
    #[pyo3(signature = (*, ignored_inputs, ignored_outputs, tracked_inputs, tracked_outputs, env,
        env_globs, provenance, refused))]
    fn new(
        ignored_inputs: Vec<OsString>,
        ignored_outputs: Vec<OsString>,
        tracked_inputs: Vec<OsString>,
        tracked_outputs: Vec<OsString>,
        env: Vec<(OsString, bool)>,
        env_globs: Vec<(OsString, bool)>,
        provenance: Vec<u8>,
        refused: Option<(String, Option<String>)>,
    ) -> PyResult<Self> {
        let paths = |paths: Vec<OsString>| paths.into_iter().map(OsString::into_vec).collect();
        let asked = |names: Vec<(OsString, bool)>| {
            let of = |process| if process { Asked::Process } else { Asked::Runner };
            names.into_iter().map(|(name, process)| (name.into_vec(), of(process))).collect()
        };
        let inner = policy::Hinted {
            ignored_inputs: paths(ignored_inputs),
            ignored_outputs: paths(ignored_outputs),
            tracked_inputs: paths(tracked_inputs),
            tracked_outputs: paths(tracked_outputs),
            env: asked(env),
            env_globs: asked(env_globs),
            provenance,
            refused: refused.map(|(kind, detail)| reason(&kind, detail)).transpose()?,
        };
        Ok(Self { inner })
    }
}

fn reason(kind: &str, detail: Option<String>) -> PyResult<NotCached> {
    let kind = NotCachedKind::named(kind)
        .ok_or_else(|| PyValueError::new_err(format!("`{kind}` is no reason not to cache")))?;
    Ok(NotCached { kind, path: None, detail })
}

//! `Tracer`: one command under the tracer, and what it did, without any cache.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fspy::{Event as Native, Spawn, SpawnError, Stream, Supervisor};
use pyo3::prelude::*;

use crate::door::{Enter, misuse, patience};
use crate::event::Event;

/// The one command's number.
const STEP: u64 = 0;

/// One command, started under the tracer; for `taskrunner trace`.
#[pyclass(frozen, module = "taskrunner._native")]
pub(crate) struct Tracer {
    running: Mutex<Running>,
    waker: fspy::Waker,
}

struct Running {
    supervisor: Supervisor,
    /// Why the command was not started, until that was told.
    refused: Option<SpawnError>,
    /// Set when the command has ended.
    trace: Option<Result<fspy::Trace, String>>,
}

impl Running {
    fn start(&mut self, spawn: &Spawn) -> Result<(), fspy::Error> {
        match self.supervisor.spawn(spawn) {
            Err(fspy::Error::Spawn(error)) => self.refused = Some(error),
            result => return result,
        }
        Ok(())
    }

    fn next_events(&mut self, limit: usize, timeout: Option<Duration>) -> Vec<Native> {
        match self.refused.take() {
            Some(error) => vec![Native::SpawnFailed { id: STEP, error }],
            None => self.supervisor.next_events(limit, timeout),
        }
    }
}

impl Tracer {
    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Tracer {
    #[new]
    #[pyo3(signature = (*, helper, scratch))]
    #[expect(clippy::needless_pass_by_value, reason = "extracted from Python")]
    fn new(py: Python<'_>, helper: PathBuf, scratch: PathBuf) -> PyResult<Self> {
        let supervisor = py.enter(|| Supervisor::start_as_asked(&helper, &scratch))?;
        let waker = supervisor.waker();
        Ok(Self { running: Mutex::new(Running { supervisor, refused: None, trace: None }), waker })
    }

    /// What tracing can do here.
    #[getter]
    fn fidelity(&self) -> &'static str {
        fspy::fidelity_word(self.lock().supervisor.fidelity().0)
    }

    /// Why tracing is not what it could be.
    #[getter]
    fn fidelity_reason(&self) -> Option<String> {
        self.lock().supervisor.fidelity().1
    }

    /// Start the command: once only. If it can't be, the event `failed` follows.
    #[pyo3(signature = (*, argv, env, cwd))]
    fn start(
        &self,
        py: Python<'_>,
        argv: Vec<OsString>,
        env: Vec<(OsString, OsString)>,
        cwd: OsString,
    ) -> PyResult<()> {
        let bytes = OsStringExt::into_vec;
        let spawn = Spawn {
            id: STEP,
            argv: argv.into_iter().map(bytes).collect(),
            env: env.into_iter().map(|(name, value)| (bytes(name), bytes(value))).collect(),
            cwd: bytes(cwd),
            traced: true,
            interactive: false,
        };
        py.enter(|| self.lock().start(&spawn))
    }

    /// Wait for events: `started`, `output`, and at last `exited`, `failed` or `helper-lost`.
    fn next_events(&self, py: Python<'_>, limit: usize, timeout: Option<f64>) -> Vec<Event> {
        let timeout = patience(timeout);
        let events = py.detach(|| self.lock().next_events(limit, timeout));
        events.into_iter().filter_map(|event| self.event(py, event)).collect()
    }

    /// Send a signal to the command and all it started.
    fn kill(&self, py: Python<'_>, signal: i32) -> PyResult<()> {
        py.enter(|| self.lock().supervisor.kill(STEP, signal))
    }

    /// Make `next_events` return; may be called from a signal handler.
    fn wake(&self) {
        self.waker.wake();
    }

    /// Return what the command did, once it has ended.
    fn trace(&self, py: Python<'_>) -> PyResult<Trace> {
        match &self.lock().trace {
            Some(Ok(trace)) => Ok(py.detach(|| Trace::new(trace))),
            Some(Err(reason)) => Ok(Trace::none(reason)),
            None => Err(misuse("the command has not ended")),
        }
    }
}

impl Tracer {
    fn event(&self, py: Python<'_>, event: Native) -> Option<Event> {
        Some(match event {
            Native::Started { .. } => Event::plain(py, "started", 0),
            Native::Output { stream, data, .. } => {
                let number = match stream {
                    Stream::Stdout => 1,
                    Stream::Stderr => 2,
                };
                Event::output(py, 0, number, &data)
            }
            Native::Exited { exit, wall, trace, .. } => {
                self.lock().trace = Some(trace.map_err(|untraced| untraced.reason));
                Event::exited(py, 0, (exit.code, exit.signal), wall)
            }
            Native::SpawnFailed { error, .. } => {
                Event::not_started(py, 0, error.to_string(), Some(error.exit_code()))
            }
            Native::HelperLost { .. } => Event::plain(py, "helper-lost", 0),
            Native::Ready { .. } => return None, // Nothing of the caller's is watched.
        })
    }
}

/// What a command did. Frozen. Paths have odd bytes as surrogate escapes.
#[pyclass(frozen, get_all, module = "taskrunner._native")]
pub(crate) struct Trace {
    fidelity: &'static str,
    reason: Option<String>,
    paths: Vec<Touched>,
    programs: Vec<OsString>,
    renames: Vec<(OsString, OsString)>,
    peers: Vec<(&'static str, OsString)>,
    variables: Vec<OsString>,
    incomplete: Vec<(&'static str, Option<OsString>)>,
    calls: u64,
}

impl Trace {
    fn new(trace: &fspy::Trace) -> Self {
        let peer = |peer| {
            let (kind, address) = fspy::peer_word(peer);
            (kind, OsString::from_vec(address))
        };
        let incomplete = |reason| {
            let (kind, path) = fspy::incomplete_word(reason);
            (kind, path.map(text))
        };
        Self {
            fidelity: fspy::fidelity_word(trace.fidelity),
            reason: None,
            paths: fspy::touched(trace).into_iter().map(Touched::new).collect(),
            programs: trace.execs.iter().map(|path| text(path)).collect(),
            renames: trace.renames.iter().map(|(from, to)| (text(from), text(to))).collect(),
            peers: trace.peers.iter().map(peer).collect(),
            variables: trace.variables.iter().map(|name| text(name)).collect(),
            incomplete: trace.incomplete.iter().map(incomplete).collect(),
            calls: trace.calls,
        }
    }

    fn none(reason: &str) -> Self {
        Self {
            fidelity: fspy::fidelity_word(fspy::Fidelity::None),
            reason: Some(reason.to_owned()),
            paths: Vec::new(),
            programs: Vec::new(),
            renames: Vec::new(),
            peers: Vec::new(),
            variables: Vec::new(),
            incomplete: Vec::new(),
            calls: 0,
        }
    }
}

/// What a command did with one path. Frozen.
#[pyclass(frozen, get_all, module = "taskrunner._native")]
#[derive(Clone)]
pub(crate) struct Touched {
    path: OsString,
    before: &'static str,
    errno: Option<i32>,
    after: &'static str,
    did: Vec<&'static str>,
    access: &'static str,
    names: Option<Vec<(OsString, &'static str)>>,
}

impl Touched {
    fn new(touched: fspy::Touched) -> Self {
        let names = |names: Vec<(Vec<u8>, &'static str)>| {
            names.into_iter().map(|(name, kind)| (OsString::from_vec(name), kind)).collect()
        };
        Self {
            path: OsString::from_vec(touched.path),
            before: touched.before,
            errno: touched.errno,
            after: touched.after,
            did: touched.did,
            access: touched.access,
            names: touched.names.map(names),
        }
    }
}

fn text(path: &[u8]) -> OsString {
    std::ffi::OsStr::from_bytes(path).to_os_string()
}

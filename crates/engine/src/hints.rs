//! What running steps tell the runner: their channels and hint files, in the engine's own loop.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use cache::StepId;
use fspy::Supervisor;
use fspy_trace::{Incomplete, Peer, Trace};
use ipc::server::{ConnId, Request, RunDir, StepHints};
use ipc::{Fault, Reply, names};

use crate::engine::Options;
use crate::event::{Event, Heard};
use crate::jobs::{Guard, Shared};
use crate::pool::Pool;

/// A hint file up to this size is read on the run loop's thread; a longer one would stall it.
const READ_AT_ONCE: u64 = 64 << 10;

/// Most hints in one event, so that the run loop's thread has time for others.
const MAX_HINTS: usize = 1024;

/// Names and values.
pub(crate) type Variables = Vec<(Vec<u8>, Vec<u8>)>;

/// All steps that can be heard.
pub(crate) struct Listening {
    /// Where a directory for sockets and files may be made, best first.
    parents: Vec<PathBuf>,
    /// Made with the first step that needs it.
    dir: Option<RunDir>,
    /// The runner's whole environment.
    environment: Variables,
    addon: Option<PathBuf>,
    /// `None` for a step whose channel could not be made: what it says is lost.
    steps: HashMap<StepId, Option<StepHints>>,
}

impl Listening {
    pub(crate) fn new(options: &Options) -> Self {
        let mut environment = options.workspace.environment.clone();
        environment.retain(|(name, _)| !names::is_protocols(name));
        let runtime = environment.iter().find(|(name, _)| name == b"XDG_RUNTIME_DIR");
        // The first is in memory, as a rule, and private.
        let mut parents: Vec<PathBuf> =
            runtime.map(|(_, dir)| stat::as_path(dir).to_path_buf()).into_iter().collect();
        parents.extend([options.workspace.temp.clone(), PathBuf::from("/tmp")]);
        // Traces name resolved paths.
        let parents = parents.iter().filter_map(|dir| dir.canonicalize().ok()).collect();
        let addon = options.addon.as_ref().and_then(|addon| addon.canonicalize().ok());
        Self { parents, dir: None, environment, addon, steps: HashMap::new() }
    }

    /// Opens the ways in for a step that is about to start, and adds the variables that name them.
    pub(crate) fn open(&mut self, id: StepId, env: &mut Variables, supervisor: &Supervisor) {
        env.retain(|(name, _)| !names::is_protocols(name));
        let opened = self.try_open(id, env, supervisor).ok();
        if let Some((hints, variables)) = opened {
            env.extend(variables);
            self.steps.insert(id, Some(hints));
        } else {
            self.steps.insert(id, None);
        }
    }

    fn try_open(
        &mut self,
        id: StepId,
        env: &Variables,
        supervisor: &Supervisor,
    ) -> io::Result<(StepHints, Variables)> {
        if self.dir.is_none() {
            self.dir = Some(RunDir::create(self.parents.iter().map(PathBuf::as_path))?);
        }
        let dir = self.dir.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let hints = StepHints::open(dir, u64::from(id))?;
        if let Some(fd) = hints.fd() {
            supervisor.watch(fd, id).map_err(io::Error::other)?;
        }
        let mut all: HashMap<&[u8], &[u8]> =
            self.environment.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        all.extend(env.iter().map(|(name, value)| (&name[..], &value[..])));
        let snapshot = dir.write_snapshot(&snapshot_name(id), all)?;
        let named = |name: &str, path: &Path| (name.into(), stat::as_bytes(path).to_vec());
        let mut variables: Variables =
            hints.variables().iter().map(|(name, value)| named(name, Path::new(value))).collect();
        variables.push(named(names::SNAPSHOT, &snapshot));
        variables.extend(self.addon.as_ref().map(|addon| named(names::NODE_CLIENT, addon)));
        Ok((hints, variables))
    }

    /// Takes what a step has said by now.
    pub(crate) fn poll(&mut self, id: StepId) -> Option<Event> {
        let requests = self.steps.get_mut(&id)?.as_mut()?.poll_ready();
        (!requests.is_empty()).then_some(Event::Hints(id, requests))
    }

    /// Answers a question.
    pub(crate) fn reply(&mut self, id: StepId, conn: ConnId, reply: &Reply) {
        if let Some(Some(hints)) = self.steps.get_mut(&id) {
            hints.reply(conn, reply);
        }
    }

    /// Nothing more is heard of a step that never ran, or was lost.
    pub(crate) fn forget(&mut self, id: StepId) {
        self.steps.remove(&id);
        self.remove_snapshot(id);
    }

    /// A step has exited: takes what it wrote by then, without waiting, and closes. `exited` makes the
    /// event that comes last.
    pub(crate) fn close(
        &mut self,
        id: StepId,
        exited: impl Fn(Heard) -> Event + Send + 'static,
        shared: &Shared,
        pool: &Pool,
        events: &mut Vec<Event>,
    ) {
        self.remove_snapshot(id);
        let mut hints = match self.steps.remove(&id) {
            Some(Some(hints)) => hints,
            Some(None) => return events.push(exited(unheard())),
            None => return events.push(exited(Heard::default())),
        };
        events.extend(batches(id, hints.close_channel()));
        if hints.file_size() <= READ_AT_ONCE {
            events.extend(batches(id, hints.read_file()));
            return events.push(exited(heard(&hints)));
        }
        let shared = shared.clone();
        pool.submit(move || read_long_file(id, hints, exited, &shared));
    }

    /// A trace without what the step's tools did to be heard: that is the runner's, not the step's.
    pub(crate) fn without_own_use(&self, mut trace: Trace) -> Trace {
        let Some(dir) = self.dir.as_ref().map(|dir| stat::as_bytes(dir.path())) else {
            return trace;
        };
        let addon = self.addon.as_deref().map(stat::as_bytes);
        let is_ours = |path: &[u8]| stat::is_within(path, dir) || addon == Some(path);
        trace.records.retain(|record| !is_ours(&record.path));
        trace.peers.retain(|peer| !matches!(peer, Peer::Unix(path) if is_ours(path)));
        trace
            .incomplete
            .retain(|why| !matches!(why, Incomplete::StillWriting(path) if is_ours(path)));
        trace
    }

    fn remove_snapshot(&self, id: StepId) {
        if let Some(dir) = &self.dir {
            // What can't be removed goes with the directory.
            let _ = std::fs::remove_file(dir.path().join(snapshot_name(id)));
        }
    }
}

fn read_long_file(
    id: StepId,
    mut hints: StepHints,
    exited: impl Fn(Heard) -> Event,
    shared: &Shared,
) {
    let guard = Guard::new(shared, exited(unheard()));
    for event in batches(id, hints.read_file()) {
        shared.tell(event);
    }
    guard.close(exited(heard(&hints)));
}

fn batches(id: StepId, requests: Vec<Request>) -> Vec<Event> {
    // Each batch has memory of its own size: a vector that is split keeps that of the whole.
    let mut requests = requests.into_iter();
    let mut batch = || requests.by_ref().take(MAX_HINTS).collect::<Vec<_>>();
    std::iter::from_fn(|| Some(batch()).filter(|batch| !batch.is_empty()))
        .map(|batch| Event::Hints(id, batch))
        .collect()
}

fn heard(hints: &StepHints) -> Heard {
    Heard { tally: hints.tally().clone(), left_open: hints.left_open(), ..Heard::default() }
}

/// Nothing was heard of a step that may have spoken.
fn unheard() -> Heard {
    let mut heard = Heard::default();
    heard.tally.add(Fault::Unheard);
    heard
}

fn snapshot_name(id: StepId) -> String {
    format!("{id}.env")
}

//! The engine: takes commands from the run loop, gives events back.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache::{Checked, RunEnd, StepId, Workspace};
use crossbeam_channel::{Receiver, unbounded};
use fspy::{Spawn, Stream, Supervisor, Waker};
use fspy_trace::Fidelity;
use ipc::Reply;
use ipc::server::ConnId;
use policy::Hinted;
use store::StepLock;

use crate::event::{Event, Exit, Heard};
use crate::hints::{Listening, Variables};
use crate::jobs::{Message, Shared, describe};
use crate::pool::Pool;

/// What an engine needs to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// The workspace and its directories.
    pub workspace: cache::Options,
    /// The tracer's helper program.
    pub helper: PathBuf,
    /// Threads for work beside the run loop.
    pub workers: usize,
    /// The addon that Node tools load to be heard; without one they are not.
    pub addon: Option<PathBuf>,
}

/// Why an engine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The workspace or its cache.
    #[error(transparent)]
    Workspace(#[from] cache::OpenError),
    /// The tracer's helper process.
    #[error("cannot start the helper process")]
    Helper(#[source] fspy::Error),
    /// The threads.
    #[error("cannot start threads")]
    Threads(#[source] std::io::Error),
}

type Log = Vec<(u8, Vec<u8>)>;

const SIGKILL: i32 = 9;

/// Tracer, cache and pool of one run.
pub struct Engine {
    workspace: Arc<Workspace>,
    shared: Shared,
    messages: Receiver<Message>,
    supervisor: Supervisor,
    running: HashMap<StepId, Running>,
    ended: HashMap<StepId, Ended>,
    logs: Arc<Mutex<HashMap<StepId, Log>>>,
    hints: Listening,
    // Last: dropping it waits for jobs that use what stands above.
    pool: Pool,
}

#[derive(Default)]
struct Running {
    log: Log,
    lock: Option<StepLock>,
    /// Variables it was given because it is known to look them up.
    known: Variables,
    /// What failed attempts before this one did, and how long they took.
    earlier: Option<(Traced, Duration)>,
}

type Traced = Result<fspy_trace::Trace, String>;

struct Ended {
    end: RunEnd,
    lock: Option<StepLock>,
    known: Variables,
}

impl Engine {
    /// Opens the cache and starts the helper process.
    ///
    /// # Errors
    /// What could not be opened or started.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let workspace = Arc::new(Workspace::open(&options.workspace)?);
        let state_dir = options.workspace.state_dir.clone();
        let supervisor =
            Supervisor::start_as_asked(&options.helper, &state_dir).map_err(OpenError::Helper)?;
        let (sender, messages) = unbounded();
        let shared = Shared {
            workspace: Arc::clone(&workspace),
            state_dir,
            messages: sender,
            waker: supervisor.waker(),
            cancelled: Arc::default(),
        };
        Ok(Self {
            workspace,
            shared,
            messages,
            supervisor,
            running: HashMap::new(),
            ended: HashMap::new(),
            logs: Arc::default(),
            hints: Listening::new(options),
            pool: Pool::new(options.workers).map_err(OpenError::Threads)?,
        })
    }

    /// The workspace and its cache.
    #[must_use]
    pub fn workspace(&self) -> &Arc<Workspace> {
        &self.workspace
    }

    /// How steps are traced here, and why not better.
    #[must_use]
    pub fn fidelity(&self) -> (Fidelity, Option<String>) {
        self.supervisor.fidelity()
    }

    /// Makes [`Engine::next_events`] return from any thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.supervisor.waker()
    }

    /// Looks up a wavefront of steps, in an order in which each comes after the steps before it.
    pub fn check(&self, ids: &[StepId]) -> Vec<Checked> {
        self.workspace.check(ids)
    }

    /// Restores the hit of a step, in the background.
    pub fn restore(&self, id: StepId) {
        let (shared, keep) = (self.shared.clone(), self.keeper(id));
        self.pool.submit(move || shared.restore(id, keep));
    }

    /// Runs a step: locks it, then starts its command. `look_again` allows a result that another
    /// runner stored meanwhile to answer it.
    pub fn run(&mut self, id: StepId, look_again: bool) {
        let (shared, keep) = (self.shared.clone(), self.keeper(id));
        self.cancelled().remove(&id);
        self.pool.submit(move || shared.prepare(id, look_again, keep));
    }

    /// Answers a question that a tool asked.
    pub fn reply(&mut self, id: StepId, conn: ConnId, reply: &Reply) {
        self.hints.reply(id, conn, reply);
    }

    /// Judges and stores a run that has ended, in the background.
    pub fn record(&mut self, id: StepId, hinted: Hinted) {
        if let Some(Ended { mut end, lock, .. }) = self.ended.remove(&id) {
            end.hinted = hinted;
            let shared = self.shared.clone();
            self.pool.submit(move || shared.record(id, end, lock));
        }
    }

    /// Runs a step again whose command has ended and was not recorded: both attempts are one run.
    /// What the first left running is killed, so that the second does not meet it.
    pub fn retry(&mut self, id: StepId) {
        let Some(Ended { end, lock, known }) = self.ended.remove(&id) else { return };
        self.cancelled().remove(&id);
        let _ = self.supervisor.kill(u64::from(id), SIGKILL);
        let event = self.spawn(id, lock, known);
        if let Some(running) = self.running.get_mut(&id) {
            running.log = end.log;
            running.earlier = Some((end.trace, end.wall));
        }
        if let Some(event) = event {
            self.shared.tell(event);
        }
    }

    /// What a restored step wrote when it ran: stream and bytes, in the order read.
    pub fn replay(&self, id: StepId) -> Log {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).remove(&id).unwrap_or_default()
    }

    /// Sends a signal to every process of a step.
    pub fn kill(&mut self, id: StepId, signal: i32) {
        self.cancelled().insert(id);
        if self.running.contains_key(&id) {
            // It may have ended a moment ago; then there is nothing left to signal.
            let _ = self.supervisor.kill(u64::from(id), signal);
        }
    }

    /// Waits until something happened, at most `timeout`, and returns up to about `limit` events;
    /// fewer, or none, if [`Waker::wake`] was called.
    pub fn next_events(&mut self, limit: usize, timeout: Option<Duration>) -> Vec<Event> {
        let mut events = self.pool_events(limit);
        let wait = if events.is_empty() { timeout } else { Some(Duration::ZERO) };
        for event in self.supervisor.next_events(limit, wait) {
            self.translate(event, &mut events);
        }
        if events.is_empty() {
            events = self.pool_events(limit);
        }
        events
    }

    /// Writes what was kept back. Call it when the last event has been seen.
    pub fn finish(&self) {
        self.workspace.finish();
    }

    fn cancelled(&self) -> MutexGuard<'_, HashSet<StepId>> {
        self.shared.cancelled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keeper(&self, id: StepId) -> impl FnOnce(Log) + Send + 'static {
        let logs = Arc::clone(&self.logs);
        move |log| {
            logs.lock().unwrap_or_else(PoisonError::into_inner).insert(id, log);
        }
    }

    fn pool_events(&mut self, limit: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < limit {
            match self.messages.try_recv() {
                Ok(Message::Event(event)) => events.push(event),
                Ok(Message::Ready(id, lock, known)) => events.extend(self.spawn(id, lock, known)),
                Err(_) => break,
            }
        }
        events
    }

    fn spawn(&mut self, id: StepId, lock: Option<StepLock>, known: Variables) -> Option<Event> {
        let step = self.workspace.step(id)?;
        if self.shared.is_cancelled(id) {
            return Some(Event::Failed(id, "cancelled".to_owned(), None));
        }
        let names = known.iter().map(|(name, _)| name.clone()).collect();
        let mut env = step.spec.env.clone();
        env.extend(known.iter().cloned());
        if step.spec.cached {
            self.hints.open(id, &mut env, &self.supervisor);
        }
        let spawn = Spawn {
            id: u64::from(id),
            argv: step.spec.argv.clone(),
            env,
            cwd: step.spec.cwd.clone(),
            traced: step.spec.traced,
            interactive: step.spec.interactive,
        };
        match self.supervisor.spawn(&spawn) {
            Ok(()) => {
                self.running.insert(id, Running { lock, known, ..Running::default() });
                Some(Event::Opened(id, names))
            }
            Err(error) => {
                self.hints.forget(id);
                Some(not_started(id, &error))
            }
        }
    }

    fn translate(&mut self, event: fspy::Event, events: &mut Vec<Event>) {
        match event {
            fspy::Event::Started { id, .. } => events.push(Event::Started(step_id(id))),
            fspy::Event::Output { id, stream, data } => {
                let stream = match stream {
                    Stream::Stdout => 1,
                    Stream::Stderr => 2,
                };
                if let Some(running) = self.running.get_mut(&step_id(id)) {
                    running.log.push((stream, data.clone()));
                }
                events.push(Event::Output(step_id(id), stream, data));
            }
            fspy::Event::Exited { id, exit, wall, trace } => {
                let id = step_id(id);
                let exit = Exit { code: exit.code, signal: exit.signal };
                let trace = trace.map_err(|untraced| untraced.reason);
                let trace = trace.map(|trace| self.hints.without_own_use(trace));
                let looked_up =
                    trace.as_ref().map(|trace| trace.variables.clone()).unwrap_or_default();
                self.ended(id, exit, wall, trace);
                let exited = move |heard: Heard| {
                    Event::Exited(id, exit, wall, Heard { looked_up: looked_up.clone(), ..heard })
                };
                self.hints.close(id, exited, &self.shared, &self.pool, events);
            }
            fspy::Event::Ready { key } => events.extend(self.hints.poll(key)),
            fspy::Event::SpawnFailed { id, error } => {
                self.running.remove(&step_id(id));
                self.hints.forget(step_id(id));
                events.push(not_started(step_id(id), &error.into()));
            }
            fspy::Event::HelperLost { ids } => {
                for id in ids.into_iter().map(step_id) {
                    self.running.remove(&id);
                    self.hints.forget(id);
                    events.push(Event::HelperLost(id));
                }
            }
        }
    }

    fn ended(&mut self, id: StepId, exit: Exit, wall: Duration, trace: Traced) {
        let Some(Running { log, lock, known, earlier }) = self.running.remove(&id) else { return };
        let (trace, wall) = match earlier {
            Some((earlier, before)) => (join(earlier, trace), before + wall),
            None => (trace, wall),
        };
        let cancelled = self.shared.is_cancelled(id);
        let (code, signal, hinted) = (exit.code, exit.signal, Hinted::default());
        let end = RunEnd { code, signal, cancelled, trace, log, wall, hinted };
        self.ended.insert(id, Ended { end, lock, known });
    }
}

fn join(earlier: Traced, later: Traced) -> Traced {
    Ok(earlier?.followed_by(later?))
}

fn not_started(id: StepId, error: &fspy::Error) -> Event {
    let code = match error {
        fspy::Error::Spawn(refused) => Some(refused.exit_code()),
        _ => None,
    };
    Event::Failed(id, describe(error), code)
}

fn step_id(id: u64) -> StepId {
    u32::try_from(id).unwrap_or(StepId::MAX)
}

//! One run's steps: starting, killing, and the one place to wait for all that happens.

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use fspy_trace::Fidelity;
use fspy_trace::channel::{Received, receive};
use fspy_trace::wire::{Exited, Launch, Report, Request};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::asked;
use crate::error::{Attempt, Error, SpawnError};
use crate::event::{Event, Exit, Spawn, Stream, Untraced};
use crate::helper::Helper;
use crate::output::{Output, Read};
use crate::program;
use crate::waker::Waker;

/// What epoll says woke it: these two, a step's stream, or, from `OTHER` up, the caller's.
const HELPER: u64 = u64::MAX;
const WAKER: u64 = u64::MAX - 1;
const OTHER: u64 = 1 << 32;
/// Most descriptors looked at in one wait.
const BATCH: usize = 64;

/// Starts steps and hands out what happens to them.
#[derive(Debug)]
pub struct Supervisor {
    helper: Helper,
    epoll: OwnedFd,
    waker: Waker,
    steps: HashMap<u64, Step>,
    /// Which stream a number in epoll means.
    streams: HashMap<u64, (u64, Stream)>,
    next_token: u64,
    scratch: Vec<u8>,
    ready: VecDeque<Event>,
}

/// A step between its spawn and its last event.
#[derive(Debug)]
struct Step {
    pid: Option<i32>,
    /// The two pipes and their numbers in epoll, until they are closed.
    outputs: [Option<(u64, Output)>; 2],
}

impl Supervisor {
    /// Starts the `helper` program and asks it what tracing can do here. `scratch_dir` is a
    /// directory of the file system that steps write to; it is used to read that one's clock.
    pub fn start(helper: &Path, scratch_dir: &Path) -> Result<Self, Error> {
        Self::with(Helper::start(helper, None)?, scratch_dir)
    }

    /// As [`Supervisor::start`], the way that the user asked for with `TASKRUNNER_TRACER`; the preload
    /// library lies beside the helper.
    ///
    /// # Errors
    /// As [`Supervisor::start`]; if there is no such way.
    pub fn start_as_asked(helper: &Path, scratch_dir: &Path) -> Result<Self, Error> {
        match asked::library(helper)? {
            Some(library) => Self::start_fast(helper, &library, scratch_dir),
            None => Self::start(helper, scratch_dir),
        }
    }

    /// As [`Supervisor::start`]; besides, programs are given the `preload` library where that pays,
    /// so that calls that only look need not be notified one by one.
    ///
    /// # Errors
    /// As [`Supervisor::start`]. A library that can't be used is as none.
    pub fn start_fast(helper: &Path, preload: &Path, scratch_dir: &Path) -> Result<Self, Error> {
        // The helper leaves the directory that a relative path starts from.
        let preload = std::path::absolute(preload).attempt("find the preload library")?;
        Self::with(Helper::start(helper, Some(&preload))?, scratch_dir)
    }

    fn with(helper: Helper, scratch_dir: &Path) -> Result<Self, Error> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).attempt("make an epoll instance")?;
        let waker = Waker::new().attempt("make an eventfd")?;
        let control = helper.control().ok_or(Error::HelperGone)?;
        watch(&epoll, control, HELPER)?;
        watch(&epoll, &waker, WAKER)?;
        Ok(Self {
            helper,
            epoll,
            waker,
            steps: HashMap::new(),
            streams: HashMap::new(),
            next_token: 0,
            scratch: stat::as_bytes(scratch_dir).to_vec(),
            ready: VecDeque::new(),
        })
    }

    /// What tracing can do here, and why that is not everything.
    pub fn fidelity(&self) -> (Fidelity, Option<String>) {
        (self.helper.fidelity, self.helper.reason.clone())
    }

    /// Waits for a descriptor of the caller's too: [`Event::Ready`] with its `key` says that it can
    /// be read from, again and again until it was. Closing it ends that.
    ///
    /// # Errors
    /// If the kernel can't watch it.
    pub fn watch(&self, fd: impl AsFd, key: u32) -> Result<(), Error> {
        watch(&self.epoll, fd, OTHER + u64::from(key))
    }

    /// Something that ends a wait in [`Supervisor::next_events`].
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Starts a step: events about it follow.
    ///
    /// # Errors
    /// If it can't be started for a reason that shows before there is a process; no events follow.
    pub fn spawn(&mut self, spawn: &Spawn) -> Result<(), Error> {
        self.spawn_with(spawn, None)
    }

    /// As [`Supervisor::spawn`]; besides, every path that a call names is written to `log`, as the
    /// thread's number, the call's name and the path as named, with tabs between and a NUL after.
    ///
    /// # Errors
    /// As [`Supervisor::spawn`].
    pub fn spawn_logged(&mut self, spawn: &Spawn, log: OwnedFd) -> Result<(), Error> {
        self.spawn_with(spawn, Some(log))
    }

    fn spawn_with(&mut self, spawn: &Spawn, log: Option<OwnedFd>) -> Result<(), Error> {
        let launch = launch(spawn, &self.scratch, log.is_some())?;
        if spawn.interactive {
            return self.hand_over(spawn.id, launch, log);
        }
        let (stdout, stdout_writer) = Output::pipe().attempt("make a pipe")?;
        let (stderr, stderr_writer) = Output::pipe().attempt("make a pipe")?;
        let fds = [stdout_writer, stderr_writer].into_iter().chain(log).collect();
        self.helper.request(&Request::Launch(launch), fds)?;
        let stdout = self.follow(spawn.id, Stream::Stdout, stdout)?;
        let stderr = self.follow(spawn.id, Stream::Stderr, stderr)?;
        self.steps.insert(spawn.id, Step { pid: None, outputs: [Some(stdout), Some(stderr)] });
        Ok(())
    }

    /// Starts a step on this process's own input and outputs.
    fn hand_over(&mut self, id: u64, launch: Launch, log: Option<OwnedFd>) -> Result<(), Error> {
        let own = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
        let mut fds = Vec::with_capacity(own.len() + 1);
        for fd in own {
            fds.push(fd.try_clone_to_owned().attempt("pass on the terminal")?);
        }
        fds.extend(log);
        self.helper.request(&Request::Launch(launch), fds)?;
        self.steps.insert(id, Step { pid: None, outputs: [None, None] });
        Ok(())
    }

    fn follow(&mut self, id: u64, stream: Stream, output: Output) -> Result<(u64, Output), Error> {
        let token = self.next_token;
        self.next_token += 1;
        watch(&self.epoll, &output, token)?;
        self.streams.insert(token, (id, stream));
        Ok((token, output))
    }

    /// Sends a signal to every process of a step. A step that has ended has none left but survivors.
    ///
    /// # Errors
    /// If the helper is gone, or can't be talked to.
    pub fn kill(&mut self, id: u64, signal: i32) -> Result<(), Error> {
        self.helper.request(&Request::Kill { id, signal }, Vec::new())
    }

    /// Up to `limit` events, as soon as there is one; none if `timeout` passes or a [`Waker`] is
    /// used first. Without a timeout, and with no step running, only a waker ends the wait.
    pub fn next_events(&mut self, limit: usize, timeout: Option<Duration>) -> Vec<Event> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut woken = false;
        while self.ready.is_empty() && !woken && limit > 0 {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            woken = self.wait(left);
            woken |= left.is_some_and(|left| left.is_zero());
        }
        let count = limit.min(self.ready.len());
        self.ready.drain(..count).collect()
    }

    /// One wait and what came of it. True if the waker was used.
    fn wait(&mut self, timeout: Option<Duration>) -> bool {
        let mut found = Vec::with_capacity(BATCH);
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let waited = epoll::wait(&self.epoll, spare_capacity(&mut found), timeout.as_ref());
        // A signal: the caller decides whether to wait on. In Python, its handler runs first.
        let mut woken = waited == Err(Errno::INTR);
        for event in found {
            match event.data.u64() {
                WAKER => woken = true,
                HELPER => self.hear(),
                token => match token.checked_sub(OTHER).map(u32::try_from) {
                    Some(Ok(key)) => self.ready.push_back(Event::Ready { key }),
                    _ => self.read(token),
                },
            }
        }
        if woken {
            self.waker.quiet();
        }
        woken
    }

    fn read(&mut self, token: u64) {
        // The step may have ended in the same batch.
        let Some(&(id, stream)) = self.streams.get(&token) else { return };
        let output = self.steps.get(&id).and_then(|step| step.output(stream));
        match output.map(Output::read) {
            Some(Read::Data(data)) => self.ready.push_back(Event::Output { id, stream, data }),
            Some(Read::Nothing) => {}
            Some(Read::Closed) | None => self.close(id, stream),
        }
    }

    fn close(&mut self, id: u64, stream: Stream) {
        let closed = self.steps.get_mut(&id).and_then(|step| step.outputs[slot(stream)].take());
        if let Some((token, output)) = closed {
            self.streams.remove(&token);
            // Closing it would do as well, if no other process could hold it.
            let _ = epoll::delete(&self.epoll, &output);
        }
    }

    fn hear(&mut self) {
        loop {
            let Some(control) = self.helper.control() else { return };
            match receive(control) {
                Ok(Received::Message(report, _)) => self.reported(report),
                Ok(Received::Nothing) => return,
                Ok(Received::Closed) | Err(_) => return self.helper_lost(),
            }
        }
    }

    fn reported(&mut self, report: Report) {
        match report {
            Report::Hello { .. } => {}
            Report::Started { id, pid } => {
                if let Some(step) = self.steps.get_mut(&id) {
                    step.pid = Some(pid);
                    self.ready.push_back(Event::Started { id, pid });
                }
            }
            Report::Failed { id, stage, errno } => {
                self.finish(id);
                let error = SpawnError::System { stage, errno };
                self.ready.push_back(Event::SpawnFailed { id, error });
            }
            Report::Exited(exited) => {
                self.finish(exited.id);
                self.ready.push_back(exit_event(exited));
            }
        }
    }

    /// Hands out what is left in a step's pipes and closes them, whoever still holds the other end.
    fn finish(&mut self, id: u64) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let output = self.steps.get(&id).and_then(|step| step.output(stream));
            let data = output.map(Output::drain).unwrap_or_default();
            if !data.is_empty() {
                self.ready.push_back(Event::Output { id, stream, data });
            }
            self.close(id, stream);
        }
        self.steps.remove(&id);
    }

    /// Without the helper the traced processes can open nothing more; those known are killed.
    fn helper_lost(&mut self) {
        if let Some(control) = self.helper.control() {
            let _ = epoll::delete(&self.epoll, control);
        }
        self.helper.lose();
        let mut ids: Vec<_> = self.steps.keys().copied().collect();
        ids.sort_unstable();
        for &id in &ids {
            if let Some(pid) = self.steps.get(&id).and_then(|step| step.pid).and_then(Pid::from_raw)
            {
                let _ = kill_process_group(pid, Signal::KILL);
            }
            self.finish(id);
        }
        self.ready.push_back(Event::HelperLost { ids });
    }
}

impl Step {
    fn output(&self, stream: Stream) -> Option<&Output> {
        self.outputs[slot(stream)].as_ref().map(|(_, output)| output)
    }
}

fn slot(stream: Stream) -> usize {
    match stream {
        Stream::Stdout => 0,
        Stream::Stderr => 1,
    }
}

fn watch(epoll: &OwnedFd, fd: impl AsFd, token: u64) -> Result<(), Error> {
    let data = epoll::EventData::new_u64(token);
    epoll::add(epoll, fd, data, epoll::EventFlags::IN).attempt("watch a descriptor")
}

fn launch(spawn: &Spawn, scratch: &[u8], logged: bool) -> Result<Launch, SpawnError> {
    let program = spawn.argv.first().filter(|program| !program.is_empty());
    let why = "it is empty";
    let program = program.ok_or(SpawnError::Unpassable { what: "the command", why })?;
    let env: Vec<_> =
        spawn.env.iter().map(|(name, value)| [name, &b"="[..], value].concat()).collect();
    passable("an argument", &spawn.argv)?;
    passable("an environment variable", &env)?;
    passable("the working directory", std::slice::from_ref(&spawn.cwd))?;
    Ok(Launch {
        id: spawn.id,
        traced: spawn.traced,
        logged,
        interactive: spawn.interactive,
        program: program::find(program, &spawn.env, &spawn.cwd)?,
        argv: spawn.argv.clone(),
        env,
        cwd: spawn.cwd.clone(),
        scratch: scratch.to_vec(),
    })
}

fn passable(what: &'static str, texts: &[Vec<u8>]) -> Result<(), SpawnError> {
    if texts.iter().any(|text| text.contains(&0)) {
        return Err(SpawnError::Unpassable { what, why: "it holds a NUL byte" });
    }
    Ok(())
}

fn exit_event(exited: Exited) -> Event {
    Event::Exited {
        id: exited.id,
        exit: Exit { code: exited.code, signal: exited.signal },
        wall: Duration::from_nanos(exited.wall_ns),
        trace: exited.trace.map_err(|reason| Untraced { reason }),
    }
}

//! The trace of one step in the making: takes notifications, answers them, folds what they say.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::Hash;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use fspy_trace::{Change, Fidelity, Fold, Incomplete, Op, Peer, State, Trace};

use crate::describe::{Findings, Interpreters, describe};
use crate::fast::{self, Answer, Fast, Reported};
use crate::handlers;
use crate::listen::{Notification, Waiting};
#[cfg(feature = "mutations")]
use crate::mutations;
use crate::syscalls::{ARCH, Call, FCHDIR, Index, Meaning, PRCTL, SECCOMP};
use crate::thread::{Thread, World};
use crate::tree::Family;

/// Calls by which a program installs a filter of its own.
const FILTERING: [i32; 2] = [SECCOMP.cast_signed(), PRCTL.cast_signed()];

/// The state of one step's trace.
#[derive(Debug)]
pub(crate) struct Tracer {
    index: Index,
    fold: Fold,
    interpreters: Interpreters,
    family: Arc<Family>,
    fidelity: Fidelity,
    execs: Unique<Vec<u8>>,
    renames: Vec<(Vec<u8>, Vec<u8>)>,
    /// Names that could not be made as long as a directory was missing, by that directory.
    attempts: HashMap<Vec<u8>, HashSet<Vec<u8>>>,
    peers: Unique<Peer>,
    incomplete: Unique<Incomplete>,
    /// The world of paths that this process lives in, and the step should.
    world: Option<World>,
    /// Threads known to live in it.
    at_home: HashSet<u32>,
    calls: u64,
    recorded: u64,
    started_ns: i64,
    log: Option<File>,
    fast: Option<Fast>,
}

impl Tracer {
    pub(crate) fn new(
        family: Arc<Family>,
        fidelity: Fidelity,
        started_ns: i64,
        log: Option<File>,
        fast: Option<Fast>,
    ) -> Self {
        if let (Some(_), Some(fast)) = (&log, &fast) {
            fast.want_every_call();
        }
        Self {
            index: Index::new(),
            fold: Fold::new(),
            interpreters: Interpreters::default(),
            family,
            fidelity,
            execs: Unique::default(),
            renames: Vec::new(),
            attempts: HashMap::new(),
            peers: Unique::default(),
            incomplete: Unique::default(),
            world: World::of(Thread(std::process::id())),
            at_home: HashSet::new(),
            calls: 0,
            recorded: 0,
            started_ns,
            log,
            fast,
        }
    }

    /// Whether the call names files; for the rung on which every call stops.
    pub(crate) fn is_of_interest(&self, call: &Notification) -> bool {
        self.index.is_of_interest(call)
    }

    /// Answers one call. Nothing that happens here may keep it from proceeding.
    pub(crate) fn answer(&mut self, listener: &impl Waiting, notification: &Notification) {
        // What was done before this call is told before it.
        self.catch_up();
        let (tid, id) = (notification.tid, notification.id);
        if let Some(fast) = &mut self.fast {
            fast.arrived(tid);
        }
        if notification.arch == ARCH && self.is_about_the_process(notification) {
            listener.proceed(id);
            return;
        }
        if let Some(layout) = handlers::installs(notification) {
            if listener.is_valid(id) {
                handlers::keep_restarting(tid, notification.args[1], layout);
            }
            listener.proceed(id);
            return;
        }
        match self.reported(notification) {
            Some(made) => self.answer_call(listener, &made.call, Some(made)),
            None => self.answer_call(listener, notification, None),
        }
    }

    /// Answers a call of the table, or that the library `made` it.
    fn answer_call(
        &mut self,
        listener: &impl Waiting,
        notification: &Notification,
        made: Option<Reported>,
    ) {
        let (tid, id) = (notification.tid, notification.id);
        let call = self.index.get(notification);
        let mut findings = self.found(listener, notification, call, made.is_some());
        let doubtful = |(made, call): (Reported, &Call)| made.is_doubtful(call.meaning, &findings);
        if made.zip(call).is_some_and(doubtful) {
            findings.incomplete.push(Incomplete::HelperLost);
        }
        let answered = match (&mut self.fast, call) {
            (Some(fast), Some(call)) if notification.arch == ARCH && made.is_none() => {
                let named = findings.named.last().map_or(&[][..], Vec::as_slice);
                fast.answers(listener, notification, call, named)
            }
            _ => Answer::NotOurs,
        };
        // Only while the caller waited is it sure that its number was not given to another.
        let waited = match answered {
            Answer::Hidden => return,
            Answer::Given => true,
            Answer::NotOurs if made.is_some() => listener.succeed(id),
            Answer::NotOurs => listener.proceed(id),
        };
        if waited {
            self.count(notification, call, &findings);
            self.log(tid, call, &findings);
            self.absorb(findings);
        }
    }

    /// What a call is about to do, and what has to be done about it before it goes on.
    fn found(
        &mut self,
        listener: &impl Waiting,
        notification: &Notification,
        call: Option<&Call>,
        was_made: bool,
    ) -> Findings {
        let findings = match call {
            Some(call) => self.look_at(notification, call, was_made),
            None => foreign_architecture(),
        };
        if findings.new_session && listener.is_valid(notification.id) {
            self.joins_session(notification.tid);
        }
        #[cfg(feature = "mutations")]
        let findings = mutations::without(findings);
        if findings.world_changes {
            self.turn_off();
        }
        if let (Some(fast), Some(call)) = (&mut self.fast, call)
            && fast::moves(call, &findings)
        {
            fast.departs(notification.tid, notification.number);
        }
        findings
    }

    /// Calls that name nothing, and say what becomes of the library's calls.
    fn is_about_the_process(&mut self, notification: &Notification) -> bool {
        if FILTERING.contains(&notification.number) {
            // A filter of the program's own may not like what the library does.
            self.turn_off();
            return true;
        }
        let moves = notification.number == FCHDIR.cast_signed();
        if let (Some(fast), true) = (&mut self.fast, moves) {
            fast.departs(notification.tid, notification.number);
        }
        moves
    }

    /// The call that the library tells of having made, if this is how it does that.
    fn reported(&self, notification: &Notification) -> Option<Reported> {
        self.fast.as_ref()?;
        fast::reported(notification, self.index.get(notification)?)
    }

    fn count(&mut self, notification: &Notification, call: Option<&Call>, findings: &Findings) {
        self.calls += 1;
        let (Some(fast), Some(call)) = (&mut self.fast, call) else { return };
        fast.counts(notification, call);
        if matches!(call.meaning, Meaning::Exec { .. }) {
            fast.executes(notification.tid, findings.program.as_ref());
        }
    }

    /// Tells what was recorded since the last time.
    pub(crate) fn catch_up(&mut self) {
        let Self { fast, index, fold, incomplete, log, .. } = self;
        let Some(fast) = fast else { return };
        let mut read = 0;
        let lost = fast.read(index, fold, |recorded, findings, fold| {
            #[cfg(feature = "mutations")]
            let findings = &mut mutations::without(std::mem::take(findings));
            read += 1;
            if let Some(log) = log {
                note(log, recorded.thread(), recorded.call, recorded.name());
            }
            // Such calls find nothing else.
            for event in findings.events.drain(..) {
                fold.add(&event.path, event.op, &event.before);
            }
            incomplete.extend(std::mem::take(&mut findings.incomplete));
        });
        fast.look_for_arrivals();
        self.recorded += read;
        self.calls += read;
        if lost {
            self.incomplete.extend(vec![Incomplete::HelperLost]);
        }
    }

    /// How long [`Tracer::catch_up`] may wait; `None` if for the next call.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.fast.as_ref().and_then(Fast::patience)
    }

    fn turn_off(&mut self) {
        if let Some(fast) = &mut self.fast {
            fast.turn_off();
        }
    }

    /// What was made already is described whatever is known: it is compared with that.
    fn look_at(&mut self, notification: &Notification, call: &Call, was_made: bool) -> Findings {
        let executes = matches!(call.meaning, Meaning::Exec { .. });
        if let Some(reason) = self.stranger(notification.tid, executes) {
            return Findings { incomplete: vec![reason], ..Findings::default() };
        }
        let fast = self.fast.as_mut().filter(|_| !was_made);
        let known = fast.and_then(Fast::known);
        describe(notification, call, &self.fold, &mut self.interpreters, &self.family, known)
    }

    /// Whether the thread's paths mean other files than they mean here. Looked at again when it
    /// executes: it may be another thread than the one that had its number before.
    fn stranger(&mut self, tid: u32, executes: bool) -> Option<Incomplete> {
        if !executes && self.at_home.contains(&tid) {
            return None;
        }
        let world = World::of(Thread(tid));
        if world.is_none() {
            return Some(Incomplete::UnreadableMemory);
        }
        if world != self.world {
            self.turn_off();
            return Some(Incomplete::ForeignNamespace);
        }
        self.at_home.insert(tid);
        None
    }

    fn joins_session(&self, tid: u32) {
        let leader = Thread(tid).process().and_then(|pid| i32::try_from(pid).ok());
        if let Some(leader) = leader {
            self.family.adds_session(leader);
        }
    }

    fn absorb(&mut self, findings: Findings) {
        for event in findings.events {
            let changed = matches!(event.op, Op::Change(_));
            self.fold.add(&event.path, event.op, &event.before);
            if changed && !self.attempts.is_empty() {
                self.carry_out_attempts(&event.path);
            }
        }
        for (missing, name) in findings.attempts {
            self.attempts.entry(missing.clone()).or_default().insert(name);
            self.carry_out_attempts(&missing);
        }
        if findings.world_changes {
            self.at_home.clear();
        }
        self.execs.extend(findings.execs);
        self.renames.extend(findings.renames);
        self.peers.extend(findings.peers);
        self.incomplete.extend(findings.incomplete);
    }

    /// Calls that two threads make at once are carried out in any order. So what could not be made
    /// for want of a directory counts as made if the step itself makes that directory: what is there
    /// at the end shows whether it was.
    fn carry_out_attempts(&mut self, directory: &[u8]) {
        if self.fold.has_changed(directory) {
            for name in self.attempts.remove(directory).unwrap_or_default() {
                self.fold.add(&name, Op::Change(Change::Create), &State::Absent);
            }
        }
    }

    fn log(&mut self, tid: u32, call: Option<&Call>, findings: &Findings) {
        let (Some(log), Some(call)) = (&mut self.log, call) else { return };
        findings.named.iter().for_each(|path| note(log, tid, call, path));
    }

    /// The trace so far, with what the end of the step showed to be missing from it.
    pub(crate) fn finish(mut self, missing: Vec<Incomplete>) -> Trace {
        self.turn_off();
        self.catch_up();
        if let Some(fast) = &mut self.fast {
            self.calls += fast.on_record();
            self.recorded += fast.on_record();
            if fast.is_unfinished() {
                self.incomplete.extend(vec![Incomplete::HelperLost]);
            }
        }
        self.incomplete.extend(missing);
        Trace {
            fidelity: self.fidelity,
            records: self.fold.into_records(),
            execs: self.execs.list,
            renames: self.renames,
            peers: self.peers.list,
            variables: self.fast.as_mut().map(Fast::take_variables).unwrap_or_default(),
            incomplete: self.incomplete.list,
            started_ns: self.started_ns,
            calls: self.calls,
            recorded: self.recorded,
        }
    }
}

/// One line of the log: the thread, the call, the path as named, with tabs between and a NUL after.
fn note(log: &mut File, tid: u32, call: &Call, path: &[u8]) {
    let line = [format!("{tid}\t{}\t", call.name).as_bytes(), path, b"\0"].concat();
    // A log that can't be written is the business of whoever asked for it.
    let _ = log.write_all(&line);
}

fn foreign_architecture() -> Findings {
    Findings { incomplete: vec![Incomplete::ForeignArchitecture], ..Findings::default() }
}

/// A list without repetition, in order of first mention.
#[derive(Debug)]
struct Unique<T> {
    known: HashSet<T>,
    list: Vec<T>,
}

impl<T> Default for Unique<T> {
    fn default() -> Self {
        Self { known: HashSet::new(), list: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Unique<T> {
    fn extend(&mut self, items: Vec<T>) {
        for item in items {
            if self.known.insert(item.clone()) {
                self.list.push(item);
            }
        }
    }
}

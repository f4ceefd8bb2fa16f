//! Blocking client: tells the runner, asks the runner, and is silent where there is none.
//!
//! No call fails a tool. Statements go to the channel; where that can't be used, to the hint file.
//! Questions go to the channel, else to the snapshot of the runner's environment, else to the
//! process's own environment. One client serves all threads, and survives `fork`.

mod fallback;
mod link;

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::env_glob::EnvGlob;
use crate::message::{Message, Verb};
use crate::names;
use crate::reply::{Refusal, Reply};
use fallback::Fallback;
use link::Link;

/// What became of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// There is no runner to tell.
    Unmanaged,
    /// The runner has acknowledged it.
    Acknowledged,
    /// It is in the hint file, which the runner reads when the step ends.
    Written,
    /// The runner refused this one.
    Refused(Refusal),
    /// Neither channel nor file took it.
    Lost,
}

/// Most statements remembered so as not to repeat them.
const MAX_REMEMBERED: usize = 4096;

/// The runner, as one tool sees it.
#[derive(Debug)]
pub struct Client {
    managed: bool,
    fallback: Fallback,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    link: Link,
    /// Bodies that were taken: every verb is idempotent, so once is enough for the step.
    taken: HashSet<Vec<u8>>,
}

impl Client {
    /// The runner that the environment names, if it names one. Connects at the first call.
    pub fn from_env() -> Self {
        Self::new(path_in(names::CHANNEL), path_in(names::HINT_FILE), path_in(names::SNAPSHOT))
    }

    /// A client of the channel, hint file and snapshot at these paths.
    pub fn new(channel: Option<PathBuf>, file: Option<PathBuf>, snapshot: Option<PathBuf>) -> Self {
        let managed = channel.is_some() || file.is_some();
        let state = State { link: Link::new(channel), taken: HashSet::new() };
        Self { managed, fallback: Fallback { file, snapshot }, state: Mutex::new(state) }
    }

    /// Whether there is a runner: worth asking before work that only serves hints.
    pub fn is_managed(&self) -> bool {
        self.managed
    }

    /// Reads of `path`, and of everything beneath it, are no inputs.
    pub fn ignore_input(&self, path: impl AsRef<Path>) -> Delivery {
        self.tell(&Message::IgnoreInput(absolute(path.as_ref())))
    }

    /// Writes to `path`, and to everything beneath it, are no outputs.
    pub fn ignore_output(&self, path: impl AsRef<Path>) -> Delivery {
        self.tell(&Message::IgnoreOutput(absolute(path.as_ref())))
    }

    /// `path` is an input, whether or not the tracer sees it read.
    pub fn track_input(&self, path: impl AsRef<Path>) -> Delivery {
        self.tell(&Message::TrackInput(absolute(path.as_ref())))
    }

    /// `path` is an output, whether or not the tracer sees it written.
    pub fn track_output(&self, path: impl AsRef<Path>) -> Delivery {
        self.tell(&Message::TrackOutput(absolute(path.as_ref())))
    }

    /// The result depends on `key` having this `value`.
    pub fn track_value(&self, key: &[u8], value: &[u8]) -> Delivery {
        self.tell(&Message::TrackValue(key.to_vec(), value.to_vec()))
    }

    /// This run must not be cached.
    pub fn disable_cache(&self, reason: Option<&str>) -> Delivery {
        self.tell(&Message::DisableCache(reason.map(|r| r.as_bytes().to_vec())))
    }

    /// The variable `name` of the runner's environment; if `tracked`, the result depends on it.
    pub fn get_env(&self, name: impl AsRef<OsStr>, tracked: bool) -> Option<OsString> {
        let name = name.as_ref();
        match self.ask(&Message::GetEnv(name.as_bytes().to_vec(), tracked)) {
            Answer::Runner(fields) => fields.into_iter().next().map(OsString::from_vec),
            Answer::Nobody => self.fallback.variable(name),
        }
    }

    /// The variables whose names match `glob`. A glob that is not valid matches nothing.
    pub fn get_envs(&self, glob: &str, tracked: bool) -> BTreeMap<OsString, OsString> {
        let compiled = EnvGlob::new(glob.as_bytes());
        match self.ask(&Message::GetEnvsGlob(glob.into(), tracked)) {
            Answer::Runner(fields) => pairs(fields),
            Answer::Nobody => compiled.map_or_else(
                |_| BTreeMap::new(),
                |glob| self.fallback.variables(|name| glob.matches(name)),
            ),
        }
    }

    /// The variables whose names begin with `prefix`.
    pub fn get_envs_with_prefix(
        &self,
        prefix: &str,
        tracked: bool,
    ) -> BTreeMap<OsString, OsString> {
        match self.ask(&Message::GetEnvsPrefix(prefix.into(), tracked)) {
            Answer::Runner(fields) => pairs(fields),
            Answer::Nobody => self.fallback.variables(|name| name.starts_with(prefix.as_bytes())),
        }
    }

    /// Reports that the tool used `verb` wrongly, so that the runner counts it. For bindings to
    /// languages in which an argument may be anything.
    pub fn misused(&self, verb: Verb) -> Delivery {
        self.tell_body(vec![verb as u8], |client| client.fallback.write_bare(verb))
    }

    fn tell(&self, message: &Message) -> Delivery {
        self.tell_body(message.encode(), |client| client.fallback.write(message, false))
    }

    fn tell_body(&self, body: Vec<u8>, otherwise: impl FnOnce(&Self) -> Delivery) -> Delivery {
        if !self.managed {
            return Delivery::Unmanaged;
        }
        let mut state = self.state();
        if state.taken.contains(&body) {
            return Delivery::Acknowledged;
        }
        let delivery = match state.link.exchange(&body) {
            Some(Reply::Done | Reply::Value(_)) => Delivery::Acknowledged,
            Some(Reply::Refused(why)) => Delivery::Refused(why),
            None => otherwise(self),
        };
        let taken = matches!(delivery, Delivery::Acknowledged | Delivery::Written);
        if taken && state.taken.len() < MAX_REMEMBERED {
            state.taken.insert(body);
        }
        delivery
    }

    fn ask(&self, question: &Message) -> Answer {
        if !self.managed {
            return Answer::Nobody;
        }
        let mut state = self.state();
        match state.link.exchange(&question.encode()) {
            Some(Reply::Value(fields)) => Answer::Runner(fields),
            Some(Reply::Done | Reply::Refused(_)) => Answer::Nobody,
            None => {
                self.note(&mut state, question);
                Answer::Nobody
            }
        }
    }

    /// Leaves in the file what a question that nobody answered depends on.
    fn note(&self, state: &mut State, question: &Message) {
        let body = question.encode();
        if !state.taken.contains(&body) {
            self.fallback.write(question, self.fallback.has_snapshot());
            if state.taken.len() < MAX_REMEMBERED {
                state.taken.insert(body);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves nothing half done here that the next exchange does not redo.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Answer {
    Runner(Vec<Vec<u8>>),
    Nobody,
}

fn pairs(fields: Vec<Vec<u8>>) -> BTreeMap<OsString, OsString> {
    let mut fields = fields.into_iter().map(OsString::from_vec);
    std::iter::from_fn(|| Some((fields.next()?, fields.next()?))).collect()
}

/// Resolves against the working directory of now, keeping `..` and links for the runner to resolve.
fn absolute(path: &Path) -> Vec<u8> {
    let joined = match std::env::current_dir() {
        Ok(cwd) if path.as_os_str().is_empty() => cwd,
        Ok(cwd) => cwd.join(path),
        // The directory is gone: the runner counts a relative path.
        Err(_) => path.to_path_buf(),
    };
    joined.into_os_string().into_vec()
}

fn path_in(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

//! The Node addon behind `VP_RUN_NODE_CLIENT_PATH`: what `@voidzero-dev/vite-task-client` loads.
//!
//! `require(path).load()` gives an object with `ignoreInput`, `ignoreOutput`, `disableCache`,
//! `getEnv` and `getEnvs`, all synchronous, and beyond those the verbs that package does not have.
//! Each `load()` is a client of its own, in the main thread or a worker. No argument makes a method
//! throw: a tool that runs alone must run under a runner, so misuse is told to the runner instead.

use std::collections::BTreeMap;
use std::ffi::OsString;

use ipc::Verb;
use ipc::client::Client;
use napi::bindgen_prelude::{Either, FromNapiValue, Object, Undefined, Unknown};
use napi::{Error, Result, ValueType};
use napi_derive::napi;

/// The runner, as JavaScript sees it.
#[napi]
pub struct RunnerClient {
    client: Client,
}

/// Connects to the runner that the environment names.
///
/// Throws where there is none, which the package takes as: do nothing. Arguments are for later
/// versions of the package.
#[napi(catch_unwind)]
pub fn load() -> Result<RunnerClient> {
    let client = Client::from_env();
    if client.is_managed() {
        Ok(RunnerClient { client })
    } else {
        Err(Error::from_reason("no task runner: TASKRUNNER_CHANNEL is not set"))
    }
}

#[napi]
impl RunnerClient {
    /// Reads of `path`, and of everything beneath it, are no inputs.
    #[napi(catch_unwind)]
    pub fn ignore_input(&self, path: Unknown<'_>) -> Result<()> {
        self.with_text(Verb::IgnoreInput, path, |client, path| {
            client.ignore_input(path);
        })
    }

    /// Writes to `path`, and to everything beneath it, are no outputs.
    #[napi(catch_unwind)]
    pub fn ignore_output(&self, path: Unknown<'_>) -> Result<()> {
        self.with_text(Verb::IgnoreOutput, path, |client, path| {
            client.ignore_output(path);
        })
    }

    /// `path` is an input, whether or not the tracer sees it read.
    #[napi(catch_unwind)]
    pub fn track_input(&self, path: Unknown<'_>) -> Result<()> {
        self.with_text(Verb::TrackInput, path, |client, path| {
            client.track_input(path);
        })
    }

    /// `path` is an output, whether or not the tracer sees it written.
    #[napi(catch_unwind)]
    pub fn track_output(&self, path: Unknown<'_>) -> Result<()> {
        self.with_text(Verb::TrackOutput, path, |client, path| {
            client.track_output(path);
        })
    }

    /// The result depends on `key` having this `value`.
    #[napi(catch_unwind)]
    pub fn track_value(&self, key: Unknown<'_>, value: Unknown<'_>) -> Result<()> {
        let value = text(value)?;
        self.with_text(Verb::TrackValue, key, |client, key| {
            match value {
                Some(value) => client.track_value(key.as_bytes(), value.as_bytes()),
                None => client.misused(Verb::TrackValue),
            };
        })
    }

    /// This run must not be cached. A reason that is no text does not undo the wish.
    #[napi(catch_unwind)]
    pub fn disable_cache(&self, reason: Unknown<'_>) -> Result<()> {
        self.client.disable_cache(text(reason)?.as_deref());
        Ok(())
    }

    /// The variable `name` of the runner's environment.
    #[napi(catch_unwind)]
    pub fn get_env(
        &self,
        name: Unknown<'_>,
        options: Unknown<'_>,
    ) -> Result<Either<String, Undefined>> {
        let tracked = tracked(options)?;
        let value = match text(name)? {
            Some(name) => self.client.get_env(name, tracked),
            None => self.misused(Verb::GetEnv, None),
        };
        Ok(value.map_or(Either::B(()), |value| Either::A(string(&value))))
    }

    /// The variables whose names match a glob, or begin with the `prefix` of an object.
    #[napi(catch_unwind)]
    pub fn get_envs(
        &self,
        query: Unknown<'_>,
        options: Unknown<'_>,
    ) -> Result<BTreeMap<String, String>> {
        let tracked = tracked(options)?;
        let found = match (text(query)?, property(query, "prefix")?) {
            (Some(glob), _) => self.client.get_envs(&glob, tracked),
            (None, Some(prefix)) => match text(prefix)? {
                Some(prefix) => self.client.get_envs_with_prefix(&prefix, tracked),
                None => self.misused(Verb::GetEnvsPrefix, BTreeMap::new()),
            },
            (None, None) => self.misused(Verb::GetEnvsGlob, BTreeMap::new()),
        };
        Ok(found.iter().map(|(name, value)| (string(name), string(value))).collect())
    }

    fn with_text(
        &self,
        verb: Verb,
        value: Unknown<'_>,
        tell: impl FnOnce(&Client, &str),
    ) -> Result<()> {
        match text(value)? {
            Some(text) => tell(&self.client, &text),
            None => self.misused(verb, ()),
        }
        Ok(())
    }

    fn misused<T>(&self, verb: Verb, instead: T) -> T {
        self.client.misused(verb);
        instead
    }
}

/// A string's text; `None` for everything else.
fn text(value: Unknown<'_>) -> Result<Option<String>> {
    match value.get_type()? {
        ValueType::String => String::from_unknown(value).map(Some),
        _ => Ok(None),
    }
}

/// A property of an object, if it is one and has it.
fn property<'env>(value: Unknown<'env>, name: &str) -> Result<Option<Unknown<'env>>> {
    match value.get_type()? {
        ValueType::Object => Object::from_unknown(value)?.get(name),
        _ => Ok(None),
    }
}

/// `{ tracked: false }` says that the result does not depend on the answer; nothing else does.
fn tracked(options: Unknown<'_>) -> Result<bool> {
    match property(options, "tracked")? {
        Some(value) if value.get_type()? == ValueType::Boolean => bool::from_unknown(value),
        _ => Ok(true),
    }
}

/// As `process.env` reads it.
fn string(value: &OsString) -> String {
    value.to_string_lossy().into_owned()
}

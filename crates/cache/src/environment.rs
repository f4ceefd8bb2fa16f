//! Variables as tools look them up: those of the runner, with what a step is given besides.
//!
//! Values leave this module as digests under the cache's own key alone.

use std::collections::BTreeMap;

use digest::{Digest, hash_keyed};
use ipc::env_glob::EnvGlob;
use policy::Value;

use crate::step::StepSpec;

/// Shells change these all the time: no glob tracks them, only their own name does.
const SHELL_NAMES: [&[u8]; 4] = [b"_", b"OLDPWD", b"PWD", b"SHLVL"];

/// The runner's environment.
pub(crate) struct Environment {
    variables: BTreeMap<Vec<u8>, Vec<u8>>,
    key: [u8; 32],
}

impl std::fmt::Debug for Environment {
    /// Without values: they may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

impl Environment {
    pub(crate) fn new(variables: &[(Vec<u8>, Vec<u8>)], key: [u8; 32]) -> Self {
        let theirs = variables.iter().filter(|(name, _)| !ipc::names::is_protocols(name));
        Self { variables: theirs.cloned().collect(), key }
    }

    /// The value of a variable; those of the hint protocol are none.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Vec<u8>> {
        self.variables.get(name)
    }

    /// The value of a variable, as an operation of a path set finds it.
    pub(crate) fn value(&self, name: &[u8], spec: &StepSpec) -> Value {
        let given = spec.env.iter().find(|(given, _)| given == name).map(|(_, value)| value);
        match given.or_else(|| self.variables.get(name)) {
            Some(value) => Value::Text(self.keyed(name, value)),
            None => Value::Absent,
        }
    }

    /// The variables that a glob matches, as an operation of a path set finds them.
    pub(crate) fn matches(&self, glob: &[u8], spec: &StepSpec) -> Value {
        // Invalid ones are refused where hints come in; an entry of such a one never matches.
        let Ok(glob) = EnvGlob::new(glob) else { return Value::Absent };
        let counts = |name: &[u8]| {
            glob.matches(name)
                && !SHELL_NAMES.contains(&name)
                && !spec.untracked_env.iter().any(|untracked| untracked == name)
        };
        let given = spec.env.iter().map(|(name, value)| (name, value));
        let found: BTreeMap<_, _> =
            self.variables.iter().chain(given).filter(|(name, _)| counts(name)).collect();
        let keyed = |(name, value): (&Vec<u8>, &Vec<u8>)| (name.clone(), self.keyed(name, value));
        Value::Variables(found.into_iter().map(keyed).collect())
    }

    fn keyed(&self, name: &[u8], value: &[u8]) -> Digest {
        hash_keyed(&self.key, &[name, b"=", value].concat())
    }
}

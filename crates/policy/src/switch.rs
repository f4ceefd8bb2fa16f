//! Rules that can be left out, one at a time, to show that a test would notice: see
//! `docs/testing.md`. Only builds with the feature `mutation` know how; in every other build each
//! rule is on, and asking compiles to nothing.

/// Names of all rules that can be left out. A refusal is named as its `NotCachedKind`.
pub const RULES: &[&str] = &[
    // What a look finds: left out, the path set lacks such operations.
    "ignored",
    "variable",
    "in-place",
    "own",
    "present",
    "absence",
    "kind",
    "mode",
    "link",
    "access",
    "lookup",
    "root",
    "listing",
    "stat",
    "content",
    "beneath",
    "declared",
    // What belongs to whom.
    "own-as-absent",
    "second-name",
    "own-mode",
    "tool-state",
    "later",
    "overlay",
    "leftovers",
    // Building on a result.
    "whole",
    "foundation",
    "put-back",
    "fresh",
    "take-over-inputs",
    "take-over-outputs",
    // Refusals.
    "incomplete",
    "still-writing",
    "input-modified",
    "modified-its-input",
    "removed",
    "appended",
    "replaced-unknown",
    "race",
    "special-file",
    "wrote-outside",
    "read-temp",
    "asked-peer",
];

/// Whether a rule holds.
#[cfg(not(feature = "mutation"))]
#[inline]
#[must_use]
pub const fn is_on(_rule: &str) -> bool {
    true
}

/// Leaves out these rules: not in this build.
///
/// # Errors
/// Always, unless there is nothing to leave out.
#[cfg(not(feature = "mutation"))]
pub fn switch_off(rules: &[String]) -> Result<(), String> {
    let why = "rules can be left out only in a build with the feature `mutation`";
    if rules.is_empty() { Ok(()) } else { Err(why.to_owned()) }
}

#[cfg(feature = "mutation")]
pub use mutation::{is_on, switch_off};

#[cfg(feature = "mutation")]
mod mutation {
    use std::sync::{PoisonError, RwLock};

    static OFF: RwLock<Vec<String>> = RwLock::new(Vec::new());

    /// Whether a rule holds.
    #[must_use]
    pub fn is_on(rule: &str) -> bool {
        !OFF.read().unwrap_or_else(PoisonError::into_inner).iter().any(|off| off == rule)
    }

    /// Leaves out these rules, and no others, in this process from now on.
    ///
    /// # Errors
    /// A name that is no rule's.
    pub fn switch_off(rules: &[String]) -> Result<(), String> {
        if let Some(unknown) = rules.iter().find(|rule| !super::RULES.contains(&rule.as_str())) {
            return Err(format!("no rule is called `{unknown}`"));
        }
        *OFF.write().unwrap_or_else(PoisonError::into_inner) = rules.to_vec();
        Ok(())
    }
}

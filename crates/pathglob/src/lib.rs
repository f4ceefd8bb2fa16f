//! Compiled include and exclude patterns over raw-byte paths relative to a root, and a walk that
//! finds what they match. What the patterns are for is the caller's business.
//!
//! # Dialect
//!
//! | pattern | matches |
//! |---|---|
//! | `*` | any number of bytes within one component, a leading dot too |
//! | `?` | one byte but `/` |
//! | `[a-z]`, `[!a-z]` | one ASCII character in, or not in, the class; never `/` |
//! | `{a,b/c}` | one of the alternatives, which may be empty |
//! | `**` | as a whole component: any number of components |
//! | `\*` | the character itself |
//!
//! A pattern whose last component has no wildcard names a file or a directory: it matches that
//! path and everything beneath. One that ends in `/` matches what is beneath. `./` is dropped;
//! a pattern must not be empty or absolute or contain `..`.

mod pattern;
mod walk;

use globset::{Glob, GlobBuilder};

use pattern::Pattern;

/// A pattern that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("glob `{pattern}` is not valid: {reason}")]
pub struct GlobError {
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Include and exclude patterns: a path is matched if one of the former matches it and none of
/// the latter does.
#[derive(Clone, Debug)]
pub struct GlobSet {
    include: globset::GlobSet,
    exclude: globset::GlobSet,
    /// Directories in which something may be included.
    descend: globset::GlobSet,
    /// Directories in which nothing is left.
    prune: globset::GlobSet,
    /// Whether anything is left at all.
    any: bool,
}

impl GlobSet {
    /// Compiles patterns.
    pub fn new(include: &[&str], exclude: &[&str]) -> Result<Self, GlobError> {
        let (include, exclude) = (parse(include)?, parse(exclude)?);
        Ok(Self {
            any: !include.is_empty() && !exclude.iter().any(Pattern::is_everything),
            descend: compile(&include, Pattern::ways)?,
            prune: compile(&exclude, Pattern::emptied)?,
            include: compile(&include, Pattern::globs)?,
            exclude: compile(&exclude, Pattern::globs)?,
        })
    }

    /// Whether a path relative to the root is included and not excluded.
    #[must_use]
    pub fn matches(&self, rel: &[u8]) -> bool {
        self.include.is_match(stat::as_path(rel)) && !self.excludes(rel)
    }

    /// Whether a path relative to the root is excluded, included or not.
    #[must_use]
    pub fn excludes(&self, rel: &[u8]) -> bool {
        self.exclude.is_match(stat::as_path(rel))
    }
}

/// Why a pattern is not valid, or `None` if it is.
#[must_use]
pub fn check(pattern: &str) -> Option<String> {
    GlobSet::new(&[pattern], &[]).err().map(|error| error.reason)
}

fn parse(patterns: &[&str]) -> Result<Vec<Pattern>, GlobError> {
    patterns.iter().map(|pattern| Pattern::parse(pattern)).collect()
}

/// One set of all the globs that `of` makes of the patterns.
fn compile(
    patterns: &[Pattern],
    of: impl Fn(&Pattern) -> Vec<String>,
) -> Result<globset::GlobSet, GlobError> {
    let mut builder = globset::GlobSetBuilder::new();
    for pattern in patterns {
        let invalid = |error: globset::Error| pattern.invalid(&error.kind().to_string());
        for glob in of(pattern) {
            builder.add(glob_of(&glob).map_err(invalid)?);
        }
    }
    builder.build().map_err(|error| GlobError {
        pattern: error.glob().unwrap_or_default().to_owned(),
        reason: error.kind().to_string(),
    })
}

fn glob_of(glob: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(glob)
        .literal_separator(true)
        .backslash_escape(true)
        .empty_alternates(true)
        .build()
}

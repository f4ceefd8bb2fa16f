//! Neutral caches: names of files and directories that are a tool's own business.

/// Caches of tools that, warm, look at every file they look at cold: they can't hide an input, so
/// they are neither inputs nor outputs, belong to nobody, and are never restored or removed.
const NEUTRAL_NAMES: [&[u8]; 5] =
    [b"__pycache__", b".mypy_cache", b".pytest_cache", b".ruff_cache", b".eslintcache"];

/// The names that are neutral for a step: the built-in table, with the step's own changes to it.
#[derive(Clone, Debug, Default)]
pub struct Noise {
    added: Vec<Vec<u8>>,
    removed: Vec<Vec<u8>>,
}

impl Noise {
    /// Names to add to the table; those with `!` in front are taken out of it.
    #[must_use]
    pub fn new(names: &[String]) -> Self {
        let mut noise = Self::default();
        for name in names {
            match name.strip_prefix('!') {
                Some(name) => noise.removed.push(name.as_bytes().to_vec()),
                None => noise.added.push(name.as_bytes().to_vec()),
            }
        }
        noise
    }

    /// Whether files and directories of this name are neutral.
    #[must_use]
    pub fn is_name(&self, name: &[u8]) -> bool {
        let listed = |names: &[Vec<u8>]| names.iter().any(|listed| listed == name);
        listed(&self.added) || NEUTRAL_NAMES.contains(&name) && !listed(&self.removed)
    }

    /// Whether a path is, or lies in, something neutral.
    #[must_use]
    pub fn is_in(&self, path: &[u8]) -> bool {
        path.split(|&byte| byte == b'/').any(|name| self.is_name(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_adds_to_the_table_and_takes_out_of_it() {
        let noise = Noise::new(&["my-cache".to_owned(), "!.pytest_cache".to_owned()]);
        assert!(noise.is_in(b"/ws/my-cache/x"));
        assert!(noise.is_in(b"/ws/.mypy_cache"));
        assert!(!noise.is_in(b"/ws/.pytest_cache/v/lastfailed"));
        assert!(Noise::default().is_in(b"/ws/.pytest_cache/v/lastfailed"));
        assert!(!Noise::default().is_in(b"/ws/my-cache/x"));
    }
}

//! Where directories lead, kept as long as names mean the same: a walk for each directory, not for
//! each path.

use std::collections::HashMap;

use fspy_trace::State;
use stat::Kind;

use crate::resolve::{Found, Start, resolve};
use crate::thread::Thread;

/// More directories are not kept.
const MOST: usize = 1 << 16;

/// Where the name of a directory leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leads {
    /// To a directory: its path without links.
    To(Vec<u8>),
    /// Nowhere: the first component that is missing, without links.
    Missing(Vec<u8>),
    /// To where only a walk for each path can tell more.
    Elsewhere,
}

/// Links that were crossed, and what they were.
pub(crate) type Crossed = Vec<(Vec<u8>, State)>;

/// Directories by the names that programs have for them.
#[derive(Debug, Default)]
pub(crate) struct Places {
    index: HashMap<Vec<u8>, usize>,
    known: Vec<(Vec<u8>, Leads)>,
    /// The one that was asked for last: most are asked for again at once.
    last: usize,
    generation: u64,
}

impl Places {
    /// Forgets everything if names may mean something else now: `generation` is odd while a
    /// directory may be on the move.
    pub(crate) fn keep_only(&mut self, generation: u64) {
        if self.generation != generation || generation % 2 == 1 || self.known.len() >= MOST {
            *self = Self { generation, ..Self::default() };
        }
    }

    /// Where the absolute `directory` leads; and, if it was not known, over which links.
    pub(crate) fn of(&mut self, thread: Thread, directory: &[u8]) -> (&Leads, Crossed) {
        let mut crossed = Crossed::new();
        if self.known.get(self.last).is_none_or(|(name, _)| name != directory) {
            self.last = self.index.get(directory).copied().unwrap_or_else(|| {
                let (leads, links) = walked(thread, directory);
                crossed = links;
                self.index.insert(directory.to_vec(), self.known.len());
                self.known.push((directory.to_vec(), leads));
                self.known.len() - 1
            });
        }
        (self.known.get(self.last).map_or(&Leads::Elsewhere, |(_, leads)| leads), crossed)
    }
}

fn walked(thread: Thread, directory: &[u8]) -> (Leads, Crossed) {
    let root = || b"/".to_vec();
    let place = resolve(&Start { thread, dir: root(), root: root() }, directory, true);
    let special = |path: &[u8]| path.starts_with(b"/proc");
    if special(&place.path) || place.crossed.iter().any(|(link, _)| special(link)) {
        return (Leads::Elsewhere, Crossed::new());
    }
    match place.found {
        Found::Here(state) if state.kind() == Some(Kind::Dir) => {
            (Leads::To(place.path), place.crossed)
        }
        Found::Missing { .. } => (Leads::Missing(place.path), place.crossed),
        _ => (Leads::Elsewhere, Crossed::new()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_directory_is_walked_to_once_as_long_as_names_mean_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for name in ["a", "b"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        let link = root.join("link");
        symlink("a", &link).unwrap();
        let path = |name: &str| stat::as_bytes(&root.join(name)).to_vec();
        let mut places = Places::default();
        let mut ask = |generation| {
            places.keep_only(generation);
            let (leads, crossed) = places.of(Thread(1), &path("link"));
            (leads.clone(), crossed.len())
        };
        assert_eq!(ask(0), (Leads::To(path("a")), 1));
        fs::remove_file(&link).unwrap();
        symlink("b", &link).unwrap();
        assert_eq!(ask(0), (Leads::To(path("a")), 0));
        assert_eq!(ask(1), (Leads::To(path("b")), 1));
        fs::remove_file(&link).unwrap();
        assert_eq!(ask(1), (Leads::Missing(path("link")), 0));
    }
}

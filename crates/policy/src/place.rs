//! Places: paths with their machine-dependent front replaced by a token, so that what was learnt
//! in one checkout holds in another.

use serde::{Deserialize, Serialize};
use stat::{is_within, join, parent};

/// What a place is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Root {
    /// The workspace.
    Workspace,
    /// Any directory above the workspace: `rel` is looked at in each of them.
    Above,
    /// The user's home directory.
    Home,
    /// A directory for temporary files.
    Temp,
    /// The root directory: an absolute path without its first slash.
    Absolute,
    /// No place: a program's name, looked up on today's `PATH`.
    Path,
    /// No place: the name of a variable, or a glob over such names.
    Env,
}

/// A path relative to a [`Root`]; `rel` is empty for the root itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// What it is relative to.
    pub root: Root,
    /// The rest, raw bytes, without a leading slash.
    pub rel: Vec<u8>,
}

/// Where the roots are on this machine. All paths are absolute and resolved.
#[derive(Clone, Debug)]
pub struct Roots {
    /// The workspace.
    pub workspace: Vec<u8>,
    /// The user's home directory.
    pub home: Vec<u8>,
    /// The directory for temporary files that steps are told of.
    pub temp: Vec<u8>,
    /// Where the runner itself is installed, its Python package and what lies beside it; may be empty.
    pub runner: Vec<u8>,
}

impl Roots {
    /// The place of an absolute path. The workspace wins where it lies in one of the others.
    #[must_use]
    pub fn place(&self, path: &[u8]) -> Place {
        for (root, dir) in
            [(Root::Workspace, &self.workspace), (Root::Temp, &self.temp), (Root::Home, &self.home)]
        {
            if !is_filesystem_root(dir) && is_within(path, dir) {
                return Place { root, rel: tail(path, dir) };
            }
        }
        Place { root: Root::Absolute, rel: tail(path, b"/") }
    }

    /// The place of something absent directly in a directory above the workspace: tools that search
    /// upwards (for `package.json`, `.git`, `pyproject.toml`) look there, at every level.
    #[must_use]
    pub fn place_above(&self, path: &[u8]) -> Option<Place> {
        let dir = parent(path)?;
        self.is_ancestor(dir).then(|| Place { root: Root::Above, rel: tail(path, dir) })
    }

    /// Whether the path is a directory that the workspace lies in: it exists by necessity.
    #[must_use]
    pub fn is_ancestor(&self, path: &[u8]) -> bool {
        path != self.workspace && is_within(&self.workspace, path)
    }

    /// The absolute path of a place with one path; `None` for what is no single path.
    #[must_use]
    pub fn path(&self, place: &Place) -> Option<Vec<u8>> {
        let dir: &[u8] = match place.root {
            Root::Workspace => &self.workspace,
            Root::Home => &self.home,
            Root::Temp => &self.temp,
            Root::Absolute => b"/",
            Root::Above | Root::Path | Root::Env => return None,
        };
        Some(if place.rel.is_empty() { dir.to_vec() } else { join(dir, &place.rel) })
    }

    /// Directories above the workspace, nearest first.
    pub fn above(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::successors(parent(&self.workspace), |dir| parent(dir))
    }
}

fn is_filesystem_root(dir: &[u8]) -> bool {
    dir.is_empty() || dir == b"/"
}

fn tail(path: &[u8], dir: &[u8]) -> Vec<u8> {
    let rest = &path[dir.len().min(path.len())..];
    rest.strip_prefix(b"/").unwrap_or(rest).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots() -> Roots {
        Roots {
            workspace: b"/home/ann/ws".to_vec(),
            home: b"/home/ann".to_vec(),
            temp: b"/tmp".to_vec(),
            runner: Vec::new(),
        }
    }

    fn place(root: Root, rel: &[u8]) -> Place {
        Place { root, rel: rel.to_vec() }
    }

    #[test]
    fn the_innermost_root_names_a_path_and_gives_it_back() {
        for (path, expected) in [
            (&b"/home/ann/ws/src/a"[..], place(Root::Workspace, b"src/a")),
            (b"/home/ann/ws", place(Root::Workspace, b"")),
            (b"/home/ann/.npmrc", place(Root::Home, b".npmrc")),
            (b"/home/ann/wsx", place(Root::Home, b"wsx")),
            (b"/tmp/x", place(Root::Temp, b"x")),
            (b"/usr/bin/cc", place(Root::Absolute, b"usr/bin/cc")),
            (b"/", place(Root::Absolute, b"")),
        ] {
            assert_eq!(roots().place(path), expected);
            assert_eq!(roots().path(&expected).as_deref(), Some(path));
        }
    }

    #[test]
    fn a_workspace_below_a_temporary_directory_is_the_workspace() {
        let roots = Roots {
            workspace: b"/tmp/ws".to_vec(),
            home: b"/root".to_vec(),
            temp: b"/tmp".to_vec(),
            runner: Vec::new(),
        };
        assert_eq!(roots.place(b"/tmp/ws/a"), place(Root::Workspace, b"a"));
    }

    #[test]
    fn an_absence_above_is_named_without_its_level() {
        for path in [&b"/home/ann/package.json"[..], b"/home/package.json", b"/package.json"] {
            assert_eq!(roots().place_above(path), Some(place(Root::Above, b"package.json")));
        }
        assert_eq!(roots().place_above(b"/home/ann/ws/x"), None);
        assert_eq!(roots().place_above(b"/usr/lib/x"), None);
    }

    #[test]
    fn above_goes_up_to_the_root() {
        let roots = roots();
        let above: Vec<&[u8]> = roots.above().collect();
        assert_eq!(above, [&b"/home/ann"[..], b"/home", b"/"]);
    }
}

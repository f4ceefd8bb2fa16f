//! The set of paths that git tracks, read from the index file of the repository at or above a
//! directory. Nothing is run, nothing is written, and no configuration is read.

mod repository;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use gix_index::decode::Options;
use stat::as_bytes;

/// Why it is not known what git tracks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untracked {
    /// There is no repository at or above the directory.
    #[error("`{}` is not in a git repository", .0.display())]
    NoRepository(PathBuf),
    /// Part of the repository can't be read.
    #[error("cannot read `{}`: {reason}", .path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl Untracked {
    pub(crate) fn unreadable(path: &Path, reason: &dyn ToString) -> Self {
        Self::Unreadable { path: path.to_path_buf(), reason: reason.to_string() }
    }
}

/// Tracked paths below `root`, relative to it; `None` if they can't be known.
#[must_use]
pub fn tracked(root: &Path) -> Option<HashSet<Vec<u8>>> {
    read(root).ok()
}

/// Tracked paths below `root`, relative to it, submodules as the one path that they are.
///
/// # Errors
/// Why the paths are not known. An index that is not there yet is an empty one.
pub fn read(root: &Path) -> Result<HashSet<Vec<u8>>, Untracked> {
    let root = root.canonicalize().map_err(|error| Untracked::unreadable(root, &error))?;
    let (top, git_dir) = repository::find(&root)?;
    let index = git_dir.join("index");
    // The checksum costs as much as the rest, but a path lost to damage would look untracked, and
    // untracked files may be removed.
    let skip_checksum = false;
    let options = Options::default();
    let index =
        gix_index::File::at_or_default(&index, gix_hash::Kind::Sha1, skip_checksum, options)
            .map_err(|error| Untracked::unreadable(&index, &error))?;
    let prefix = prefix(&root, &top);
    let paths = index.entries().iter().map(|entry| entry.path(&index));
    Ok(paths.filter_map(|path| path.strip_prefix(&prefix[..])).map(<[u8]>::to_vec).collect())
}

/// What a git index says, without what it remembers of files' times: path, mode, object and stage
/// of every entry, as bytes to be digested. Looking at the status rewrites the rest. `None` if the
/// file is not an index that can be read.
#[must_use]
pub fn meaning(index: &Path) -> Option<Vec<u8>> {
    let options = Options::default();
    let index = gix_index::File::at(index, gix_hash::Kind::Sha1, false, options).ok()?;
    let mut meaning = Vec::new();
    for entry in index.entries() {
        meaning.extend_from_slice(entry.path(&index));
        meaning.push(0);
        meaning.extend_from_slice(&entry.mode.bits().to_le_bytes());
        meaning.extend_from_slice(entry.id.as_slice());
        meaning.push(entry.stage_raw().try_into().unwrap_or(u8::MAX));
    }
    Some(meaning)
}

/// What the paths of the index below `root` begin with.
fn prefix(root: &Path, top: &Path) -> Vec<u8> {
    let mut prefix = root.strip_prefix(top).map(as_bytes).unwrap_or_default().to_vec();
    if !prefix.is_empty() {
        prefix.push(b'/');
    }
    prefix
}

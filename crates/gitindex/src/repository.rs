//! Finding the repository that a directory lies in.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use stat::as_path;

use crate::Untracked;

/// How a `.git` file, of a worktree or submodule, names the directory it stands for.
const POINTER: &[u8] = b"gitdir: ";

/// The top directory of the working tree around `root`, and the repository's own directory.
pub(crate) fn find(root: &Path) -> Result<(PathBuf, PathBuf), Untracked> {
    for top in root.ancestors() {
        if let Some(git_dir) = git_dir(&top.join(".git"))? {
            return Ok((top.to_path_buf(), git_dir));
        }
    }
    Err(Untracked::NoRepository(root.to_path_buf()))
}

/// The repository that a `.git` stands for; `None` if nothing is there, or no repository.
fn git_dir(dot_git: &Path) -> Result<Option<PathBuf>, Untracked> {
    let unreadable = |error| Untracked::unreadable(dot_git, &error);
    match fs::metadata(dot_git) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(unreadable(error)),
        // Git passes over a directory without a `HEAD`, and so over an empty mount point.
        Ok(meta) if meta.is_dir() => {
            Ok(dot_git.join("HEAD").symlink_metadata().is_ok().then(|| dot_git.to_path_buf()))
        }
        Ok(_) => {
            let text = fs::read(dot_git).map_err(unreadable)?;
            let target = text.strip_prefix(POINTER).map(<[u8]>::trim_ascii_end);
            let target = target
                .ok_or_else(|| Untracked::unreadable(dot_git, &"it does not say `gitdir: `"))?;
            Ok(dot_git.parent().map(|top| top.join(as_path(target))))
        }
    }
}

//! Starting from nothing: a step's own paths are moved aside before it runs, when its last run
//! relied on them and nobody can tell any more what they were made from.

use std::path::PathBuf;

use stat::{Kind, as_path};

use crate::own::OwnPaths;
use crate::step::Step;
use crate::workspace::Workspace;

impl Workspace {
    /// Moves the step's own files and links out of the way. They are the runner's to remake, so
    /// they need not come back: a failed run leaves what a failed run from nothing leaves. Paths
    /// that git tracks, or that another step also left, stay.
    pub(crate) fn set_aside(&self, step: &Step, own: &OwnPaths) {
        let dir = self.scratch_dir("aside", step.spec.id);
        if std::fs::create_dir_all(&dir).is_err() {
            return;
        }
        let mut dirs: Vec<&[u8]> = Vec::new();
        for (at, (path, owned)) in own.iter().enumerate() {
            let Some(rel) = self.workspace_rel(path) else { continue };
            if owned.kind() == Kind::Dir {
                dirs.push(path);
            } else if !self.is_tracked(&rel) && !self.is_anothers(&rel, &step.key) {
                // What can't be moved stays, as what others left does.
                let _ = std::fs::rename(as_path(path), dir.join(at.to_string()));
            }
        }
        // Children first. A directory with anybody's files in it stays.
        dirs.sort_unstable_by(|a, b| b.cmp(a));
        for path in dirs {
            let _ = std::fs::remove_dir(as_path(path));
        }
        self.disk.forget();
        let _ = std::fs::remove_dir_all(dir);
    }

    /// A directory of this process's own, on the workspace's file system.
    pub(crate) fn scratch_dir(&self, purpose: &str, id: u32) -> PathBuf {
        self.state_dir.join("tmp").join(format!("{purpose}-{}-{id}", std::process::id()))
    }
}

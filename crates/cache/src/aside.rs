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
    pub(crate) fn set_aside(&self, step: &Step, own: &mut OwnPaths) {
        let dir = self.scratch_dir("aside", step.spec.id);
        if std::fs::create_dir_all(&dir).is_err() {
            return;
        }
        let mut moved: Vec<Vec<u8>> = Vec::new();
        for (path, kind) in own.iter() {
            let Some(rel) = self.workspace_rel(path) else { continue };
            if *kind == Kind::Dir || self.is_tracked(&rel) || self.is_anothers(&rel, &step.key) {
                continue;
            }
            if std::fs::rename(as_path(path), dir.join(moved.len().to_string())).is_ok() {
                moved.push(path.clone());
            }
        }
        let mut dirs: Vec<Vec<u8>> = own
            .iter()
            .filter(|(_, kind)| **kind == Kind::Dir)
            .map(|(path, _)| path.clone())
            .collect();
        dirs.sort_unstable_by(|a, b| b.cmp(a));
        // A directory with anybody's files in it stays.
        moved.extend(dirs.into_iter().filter(|path| std::fs::remove_dir(as_path(path)).is_ok()));
        for path in moved {
            own.remove(&path);
        }
        self.disk.forget();
        let _ = std::fs::remove_dir_all(dir);
    }

    /// A directory of this process's own, on the workspace's file system.
    pub(crate) fn scratch_dir(&self, purpose: &str, id: u32) -> PathBuf {
        self.state_dir.join("tmp").join(format!("{purpose}-{}-{id}", std::process::id()))
    }
}

//! Starting from nothing: a step's own paths are moved aside before it runs, when its last run
//! relied on them and nobody can tell any more what they were made from.

use std::path::PathBuf;

use stat::{Kind, as_path, join};
use store::Standing;

use crate::own::OwnPaths;
use crate::step::Step;
use crate::workspace::Workspace;

impl Workspace {
    /// Moves the step's own files and links out of the way. They are the runner's to remake, so
    /// they need not come back: a failed run leaves what a failed run from nothing leaves. Paths
    /// that git tracks, or that another step also left, stay; but a step that comes later in this run
    /// made what is there of this step's, and will do so again.
    pub(crate) fn set_aside(&self, step: &Step, own: &OwnPaths, standing: &Standing) {
        let dir = self.scratch_dir("aside", step.spec.id);
        if std::fs::create_dir_all(&dir).is_err() {
            return;
        }
        let (mut dirs, mut files): (Vec<&[u8]>, Vec<&[u8]>) = (Vec::new(), Vec::new());
        for (path, owned) in own {
            if owned.kind() == Kind::Dir { dirs.push(path) } else { files.push(path) }
        }
        let made_of_own = self.made_of_own(step, own, standing);
        files.extend(made_of_own.iter().map(Vec::as_slice));
        let is_free = |path: &[u8]| {
            let rel = self.workspace_rel(path);
            rel.is_some_and(|rel| {
                !self.is_tracked(&rel) && !self.is_claimed_besides_later(&rel, step)
            })
        };
        for (at, path) in files.into_iter().filter(|path| is_free(path)).enumerate() {
            // What can't be moved stays, as what others left does.
            let _ = std::fs::rename(as_path(path), dir.join(at.to_string()));
        }
        // Children first. A directory with anybody's files in it stays.
        dirs.sort_unstable_by(|a, b| b.cmp(a));
        for path in dirs {
            let _ = std::fs::remove_dir(as_path(path));
        }
        self.disk.forget();
        let _ = std::fs::remove_dir_all(dir);
    }

    /// Paths of the standing result that hold what a later step of this run left there instead.
    fn made_of_own(&self, step: &Step, own: &OwnPaths, standing: &Standing) -> Vec<Vec<u8>> {
        let files = standing.left.iter().filter(|left| left.kind != Kind::Dir);
        let paths = files.map(|left| join(&self.roots.workspace, &left.path));
        paths.filter(|path| !own.contains_key(path) && self.holds_later(path, step)).collect()
    }

    /// A directory of this process's own, on the workspace's file system.
    pub(crate) fn scratch_dir(&self, purpose: &str, id: u32) -> PathBuf {
        self.state_dir.join("tmp").join(format!("{purpose}-{}-{id}", std::process::id()))
    }
}

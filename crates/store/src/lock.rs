//! One lock per step, between the runners of one workspace: a lock file each, gone when free.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::db::make_dir;
use crate::{Result, StepKey, StoreError};

/// Directory of lock files in the state directory.
const LOCKS: &str = "locks";

/// How often to ask for a lock that another process holds.
const POLL: Duration = Duration::from_millis(10);

/// The lock of a step, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct StepLock {
    path: PathBuf,
    file: File,
}

impl StepLock {
    /// The lock, if nobody holds it.
    pub fn try_lock(state_dir: &Path, step: &StepKey) -> Result<Option<Self>> {
        let dir = state_dir.join(LOCKS);
        let path = dir.join(step.digest().to_string());
        make_dir(&dir)?;
        loop {
            let file = open(&path)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => return Ok(Some(Self { path, file })),
                // Its last holder removed it between our opening and locking it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => {
                    return Err(StoreError::of_file("lock", &path, source));
                }
            }
        }
    }

    /// The lock, once nobody holds it; `None` if that takes longer than until `deadline`.
    pub fn lock(state_dir: &Path, step: &StepKey, deadline: Instant) -> Result<Option<Self>> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match Self::try_lock(state_dir, step)? {
                None if !left.is_zero() => thread::sleep(left.min(POLL)),
                outcome => return Ok(outcome),
            }
        }
    }
}

impl Drop for StepLock {
    fn drop(&mut self) {
        // Removed while it is held, so that nobody else can hold it when it goes. A file that
        // stays is free all the same.
        if is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(false).mode(0o600).open(path);
    opened.map_err(|source| StoreError::of_file("open", path, source))
}

/// Whether the file is still the one that its path names.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let (held, named) = (file.metadata().map(identity), fs::symlink_metadata(path).map(identity));
    matches!((held, named), (Ok(held), Ok(named)) if held == named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str) -> StepKey {
        StepKey::new("package", name, 0, &[] as &[&str])
    }

    #[test]
    fn one_holder_at_a_time_and_steps_do_not_mind_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let held = StepLock::try_lock(dir.path(), &step("a")).unwrap().unwrap();
        assert!(StepLock::try_lock(dir.path(), &step("a")).unwrap().is_none());
        assert!(StepLock::try_lock(dir.path(), &step("b")).unwrap().is_some());
        drop(held);
        assert!(StepLock::try_lock(dir.path(), &step("a")).unwrap().is_some());
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let dir = tempfile::tempdir().unwrap();
        let _held = StepLock::try_lock(dir.path(), &step("a")).unwrap().unwrap();
        let soon = Instant::now() + 3 * POLL;
        assert!(StepLock::lock(dir.path(), &step("a"), soon).unwrap().is_none());
    }

    #[test]
    fn free_locks_leave_no_file() {
        let dir = tempfile::tempdir().unwrap();
        drop(StepLock::try_lock(dir.path(), &step("a")).unwrap());
        assert_eq!(fs::read_dir(dir.path().join(LOCKS)).unwrap().count(), 0);
    }

    #[test]
    fn many_threads_never_hold_it_together() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let (dir, holders) = (tempfile::tempdir().unwrap(), AtomicU32::new(0));
        let far = Instant::now() + Duration::from_secs(60);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock = StepLock::lock(dir.path(), &step("a"), far).unwrap().unwrap();
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                        holders.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
    }
}

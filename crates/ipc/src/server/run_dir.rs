//! The private directory of a run: sockets, hint files and the snapshot live in it, and go with it.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::snapshot;

/// Longest path of a directory that leaves room for a socket's name within the kernel's 108 bytes.
const MAX_PATH: usize = 84;

/// Names begin so; leftovers of killed runners are found by it.
const PREFIX: &str = "taskrunner-";

/// Held locked while the runner lives.
const LOCK: &str = "lock";

/// Most leftovers looked at, so that a huge temporary directory costs nothing much.
const MAX_SWEPT: usize = 64;

/// A directory of mode 0700, removed with all that is in it when dropped.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    sockets: bool,
    _lock: File,
}

impl RunDir {
    /// Makes one in the first of `parents` where sockets can be made, else in the first where a
    /// directory can be. Paths too long for a socket count as places where none can be made.
    pub fn create<'a>(parents: impl IntoIterator<Item = &'a Path>) -> io::Result<Self> {
        let mut without_sockets = None;
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for parent in parents {
            match Self::create_in(parent) {
                Ok(dir) if dir.sockets => return Ok(dir),
                Ok(dir) => without_sockets = without_sockets.or(Some(dir)),
                Err(error) => failure = error,
            }
        }
        without_sockets.ok_or(failure)
    }

    fn create_in(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let path = make(parent)?;
        // Locked before it has its name, so that no sweep finds it unlocked.
        let unnamed = path.join("lock.new");
        let lock = File::create(&unnamed)?;
        lock.lock()?;
        fs::rename(unnamed, path.join(LOCK))?;
        let sockets = can_bind(&path);
        Ok(Self { path, sockets, _lock: lock })
    }

    /// The directory. Whatever a step does in it is the protocol's, not the step's.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether Unix sockets can be made here.
    pub fn has_sockets(&self) -> bool {
        self.sockets
    }

    /// Writes the snapshot `name` of `env`, for the variable [`crate::names::SNAPSHOT`].
    pub fn write_snapshot<'a>(
        &self,
        name: &str,
        env: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        snapshot::write(&path, env)?;
        Ok(path)
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        // What can't be removed now is swept by a later run.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn make(parent: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    let path = parent.join(format!("{PREFIX}{:016x}", u64::from_le_bytes(random)));
    DirBuilder::new().mode(0o700).create(&path)?;
    Ok(path)
}

fn can_bind(dir: &Path) -> bool {
    let probe = dir.join("probe.s");
    let bound = dir.as_os_str().len() <= MAX_PATH && UnixListener::bind(&probe).is_ok();
    let _ = fs::remove_file(&probe);
    bound
}

/// Removes directories of runners that were killed: ours, and with nobody holding the lock.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let named = |e: &fs::DirEntry| e.file_name().to_string_lossy().starts_with(PREFIX);
    for entry in entries.flatten().filter(named).take(MAX_SWEPT) {
        if is_left_over(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_left_over(dir: &Path) -> bool {
    let Ok(meta) = fs::symlink_metadata(dir) else { return false };
    let ours = meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw();
    ours && File::open(dir.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

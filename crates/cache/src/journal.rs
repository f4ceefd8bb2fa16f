//! Changes to the workspace that can be undone: what was there is moved away, never destroyed,
//! until all of a result is in place.

use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use stat::{Kind, as_bytes, as_path, parent};

use crate::disk::Disk;
use crate::restore::RestoreError;

/// How to undo one change.
enum Undo {
    MovedAway { from: PathBuf, to: PathBuf },
    Made { path: PathBuf, dir: bool },
    Mode { path: PathBuf, mode: u32 },
    RemovedDir { path: PathBuf, mode: u32 },
}

/// Applies changes, remembering how to undo them.
pub(crate) struct Journal {
    undo: Vec<Undo>,
    old: PathBuf,
    replaced_dir: PathBuf,
    replaced: Vec<Vec<u8>>,
}

impl Journal {
    /// `scratch` holds what is to vanish, `replaced_dir` what is to be kept for the user.
    pub(crate) fn new(scratch: &Path, replaced_dir: PathBuf) -> Result<Self, RestoreError> {
        let old = scratch.join("old");
        fs::create_dir_all(&old).map_err(|error| RestoreError::io(as_bytes(&old), error))?;
        Ok(Self { undo: Vec::new(), old, replaced_dir, replaced: Vec::new() })
    }

    /// All went well: paths whose bytes were moved to the kept directory.
    pub(crate) fn keep(self) -> Vec<Vec<u8>> {
        self.replaced
    }

    /// Puts everything back, newest change first. What can't be put back stays where it was moved.
    pub(crate) fn undo(self) {
        for change in self.undo.into_iter().rev() {
            let _ = match change {
                Undo::MovedAway { from, to } => move_file(&to, &from),
                Undo::Made { path, dir: true } => fs::remove_dir(path),
                Undo::Made { path, dir: false } => fs::remove_file(path),
                Undo::Mode { path, mode } => {
                    fs::set_permissions(path, Permissions::from_mode(mode))
                }
                Undo::RemovedDir { path, mode } => fs::DirBuilder::new().mode(mode).create(path),
            };
        }
    }

    /// Removes a leftover; a directory only if it is empty.
    pub(crate) fn remove_own(&mut self, path: &[u8]) -> Result<(), RestoreError> {
        match Disk::lstat(path).map_err(|error| RestoreError::io(path, error))? {
            Some(id) if id.kind() == Kind::Dir => {
                if fs::remove_dir(as_path(path)).is_ok() {
                    let path = as_path(path).to_path_buf();
                    self.undo.push(Undo::RemovedDir { path, mode: id.permissions() });
                }
                Ok(())
            }
            Some(_) => self.take_away(path),
            None => Ok(()),
        }
    }

    /// Moves own bytes away, to vanish with the scratch directory.
    pub(crate) fn take_away(&mut self, path: &[u8]) -> Result<(), RestoreError> {
        let to = self.old.join(self.undo.len().to_string());
        self.move_away(path, to)
    }

    /// Moves somebody's bytes to where the user finds them.
    pub(crate) fn replace(&mut self, path: &[u8]) -> Result<(), RestoreError> {
        let kept = self.replaced_dir.join(as_path(path.strip_prefix(b"/").unwrap_or(path)));
        if let Some(dir) = kept.parent() {
            fs::create_dir_all(dir).map_err(|error| RestoreError::io(as_bytes(dir), error))?;
        }
        self.move_away(path, kept)?;
        self.replaced.push(path.to_vec());
        Ok(())
    }

    /// Makes a directory, and those above it that are missing.
    pub(crate) fn make_dir(&mut self, path: &[u8], mode: u32) -> Result<(), RestoreError> {
        self.make_parents(path)?;
        if Disk::lstat(path).is_ok_and(|id| id.is_none()) {
            self.make_one_dir(path)?;
        }
        fs::set_permissions(as_path(path), Permissions::from_mode(mode))
            .map_err(|error| RestoreError::io(path, error))
    }

    /// Makes a symbolic link.
    pub(crate) fn make_link(&mut self, path: &[u8], target: &[u8]) -> Result<(), RestoreError> {
        self.make_parents(path)?;
        symlink(as_path(target), as_path(path)).map_err(|error| RestoreError::io(path, error))?;
        self.undo.push(Undo::Made { path: as_path(path).to_path_buf(), dir: false });
        Ok(())
    }

    /// Moves a staged file to its place, mode and time set before it can be seen there.
    pub(crate) fn move_in(
        &mut self,
        staged: &Path,
        path: &[u8],
        mode: u32,
        mtime_ns: i64,
    ) -> Result<(), RestoreError> {
        let failed = |error| RestoreError::io(path, error);
        self.make_parents(path)?;
        set_mtime(staged, mtime_ns).map_err(failed)?;
        fs::set_permissions(staged, Permissions::from_mode(mode)).map_err(failed)?;
        move_file(staged, as_path(path)).map_err(failed)?;
        self.undo.push(Undo::Made { path: as_path(path).to_path_buf(), dir: false });
        Ok(())
    }

    /// Sets permission bits.
    pub(crate) fn set_mode(&mut self, path: &[u8], mode: u32) -> Result<(), RestoreError> {
        let failed = |error| RestoreError::io(path, error);
        let old = fs::symlink_metadata(as_path(path)).map_err(failed)?.permissions().mode();
        fs::set_permissions(as_path(path), Permissions::from_mode(mode)).map_err(failed)?;
        self.undo.push(Undo::Mode { path: as_path(path).to_path_buf(), mode: old });
        Ok(())
    }

    /// Sets the modification time. Times are not values: they are not undone.
    pub(crate) fn set_mtime(path: &[u8], mtime_ns: i64) -> Result<(), RestoreError> {
        match set_mtime(as_path(path), mtime_ns) {
            // An output that may not be opened keeps its time.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            other => other.map_err(|error| RestoreError::io(path, error)),
        }
    }

    fn move_away(&mut self, path: &[u8], to: PathBuf) -> Result<(), RestoreError> {
        move_file(as_path(path), &to).map_err(|error| RestoreError::io(path, error))?;
        self.undo.push(Undo::MovedAway { from: as_path(path).to_path_buf(), to });
        Ok(())
    }

    fn make_parents(&mut self, path: &[u8]) -> Result<(), RestoreError> {
        let Some(dir) = parent(path) else { return Ok(()) };
        if Disk::lstat(dir).is_ok_and(|id| id.is_some()) {
            return Ok(());
        }
        self.make_parents(dir)?;
        self.make_one_dir(dir)
    }

    fn make_one_dir(&mut self, path: &[u8]) -> Result<(), RestoreError> {
        fs::create_dir(as_path(path)).map_err(|error| RestoreError::io(path, error))?;
        self.undo.push(Undo::Made { path: as_path(path).to_path_buf(), dir: true });
        Ok(())
    }
}

/// Renames; across file systems, copies to a neighbour of the target first, so that the target
/// appears whole.
fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let mut name = to.as_os_str().to_os_string();
            name.push(format!(".taskrunner-{}", std::process::id()));
            let near = PathBuf::from(name);
            let meta = fs::symlink_metadata(from)?;
            if meta.is_symlink() {
                symlink(fs::read_link(from)?, &near)?;
            } else {
                fs::copy(from, &near)?;
                File::options().write(true).open(&near)?.set_modified(meta.modified()?)?;
            }
            fs::rename(&near, to)?;
            fs::remove_file(from)
        }
        other => other,
    }
}

fn set_mtime(path: &Path, mtime_ns: i64) -> io::Result<()> {
    let time = match u64::try_from(mtime_ns) {
        Ok(nanos) => SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos),
        Err(_) => SystemTime::UNIX_EPOCH - Duration::from_nanos(mtime_ns.unsigned_abs()),
    };
    File::open(path)?.set_times(FileTimes::new().set_modified(time))
}

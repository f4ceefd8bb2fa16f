//! One open database: found, locked, brought to this format, or begun anew if it is damaged.
//!
//! Every process that has the database open holds its lock file shared. Only who holds it alone
//! may move the database away, for `SQLite` would remove the new one's log by the old one's name.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use crate::connect::{self, Layout};
use crate::session::Session;
use crate::{Result, StoreError};

/// How long to wait for another process that opens, repairs or closes the same database.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait for others to let go of a damaged database. They may be in the middle of a long
/// run, and then this one does without.
const REPAIR_TIMEOUT: Duration = Duration::from_secs(1);

/// How often to ask for the lock while waiting.
const LOCK_POLL: Duration = Duration::from_millis(5);

/// Damaged databases that are kept for a look; the last is replaced when there are more.
const DAMAGED_KEPT: u32 = 3;

/// Size of the write-ahead log from which it is worth the fsyncs of a checkpoint at the end
/// of a run. A smaller one is found again by the next run.
const CHECKPOINT_BYTES: u64 = 1024 * 1024;

/// A write that changes nothing.
const BEGIN_LOG: &str = "INSERT OR REPLACE INTO meta (name, value) VALUES ('log', x'')";

/// An open database and what opening it had to put right.
#[derive(Debug)]
pub(crate) struct Db {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    pub(crate) read_only: bool,
    pub(crate) warnings: Vec<String>,
    /// Shared while the connection is open.
    _lock: Option<File>,
}

impl Db {
    /// Opens the database `layout` describes in `dir`, making both if need be.
    pub(crate) fn open(dir: &Path, layout: &Layout) -> Result<Self> {
        let path = dir.join(layout.file);
        match make_dir(dir).and_then(|()| open_lock(&path)) {
            Ok(lock) => Self::open_locked(path, lock, layout),
            Err(StoreError::ReadOnly { .. }) => Self::open_read_only(path, layout),
            Err(error) => Err(error),
        }
    }

    fn open_locked(path: PathBuf, lock: File, layout: &Layout) -> Result<Self> {
        wait_for(&path, LOCK_TIMEOUT, || lock.try_lock_shared())?;
        let mut warnings = Vec::new();
        let connection = match connect_patiently(&path, layout, &mut warnings) {
            Err(StoreError::Damaged { what, .. }) => {
                let connection = replace(&path, &lock, layout, &what, &mut warnings)?;
                wait_for(&path, LOCK_TIMEOUT, || lock.try_lock_shared())?;
                connection
            }
            other => other?,
        };
        Ok(Self { connection, path, read_only: false, warnings, _lock: Some(lock) })
    }

    /// What can be read where nothing can be written; nothing, if even that fails.
    fn open_read_only(path: PathBuf, layout: &Layout) -> Result<Self> {
        let lock = File::open(lock_path(&path)).ok();
        if let Some(lock) = &lock {
            wait_for(&path, LOCK_TIMEOUT, || lock.try_lock_shared())?;
        }
        let mut warnings = vec![format!("`{}` is read-only: nothing is added", path.display())];
        let connection = connect::read_only(&path, layout).or_else(|error| {
            if path.exists() {
                warnings.push(format!("`{}` is not used: {error}", path.display()));
            }
            connect::in_memory(&path, layout)
        })?;
        Ok(Self { connection, path, read_only: true, warnings, _lock: lock })
    }

    /// The database, to read from.
    pub(crate) fn read(&self, doing: &'static str) -> Session<'_> {
        Session { connection: &self.connection, path: &self.path, doing }
    }

    /// Runs `read` on one state of the database, whatever other processes write meanwhile.
    pub(crate) fn snapshot<T>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Session<'_>) -> Result<T>,
    ) -> Result<T> {
        let begun = self.connection.unchecked_transaction();
        let snapshot = begun.map_err(|source| self.read(doing).error(source))?;
        read(&Session { connection: &snapshot, path: &self.path, doing })
    }

    /// Runs `write` in a transaction that holds the write lock from its start, and is undone if
    /// it fails.
    pub(crate) fn write<T>(
        &mut self,
        doing: &'static str,
        write: impl FnOnce(&Session<'_>) -> Result<T>,
    ) -> Result<T> {
        if self.read_only {
            return Err(StoreError::ReadOnly { path: self.path.clone() });
        }
        let failed = |source| StoreError::of_database(doing, &self.path, source);
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior).map_err(failed)?;
        let done = write(&Session { connection: &transaction, path: &self.path, doing })?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }

    /// Stands an empty database in for one that says nothing here and can't be emptied.
    pub(crate) fn forget(&mut self, layout: &Layout) -> Result<()> {
        self.connection = connect::in_memory(&self.path, layout)?;
        Ok(())
    }

    /// Moves a write-ahead log that has grown into the database. That another process is reading
    /// is no error: the last to close moves it.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        let log = suffixed(&self.path, "-wal");
        if self.read_only || fs::metadata(log).map_or(0, |log| log.len()) < CHECKPOINT_BYTES {
            return Ok(());
        }
        let session = self.read("checkpoint");
        let busy = |row: &rusqlite::Row<'_>| row.get::<_, bool>(0);
        match session.first("PRAGMA wal_checkpoint(TRUNCATE)", [], busy) {
            // The first write to an empty log waits for the disk: better here than in a run.
            Ok(Some(false)) => session.run(BEGIN_LOG, []).map(drop),
            Ok(_) | Err(StoreError::Busy { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Makes a directory for the user alone.
pub(crate) fn make_dir(dir: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| StoreError::of_file("make directory", dir, source))
}

/// `path` with something appended to its name.
pub(crate) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn lock_path(path: &Path) -> PathBuf {
    suffixed(path, ".lock")
}

/// Opens the lock file for writing, which tells whether the directory can be written too.
fn open_lock(path: &Path) -> Result<File> {
    let lock = lock_path(path);
    let mut options = OpenOptions::new();
    let opened =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&lock);
    opened.map_err(|source| StoreError::of_file("open", &lock, source))
}

/// Asks until the lock is granted or the time is up.
fn wait_for(
    path: &Path,
    timeout: Duration,
    mut ask: impl FnMut() -> std::result::Result<(), TryLockError>,
) -> Result<()> {
    let deadline = Instant::now() + timeout;
    loop {
        match ask() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Busy { path: path.to_path_buf() });
            }
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::of_file("lock", path, source));
            }
        }
    }
}

/// Moves a damaged database aside and begins a new one, unless another process did it meanwhile.
fn replace(
    path: &Path,
    lock: &File,
    layout: &Layout,
    what: &str,
    warnings: &mut Vec<String>,
) -> Result<Connection> {
    wait_for(path, REPAIR_TIMEOUT, || lock.try_lock()).map_err(|error| match error {
        StoreError::Busy { path } => StoreError::Damaged { what: what.to_owned(), path },
        error => error,
    })?;
    if let Ok(connection) = connect_patiently(path, layout, warnings) {
        return Ok(connection);
    }
    let aside = move_aside(path)
        .map_err(|source| StoreError::of_file("move aside damaged", path, source))?;
    warnings.push(format!(
        "`{}` was damaged ({what}): it is kept as `{}` and a new one begun",
        path.display(),
        aside.display()
    ));
    connect_patiently(path, layout, warnings)
}

/// Connects, however many others do so at this moment: `SQLite` says "busy" without waiting where
/// two bring a new database into WAL mode at once, or one of them recovers the log.
fn connect_patiently(
    path: &Path,
    layout: &Layout,
    warnings: &mut Vec<String>,
) -> Result<Connection> {
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match connect::writable(path, layout, warnings) {
            Err(StoreError::Busy { .. }) if Instant::now() < deadline => thread::sleep(LOCK_POLL),
            done => return done,
        }
    }
}

fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = |n| suffixed(path, &format!(".damaged-{n}"));
    let free = (1..DAMAGED_KEPT).find(|&n| !aside(n).exists()).unwrap_or(DAMAGED_KEPT);
    // The database last: until it is gone, whoever is interrupted here starts over.
    for suffix in ["-wal", "-shm", ""] {
        match fs::rename(suffixed(path, suffix), suffixed(&aside(free), suffix)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    match fs::remove_file(connect::suspect_path(path)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(aside(free)),
    }
}

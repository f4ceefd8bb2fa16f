//! Blobs: files named by the digest of their content, written aside and renamed when whole.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use digest::{Content, Digest, hash_file};

use crate::db::make_dir;
use crate::{Result, StoreError};

/// Directory of blobs that are not whole yet.
pub(crate) const TMP: &str = "tmp";

/// The kinds of blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blob {
    /// A `tar.zst` of file contents.
    Archive,
    /// A step's terminal output.
    Log,
}

impl Blob {
    /// All kinds.
    pub(crate) const ALL: [Self; 2] = [Self::Archive, Self::Log];

    /// The number that stands for it in the database.
    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Archive => 0,
            Self::Log => 1,
        }
    }

    /// Directory of its files.
    pub(crate) fn directory(self) -> &'static str {
        match self {
            Self::Archive => "archives",
            Self::Log => "logs",
        }
    }

    /// What follows the digest in its file names.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Archive => ".tar.zst",
            Self::Log => ".zst",
        }
    }

    /// Where the blob of this kind and digest is in a cache.
    pub(crate) fn path(self, cache: &Path, digest: &Digest) -> PathBuf {
        let hex = digest.to_string();
        cache.join(self.directory()).join(&hex[..2]).join(hex + self.suffix())
    }
}

impl fmt::Display for Blob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Archive => "archive",
            Self::Log => "log",
        })
    }
}

/// A blob being written; dropped before [`BlobWriter::commit`], it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    kind: Blob,
    cache: PathBuf,
    tmp: PathBuf,
    file: BufWriter<File>,
    content: Content,
    committed: bool,
}

impl BlobWriter {
    pub(crate) fn create(cache: &Path, kind: Blob) -> Result<Self> {
        let dir = cache.join(TMP);
        make_dir(&dir)?;
        let tmp = dir.join(unique_name());
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&tmp);
        let file = file.map_err(|source| StoreError::of_file("create", &tmp, source))?;
        let (cache, file) = (cache.to_path_buf(), BufWriter::new(file));
        Ok(Self { kind, cache, tmp, file, content: Content::new(), committed: false })
    }

    /// Gives the blob its name, which is returned with its size. One that is there already is
    /// kept if it is sound, and looks young from now on to whoever prunes.
    ///
    /// # Errors
    /// If it can't be written or renamed; nothing is left then.
    pub fn commit(mut self) -> Result<(Digest, u64)> {
        let (digest, size) = (self.content.finish(), self.content.len());
        let path = self.kind.path(&self.cache, &digest);
        self.file.flush().map_err(|source| StoreError::of_file("write", &self.tmp, source))?;
        if !renew(&path, &digest) {
            self.rename(&path).map_err(|source| StoreError::of_file("write", &path, source))?;
            self.committed = true;
        }
        Ok((digest, size))
    }

    fn rename(&self, path: &Path) -> io::Result<()> {
        match (fs::rename(&self.tmp, path), path.parent()) {
            (Err(error), Some(dir)) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(dir)?;
                fs::rename(&self.tmp, path)
            }
            (Err(error), Some(dir)) if error.kind() == ErrorKind::IsADirectory => {
                // Somebody's directory stands in a file's place: it makes way, and is not lost.
                fs::rename(path, dir.join(unique_name()))?;
                fs::rename(&self.tmp, path)
            }
            (renamed, _) => renamed,
        }
    }
}

/// Makes a sound blob look young. Equal logs are common, and replacing a file by renaming makes
/// some file systems write it out at once.
fn renew(path: &Path, digest: &Digest) -> bool {
    hash_file(stat::as_bytes(path)).is_ok_and(|(found, _)| found == *digest)
        && File::open(path).and_then(|file| file.set_modified(SystemTime::now())).is_ok()
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.content.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if !self.committed {
            // What can't be removed now is removed by a later prune.
            let _ = fs::remove_file(&self.tmp);
        }
    }
}

/// A name no other writer has, in this process or, most likely, any.
fn unique_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{}-{}-{count}", process::id(), stat::now_ns())
}

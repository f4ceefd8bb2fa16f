//! The one error of the store: what was being done, where, and why it failed.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use digest::Digest;
use rusqlite::ErrorCode;

use crate::Blob;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory operation failed.
    #[error("cannot {doing} `{}`", .path.display())]
    Io {
        /// What was being done, as a verb phrase.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The database refused for a reason that has no case of its own.
    #[error("cannot {doing} in `{}`", .path.display())]
    Database {
        /// What was being done, as a verb phrase.
        doing: &'static str,
        /// The database.
        path: PathBuf,
        /// Why it failed.
        source: rusqlite::Error,
    },
    /// What is stored is not what was put there.
    #[error("`{}` is damaged: {what}", .path.display())]
    Damaged {
        /// What was found.
        what: String,
        /// The database or blob.
        path: PathBuf,
    },
    /// The disk, or a limit on it, is exhausted; nothing was changed.
    #[error("no space left to {doing} in `{}`", .path.display())]
    Full {
        /// What was being done, as a verb phrase.
        doing: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// Another process kept the database for longer than the store waits.
    #[error("`{}` is in use by another process, which did not let go of it in time", .path.display())]
    Busy {
        /// The database or lock.
        path: PathBuf,
    },
    /// The directory can't be written, so nothing can be added.
    #[error("`{}` is read-only", .path.display())]
    ReadOnly {
        /// The directory.
        path: PathBuf,
    },
    /// An entry refers to a blob that is not there.
    #[error("{kind} {digest} is missing")]
    BlobMissing {
        /// Archive or log.
        kind: Blob,
        /// Its name.
        digest: Digest,
    },
}

impl StoreError {
    /// Of a failed file operation.
    pub(crate) fn of_file(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Self::ReadOnly { path },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full { doing, path }
            }
            _ => Self::Io { doing, path, source },
        }
    }

    /// Of a failed database operation.
    pub(crate) fn of_database(doing: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { what: source.to_string(), path }
            }
            Some(ErrorCode::DiskFull) => Self::Full { doing, path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path },
            _ => Self::Database { doing, path, source },
        }
    }
}

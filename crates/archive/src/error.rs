//! What can go wrong with an archive.

use std::io;
use std::path::PathBuf;

use digest::Digest;

/// Why an archive was not written.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The file is not the one whose digest was taken: it changed, shrank, grew or went away.
    #[error("`{}` changed while it was packed", .0.escape_ascii())]
    Changed(Vec<u8>),
    /// A file could not be read.
    #[error("cannot read `{}` to pack it", .path.escape_ascii())]
    Read {
        /// Name of the file, as in [`crate::Item`].
        path: Vec<u8>,
        /// Why not.
        source: io::Error,
    },
    /// The archive could not be written.
    #[error("cannot write the archive")]
    Write(#[from] io::Error),
}

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The archive is not what `pack` wrote: truncated, altered, or something else altogether.
    #[error("archive `{}` is damaged: {reason}", .archive.display())]
    Damaged {
        /// The archive.
        archive: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The archive is sound and lacks a member that was asked for.
    #[error("archive `{}` does not hold {digest}", .archive.display())]
    Lacks {
        /// The archive.
        archive: PathBuf,
        /// The member.
        digest: Digest,
    },
    /// The archive is not there.
    #[error("archive `{}` is missing", .archive.display())]
    Missing {
        /// The archive.
        archive: PathBuf,
    },
    /// The archive could not be read.
    #[error("cannot read archive `{}`", .archive.display())]
    Read {
        /// The archive.
        archive: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A staging file could not be written.
    #[error("cannot write `{}`", .target.display())]
    Write {
        /// The staging file.
        target: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl UnpackError {
    /// Whether the archive is to blame, so that its entries are worth nothing; else the disk is.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Lacks { .. } | Self::Missing { .. })
    }
}

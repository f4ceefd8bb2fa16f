//! Staging files: made new, never through a link, gone again unless they were finished.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::UnpackError;

/// A staging file being written.
pub(crate) struct Staging<'a> {
    target: &'a Path,
    file: File,
    size: u64,
    finished: bool,
}

impl<'a> Staging<'a> {
    /// Makes the file; it is an error if anything is there.
    pub(crate) fn create(target: &'a Path) -> Result<Self, UnpackError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target);
        let file = file.map_err(|source| failed(target, source))?;
        Ok(Self { target, file, size: 0, finished: false })
    }

    /// A second file with the bytes of a finished one.
    pub(crate) fn copy(from: &Path, target: &Path) -> Result<(), UnpackError> {
        let mut copy = Staging::create(target)?;
        let copied = File::open(from).and_then(|mut source| io::copy(&mut source, &mut copy.file));
        copy.size = copied.map_err(|source| failed(target, source))?;
        copy.finish()
    }

    /// Adds bytes. Zeros become a hole: a sparse file must not fill the disk it came from.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), UnpackError> {
        let written = if bytes.iter().all(|&byte| byte == 0) {
            self.file.seek(SeekFrom::Current(bytes.len().try_into().unwrap_or(i64::MAX))).map(drop)
        } else {
            self.file.write_all(bytes)
        };
        self.size += bytes.len() as u64;
        written.map_err(|source| failed(self.target, source))
    }

    /// Keeps the file.
    pub(crate) fn finish(mut self) -> Result<(), UnpackError> {
        self.file.set_len(self.size).map_err(|source| failed(self.target, source))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing to be done about an error: whoever staged removes the directory anyway.
            let _ = fs::remove_file(self.target);
        }
    }
}

fn failed(target: &Path, source: io::Error) -> UnpackError {
    UnpackError::Write { target: target.to_path_buf(), source }
}

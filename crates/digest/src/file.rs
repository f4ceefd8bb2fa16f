//! Digest of a regular file, with the identity that held from its first byte to its last.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use stat::{Kind, StatId, as_path};

use crate::{Content, Digest};

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 3;

/// Bytes read at once: enough for BLAKE3 to use every lane, little enough for the cache.
const BUFFER: u64 = 128 * 1024;

/// Opens a regular file for reading, never through a symbolic link in its last component and
/// never waiting for the other end of a FIFO.
///
/// # Errors
/// What `open(2)` reports (a link is `ELOOP`); anything but a regular file is `InvalidInput`.
pub fn open_regular(path: &[u8]) -> io::Result<(File, StatId)> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(as_path(path))?;
    let id = StatId::of(&file.metadata()?);
    if id.kind() != Kind::File {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok((file, id))
}

/// Digest of a file's bytes, and its identity, which was the same before and after reading.
///
/// # Errors
/// As [`open_regular`]; a file that changes during each of a few attempts is `Interrupted`.
pub fn hash_file(path: &[u8]) -> io::Result<(Digest, StatId)> {
    let (file, mut before) = open_regular(path)?;
    for _ in 0..ATTEMPTS {
        let content = read_all(&file, before.size)?;
        let after = StatId::of(&file.metadata()?);
        if before == after && content.len() == after.size {
            return Ok((content.finish(), after));
        }
        before = after;
    }
    Err(io::Error::new(ErrorKind::Interrupted, "the file changed while it was read"))
}

/// Reads from the start to the end, whatever the file's size was said to be.
fn read_all(file: &File, size: u64) -> io::Result<Content> {
    let mut content = Content::new();
    let mut buffer = vec![0; capacity(size)];
    loop {
        match file.read_at(&mut buffer, content.len()) {
            Ok(0) => return Ok(content),
            Ok(count) => content.update(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// One byte more than a small file has, so that its end shows in the first read after it.
fn capacity(size: u64) -> usize {
    usize::try_from(size.saturating_add(1).min(BUFFER)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use stat::as_bytes;

    use super::*;

    #[test]
    fn sizes_around_the_buffer_give_the_digest_of_the_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        for size in [0, 1, 4096, 131_071, 131_072, 131_073, 400_000] {
            let bytes: Vec<u8> = (0..size).map(|index: u32| index.to_le_bytes()[1]).collect();
            fs::write(&path, &bytes).unwrap();
            let (digest, id) = hash_file(as_bytes(&path)).unwrap();
            assert_eq!(digest, crate::hash_bytes(&bytes));
            assert_eq!(id, stat::lstat(as_bytes(&path)).unwrap());
        }
    }

    #[test]
    fn links_fifos_and_directories_are_refused_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let (link, fifo) = (dir.path().join("link"), dir.path().join("fifo"));
        fs::write(dir.path().join("f"), "x").unwrap();
        symlink("f", &link).unwrap();
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let refused = |path| hash_file(as_bytes(path)).unwrap_err();
        assert_eq!(refused(&link).raw_os_error(), Some(libc::ELOOP));
        assert_eq!(refused(&fifo).kind(), ErrorKind::InvalidInput);
        assert_eq!(refused(dir.path()).kind(), ErrorKind::InvalidInput);
        assert_eq!(refused(&dir.path().join("none")).kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_file_whose_size_is_not_the_length_of_its_content_has_no_digest() {
        // Files of `/proc` say size 0 and hold bytes: just what a file looks like that grows.
        let refused = hash_file(b"/proc/self/status").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Interrupted);
    }
}

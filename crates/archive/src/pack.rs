//! Writing an archive, checking while the bytes stream by that they are the promised ones.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};

use digest::{Content, Digest, open_regular};
use zstd::stream::write::Encoder;

use crate::PackError;
use crate::format::{self, BUFFER};

/// Something to pack.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// The content of a regular file.
    File {
        /// Its name in messages.
        path: &'a [u8],
        /// Where its bytes are, absolute.
        source: &'a [u8],
        /// Its mode, of which the archive keeps whether it is executable, for readers by hand.
        mode: u32,
        /// The digest its bytes must have, its name in the archive.
        digest: Digest,
        /// The size it must have.
        size: u64,
    },
}

/// Writes an archive of the items in the order given, each content once. The same items give
/// the same bytes.
///
/// # Errors
/// [`PackError::Changed`] if a file does not hold the bytes that its item promises. What was
/// written until then is not an archive.
pub fn pack(items: &[Item<'_>], out: &mut dyn Write, level: i32) -> Result<(), PackError> {
    let mut encoder = Encoder::new(out, level)?;
    encoder.include_checksum(true)?;
    let mut packed = HashSet::new();
    let mut buffer = vec![0; BUFFER];
    for item in items {
        let Item::File { digest, .. } = item;
        if packed.insert(*digest) {
            append(item, &mut encoder, &mut buffer)?;
        }
    }
    encoder.write_all(&format::END)?;
    encoder.finish()?.flush()?;
    Ok(())
}

fn append(item: &Item<'_>, out: &mut dyn Write, buffer: &mut [u8]) -> Result<(), PackError> {
    let &Item::File { path, source, mode, digest, size } = item;
    let (file, id) = open_regular(source).map_err(|error| unreadable(path, error))?;
    if id.size != size {
        return Err(PackError::Changed(path.to_vec()));
    }
    out.write_all(format::header(&digest, size, mode)?.as_bytes())?;
    let content = copy(path, file, size, out, buffer)?;
    if content.len() != size || content.finish() != digest {
        return Err(PackError::Changed(path.to_vec()));
    }
    out.write_all(format::padding(size))?;
    Ok(())
}

/// Copies a file, but no more of it than one read beyond `size`: it may grow for ever.
fn copy(
    path: &[u8],
    mut file: File,
    size: u64,
    out: &mut dyn Write,
    buffer: &mut [u8],
) -> Result<Content, PackError> {
    let mut content = Content::new();
    while content.len() <= size {
        let count = match file.read(buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(path, error)),
        };
        content.update(&buffer[..count]);
        out.write_all(&buffer[..count])?;
    }
    Ok(content)
}

/// A file that is gone, or no regular file any more, has changed; anything else is an error.
fn unreadable(path: &[u8], source: io::Error) -> PackError {
    let path = path.to_vec();
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput => {
            PackError::Changed(path)
        }
        _ if source.raw_os_error() == Some(libc::ELOOP) => PackError::Changed(path),
        _ => PackError::Read { path, source },
    }
}

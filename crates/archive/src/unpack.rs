//! Reading an archive, once from front to back, without trusting a byte of it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use digest::{Content, Digest};
use tar::Archive;
use zstd::stream::read::Decoder;

use crate::UnpackError;
use crate::format::{self, BUFFER, WINDOW_LOG_MAX};
use crate::staging::Staging;

/// A member that is wanted out of an archive.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its digest, which is its name.
    pub digest: Digest,
    /// The size it must have: no more than this is ever written.
    pub size: u64,
    /// Staging files to make with its bytes; they must not exist, their directories must.
    pub targets: Vec<PathBuf>,
}

/// Writes the wanted members to their staging files, which get mode 0600.
///
/// # Errors
/// If it fails, staging files that exist hold whole and verified members, others none at all.
/// [`UnpackError::is_damage`] tells a bad archive from a bad disk.
pub fn unpack(archive: &Path, wanted: &[Wanted]) -> Result<(), UnpackError> {
    let mut open: HashMap<Digest, Vec<&Wanted>> = HashMap::new();
    for want in wanted {
        open.entry(want.digest).or_default().push(want);
    }
    let mut buffer = vec![0; BUFFER];
    if !open.is_empty() {
        members(archive, |digest, size, content| {
            if let Some(wants) = open.remove(&digest) {
                stage(archive, &wants, size, content, &mut buffer)?;
            }
            Ok(if open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
    }
    match open.into_keys().min() {
        Some(digest) => Err(UnpackError::Lacks { archive: archive.to_path_buf(), digest }),
        None => Ok(()),
    }
}

/// Reads a whole archive and checks every member against its name, and that nothing follows.
///
/// # Errors
/// [`UnpackError::Damaged`] with the first fault found.
pub fn verify(archive: &Path) -> Result<(), UnpackError> {
    let mut buffer = vec![0; BUFFER];
    members(archive, |digest, _, content| {
        let found = drain(content, &mut buffer).map_err(|error| damaged(archive, &error))?;
        if found.finish() != digest {
            return Err(damaged(archive, &format!("member {digest} holds other bytes")));
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// Calls `visit` with digest, size and content of each member until it breaks off.
fn members(
    archive: &Path,
    mut visit: impl FnMut(Digest, u64, &mut dyn Read) -> Result<ControlFlow<()>, UnpackError>,
) -> Result<(), UnpackError> {
    let mut tar = Archive::new(open(archive)?);
    // Raw: extension headers are not followed, they are members that must not be there.
    let entries = tar.entries().map_err(|error| damaged(archive, &error))?.raw(true);
    for entry in entries {
        let mut entry = entry.map_err(|error| damaged(archive, &error))?;
        let (digest, size) =
            format::member(entry.header()).map_err(|fault| damaged(archive, &fault))?;
        if visit(digest, size, &mut entry)?.is_break() {
            return Ok(());
        }
    }
    ends(&mut tar.into_inner()).map_err(|fault| damaged(archive, &fault))
}

/// Checks that the second of the two empty records is all that is left after the first.
fn ends(rest: &mut dyn Read) -> Result<(), String> {
    let mut found = Vec::new();
    let limit = format::RECORD as u64 + 1;
    rest.take(limit).read_to_end(&mut found).map_err(|error| error.to_string())?;
    if found == format::END[..format::RECORD] { Ok(()) } else { Err("its end is missing".into()) }
}

fn open(archive: &Path) -> Result<Decoder<'static, BufReader<File>>, UnpackError> {
    let decoder = File::open(archive).and_then(Decoder::new).and_then(|mut decoder| {
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        Ok(decoder)
    });
    decoder.map_err(|source| match source.kind() {
        ErrorKind::NotFound => UnpackError::Missing { archive: archive.to_path_buf() },
        _ => UnpackError::Read { archive: archive.to_path_buf(), source },
    })
}

/// Writes one member to all its staging files.
fn stage(
    archive: &Path,
    wants: &[&Wanted],
    size: u64,
    content: &mut dyn Read,
    buffer: &mut [u8],
) -> Result<(), UnpackError> {
    if let Some(want) = wants.iter().find(|want| want.size != size) {
        let fault = format!("member {} has size {size}, not {}", want.digest, want.size);
        return Err(damaged(archive, &fault));
    }
    let mut targets = wants.iter().flat_map(|want| &want.targets);
    let Some(first) = targets.next() else { return Ok(()) };
    let mut staging = Staging::create(first)?;
    let mut found = Content::new();
    loop {
        let count = read(content, buffer).map_err(|error| damaged(archive, &error))?;
        if count == 0 {
            break;
        }
        found.update(&buffer[..count]);
        staging.write(&buffer[..count])?;
    }
    if found.len() != size || found.finish() != wants[0].digest {
        return Err(damaged(archive, &format!("member {} holds other bytes", wants[0].digest)));
    }
    staging.finish()?;
    targets.try_for_each(|target| Staging::copy(first, target))
}

/// Digest of all that is left.
fn drain(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<Content> {
    let mut found = Content::new();
    loop {
        match read(content, buffer)? {
            0 => return Ok(found),
            count => found.update(&buffer[..count]),
        }
    }
}

fn read(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match content.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

fn damaged(archive: &Path, reason: &dyn ToString) -> UnpackError {
    UnpackError::Damaged { archive: archive.to_path_buf(), reason: reason.to_string() }
}

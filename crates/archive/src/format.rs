//! Layout of an archive: one zstd stream of a POSIX tar, whose members are regular files named by
//! the hexadecimal digest of their content. Nothing else may be inside, so that nothing hostile
//! can be.

use std::io;

use digest::Digest;
use tar::{EntryType, Header};

/// Size of a tar record; contents are padded to it.
pub(crate) const RECORD: usize = 512;

/// Two empty records end a tar.
pub(crate) const END: [u8; 2 * RECORD] = [0; 2 * RECORD];

/// Bytes copied at once.
pub(crate) const BUFFER: usize = 128 * 1024;

/// The largest window a reader grants: 128 MiB of memory, whatever the archive asks for.
pub(crate) const WINDOW_LOG_MAX: u32 = 27;

/// The header of a member. Owner and times are not values, so they are zero.
pub(crate) fn header(digest: &Digest, size: u64, mode: u32) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(digest.to_string())?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(if mode & 0o100 == 0 { 0o644 } else { 0o755 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    Ok(header)
}

/// Digest and size of the member that a header announces, or what is wrong with the header.
pub(crate) fn member(header: &Header) -> Result<(Digest, u64), String> {
    let name = header.path_bytes();
    if header.entry_type() != EntryType::Regular {
        return Err(format!("member `{}` is not a regular file", name.escape_ascii()));
    }
    let digest = Digest::from_hex(&name)
        .ok_or_else(|| format!("member `{}` is not named by a digest", name.escape_ascii()))?;
    let size = header.entry_size().map_err(|error| error.to_string())?;
    Ok((digest, size))
}

/// Zeros that follow a content of this size.
pub(crate) fn padding(size: u64) -> &'static [u8] {
    let over = usize::try_from(size % RECORD as u64).unwrap_or(0);
    if over == 0 { &[] } else { &END[..RECORD - over] }
}

//! Which programs must not be given the library: those whose own runtime wants to come first.

use std::fs;

/// Libraries that want to be the first that is loaded.
const FIRST: [&[u8]; 6] =
    [b"libasan", b"liblsan", b"libtsan", b"libmsan", b"libubsan", b"libclang_rt"];
/// Programs larger than this are looked at only so far: the table of what they need comes early.
const LARGEST: u64 = 512 << 20;

/// Whether the program at `path` may be given the library.
pub(super) fn is_fit(path: &[u8]) -> bool {
    needed(path).is_some_and(|libraries| {
        !libraries.iter().any(|name| FIRST.iter().any(|first| name.starts_with(first)))
    })
}

/// Names of the libraries that a dynamic program of this architecture needs; `None` if it is none.
fn needed(path: &[u8]) -> Option<Vec<Vec<u8>>> {
    use std::os::unix::fs::FileExt;
    const X86_64: u16 = 62;
    let file = fs::File::open(stat::as_path(path)).ok()?;
    if file.metadata().ok()?.len() > LARGEST {
        return None;
    }
    let bytes = |offset: u64, length: u64| {
        let mut bytes = vec![0; usize::try_from(length).ok().filter(|&length| length < 1 << 20)?];
        file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    };
    let head = bytes(0, 64)?;
    if head.get(..5)? != b"\x7fELF\x02" || half(&head, 18)? != X86_64 {
        return None;
    }
    let (table, size, count) = (word(&head, 32)?, half(&head, 54)?, half(&head, 56)?);
    let headers = bytes(table, u64::from(size) * u64::from(count))?;
    let headers: Vec<_> = headers.chunks_exact(usize::from(size).max(56)).collect();
    let dynamic = headers.iter().find(|header| kind(header) == Some(DYNAMIC))?;
    let entries = bytes(word(dynamic, 8)?, word(dynamic, 32)?)?;
    let entries: Vec<_> = entries
        .chunks_exact(16)
        .filter_map(|entry| Some((word(entry, 0)?, word(entry, 8)?)))
        .take_while(|&(tag, _)| tag != 0)
        .collect();
    let value = |wanted: u64| entries.iter().find(|&&(tag, _)| tag == wanted).map(|entry| entry.1);
    let address = value(DT_STRTAB)?;
    let offset = headers.iter().find_map(|header| {
        let (offset, start, size) = (word(header, 8)?, word(header, 16)?, word(header, 32)?);
        let within =
            kind(header) == Some(LOAD) && (start..start.checked_add(size)?).contains(&address);
        within.then(|| address - start + offset)
    })?;
    // Each by itself: a program with plugins has megabytes of names.
    let name = |at: u64| {
        let mut name = [0; NAME];
        let read = file.read_at(&mut name, offset.checked_add(at)?).ok()?;
        Some(name.get(..read)?.split(|&byte| byte == 0).next()?.to_vec())
    };
    let needed = entries.iter().filter(|entry| entry.0 == DT_NEEDED);
    needed.map(|entry| name(entry.1)).collect()
}

const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
/// Longer than any name that is looked for.
const NAME: usize = 64;

fn kind(header: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*header.first_chunk()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_needs_the_c_library_is_fit() {
        let names = needed(b"/bin/sh").unwrap();
        assert!(names.iter().any(|name| name.starts_with(b"libc.so")), "{names:?}");
        assert!(is_fit(b"/bin/sh"));
    }

    #[test]
    fn what_is_no_program_is_not() {
        assert!(!is_fit(b"/etc/passwd") && !is_fit(b"/no/such"));
    }
}

//! Reads arguments of a call from the memory of the process that makes it, and can write there.
#![expect(unsafe_code, reason = "process_vm_readv and process_vm_writev have no safe wrapper")]

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Why memory could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The address is not mapped: the kernel will report `EFAULT` or the like; nothing happens.
    Fault,
    /// This process may not look into that one.
    Refused,
}

/// Smallest page size of any supported architecture: a read within one page fails or succeeds whole.
const PAGE: usize = 4096;
/// Longest path the kernel takes, with its NUL.
const PATH_MAX: usize = 4096;
/// Most paths are shorter: read that much at first.
const FIRST_CHUNK: usize = 256;

/// A NUL-terminated string, cut off where it is longer than any path: see [`is_too_long`].
pub(crate) fn string(tid: u32, address: u64) -> Result<Vec<u8>, Unread> {
    let address = local(address)?;
    let mut text = Vec::with_capacity(FIRST_CHUNK);
    let mut limit = FIRST_CHUNK;
    while text.len() < PATH_MAX {
        let old = text.len();
        let at = address.checked_add(old).ok_or(Unread::Fault)?;
        text.resize(old + limit.min(PAGE - at % PAGE), 0);
        read(tid, at, &mut text[old..])?;
        if let Some(end) = text[old..].iter().position(|&byte| byte == 0) {
            text.truncate(PATH_MAX.min(old + end));
            return Ok(text);
        }
        limit = PAGE;
    }
    text.truncate(PATH_MAX);
    Ok(text)
}

/// Whether the kernel refuses a path for its length alone.
pub(crate) fn is_too_long(text: &[u8]) -> bool {
    text.len() >= PATH_MAX
}

/// `length` bytes.
pub(crate) fn bytes(tid: u32, address: u64, length: usize) -> Result<Vec<u8>, Unread> {
    let mut buffer = vec![0; length];
    read(tid, local(address)?, &mut buffer)?;
    Ok(buffer)
}

/// Overwrites memory of a process that waits for its call to be answered.
pub(crate) fn write(tid: u32, address: u64, bytes: &[u8]) -> Result<(), Unread> {
    let from = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let into = libc::iovec {
        iov_base: std::ptr::without_provenance_mut(local(address)?),
        iov_len: bytes.len(),
    };
    let tid = libc::pid_t::try_from(tid).map_err(|_| Unread::Fault)?;
    // SAFETY: `from` describes the borrowed `bytes`, which are only read; `into` is the kernel's to
    // check.
    let written =
        unsafe { libc::process_vm_writev(tid, &raw const from, 1, &raw const into, 1, 0) };
    if usize::try_from(written) == Ok(bytes.len()) { Ok(()) } else { Err(Unread::Fault) }
}

/// An address of a traced process is one that this process could have too.
fn local(address: u64) -> Result<usize, Unread> {
    usize::try_from(address).map_err(|_| Unread::Fault)
}

fn read(tid: u32, address: usize, into: &mut [u8]) -> Result<(), Unread> {
    match read_directly(tid, address, into) {
        Err(Unread::Refused) => read_from_proc(tid, address, into),
        result => result,
    }
}

fn read_directly(tid: u32, address: usize, into: &mut [u8]) -> Result<(), Unread> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote =
        libc::iovec { iov_base: std::ptr::without_provenance_mut(address), iov_len: into.len() };
    let tid = libc::pid_t::try_from(tid).map_err(|_| Unread::Fault)?;
    // SAFETY: `local` describes the exclusively borrowed `into`; `remote` is the kernel's to check.
    let read = unsafe { libc::process_vm_readv(tid, &raw const local, 1, &raw const remote, 1, 0) };
    if usize::try_from(read) == Ok(into.len()) {
        return Ok(());
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EPERM | libc::ENOSYS) if read < 0 => Err(Unread::Refused),
        _ => Err(Unread::Fault),
    }
}

/// A sandbox may forbid `process_vm_readv` and leave this.
fn read_from_proc(tid: u32, address: usize, into: &mut [u8]) -> Result<(), Unread> {
    let memory = File::open(format!("/proc/{tid}/mem")).map_err(|_| Unread::Refused)?;
    memory.read_exact_at(into, address as u64).map_err(|_| Unread::Fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_string(text: &[u8]) -> Result<Vec<u8>, Unread> {
        string(std::process::id(), text.as_ptr() as u64)
    }

    #[test]
    fn strings_of_every_length_up_to_the_longest_path_are_read() {
        for length in [0, 1, 255, 256, 257, 4095] {
            let mut text = vec![b'x'; length];
            text.push(0);
            assert_eq!(own_string(&text).unwrap().len(), length);
        }
    }

    /// Wherever in its page it begins.
    #[test]
    fn a_string_longer_than_any_path_is_cut() {
        let mut text = vec![b'x'; PAGE + PATH_MAX];
        text.push(0);
        for start in 0..PAGE {
            let read = own_string(&text[start..]).unwrap();
            assert_eq!(read.len(), PATH_MAX, "{start}");
            assert!(is_too_long(&read));
        }
        assert!(!is_too_long(&own_string(&text[PAGE + 1..]).unwrap()));
    }

    #[test]
    fn unmapped_memory_is_a_fault() {
        assert_eq!(string(std::process::id(), 8), Err(Unread::Fault));
        assert_eq!(string(std::process::id(), u64::MAX - 2), Err(Unread::Fault));
    }

    #[test]
    fn proc_gives_the_same_bytes() {
        let text = *b"some bytes";
        let mut read = [0; 10];
        read_from_proc(std::process::id(), text.as_ptr() as usize, &mut read).unwrap();
        assert_eq!(read, text);
    }
}

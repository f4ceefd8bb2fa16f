//! Where a process has the code of its C library, and what its loader was told.

use std::fs;

use crate::look;

/// Entry numbers of the auxiliary vector.
const AT_BASE: u64 = 7;
const AT_SECURE: u64 = 23;
/// No loader is larger.
const LOADER: u64 = 1 << 20;
/// Variables of the loader that change nothing about which libraries are seen.
const PLAIN: [&[u8]; 4] = [b"LD_LIBRARY_PATH=", b"LD_PRELOAD=", b"LD_BIND_NOW=", b"LD_RUN_PATH="];
/// Libraries whose system calls are patched, by how their names begin.
const PATCHED: [&[u8]; 5] =
    [b"libc.so.", b"libc-2.", b"ld-linux-x86-64.so.", b"ld-2.", b"libpthread-2."];

/// A mapping of a file as code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) offset: u64,
    pub(crate) path: Vec<u8>,
    inode: u64,
}

impl Code {
    /// Where something in the file is, if it is mapped here.
    pub(crate) fn address(&self, offset: u64) -> Option<u64> {
        let address = self.start + offset.checked_sub(self.offset)?;
        (address < self.end).then_some(address)
    }

    /// Identity of the file, if it still is the one that is mapped.
    pub(crate) fn identity(&self) -> Option<stat::StatId> {
        let id = look::identity(&rustix::fs::stat(stat::as_path(&self.path)).ok()?);
        (id.ino == self.inode).then_some(id)
    }
}

/// Mapped code of the C library and the loader.
pub(crate) fn c_library(tid: u32) -> Vec<Code> {
    let maps = fs::read(format!("/proc/{tid}/maps")).unwrap_or_default();
    let code = maps.split(|&byte| byte == b'\n').filter_map(code);
    code.filter(|code| {
        let name = stat::file_name(&code.path);
        PATCHED.iter().any(|start| name.starts_with(start))
    })
    .collect()
}

/// Columns: range permissions offset device inode path.
fn code(line: &[u8]) -> Option<Code> {
    let path = line.get(line.iter().position(|&byte| byte == b'/')?..)?.to_vec();
    let mut columns = line.split(|&byte| byte == b' ');
    let range = std::str::from_utf8(columns.next()?).ok()?;
    let (start, end) = range.split_once('-')?;
    let executable = columns.next()? == b"r-xp";
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let offset = hex(std::str::from_utf8(columns.next()?).ok()?)?;
    let inode = std::str::from_utf8(columns.nth(1)?).ok()?.parse().ok()?;
    executable.then_some(Code { start: hex(start)?, end: hex(end)?, offset, path, inode })
}

/// Whether a call from `instruction` is the loader's, which found the library in no special mode.
pub(crate) fn is_plain_loader(tid: u32, instruction: u64) -> bool {
    let auxv = fs::read(format!("/proc/{tid}/auxv")).unwrap_or_default();
    let entry = |wanted: u64| {
        let mut entries = auxv.as_chunks::<16>().0.iter();
        entries.find_map(|entry| {
            let (number, value) = entry.split_at(8);
            let number = u64::from_ne_bytes(number.try_into().ok()?);
            (number == wanted).then_some(u64::from_ne_bytes(value.try_into().ok()?))
        })
    };
    let loader = entry(AT_BASE).filter(|&base| base != 0);
    let within =
        loader.is_some_and(|base| (base..base.saturating_add(LOADER)).contains(&instruction));
    within && entry(AT_SECURE) == Some(0) && has_plain_environment(tid)
}

/// `ldd` has the loader list what it loads; others have it talk of its work, or audited.
fn has_plain_environment(tid: u32) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{tid}/environ")) else { return false };
    let special = |variable: &&[u8]| {
        variable.starts_with(b"LD_") && !PLAIN.iter().any(|plain| variable.starts_with(plain))
    };
    !environment.split(|&byte| byte == 0).any(|variable| special(&variable))
}

/// Whether only one thread runs: each has a directory in this one, which has two links of its own.
pub(crate) fn has_one_thread(tid: u32) -> bool {
    rustix::fs::stat(format!("/proc/{tid}/task")).is_ok_and(|stat| stat.st_nlink == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_code_are_read_and_others_skipped() {
        let line = b"7f00-7f01 r-xp 00026000 08:01 42          /lib/libc.so.6";
        let expected = Code {
            start: 0x7f00,
            end: 0x7f01,
            offset: 0x26000,
            path: b"/lib/libc.so.6".to_vec(),
            inode: 42,
        };
        assert_eq!(code(line), Some(expected));
        assert_eq!(code(b"7f00-7f01 rw-p 00026000 08:01 42          /lib/libc.so.6"), None);
        assert_eq!(code(b"7f00-7f01 r-xp 00000000 00:00 0            [vdso]"), None);
    }

    #[test]
    fn this_program_is_no_loader_and_has_threads() {
        assert!(!is_plain_loader(std::process::id(), 0));
        assert!(!has_one_thread(u32::MAX));
    }
}

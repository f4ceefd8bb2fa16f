//! Looks at what outlives its step's main process: does it still write files, or hold the output?

use std::fs;
use std::os::fd::BorrowedFd;

use fspy_trace::Incomplete;
use stat::{Kind, is_within};

use crate::look;
use crate::thread::{Target, target};
use crate::tree::{Family, descriptors};

/// What is written below these is no file that anybody keeps.
const NO_FILES: [&[u8]; 3] = [b"/dev", b"/proc", b"/sys"];
/// `O_ACCMODE`.
const ACCESS_MODE: u32 = 3;

/// The link text of an open pipe, by which its other holders are recognised.
pub(crate) fn pipe_name(pipe: BorrowedFd<'_>) -> Option<Vec<u8>> {
    let stat = rustix::fs::fstat(pipe).ok()?;
    Some(format!("pipe:[{}]", stat.st_ino).into_bytes())
}

/// What the survivors of a step still do that makes its trace incomplete.
pub(crate) fn unfinished(family: &Family, output: &[Vec<u8>]) -> Vec<Incomplete> {
    let mut found = Vec::new();
    for pid in family.members() {
        if descriptors(pid).any(|(_, link)| output.contains(&link)) {
            found.push(Incomplete::StillTalking);
        }
        found.extend(files_written(pid).into_iter().map(Incomplete::StillWriting));
    }
    found
}

fn files_written(pid: i32) -> Vec<Vec<u8>> {
    let open = descriptors(pid).filter(|(number, _)| is_writable(pid, number));
    let open = open.filter_map(|(number, _)| named(format!("/proc/{pid}/fd/{number}").as_bytes()));
    open.chain(mapped(pid)).filter(|path| is_file(path)).collect()
}

fn named(link: &[u8]) -> Option<Vec<u8>> {
    match target(link) {
        Target::Path(path) => Some(path),
        Target::Deleted(_) | Target::Nameless => None,
    }
}

fn is_writable(pid: i32, number: &str) -> bool {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|text| u32::from_str_radix(text.trim(), 8).ok());
    flags.is_some_and(|flags| flags & ACCESS_MODE != 0)
}

/// Files mapped shared and writable: they are written without a descriptor.
fn mapped(pid: i32) -> Vec<Vec<u8>> {
    let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    maps.split(|&byte| byte == b'\n').filter_map(shared_mapping).collect()
}

/// Columns: range permissions offset device inode path.
fn shared_mapping(line: &[u8]) -> Option<Vec<u8>> {
    let permissions = line.split(|&byte| byte == b' ').nth(1)?;
    let path = line.get(line.iter().position(|&byte| byte == b'/')?..)?;
    matches!(permissions, [_, b'w', _, b's']).then(|| path.to_vec())
}

fn is_file(path: &[u8]) -> bool {
    !NO_FILES.iter().any(|dir| is_within(path, dir))
        && look::state(path).is_ok_and(|state| state.kind() == Some(Kind::File))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{AsFd, AsRawFd};

    #[test]
    fn only_files_open_for_writing_count() {
        let dir = tempfile::tempdir().unwrap();
        let (read, written) = (dir.path().join("read"), dir.path().join("written"));
        fs::write(&read, "").unwrap();
        let _read = fs::File::open(&read).unwrap();
        let _written = fs::File::create(&written).unwrap();
        let files = files_written(i32::try_from(std::process::id()).unwrap());
        let has = |path: &std::path::Path| files.iter().any(|file| file == stat::as_bytes(path));
        assert!(has(&written) && !has(&read));
    }

    #[test]
    fn a_pipe_is_known_by_its_number() {
        let (read, _write) = std::io::pipe().unwrap();
        let link = look::link(format!("/proc/self/fd/{}", read.as_raw_fd()).as_bytes()).unwrap();
        assert_eq!(pipe_name(read.as_fd()), Some(link));
    }

    #[test]
    fn shared_writable_mappings_are_told_from_others() {
        let line = |permissions: &str| {
            format!("7f00-7f01 {permissions} 00000000 08:01 42          /a b").into_bytes()
        };
        assert_eq!(shared_mapping(&line("rw-s")), Some(b"/a b".to_vec()));
        for permissions in ["rw-p", "r--s", "r-xp"] {
            assert_eq!(shared_mapping(&line(permissions)), None);
        }
        assert_eq!(shared_mapping(b"7f00-7f01 rw-s 0 00:00 0 "), None);
    }
}

//! The moment before a step starts, by the clock that stamps the files it will write.

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::look;

/// Nanoseconds since the epoch, as the file system of `scratch` tells them: file times lag behind
/// the clock by up to a tick, and those of a network are another machine's.
pub(crate) fn stamp(scratch: &[u8]) -> i64 {
    by_file(scratch).unwrap_or_else(stat::now_ns)
}

/// The modification time of a file made for the purpose, which never has a name.
fn by_file(scratch: &[u8]) -> Option<i64> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = openat(CWD, scratch, flags, Mode::RUSR | Mode::WUSR)
        .or_else(|_| named_and_removed(scratch))
        .ok()?;
    Some(look::identity(&rustix::fs::fstat(file).ok()?).mtime_ns)
}

/// For file systems without nameless files.
fn named_and_removed(scratch: &[u8]) -> rustix::io::Result<std::os::fd::OwnedFd> {
    let name = format!(".taskrunner-clock-{}-{}", std::process::id(), stat::now_ns());
    let path = stat::join(scratch, name.as_bytes());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
    let file = openat(CWD, &path, flags, Mode::RUSR | Mode::WUSR)?;
    rustix::fs::unlink(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_afterwards_is_not_older() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = stat::as_bytes(dir.path());
        let stamp = stamp(scratch);
        let path = dir.path().join("after");
        std::fs::write(&path, "").unwrap();
        assert!(stat::lstat(stat::as_bytes(&path)).unwrap().ctime_ns >= stamp);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn without_a_directory_the_system_clock_serves() {
        assert!((stamp(b"/no/such") - stat::now_ns()).abs() < 10_000_000_000);
    }

    #[test]
    fn a_named_file_does_as_well_and_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        named_and_removed(stat::as_bytes(dir.path())).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

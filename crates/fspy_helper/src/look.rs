//! Looks at the file system for the resolver: one `lstat`, one link, one open without links.

use std::os::fd::AsFd;

use fspy_trace::State;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use stat::{Kind, StatId};

/// What is at `path`, its last component not followed.
pub(crate) fn state(path: &[u8]) -> rustix::io::Result<State> {
    let id = identity(&rustix::fs::lstat(path)?);
    match id.kind() {
        Kind::Link => Ok(State::Link(id, link(path)?)),
        _ => Ok(State::Present(id)),
    }
}

/// As [`state`], with failures as states.
pub(crate) fn state_or_error(path: &[u8]) -> State {
    state(path).unwrap_or_else(|errno| match errno {
        Errno::NOENT | Errno::NOTDIR => State::Absent,
        other => State::Error(other.raw_os_error()),
    })
}

/// The target of a symbolic link.
pub(crate) fn link(path: &[u8]) -> rustix::io::Result<Vec<u8>> {
    rustix::fs::readlink(path, Vec::new()).map(std::ffi::CString::into_bytes)
}

/// What is at an absolute `path` on the way to which no symbolic link is crossed; `ELOOP` if one
/// is. A link in the last component is looked at itself.
pub(crate) fn without_links(path: &[u8]) -> rustix::io::Result<State> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)?;
    let id = identity(&rustix::fs::fstat(&file)?);
    if id.kind() != Kind::Link {
        return Ok(State::Present(id));
    }
    let target = rustix::fs::readlinkat(file.as_fd(), "", Vec::new())?;
    Ok(State::Link(id, target.into_bytes()))
}

/// Number of the file system that a path is on.
pub(crate) fn device(path: &[u8]) -> Option<u64> {
    Some(identity(&rustix::fs::lstat(path).ok()?).dev)
}

/// Whether this process, whose rights the step shares, may do what the `access` bits say.
pub(crate) fn permits(path: &[u8], bits: u8) -> bool {
    let access = rustix::fs::Access::from_bits_truncate(u32::from(bits));
    rustix::fs::accessat(CWD, path, access, rustix::fs::AtFlags::EACCESS).is_ok()
}

/// The identity in the kernel's structure.
#[allow(
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::unnecessary_cast,
    reason = "the fields' types differ between architectures; their values fit"
)]
pub(crate) fn identity(stat: &Stat) -> StatId {
    const NANOS: i64 = 1_000_000_000;
    let time = |seconds: i64, nanos: i64| seconds.saturating_mul(NANOS).saturating_add(nanos);
    StatId {
        dev: stat.st_dev as u64,
        ino: stat.st_ino as u64,
        size: stat.st_size as u64,
        mtime_ns: time(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        ctime_ns: time(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        mode: stat.st_mode as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_those_of_std() {
        let path = b"/etc/passwd";
        assert_eq!(state(path).unwrap().id(), Some(&stat::lstat(path).unwrap()));
    }
}

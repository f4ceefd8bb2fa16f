//! What `lstat` says about a path, as plain values: identity, kind, permission bits. No policy.
//!
//! Paths are raw bytes here and in every crate below the Python border: a file name on Linux is
//! any sequence of bytes without `/` and NUL, and a cache that cannot name a file cannot be
//! trusted with it.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The kind of a directory entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A FIFO, socket or device.
    Special,
}

impl Kind {
    /// The kind in the file type bits of `st_mode`.
    #[must_use]
    pub fn of_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o100_000 => Self::File,
            0o040_000 => Self::Dir,
            0o120_000 => Self::Link,
            _ => Self::Special,
        }
    }
}

/// The identity of a file's content as the file system knows it: while all fields are equal, and
/// the identity is not young (see [`StatId::is_young`]), so are the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatId {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Size in bytes.
    pub size: u64,
    /// Last modification, nanoseconds since the epoch.
    pub mtime_ns: i64,
    /// Last status change, nanoseconds since the epoch: moves with every write, chmod and link.
    pub ctime_ns: i64,
    /// `st_mode`: file type and permission bits.
    pub mode: u32,
}

/// How long after a status change a file system may still stamp a further change with the same
/// time: two ticks of a 100 Hz kernel. Git calls such files racy.
pub const TIME_GRANULARITY_NS: i64 = 20_000_000;

impl StatId {
    /// The identity in `std`'s metadata.
    #[must_use]
    pub fn of(meta: &Metadata) -> Self {
        const NANOS: i64 = 1_000_000_000;
        Self {
            dev: meta.dev(),
            ino: meta.ino(),
            size: meta.size(),
            mtime_ns: meta.mtime().saturating_mul(NANOS).saturating_add(meta.mtime_nsec()),
            ctime_ns: meta.ctime().saturating_mul(NANOS).saturating_add(meta.ctime_nsec()),
            mode: meta.mode(),
        }
    }

    /// Kind of the entry.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::of_mode(self.mode)
    }

    /// Permission bits, `0o7777`.
    #[must_use]
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// Whether the owner may execute it: the one permission bit that git, and so a cache, keeps
    /// as part of a file's value.
    #[must_use]
    pub fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }

    /// Whether a change made since would possibly not show: the last status change lies within
    /// [`TIME_GRANULARITY_NS`] before `seen_ns`, the moment at which this identity was taken.
    #[must_use]
    pub fn is_young(&self, seen_ns: i64) -> bool {
        self.ctime_ns.saturating_add(TIME_GRANULARITY_NS) > seen_ns
    }
}

/// `lstat` of a path in raw bytes.
///
/// # Errors
/// Whatever `lstat(2)` reports; an embedded NUL is `InvalidInput`.
pub fn lstat(path: &[u8]) -> io::Result<StatId> {
    as_path(path).symlink_metadata().map(|meta| StatId::of(&meta))
}

/// A path in raw bytes as `std` wants it.
#[must_use]
pub fn as_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

/// Raw bytes of a path.
#[must_use]
pub fn as_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// `path` joined from a directory and one name.
#[must_use]
pub fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(dir.len() + 1 + name.len());
    path.extend_from_slice(dir);
    if !dir.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// The directory and the name in it that a path means which starts from the absolute `base`, if it
/// ends in a plain name. `base` may be empty for an absolute path.
#[must_use]
pub fn split<'a>(base: &'a [u8], path: &'a [u8]) -> Option<(Cow<'a, [u8]>, &'a [u8])> {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    let name = slash.map_or(path, |slash| &path[slash + 1..]);
    if matches!(name, b"" | b"." | b"..") {
        return None;
    }
    let directory = match slash {
        None => Cow::from(base),
        Some(0) => Cow::from(&b"/"[..]),
        Some(slash) if path.starts_with(b"/") => Cow::from(&path[..slash]),
        Some(slash) => Cow::from(join(base, &path[..slash])),
    };
    directory.starts_with(b"/").then_some((directory, name))
}

/// Directory part of an absolute path; `None` for the root.
#[must_use]
pub fn parent(path: &[u8]) -> Option<&[u8]> {
    let slash = path.iter().rposition(|&byte| byte == b'/')?;
    match (slash, path.len()) {
        (0, 1) => None,
        (0, _) => Some(b"/"),
        _ => Some(&path[..slash]),
    }
}

/// An absolute path without `.`, `..` and doubled slashes; right only where no link is crossed.
#[must_use]
pub fn normal(path: &[u8]) -> Vec<u8> {
    let mut normal = Vec::with_capacity(path.len());
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => {
                let end = normal.iter().rposition(|&byte| byte == b'/');
                normal.truncate(end.unwrap_or(0));
            }
            name => {
                normal.push(b'/');
                normal.extend_from_slice(name);
            }
        }
    }
    if normal.is_empty() {
        normal.push(b'/');
    }
    normal
}

/// Last component of an absolute path.
#[must_use]
pub fn file_name(path: &[u8]) -> &[u8] {
    path.iter().rposition(|&byte| byte == b'/').map_or(path, |slash| &path[slash + 1..])
}

/// Whether `path` is `dir` or lies below it, by component.
#[must_use]
pub fn is_within(path: &[u8], dir: &[u8]) -> bool {
    path.strip_prefix(dir)
        .is_some_and(|rest| rest.is_empty() || dir.ends_with(b"/") || rest.starts_with(b"/"))
}

/// Nanoseconds since the epoch by the real-time clock, the one that file times are taken from.
#[must_use]
pub fn now_ns() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normal_path_goes_down_alone() {
        for (path, expected) in
            [("/", "/"), ("//a/./b/", "/a/b"), ("/a/../../b", "/b"), ("/a/..", "/")]
        {
            assert_eq!(normal(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }

    #[test]
    fn parent_and_name_split_at_the_last_slash() {
        assert_eq!(parent(b"/a/b"), Some(&b"/a"[..]));
        assert_eq!(parent(b"/a"), Some(&b"/"[..]));
        assert_eq!(parent(b"/"), None);
        assert_eq!(file_name(b"/a/b"), b"b");
    }

    #[test]
    fn within_matches_whole_components() {
        assert!(is_within(b"/a/b", b"/a"));
        assert!(is_within(b"/a", b"/a"));
        assert!(is_within(b"/a", b"/"));
        assert!(!is_within(b"/ab", b"/a"));
    }

    #[test]
    fn a_path_is_split_into_its_directory_and_a_plain_name() {
        let split = |base: &str, path: &str| {
            let (directory, name) = split(base.as_bytes(), path.as_bytes())?;
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            Some((text(&directory), text(name)))
        };
        for (base, path, directory, name) in [
            ("/b", "n", "/b", "n"),
            ("/b", "d/../n", "/b/d/..", "n"),
            ("/b", "/n", "/", "n"),
            ("", "/d/e/n", "/d/e", "n"),
        ] {
            assert_eq!(split(base, path), Some((directory.to_owned(), name.to_owned())));
        }
        for path in ["", ".", "d/..", "d/", "/"] {
            assert_eq!(split("/b", path), None, "{path}");
        }
        assert_eq!(split("", "n"), None);
    }

    #[test]
    fn a_change_in_the_same_tick_makes_an_identity_young() {
        let id = StatId { dev: 1, ino: 1, size: 0, mtime_ns: 0, ctime_ns: 1_000, mode: 0o100_644 };
        assert!(id.is_young(2_000));
        assert!(!id.is_young(1_000 + TIME_GRANULARITY_NS));
    }
}

//! What `/proc` says about a thread that makes a call: where its relative paths start, what its
//! descriptors are, whose thread it is, and whether its paths mean the files they mean here.

use std::fs;

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use crate::look;

/// How `/proc` marks the name of a file that has none any more.
const DELETED: &[u8] = b" (deleted)";

/// A thread, by its number here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Thread(pub(crate) u32);

/// What a magic link of `/proc` leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file that has this name now.
    Path(Vec<u8>),
    /// A file that had this name.
    Deleted(Vec<u8>),
    /// A pipe, a socket, a memfd: no file of any directory.
    Nameless,
}

impl Thread {
    /// The working directory.
    pub(crate) fn cwd(self) -> Target {
        self.link("cwd")
    }

    /// What a descriptor refers to.
    pub(crate) fn descriptor(self, number: i32) -> Target {
        self.link(&format!("fd/{number}"))
    }

    /// A path by which this process opens what a descriptor of the thread refers to.
    pub(crate) fn descriptor_path(self, number: i32) -> Vec<u8> {
        format!("/proc/{}/fd/{number}", self.0).into_bytes()
    }

    /// The process it is a thread of.
    pub(crate) fn process(self) -> Option<u32> {
        let status = fs::read(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"Tgid:"));
        std::str::from_utf8(line?).ok()?.trim().parse().ok()
    }

    fn namespace(self) -> Option<Vec<u8>> {
        look::link(format!("/proc/{}/ns/mnt", self.0).as_bytes()).ok()
    }

    fn link(self, name: &str) -> Target {
        target(format!("/proc/{}/{name}", self.0).as_bytes())
    }
}

/// What the magic link at `path` leads to.
pub(crate) fn target(path: &[u8]) -> Target {
    let Ok(text) = look::link(path) else { return Target::Nameless };
    if !text.starts_with(b"/") {
        return Target::Nameless;
    }
    match text.strip_suffix(DELETED) {
        Some(_) if same_file(path, &text) => Target::Path(text),
        Some(old) if old.starts_with(b"/memfd:") => Target::Nameless,
        Some(old) => Target::Deleted(old.to_vec()),
        None => Target::Path(text),
    }
}

/// A file may really be called "x (deleted)".
fn same_file(followed: &[u8], named: &[u8]) -> bool {
    let identity = |stat: rustix::fs::Stat| (stat.st_dev, stat.st_ino);
    match (rustix::fs::stat(followed), rustix::fs::lstat(named)) {
        (Ok(one), Ok(other)) => identity(one) == identity(other),
        _ => false,
    }
}

/// What identifies the world of paths a process lives in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct World {
    namespace: Namespace,
    root: (u32, u32, u64),
}

#[derive(Debug, PartialEq, Eq)]
enum Namespace {
    /// By the mount of its root: each namespace has mounts of its own.
    Mount(u64),
    /// By name, where the kernel does not number mounts (before Linux 5.8).
    Name(Vec<u8>),
}

impl World {
    /// That of a process or thread; `None` if it can't be told.
    pub(crate) fn of(thread: Thread) -> Option<Self> {
        let root = format!("/proc/{}/root", thread.0);
        let wanted = StatxFlags::INO | StatxFlags::MNT_ID;
        let root = statx(CWD, root, AtFlags::empty(), wanted).ok()?;
        let namespace = match root.stx_mask & StatxFlags::MNT_ID.bits() {
            0 => Namespace::Name(thread.namespace()?),
            _ => Namespace::Mount(root.stx_mnt_id),
        };
        Some(Self { namespace, root: (root.stx_dev_major, root.stx_dev_minor, root.stx_ino) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    fn this() -> Thread {
        Thread(std::process::id())
    }

    #[test]
    fn descriptors_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let (odd, gone) = (dir.path().join("x (deleted)"), dir.path().join("gone"));
        let files = [fs::File::create(&odd).unwrap(), fs::File::create(&gone).unwrap()];
        fs::remove_file(&gone).unwrap();
        let (pipe, _write) = std::io::pipe().unwrap();
        let bytes = |path: &std::path::Path| stat::as_bytes(path).to_vec();
        assert_eq!(this().descriptor(files[0].as_raw_fd()), Target::Path(bytes(&odd)));
        assert_eq!(this().descriptor(files[1].as_raw_fd()), Target::Deleted(bytes(&gone)));
        assert_eq!(this().descriptor(pipe.as_raw_fd()), Target::Nameless);
    }

    #[test]
    fn a_process_is_its_own_main_thread_and_shares_its_own_world() {
        assert_eq!(this().process(), Some(std::process::id()));
        assert_eq!(World::of(this()), World::of(this()));
        assert!(World::of(this()).is_some());
    }
}
